//! Lines that are typed: which command is meant, what could follow, and the help on all.

use super::spec::CommandSpec;

/// The name and what stands behind it; `None` for a line that is no command: one that does not begin with `/` and a letter
/// or nothing, such as a path.
pub fn split(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start().strip_prefix('/')?;
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // `/usr/bin/env is missing` is a question.
    (!name.contains('/')).then_some((name, rest.trim()))
}

/// The command of this name; `None` if there is none.
pub fn find<'a>(mut specs: impl Iterator<Item = &'a CommandSpec>, name: &str) -> Option<&'a CommandSpec> {
    specs.find(|spec| spec.names().any(|known| known == name))
}

/// What could stand in the place of the last word of `line`, with the byte at which that begins. Names of commands first,
/// then the words of their forms.
pub fn complete<'a>(specs: impl Iterator<Item = &'a CommandSpec>, line: &str) -> (usize, Vec<String>) {
    let Some((name, _)) = split(line).filter(|_| line.starts_with('/')) else { return (0, Vec::new()) };
    let at = line.rfind(char::is_whitespace).map_or(1, |at| at + 1);
    let typed = &line[at..];
    let begun = |word: &&str| word.starts_with(typed);
    let mut found: Vec<String> = if at == 1 {
        specs.flat_map(CommandSpec::names).filter(begun).map(str::to_owned).collect()
    } else if line[..at].split_whitespace().count() == 1 {
        find(specs, name).into_iter().flat_map(words).filter(begun).map(str::to_owned).collect()
    } else {
        Vec::new()
    };
    found.sort_unstable();
    found.dedup();
    (at, found)
}

/// The words that can stand directly behind a name.
fn words(spec: &CommandSpec) -> Vec<&'static str> {
    use super::spec::ArgumentKind::OneOf;
    let mut words = Vec::new();
    for form in &spec.forms {
        words.extend(form.word);
        if let (None, Some(OneOf(of))) = (form.word, form.arguments.first().map(|one| one.kind)) {
            words.extend(of);
        }
    }
    words
}

/// A line for each form of each command.
pub fn help<'a>(specs: impl Iterator<Item = &'a CommandSpec>) -> String {
    let rows: Vec<_> = specs.flat_map(CommandSpec::help).collect();
    // Long ones stand out rather than push all others to the right.
    let width =
        rows.iter().map(|(left, _)| left.chars().count()).filter(|width| *width <= 30).max().unwrap_or(0);
    let lines: Vec<_> = rows.iter().map(|(left, help)| format!("{left:width$}  {help}\n")).collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Argument, ArgumentKind, Form, Permission};

    fn specs() -> Vec<CommandSpec> {
        let by = Argument::optional("BY", ArgumentKind::OneOf(&["role", "provider"]));
        vec![
            CommandSpec::new("exit", Permission::Read, vec![Form::new([], "end")]).with_aliases(&["quit"]),
            CommandSpec::new(
                "context",
                Permission::Converse,
                vec![Form::new([], "show"), Form::new([], "forget").behind("clear")],
            ),
            CommandSpec::new("metrics", Permission::Read, vec![Form::new([by], "figures")]),
        ]
    }

    #[test]
    fn a_command_is_found_by_any_of_its_names() {
        let specs = specs();
        assert_eq!(split(" /context  add x "), Some(("context", "add x")));
        assert_eq!(split("/usr/bin/env is missing"), None);
        assert_eq!(split("what is /help?"), None);
        assert_eq!(find(specs.iter(), "quit").unwrap().name, "exit");
        assert_eq!(find(specs.iter(), "contxt"), None);
    }

    #[test]
    fn help_and_completion_come_from_the_same_data() {
        let specs = specs();
        let expected = [
            "/exit, /quit    end",
            "/context        show",
            "/context clear  forget",
            "/metrics [BY]   figures",
            "",
        ];
        assert_eq!(help(specs.iter()), expected.join("\n"));
        let completed = |line| complete(specs.iter(), line);
        assert_eq!(completed("/"), (1, ["context", "exit", "metrics", "quit"].map(str::to_owned).to_vec()));
        assert_eq!(completed("/context c"), (9, vec!["clear".to_owned()]));
        assert_eq!(completed("/metrics "), (9, vec!["provider".to_owned(), "role".to_owned()]));
        assert_eq!(completed("/context clear x"), (15, Vec::new()));
        assert_eq!(completed("why /"), (0, Vec::new()));
    }
}
