//! `${NAME}`, `${NAME:-default}`, `${file:PATH}` and `$$`.

use std::{fmt, io};

use crate::code;

/// Where `${NAME}` and `${file:PATH}` find their values. Libraries never look by themselves.
pub trait Lookup: fmt::Debug {
    /// The variable called `name`; `None` if it is not set. An empty one counts as unset.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of the file at `path`, as it is written in the configuration: relative paths are the
    /// implementor's to place, and sizes to limit.
    fn file(&self, path: &str) -> io::Result<String>;
}

/// Why a text cannot be expanded. None of it shows a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// Whether `text` is exactly one reference (`${NAME}` or `${file:PATH}`) without a default, so that it holds
/// no value of its own.
pub fn is_reference(text: &str) -> bool {
    let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| !inner.contains('}') && (inner.starts_with("file:") || !inner.contains(":-")))
}

/// The first reference in `text` to what is a secret by its name: a file, or a variable such as `SOME_API_KEY`.
pub(crate) fn secret(text: &str) -> Option<&str> {
    const SECRETS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"];
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(inner, _)| inner).find(|inner| {
        let name = inner.split(":-").next().unwrap_or_default().to_ascii_uppercase();
        // At the end of the name, so that `TOKENIZER` or `KEY_FILE` names no secret.
        inner.starts_with("file:") || SECRETS.iter().any(|end| name.ends_with(end))
    })
}

/// `text` with every reference replaced, or everything that stands against it.
pub(crate) fn expand(text: &str, lookup: &dyn Lookup) -> Result<String, Vec<Failure>> {
    let mut expanded = String::with_capacity(text.len());
    let mut failures = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            after
        } else if let Some(after) = after.strip_prefix('{') {
            let Some((inner, after)) = after.split_once('}') else {
                // Without its end, nothing behind it can be told apart.
                failures.push(malformed("`${` is never closed"));
                return Err(failures);
            };
            match value(inner, lookup) {
                // Not looked through again: what a variable holds is data, whatever signs are in it.
                Ok(value) => expanded.push_str(&value),
                Err(failure) => failures.push(failure),
            }
            after
        } else {
            expanded.push('$');
            after
        };
    }
    expanded.push_str(rest);
    if failures.is_empty() { Ok(expanded) } else { Err(failures) }
}

fn value(inner: &str, lookup: &dyn Lookup) -> Result<String, Failure> {
    if let Some(path) = inner.strip_prefix("file:") {
        if path.is_empty() {
            return Err(malformed("`${file:}` names no file"));
        }
        // The line end that editors put behind a key is none of it.
        return lookup.file(path).map(|content| content.trim().to_owned()).map_err(|error| Failure {
            code: code::UNREADABLE_FILE,
            message: format!("the file `{path}` cannot be read: {error}"),
            hint: file_hint(path).into(),
        });
    }
    let (name, default) =
        inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    if !is_variable(name) {
        return Err(malformed("`${...}` does not contain the name of a variable"));
    }
    // Empty is unset, as in a shell's `:-`.
    let found = lookup.variable(name).filter(|value| !value.is_empty());
    found.or_else(|| default.map(str::to_owned)).ok_or_else(|| Failure {
        code: code::UNSET_VARIABLE,
        message: format!("the variable `{name}` is not set"),
        hint: format!("set it, or write `${{{name}:-default}}`"),
    })
}

/// What to do about a path that leads to no file.
pub(crate) fn file_hint(path: &str) -> &'static str {
    if path.starts_with('~') {
        "`~` is not expanded here; write the full path, or a path relative to the configuration's folder"
    } else if path.contains('\\') || path.get(1..3) == Some(":/") {
        "this is a Windows path; on this system, write a path such as `/home/me/key` or `folder/key`"
    } else {
        "check the path and its permissions; a relative path starts at the configuration's folder"
    }
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn malformed(message: &str) -> Failure {
    Failure {
        code: code::BAD_EXPANSION,
        message: message.into(),
        hint: "write `${NAME}`, `${NAME:-default}` or `${file:PATH}`, and `$$` for a dollar sign".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Variables, and files behind names that end in `.txt`.
    #[derive(Debug)]
    struct Table(BTreeMap<&'static str, &'static str>);

    impl Lookup for Table {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.get(name).map(|value| (*value).to_owned())
        }

        fn file(&self, path: &str) -> io::Result<String> {
            self.variable(path).ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }

    fn table() -> Table {
        Table([("KEY", "k-1"), ("EMPTY", ""), ("ODD", "${KEY}"), ("key.txt", " from file\n")].into())
    }

    #[test]
    fn references_become_their_values() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("${KEY}", "k-1"),
            ("a${KEY}b${KEY}", "ak-1bk-1"),
            ("${MISSING:-x}", "x"),
            ("${MISSING:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("${KEY:-x}", "k-1"),
            ("${file:key.txt}", "from file"),
            ("$${KEY}", "${KEY}"),
            ("cost $5 $", "cost $5 $"),
            ("$$$$", "$$"),
            // A value is not expanded again.
            ("${ODD}", "${KEY}"),
        ] {
            assert_eq!(expand(text, &table()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_failure_is_told_and_none_shows_a_value() {
        let codes = |text: &str| -> Vec<_> {
            expand(text, &table()).unwrap_err().into_iter().map(|failure| failure.code).collect()
        };
        assert_eq!(codes("${MISSING}${EMPTY}"), [code::UNSET_VARIABLE; 2]);
        assert_eq!(codes("${file:nowhere}"), [code::UNREADABLE_FILE]);
        for text in ["${", "${KEY", "${}", "${file:}", "${sk-secret}", "${1X}", "${A B}", "${:-x}"] {
            let failures = expand(text, &table()).unwrap_err();
            assert_eq!(failures[0].code, code::BAD_EXPANSION, "{text}");
            assert!(!format!("{failures:?}").contains("secret"));
        }
    }

    #[test]
    fn a_secret_is_known_by_its_name() {
        for (text, expected) in [
            ("${SOME_API_KEY}", Some("SOME_API_KEY")),
            ("a ${MODEL} b ${file:key.txt}", Some("file:key.txt")),
            ("${my_token:-x}", Some("my_token:-x")),
            ("${MODEL}", None),
            ("${KEYBOARD:-API_KEY}", None),
            ("KEY", None),
            ("${KEY", None),
        ] {
            assert_eq!(secret(text), expected, "{text}");
        }
    }

    #[test]
    fn only_a_bare_reference_holds_no_value_of_its_own() {
        for bare in ["${KEY}", "${file:key.txt}"] {
            assert!(is_reference(bare), "{bare}");
        }
        for literal in ["sk-1", "", "${KEY:-sk-1}", "sk-${KEY}", "${A}${B}", "$${KEY}"] {
            assert!(!is_reference(literal), "{literal}");
        }
    }
}
