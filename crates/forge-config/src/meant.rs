//! What a value of the wrong type was meant to be.

use std::time::Duration;

/// The number that a text was meant to be: without separators, units of money and percent signs. `None` if it is not
/// clear, so that nothing else of the text is shown either.
#[cfg(feature = "file")]
pub(crate) fn number(text: &str, whole: bool) -> Option<f64> {
    let text = text.trim();
    let text = ["USD", "usd", "$"].iter().find_map(|unit| text.strip_prefix(unit)).unwrap_or(text);
    let units = [" tokens", "USD", "usd", "dollars", "$"];
    let text = units.iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text).trim();
    let (text, factor) = match text.chars().next_back()? {
        '%' => (text.strip_suffix('%')?, 0.01),
        'k' | 'K' => (&text[..text.len() - 1], 1e3),
        'm' | 'M' => (&text[..text.len() - 1], 1e6),
        _ => (text, 1.0),
    };
    let plain = without_separators(text.trim(), whole)?;
    let number = plain.parse::<f64>().ok().filter(|number| number.is_finite())?;
    // A hundredth is not exact; fifteen digits are.
    let number = format!("{:.12}", number * factor).parse::<f64>().ok()?;
    // Further up a float skips whole numbers, and the hint would name one that nobody wrote.
    (!whole || (number.fract() == 0.0 && number.abs() < 1e15)).then_some(number)
}

/// `8_192`, `8 192`, `8'192`, `8,192` and `1,234.50`; `0,7` where parts make sense.
#[cfg(feature = "file")]
fn without_separators(text: &str, whole: bool) -> Option<String> {
    let begins = text.starts_with(|sign: char| sign.is_ascii_digit() || "+-.".contains(sign));
    let good = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-._ ',eE".contains(&byte));
    if !begins || !good {
        return None;
    }
    let plain = text.replace(['_', ' ', '\''], "");
    let groups: Vec<&str> = plain.split(',').collect();
    // `0,700` is a part of one: nobody begins thousands with a zero.
    let are_thousands = groups.len() > 1
        && groups[1..].iter().all(|group| group.split('.').next().is_some_and(|group| group.len() == 3));
    match groups.as_slice() {
        [_] => Some(plain),
        _ if are_thousands && (whole || groups.len() > 2 || plain.contains('.') || groups[0] != "0") => {
            Some(plain.replace(',', ""))
        }
        [_, _] if !whole => Some(plain.replace(',', ".")),
        _ => None,
    }
}

/// The duration that a text was meant to be, as it is written here.
pub(crate) fn duration(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    // ISO 8601 writes `PT1H30M`.
    let text = text.strip_prefix("pt").unwrap_or(&text);
    if let Some((before, after)) = text.split_once(':') {
        let (minutes, seconds) = (before.parse::<u64>().ok()?, after.parse::<u64>().ok()?);
        return (seconds < 60).then(|| format!("{minutes}m {seconds}s"));
    }
    let mut sum = 0.0;
    let mut rest = text;
    let mut usual = None;
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(|sign: char| !(sign.is_ascii_digit() || ".,".contains(sign)));
        let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
        let number: f64 = number.replace(',', ".").parse().ok()?;
        let after = after.trim_start();
        let end = after.find(|sign: char| !sign.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        // `1h30`: the unit that is left out is the next smaller one.
        let unit = if unit.is_empty() { usual? } else { unit };
        let (seconds, smaller) = match unit {
            "h" | "hour" | "hours" => (3600.0, "m"),
            "m" | "min" | "mins" | "minute" | "minutes" => (60.0, "s"),
            "s" | "sec" | "secs" | "second" | "seconds" => (1.0, "ms"),
            "ms" => (0.001, "ms"),
            _ => return None,
        };
        (sum, usual, rest) = (sum + number * seconds, Some(smaller), after);
    }
    let duration = Duration::try_from_secs_f64(sum).ok().filter(|duration| !duration.is_zero())?;
    let millis = u64::try_from(duration.as_millis()).ok()?;
    Some(humantime::format_duration(Duration::from_millis(millis)).to_string())
}

/// The word for true or false that other readers of YAML take.
#[cfg(feature = "file")]
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" => Some(true),
        "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Whether two names are the same but for capitals, hyphens, underscores, the ending of the plural and the order of words.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let plain =
        |name: &str| name.strip_suffix('s').unwrap_or(name).replace(['_', '-', ' '], "").to_ascii_lowercase();
    let words = |name: &str| {
        let mut words: Vec<_> = name.split(['_', '-']).map(str::to_ascii_lowercase).collect();
        words.sort_unstable();
        words
    };
    !one.is_empty() && (plain(one) == plain(other) || words(one) == words(other))
}

#[cfg(all(test, feature = "file"))]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_however_it_is_dressed_up() {
        for (text, whole, expected) in [
            ("010", true, Some(10.0)),
            ("8_192", true, Some(8192.0)),
            ("8,192", true, Some(8192.0)),
            ("1,234,567", true, Some(1_234_567.0)),
            ("8k", true, Some(8000.0)),
            ("1.5M", true, Some(1_500_000.0)),
            ("0,7", false, Some(0.7)),
            ("0,700", false, Some(0.7)),
            ("2,00", false, Some(2.0)),
            ("1,234.50", false, Some(1234.5)),
            ("$2", false, Some(2.0)),
            ("2 USD", false, Some(2.0)),
            ("95%", false, Some(0.95)),
            ("0,7", true, None),
            ("2,00", true, None),
            ("sk-8", true, None),
            ("inf", false, None),
            ("", false, None),
            ("e", false, None),
        ] {
            assert_eq!(number(text, whole), expected, "{text}");
        }
    }

    #[test]
    fn a_duration_is_known_however_it_is_written() {
        for (text, expected) in [
            ("1h30", Some("1h 30m")),
            ("1:30", Some("1m 30s")),
            ("PT30S", Some("30s")),
            ("PT1H30M", Some("1h 30m")),
            ("1,5s", Some("1s 500ms")),
            ("0.5 h", Some("30m")),
            ("30", None),
            ("soon", None),
            ("0s", None),
            ("", None),
        ] {
            assert_eq!(duration(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn names_are_the_same_in_every_spelling() {
        for (one, other) in [
            ("maxTokens", "max_tokens"),
            ("max-tokens", "max_tokens"),
            ("Role", "roles"),
            ("OpenAI", "openai"),
        ] {
            assert!(is_same(one, other), "{one}");
        }
        assert!(!is_same("", "s") && !is_same("model", "mode"));
    }
}
