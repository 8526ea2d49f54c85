//! From what stands behind a command's name to its arguments.

use super::spec::{Argument, ArgumentKind, CommandSpec, Form};

/// What was typed behind the name of a command, read as one of its forms says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Arguments {
    /// The word of the form that was typed, if it has one.
    pub word: Option<&'static str>,
    /// All of it as it was typed, without blanks at its ends.
    pub line: String,
    values: Vec<String>,
}

impl Arguments {
    /// Reads `line`, which stands behind the name of `spec`.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence that says what to type.
    pub fn read(spec: &CommandSpec, line: &str) -> Result<Self, String> {
        let line = line.trim();
        let (first, rest) = word(line);
        let by_word = spec.forms.iter().find(|form| form.word == Some(first));
        let (form, rest) = match by_word {
            Some(form) => (form, rest),
            None => (plain(spec, line)?, line),
        };
        let values = values(form, rest).map_err(|why| format!("/{}{}: {why}", spec.name, form.shown()))?;
        Ok(Self { word: form.word, line: line.to_owned(), values })
    }

    /// The argument at this place, from 0; `None` if it was left out.
    pub fn text(&self, at: usize) -> Option<&str> {
        self.values.get(at).map(String::as_str)
    }

    /// The number at this place; `None` if it was left out, or is none.
    pub fn number(&self, at: usize) -> Option<u64> {
        self.text(at)?.parse().ok()
    }
}

/// The form without a word of its own that fits: of two, the one that takes something if something is there.
fn plain<'a>(spec: &'a CommandSpec, line: &str) -> Result<&'a Form, String> {
    let mut plain = spec.forms.iter().filter(|form| form.word.is_none());
    let fits = |form: &&Form| {
        if line.is_empty() {
            form.arguments.iter().all(|one| one.optional)
        } else {
            !form.arguments.is_empty()
        }
    };
    let any = plain.clone().next();
    if let Some(form) = plain.find(fits) {
        return Ok(form);
    }
    let name = &spec.name;
    match any {
        Some(form) if form.arguments.is_empty() && spec.forms.len() == 1 => {
            Err(format!("/{name} takes nothing behind it"))
        }
        Some(form) if spec.forms.len() == 1 => Err(format!("type /{name}{}: {}", form.shown(), form.help)),
        _ => {
            let known: Vec<_> = spec.forms.iter().map(|form| format!("/{name}{}", form.shown())).collect();
            Err(format!("type one of: {}", known.join(", ")))
        }
    }
}

fn values(form: &Form, mut rest: &str) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    for Argument { name, kind, optional } in &form.arguments {
        if rest.is_empty() {
            if *optional {
                break;
            }
            return Err(format!("{name} is missing"));
        }
        if *kind == ArgumentKind::Text {
            values.push(std::mem::take(&mut rest).to_owned());
            continue;
        }
        let (value, after) = word(rest);
        match kind {
            ArgumentKind::Number if value.parse::<u64>().is_err() => {
                return Err(format!("`{value}` is no whole number"));
            }
            ArgumentKind::OneOf(words) if !words.contains(&value) => {
                return Err(format!("`{value}` is none of: {}", words.join(", ")));
            }
            _ => values.push(value.to_owned()),
        }
        rest = after;
    }
    if rest.is_empty() { Ok(values) } else { Err(format!("nothing is known of `{rest}`")) }
}

/// The first word, and what follows it.
fn word(line: &str) -> (&str, &str) {
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (first, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Permission;

    fn spec() -> CommandSpec {
        let forms = vec![
            Form::new([], "show"),
            Form::new([Argument::new("WHAT", ArgumentKind::Text)], "add").behind("add"),
            Form::new([Argument::new("N", ArgumentKind::Number)], "drop").behind("drop"),
        ];
        CommandSpec::new("context", Permission::Converse, forms)
    }

    #[test]
    fn arguments_are_read_by_the_form_that_was_typed() {
        let read = |line| Arguments::read(&spec(), line);
        assert_eq!(read(" "), Ok(Arguments::default()));
        let added = read("add  a b.rs:1-2 ").unwrap();
        assert_eq!(
            (added.word, added.text(0), &*added.line),
            (Some("add"), Some("a b.rs:1-2"), "add  a b.rs:1-2")
        );
        let dropped = read("drop 3").unwrap();
        assert_eq!((dropped.number(0), dropped.number(1)), (Some(3), None));
        for (line, why) in [
            ("drop", "/context drop N: N is missing"),
            ("drop x", "/context drop N: `x` is no whole number"),
            ("drop 1 2", "/context drop N: nothing is known of `2`"),
            ("dorp 1", "type one of: /context, /context add WHAT, /context drop N"),
        ] {
            assert_eq!(read(line).unwrap_err(), why);
        }
    }

    #[test]
    fn one_form_alone_says_what_it_wants() {
        let nothing = CommandSpec::new("clear", Permission::Converse, vec![Form::new([], "forget")]);
        assert_eq!(Arguments::read(&nothing, "all").unwrap_err(), "/clear takes nothing behind it");
        let needs = CommandSpec::new(
            "ask",
            Permission::Ask,
            vec![Form::new([Argument::new("NAME", ArgumentKind::Word)], "ask")],
        );
        assert_eq!(Arguments::read(&needs, "").unwrap_err(), "type /ask NAME: ask");
        let by = Argument::optional("BY", ArgumentKind::OneOf(&["role", "provider"]));
        let by = CommandSpec::new("metrics", Permission::Read, vec![Form::new([by], "show")]);
        assert_eq!(Arguments::read(&by, "").unwrap().text(0), None);
        assert_eq!(Arguments::read(&by, "role").unwrap().text(0), Some("role"));
        assert!(Arguments::read(&by, "day").unwrap_err().ends_with("`day` is none of: role, provider"));
    }
}
