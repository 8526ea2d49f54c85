//! What can be typed in a conversation beside questions.

use forge::config::nearest;

/// A command with its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    /// Ask whoever plays this role.
    Role(Option<String>),
    /// Ask this model.
    Model(Option<String>),
    /// Ask this provider.
    Provider(Option<String>),
    Context,
    Cost,
    Clear,
    Exit,
}

/// A name, what may stand behind it, and what it does.
struct Entry {
    name: &'static str,
    alias: Option<&'static str>,
    argument: &'static str,
    help: &'static str,
    make: fn(Option<String>) -> Command,
}

const ENTRIES: &[Entry] = &[
    entry("help", "", "list the commands", |_| Command::Help),
    entry("role", "NAME", "ask whoever plays this role from now on; alone, say who is asked", Command::Role),
    entry("model", "NAME", "ask this model from now on; alone, say who is asked", Command::Model),
    entry("provider", "ID", "ask this provider from now on; alone, say who is asked", Command::Provider),
    entry("context", "", "show what the next question carries, with tokens", |_| Command::Context),
    entry("cost", "", "show what the conversation has cost", |_| Command::Cost),
    entry("clear", "", "forget what was said; it stays in the journal", |_| Command::Clear),
    Entry {
        alias: Some("quit"),
        ..entry("exit", "", "end the conversation, as Ctrl-D does", |_| Command::Exit)
    },
];

const fn entry(
    name: &'static str,
    argument: &'static str,
    help: &'static str,
    make: fn(Option<String>) -> Command,
) -> Entry {
    Entry { name, alias: None, argument, help, make }
}

/// The command in a line that begins with `/`. What is refused says what to type.
pub(super) fn parse(line: &str) -> Result<Command, String> {
    let line = line.trim().trim_start_matches('/');
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let found = ENTRIES.iter().find(|entry| entry.name == name || entry.alias == Some(name));
    let Some(found) = found else {
        let meant =
            nearest(name, names()).map_or_else(String::new, |meant| format!("did you mean /{meant}? "));
        return Err(format!("there is no command /{name}; {meant}/help lists them"));
    };
    let argument = Some(argument.trim()).filter(|argument| !argument.is_empty()).map(str::to_owned);
    if found.argument.is_empty() && argument.is_some() {
        return Err(format!("/{name} takes nothing behind it"));
    }
    Ok((found.make)(argument))
}

/// The names of all commands.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().flat_map(|entry| [Some(entry.name), entry.alias]).flatten()
}

/// A line for each command.
pub(super) fn help() -> String {
    let rows: Vec<_> = ENTRIES
        .iter()
        .map(|Entry { name, alias, argument, help, .. }| {
            let alias = alias.map_or_else(String::new, |alias| format!(", /{alias}"));
            (format!("/{name}{alias} {argument}"), *help)
        })
        .collect();
    let width = rows.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    let lines: Vec<_> = rows.iter().map(|(left, help)| format!("{left:width$}  {help}\n")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_what_stands_behind_them() {
        assert_eq!(parse("/role  coder "), Ok(Command::Role(Some("coder".into()))));
        assert_eq!(parse("/model"), Ok(Command::Model(None)));
        assert_eq!(parse("/quit"), parse("/exit"));
        assert_eq!(parse("/clear all").unwrap_err(), "/clear takes nothing behind it");
        assert_eq!(
            parse("/modle x").unwrap_err(),
            "there is no command /modle; did you mean /model? /help lists them"
        );
        assert_eq!(parse("/").unwrap_err(), "there is no command /; /help lists them");
        assert!(names().all(|name| parse(&format!("/{name}")).is_ok() && help().contains(name)));
    }
}
