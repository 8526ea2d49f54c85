//! References to variables as shells and other programs write them.

/// The variable that a key names in the notation of a shell or of another program; `None` for a key, and for our own
/// notation. An empty name means that it is a reference whose name had better not be shown.
pub(super) fn variable(written: &str) -> Option<&str> {
    let text = written.trim();
    let inner = |begin: &str, end: &str| text.strip_prefix(begin)?.strip_suffix(end).map(str::trim);
    let quoted = inner("\"", "\"").or_else(|| inner("'", "'")).filter(|inner| inner.starts_with("${"));
    let nested = inner("${", "}").filter(|inner| inner.contains("${"));
    if nested.is_some() {
        return Some("");
    }
    let name = text
        .strip_prefix("os.environ/")
        .or_else(|| text.strip_prefix("env:"))
        .or_else(|| text.strip_prefix("$env:"))
        .or_else(|| inner("{env:", "}"))
        .or_else(|| inner("{{", "}}"))
        .or_else(|| inner("%", "%"))
        .or_else(|| quoted.and_then(|quoted| quoted.strip_prefix("${")?.strip_suffix('}')))
        .or_else(|| text.strip_prefix('$').filter(|rest| !rest.starts_with('{')))?;
    let name = name.strip_prefix("env.").unwrap_or(name);
    let is_name = name.len() <= 64
        && name.contains('_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    Some(if is_name { name } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_other_notations_are_known_and_keys_are_not() {
        for written in [
            "$OPENAI_API_KEY",
            "os.environ/OPENAI_API_KEY",
            "{env:OPENAI_API_KEY}",
            "{{ OPENAI_API_KEY }}",
            "{{ env.OPENAI_API_KEY }}",
            "%OPENAI_API_KEY%",
            "$env:OPENAI_API_KEY",
            "\"${OPENAI_API_KEY}\"",
            "'${OPENAI_API_KEY}'",
        ] {
            assert_eq!(variable(written), Some("OPENAI_API_KEY"), "{written}");
        }
        assert_eq!(variable("${A:-${B}}"), Some(""));
        assert_eq!(variable("$sk-test-1"), Some(""), "what may be a key is not shown");
        for key in ["sk-test-1", "${OPENAI_API_KEY}", "${file:key}", "", "AKIATEST"] {
            assert_eq!(variable(key), None, "{key}");
        }
    }
}
