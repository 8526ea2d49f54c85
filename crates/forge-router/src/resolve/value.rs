//! Numbers, durations, words and texts.

use std::{fmt, ops::RangeInclusive, time::Duration};

use forge_core::Money;

use super::{
    Resolver,
    expand::{expand, secret},
};
use crate::{Budget, BudgetSpec, Cap, KeyPath, Problem, code, nearest};

/// No clock and no wait is longer than a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// No price and no budget is higher, in dollars.
const HIGHEST: f64 = 1e6;

impl Resolver<'_> {
    pub(super) fn number(
        &mut self,
        value: Option<f64>,
        range: RangeInclusive<f64>,
        path: &KeyPath,
    ) -> Option<f64> {
        let value = value?;
        if range.contains(&value) {
            return Some(value);
        }
        self.out_of_range(value, *range.start(), *range.end(), path);
        None
    }

    /// The bounds of `range` fit into `T`.
    pub(super) fn integer<T: TryFrom<i64>>(
        &mut self,
        value: Option<i64>,
        range: RangeInclusive<i64>,
        path: &KeyPath,
    ) -> Option<T> {
        let value = value?;
        let fitting = Some(value).filter(|value| range.contains(value));
        let converted = fitting.and_then(|value| T::try_from(value).ok());
        if converted.is_none() {
            if *range.end() == i64::MAX {
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

    pub(super) fn money(&mut self, dollars: Option<f64>, path: &KeyPath) -> Option<Money> {
        let dollars = self.number(dollars, 0.0..=HIGHEST, path)?;
        // Nine decimals are nano-dollars; `abs` takes the sign off a negative zero.
        format!("{:.9}", dollars.abs()).parse().ok()
    }

    pub(super) fn duration(&mut self, text: Option<&str>, path: &KeyPath) -> Option<Duration> {
        let text = text?;
        let wrong = |message: String| Problem::new(code::BAD_DURATION, path.clone(), message);
        let problem = match humantime::parse_duration(text.trim()) {
            Ok(duration) if duration.is_zero() => wrong("must be longer than nothing".into()),
            Ok(duration) if duration > LONGEST => wrong("must be at most 24h".into()),
            Ok(duration) => return Some(duration),
            Err(_) if text.trim().parse::<f64>().is_ok() => wrong(format!("`{text}` has no unit"))
                .with_hint(format!("write `{}s` or `{0}ms`", text.trim())),
            Err(_) => wrong(format!("`{text}` is not a duration"))
                .with_hint("write a number with a unit, such as `500ms`, `30s` or `10m`"),
        };
        self.report(problem);
        None
    }

    /// The meaning of `word` among `words`; `what` is what the word names.
    pub(super) fn word<T: Copy>(
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
        let hint = nearest(word, names()).map_or_else(
            || format!("choose one of: {}", names().collect::<Vec<_>>().join(", ")),
            |name| format!("did you mean `{name}`?"),
        );
        let message = format!("there is no {what} `{word}`");
        self.report(Problem::new(code::UNKNOWN_WORD, path.clone(), message).with_hint(hint));
        None
    }

    /// `text` with its references replaced, free of control characters.
    pub(super) fn expanded(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        match expand(text, self.known.lookup) {
            Ok(value) if value.contains(char::is_control) => {
                let message = "holds a line break or another control character";
                let hint = "check for an invisible character at the end of the value";
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

    /// As [`expanded`](Self::expanded), for a value that is shown: in it a secret is refused.
    pub(super) fn shown(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        let Some(name) = secret(text) else { return self.expanded(text, path) };
        let message = format!("`${{{name}}}` is a secret by its name, and this value is shown");
        let hint = "write the value itself or another variable; secrets belong into `api_key` and `headers`";
        self.report(Problem::new(code::SHOWN_SECRET, path.clone(), message).with_hint(hint));
        None
    }

    pub(super) fn budget(&mut self, spec: Option<&BudgetSpec>, path: &KeyPath) -> Budget {
        let Some(spec) = spec else { return Budget::default() };
        let mut cap = |dollars: (&str, Option<f64>), tokens: (&str, Option<i64>)| Cap {
            money: self.money(dollars.1, &path.key(dollars.0)),
            tokens: self.integer(tokens.1, 1..=i64::MAX, &path.key(tokens.0)),
        };
        Budget {
            session: cap(
                ("per_session_usd", spec.per_session_usd),
                ("per_session_tokens", spec.per_session_tokens),
            ),
            day: cap(("per_day_usd", spec.per_day_usd), ("per_day_tokens", spec.per_day_tokens)),
        }
    }
}
