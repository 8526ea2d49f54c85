//! References to variables as shells and other programs write them.

/// The variable that a value names in the notation of a shell or of another program; `None` for a plain value, and for our
/// own notation. An empty name means that it is a reference whose name had better not be shown.
pub(super) fn variable(written: &str) -> Option<&str> {
    let text = written.trim();
    let inner = |begin: &str, end: &str| text.strip_prefix(begin)?.strip_suffix(end).map(str::trim);
    let quoted = inner("\"", "\"").or_else(|| inner("'", "'")).filter(|inner| inner.starts_with("${"));
    // A reference inside of another: neither name is the one that was meant.
    if inner("${", "}").is_some_and(|inner| inner.contains("${")) {
        return Some("");
    }
    let begins = ["os.environ/", "env:", "$env:", "process.env."];
    let name = begins
        .iter()
        .find_map(|begin| text.strip_prefix(begin))
        .or_else(|| inner("{env:", "}"))
        .or_else(|| inner("${env:", "}"))
        .or_else(|| inner("${{", "}}"))
        .or_else(|| inner("{{", "}}"))
        .or_else(|| inner("%", "%"))
        .or_else(|| inner("$(", ")"))
        .or_else(|| inner("Bearer ${", "}"))
        .or_else(|| inner("${ ", "}"))
        .or_else(|| quoted.and_then(|quoted| quoted.strip_prefix("${")?.strip_suffix('}')))
        .or_else(|| text.strip_prefix('$').filter(|rest| !rest.starts_with(['{', '$'])))?;
    let name = ["env.", "secrets."].iter().find_map(|begin| name.strip_prefix(begin)).unwrap_or(name);
    Some(if is_name(name) { name } else { "" })
}

/// Whether a key is the bare name of the variable that holds it.
pub(super) fn is_bare_name(written: &str) -> bool {
    let ends = ["_KEY", "_TOKEN", "_SECRET"];
    is_name(written) && ends.iter().any(|end| written.ends_with(end))
}

/// A name that no key looks like, so that it can be shown.
fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.contains('_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
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
            "${env:OPENAI_API_KEY}",
            "${{ secrets.OPENAI_API_KEY }}",
            "$(OPENAI_API_KEY)",
            "process.env.OPENAI_API_KEY",
            "Bearer ${OPENAI_API_KEY}",
            "${ OPENAI_API_KEY }",
        ] {
            assert_eq!(variable(written), Some("OPENAI_API_KEY"), "{written}");
        }
        assert_eq!(variable("${A:-${B}}"), Some(""));
        assert_eq!(variable("$sk-test-1"), Some(""), "what may be a key is not shown");
        assert!(is_bare_name("OPENAI_API_KEY") && !is_bare_name("KEY") && !is_bare_name("sk_key"));
        for key in ["$$x", "sk-test-1", "${OPENAI_API_KEY}", "${file:key}", "", "AKIATEST"] {
            assert_eq!(variable(key), None, "{key}");
        }
    }
}
