//! Where the lines of a conversation come from.

use std::io::{self, IsTerminal as _};

use forge::agent::command::{CommandSpec, complete};
use rustyline::{
    CompletionType, Context, Editor, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::MemHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use crate::error::CliError;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A question or a command, of one or several lines.
    Text(String),
    /// Ctrl-C: what stands in the line does not count.
    Nothing,
    /// The end of the input.
    End,
}

/// An editor on a terminal, else the lines of standard input.
pub(super) enum Input {
    Editor(Box<Editor<Commands, MemHistory>>),
    Lines,
}

impl Input {
    /// The editor completes these commands and has these lines as its history.
    pub(super) fn new(
        commands: Vec<CommandSpec>,
        history: impl IntoIterator<Item = String>,
    ) -> Result<Self, CliError> {
        // An editor draws on stdout.
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(Self::Lines);
        }
        let failed = |error: ReadlineError| CliError::failed("the terminal cannot be used", &error);
        // As in a shell: what is common to all, and then the list.
        let config = rustyline::Config::builder().completion_type(CompletionType::List).build();
        let mut editor = Editor::with_history(config, MemHistory::new()).map_err(failed)?;
        editor.set_helper(Some(Commands(commands)));
        for line in history {
            editor.add_history_entry(line).map_err(failed)?;
        }
        Ok(Self::Editor(Box::new(editor)))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Editor(_))
    }

    /// The next text. It blocks.
    pub(super) fn next(&mut self) -> Result<Typed, CliError> {
        let text = match self {
            Self::Lines => lines(&mut io::stdin().lock())?,
            Self::Editor(editor) => match editor.readline("> ") {
                Ok(text) => {
                    editor
                        .add_history_entry(text.as_str())
                        .map_err(|error| CliError::failed("the terminal cannot be used", &error))?;
                    Typed::Text(text)
                }
                Err(ReadlineError::Interrupted) => Typed::Nothing,
                Err(ReadlineError::Eof) => Typed::End,
                Err(error) => return Err(CliError::failed("the terminal cannot be read", &error)),
            },
        };
        Ok(match text {
            Typed::Text(text) => Typed::Text(text.replace("\\\n", "\n")),
            other => other,
        })
    }
}

/// A line, with those that it says follow.
fn lines(input: &mut impl io::BufRead) -> Result<Typed, CliError> {
    let mut text = String::new();
    loop {
        let failed = |error| CliError::failed("standard input cannot be read", &error);
        if input.read_line(&mut text).map_err(failed)? == 0 {
            return Ok(if text.is_empty() { Typed::End } else { Typed::Text(text) });
        }
        if !text.ends_with("\\\n") {
            return Ok(Typed::Text(text));
        }
    }
}

/// Completes commands, and lets a line go on.
pub(super) struct Commands(Vec<CommandSpec>);

impl Helper for Commands {}
impl Highlighter for Commands {}
impl Hinter for Commands {
    type Hint = String;
}

impl Completer for Commands {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(self.0.iter(), line.get(..at).unwrap_or_default()))
    }
}

impl Validator for Commands {
    fn validate(&self, cx: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let goes_on = cx.input().ends_with('\\');
        Ok(if goes_on { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_behind_a_backslash() {
        let mut input = &b"one\\\ntwo\nthree\\\n"[..];
        let read = |input: &mut &[u8]| lines(input).unwrap();
        assert_eq!(read(&mut input), Typed::Text("one\\\ntwo\n".into()));
        assert_eq!(read(&mut input), Typed::Text("three\\\n".into()));
        assert_eq!(read(&mut input), Typed::End);
    }
}
