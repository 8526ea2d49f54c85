//! Commands of one's own: prompts in files, with a place for what is typed behind their names.

use super::spec::{Argument, ArgumentKind, CommandSpec, Form, Permission};

/// What a file says of its command above the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "filled in field by field, the rest by default")]
pub struct OwnFront {
    /// What it is for.
    pub description: Option<String>,
    /// What is typed behind its name, as the help shows it.
    pub argument_hint: Option<String>,
    /// The tools that it may use at most; `None` if it says nothing of them.
    pub allowed_tools: Option<Vec<String>>,
    /// The model that is asked.
    pub model: Option<String>,
}

impl OwnFront {
    /// Reads the front matter that other programs write: a line for each key, of which the known ones count. What is written
    /// otherwise is left out, because it is not for Forge to refuse.
    pub fn of_others(front: &str) -> Self {
        let mut read = Self::default();
        let mut tools = Vec::new();
        let mut in_tools = false;
        for line in front.lines() {
            if let Some(item) = line.trim_start().strip_prefix("- ").filter(|_| in_tools) {
                tools.push(bare(item).to_owned());
                continue;
            }
            let Some((key, value)) =
                line.split_once(':').filter(|(key, _)| !key.starts_with(char::is_whitespace))
            else {
                continue;
            };
            let value = value.trim();
            let text = Some(bare(value)).filter(|value| !value.is_empty()).map(str::to_owned);
            in_tools = key == "allowed-tools";
            match key {
                "description" => read.description = text,
                "argument-hint" => {
                    read.argument_hint = Some(value.to_owned()).filter(|value| !value.is_empty());
                }
                "model" => read.model = text.filter(|model| model != "inherit"),
                "allowed-tools" => {
                    read.allowed_tools = Some(Vec::new());
                    tools = Self::tools(value.trim_matches(['[', ']']));
                }
                _ => {}
            }
        }
        read.allowed_tools = read.allowed_tools.map(|_| tools);
        read
    }

    /// The tools of a list in one text: between commas, those inside of brackets excepted.
    pub fn tools(text: &str) -> Vec<String> {
        let mut depth = 0_u32;
        let parts = text.split(|c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        });
        parts.map(bare).filter(|tool| !tool.is_empty()).map(str::to_owned).collect()
    }
}

/// Without blanks and quotes around it.
fn bare(value: &str) -> &str {
    let value = value.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value)
}

/// A command that is a prompt in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnCommand {
    /// Its name.
    pub name: String,
    /// What the file says of it.
    pub front: OwnFront,
    /// The prompt, with `$ARGUMENTS` and `$1` to `$9`.
    pub body: String,
    /// The file that it is read from; empty for one that no file holds.
    pub file: String,
    /// The line of the file at which the prompt begins, from 1.
    pub line: usize,
}

impl OwnCommand {
    /// A command of this name.
    pub fn new(name: impl Into<String>, front: OwnFront, body: impl Into<String>) -> Self {
        Self { name: name.into(), front, body: body.into(), file: String::new(), line: 1 }
    }

    /// The same from this file, in which the prompt begins at this line.
    pub fn at(self, file: impl Into<String>, line: usize) -> Self {
        Self { file: file.into(), line, ..self }
    }

    /// Whether a command can have this name: letters, digits, `-`, `_`, `.` and `:`.
    pub fn is_name(name: &str) -> bool {
        let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        (1..=64).contains(&name.len())
            && name.starts_with(char::is_alphanumeric)
            && name.chars().all(is_letter)
    }

    /// The same as any other command is described.
    pub fn spec(&self) -> CommandSpec {
        let hint = self.front.argument_hint.clone().unwrap_or_else(|| "TEXT".to_owned());
        let takes = self.front.argument_hint.is_some() || self.takes_arguments();
        let argument = Argument::optional(bare_hint(&hint).to_owned(), ArgumentKind::Text);
        let help = self.front.description.clone().unwrap_or_else(|| "a command of your own".to_owned());
        let form = Form::new(takes.then_some(argument), help);
        CommandSpec::new(self.name.clone(), Permission::Ask, [form])
    }

    fn takes_arguments(&self) -> bool {
        self.body.contains("$ARGUMENTS") || (1..=9).any(|at| self.body.contains(&format!("${at}")))
    }

