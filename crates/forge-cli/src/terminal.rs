//! Text on its way to a person.

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write},
    time::Duration,
};

use forge::Money;
use serde_json::{Map, Value};

use crate::{error::CliError, layout::clean, markdown::Markdown, paths::variable};

/// Writes to stdout at once: as it is into files and pipes, cleaned onto a terminal.
pub(crate) fn out(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    // What a model writes must not steer a terminal; programs get every byte.
    let shown = if stdout.is_terminal() { clean(text) } else { Cow::Borrowed(text) };
    let written = stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| CliError::stdout(&error))
}

/// Markdown on its way to stdout: rendered on a terminal while it comes, as it is into files and pipes, with `raw`, with
/// `NO_COLOR`, and on a terminal that knows no styles.
pub(crate) struct Prose(Option<Markdown>);

impl Prose {
    pub(crate) fn new(raw: bool) -> Self {
        let plain =
            raw || variable("NO_COLOR").is_some() || variable("TERM").is_some_and(|term| term == "dumb");
        let width = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Self((!plain && io::stdout().is_terminal()).then(|| Markdown::new(width())))
    }

    pub(crate) fn push(&mut self, text: &str) -> Result<(), CliError> {
        match &mut self.0 {
            // Cleaned before it is rendered: the escapes that the rendering adds are to stay.
            Some(markdown) => put(&markdown.push(&clean(text))),
            None => out(text),
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), CliError> {
        self.0.as_mut().map_or(Ok(()), |markdown| put(&markdown.end()))
    }
}

/// Shows a whole Markdown text.
pub(crate) fn prose(text: &str, raw: bool) -> Result<(), CliError> {
    let mut prose = Prose::new(raw);
    prose.push(text).and_then(|()| prose.end())
}

/// Writes to stdout what is clean already.
fn put(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    // Flushed at once, because a person reads the answer while it comes.
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| CliError::stdout(&error))
}

/// The version of every form of JSON, unless it names its own. A field that is only added does not change it.
const VERSION: &str = "1.0";

/// Writes one JSON value as it is to stdout.
pub(crate) fn raw(value: &Value) -> Result<(), CliError> {
    out(&format!("{value:#}\n"))
}

/// Writes one JSON object with the version of its form to stdout.
pub(crate) fn json(object: &Value) -> Result<(), CliError> {
    raw(&versioned(object))
}

/// Writes a JSON object on one line of stdout, with the version of its form and what it is about.
pub(crate) fn line(mut object: Value, what: &str) -> Result<(), CliError> {
    object["type"] = what.into();
    out(&format!("{}\n", versioned(&object)))
}

/// The object with the version of its form before everything else.
pub(crate) fn versioned(object: &Value) -> Value {
    let mut whole = Map::from_iter([("version".to_owned(), VERSION.into())]);
    // Behind the usual version, so that an object's own takes its place.
    whole.extend(object.as_object().cloned().unwrap_or_default());
    whole.into()
}

/// The width of the terminal that stderr is, in columns.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

/// Whole milliseconds, as every form of JSON has them.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A cost as every form of JSON has it; null if it is unknown.
pub(crate) fn with_cost(mut object: Value, cost: Option<Money>) -> Value {
    // Whole numbers add up without rounding; dollars are for people.
    object["cost_nano_usd"] = cost.map(Money::nanos).into();
    object["cost_usd"] = cost.map(Money::dollars).into();
    object
}

/// Writes a line to stderr, unless the user wants quiet. A closed stderr is no reason to stop.
pub(crate) fn note(quiet: bool, text: &str) {
    if !quiet {
        let _ = writeln!(io::stderr().lock(), "{}", clean(text));
    }
}
