//! Numbers, durations, words and texts of a section.

use std::{fmt, ops::RangeInclusive, time::Duration};

use crate::{
    code,
    expand::{Lookup, expand, file_hint, secret},
    meant,
    nearest::nearest,
    path::KeyPath,
    problem::Problem,
};

/// No clock and no wait is longer than a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A time as the message of one that is too long has it.
fn in_hours(time: Duration) -> String {
    match time.as_secs() / 3_600 {
        hours @ 0..=24 => format!("{hours}h"),
        hours => format!("{}d", hours / 24),
    }
}

/// What a section is resolved with: where its variables and files are, and what is wrong so far.
///
/// A value that is wrong is reported and gives `None`, so that a section is looked at to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct ResolveContext<'a> {
    /// Variables and files.
    pub lookup: &'a dyn Lookup,
    /// Where the section stands.
    pub root: KeyPath,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
}

impl<'a> ResolveContext<'a> {
    /// The context of a section whose keys are those of the file itself.
    pub const fn new(lookup: &'a dyn Lookup) -> Self {
        Self { lookup, root: KeyPath::ROOT, problems: Vec::new() }
    }

    /// The same context for a section that stands at `root`.
    pub fn with_root(mut self, root: KeyPath) -> Self {
        self.root = root;
        self
    }

    /// Adds a problem. A warning keeps the file usable, see [`Problem::is_warning`].
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The number, if it lies in `range`, both ends included. `None` without a value, or with one that is
    /// reported.
    pub fn number(&mut self, value: Option<f64>, range: RangeInclusive<f64>, path: &KeyPath) -> Option<f64> {
        let value = value?;
        // `.nan` of YAML lies in no range.
        if range.contains(&value) {
            return Some(value);
        }
        self.out_of_range(value, *range.start(), *range.end(), path);
        None
    }

    /// The whole number, if it lies in `range`, whose bounds fit into `T`. `None` without a value, or with
    /// one that is reported.
    pub fn integer<T: TryFrom<i64>>(
        &mut self,
        value: Option<i64>,
        range: RangeInclusive<i64>,
        path: &KeyPath,
    ) -> Option<T> {
        let value = value?;
        let fitting = Some(value).filter(|value| range.contains(value));
        let converted = fitting.and_then(|value| T::try_from(value).ok());
        if converted.is_none() {
            // Nobody is helped by the largest number that a field can hold.
            if *range.end() >= i64::from(u32::MAX) && value < *range.start() {
                self.report(Problem::new(
                    code::OUT_OF_RANGE,
                    path.clone(),
                    format!("must be at least {}, not {value}", range.start()),
                ));
            } else {
                self.out_of_range(value, *range.start(), *range.end(), path);
            }
        }
        converted
    }

    fn out_of_range<N: fmt::Display>(&mut self, value: N, least: N, most: N, path: &KeyPath) {
        let message = format!("must be between {least} and {most}, not {value}");
        self.report(Problem::new(code::OUT_OF_RANGE, path.clone(), message));
    }

    /// The duration, such as `500ms`, `30s` or `1h 30m`, if it is longer than nothing and at most a day.
    /// `None` without a text, or with one that is reported.
    pub fn duration(&mut self, text: Option<&str>, path: &KeyPath) -> Option<Duration> {
        self.duration_up_to(LONGEST, text, path)
    }

    /// The same with another longest time, in whole hours or days.
    pub fn duration_up_to(
        &mut self,
        longest: Duration,
        text: Option<&str>,
        path: &KeyPath,
    ) -> Option<Duration> {
        let text = text?;
        let wrong = |message: String| Problem::new(code::BAD_DURATION, path.clone(), message);
        let problem = match humantime::parse_duration(text.trim()) {
            Ok(duration) if duration.is_zero() => wrong("must be longer than 0s".into()),
            Ok(duration) if duration > longest => wrong(format!("must be at most {}", in_hours(longest))),
            Ok(duration) => return Some(duration),
            // Seconds to some programs and milliseconds to others: nobody guesses.
            Err(_) if text.trim().parse::<f64>().is_ok() => wrong(format!("`{text}` has no unit"))
                .with_hint(format!("write `{}s` or `{0}ms`", text.trim())),
            Err(_) if text.trim().starts_with('-') => wrong("must be longer than 0s".into()),
            Err(_) => wrong(format!("`{text}` is not a duration")).with_hint(match meant::duration(text) {
                Some(meant) => format!("write `{meant}`"),
                None => "write a number with a unit, such as `500ms`, `30s` or `10m`".into(),
            }),
        };
        self.report(problem);
        None
    }

    /// The meaning of `word`, which has to be one of `words`; `what` is what it names.
    pub fn one_of<T: Copy>(
        &mut self,
        word: &str,
        words: &[(&str, T)],
        what: &str,
        path: &KeyPath,
    ) -> Option<T> {
        if let Some((_, meaning)) = words.iter().find(|(known, _)| *known == word) {
            return Some(*meaning);
        }
        let names = || words.iter().map(|(known, _)| *known);
        let same = names().find(|known| meant::is_same(word, known));
        let hint = same.or_else(|| nearest(word, names())).map_or_else(
            || format!("choose one of: {}", names().collect::<Vec<_>>().join(", ")),
            |name| format!("did you mean `{name}`?"),
        );
        let message = format!("there is no {what} `{word}`");
        self.report(Problem::new(code::UNKNOWN_WORD, path.clone(), message).with_hint(hint));
        None
    }

    /// The text with its references replaced, if it is free of control characters then. `None` with
    /// everything reported that stands against it; no report shows a value.
    pub fn expand(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        match expand(text, self.lookup) {
            // In a header, an address or a name it would break the request far from here. The value is not
            // shown: it may be a key.
            Ok(value) if value.contains(char::is_control) => {
                let message = "contains a line break or another control character";
                let hint = "check for a hidden character at the end of the value";
                self.report(Problem::new(code::CONTROL_CHARACTER, path.clone(), message).with_hint(hint));
                None
            }
            Ok(value) => Some(value),
            Err(failures) => {
                for failure in failures {
                    let problem = Problem::new(failure.code, path.clone(), failure.message);
                    self.report(problem.with_hint(failure.hint));
                }
                None
            }
        }
    }

    /// The content of the file that `text` names once its references are replaced, as the lookup gives it.
    /// `None` with what stands against it reported.
    pub fn read_file(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        // Mistakes show the path.
        let file = self.expand_public(text, path)?;
        match self.lookup.file(&file) {
            Ok(content) => Some(content),
            Err(error) => {
                let problem = Problem::new(
                    code::UNREADABLE_FILE,
                    path.clone(),
                    format!("`{file}` cannot be read: {error}"),
                );
                self.report(problem.with_hint(file_hint(&file)));
                None
            }
        }
    }

    /// As [`expand`](Self::expand), for a value that is shown: in it a secret is refused.
    pub fn expand_public(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        let Some(name) = secret(text) else { return self.expand(text, path) };
        let message = format!("`${{{name}}}` is a secret by its name, but this value is shown in output");
        let hint = "write the value itself or another variable; secrets belong in `api_key` and `headers`";
        self.report(Problem::new(code::SHOWN_SECRET, path.clone(), message).with_hint(hint));
        None
    }
}