    /// The prompt for these arguments. They are data: a `$1` in them stays as it is. Words in quotes count as one. What a
    /// prompt without a place for them is given stands at its end.
    pub fn prompt(&self, arguments: &str) -> String {
        let arguments = arguments.trim();
        let words = words(arguments);
        let mut text = String::with_capacity(self.body.len() + arguments.len());
        let mut rest = self.body.as_str();
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$ARGUMENTS") {
                text.push_str(arguments);
                rest = after;
            } else if let Some(place @ 1..=9) = rest[1..].chars().next().and_then(|c| c.to_digit(10)) {
                text.push_str(words.get(place as usize - 1).map_or("", String::as_str));
                rest = &rest[2..];
            } else {
                text.push('$');
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        if !arguments.is_empty() && !self.takes_arguments() {
            text = format!("{}\n\n{arguments}\n", text.trim_end());
        }
        text
    }

    /// What of it is not done, each with its line in the file: shell commands and files that other programs would put in.
    pub fn left_as_text(&self) -> Vec<(usize, String)> {
        let mut left = Vec::new();
        for (at, line) in self.body.lines().enumerate() {
            if line.contains("!`") {
                left.push((
                    at + self.line,
                    "a shell command is not run; it stays in the prompt as text".to_owned(),
                ));
            }
            let mentions = |word: &str| word.strip_prefix('@').is_some_and(|path| path.contains(['/', '.']));
            if line.split_whitespace().any(mentions) {
                let how = "a file is not put in; it stays in the prompt as its name, and `/context add` carries one";
                left.push((at + self.line, how.to_owned()));
            }
        }
        left
    }
}

/// A hint without the brackets around the whole of it: the help puts them there.
fn bare_hint(hint: &str) -> &str {
    let inner = hint.strip_prefix('[').and_then(|hint| hint.strip_suffix(']'));
    inner.filter(|inner| !inner.contains(['[', ']'])).unwrap_or(hint)
}

/// The words of a line; what stands between quotes is one.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            // In the middle of a word it is an apostrophe.
            None if matches!(c, '"' | '\'') && word.is_empty() => (quote, any) = (Some(c), true),
            None if c.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            _ => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(body: &str) -> OwnCommand {
        OwnCommand::new("fix", OwnFront::default(), body)
    }

    #[test]
    fn arguments_stand_where_the_prompt_has_a_place_for_them_and_are_data() {
        let fix = own("Fix $1 in $2 ($ARGUMENTS), for $5, $3.\n");
        assert_eq!(
            fix.prompt("\"the bug\" it's $1 "),
            "Fix the bug in it's (\"the bug\" it's $1), for $5, $1.\n".replace("$5", "")
        );
        assert_eq!(own("Fix it.\n").prompt("now"), "Fix it.\n\nnow\n");
        assert_eq!(own("Fix it: $").prompt(""), "Fix it: $");
    }

    #[test]
    fn front_matter_of_others_is_read_as_it_is() {
        let front = "description: \"Fix: an issue\"\nargument-hint: [number] [priority]\nallowed-tools: Bash(git add:*, git rm), Read\nmodel: inherit\ncolor: red\n";
        let read = OwnFront::of_others(front);
        assert_eq!(read.description.as_deref(), Some("Fix: an issue"));
        assert_eq!(read.argument_hint.as_deref(), Some("[number] [priority]"));
        assert_eq!(read.allowed_tools.unwrap(), ["Bash(git add:*, git rm)", "Read"]);
        assert_eq!(read.model, None);
        let read = OwnFront::of_others("allowed-tools:\n  - Read\n  - 'Grep'\nmodel: opus\n- x\n");
        assert_eq!(
            (read.allowed_tools.unwrap(), read.model.unwrap()),
            (vec!["Read".to_owned(), "Grep".into()], "opus".into())
        );
    }

    #[test]
    fn what_is_not_done_is_told_with_its_line() {
        let left = own("Look.\nBranch: !`git branch`\nSee @src/main.rs and @anna.\n").left_as_text();
        assert_eq!(left.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
        assert!(own("Mail me@home.org, or @anna").left_as_text().is_empty());
    }

    #[test]
    fn names_and_help_are_those_of_any_command() {
        assert!(
            OwnCommand::is_name("git:fix-1") && !OwnCommand::is_name("a/b") && !OwnCommand::is_name("-x")
        );
        let front = OwnFront { argument_hint: Some("[number]".into()), ..OwnFront::default() };
        let spec = OwnCommand::new("fix", front, "Fix it").spec();
        assert_eq!(spec.help(), [("/fix [number]".to_owned(), "a command of your own")]);
        assert_eq!(own("Fix it").spec().help()[0].0, "/fix");
    }
}
