//! What a foreign launcher answers: the last JSON object among whatever it prints.

use regex::Regex;
use serde_json::{Map, Value};

/// A launcher's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// `None` where the launcher left it empty.
    pub(super) pid: Option<i64>,
    pub(super) session: String,
    pub(super) error: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadReply {
    NoObject,
    /// A key is missing or is of another kind.
    Key(&'static str),
}

impl Reply {
    pub(super) fn parse(output: &str) -> Result<Self, BadReply> {
        let object = last_object(output).or_else(|| last_object(&with_null_pid(output)));
        let object = object.ok_or(BadReply::NoObject)?;
        let error = object.get("error").and_then(Value::as_str).filter(|error| !error.is_empty());
        let pid = match object.get("pid") {
            Some(Value::Number(pid)) => Some(pid.as_i64().ok_or(BadReply::Key("pid"))?),
            Some(Value::String(pid)) if !pid.is_empty() => {
                Some(pid.parse().map_err(|_| BadReply::Key("pid"))?)
            }
            Some(Value::Null | Value::String(_)) => None,
            // A failure need not name one.
            None if error.is_some() => Some(0),
            _ => return Err(BadReply::Key("pid")),
        };
        let session = match object.get("session") {
            Some(Value::String(session)) => session.clone(),
            None if error.is_some() => String::new(),
            _ => return Err(BadReply::Key("session")),
        };
        Ok(Self { pid, session, error: error.map(str::to_owned) })
    }
}

/// The last object that is not part of another.
fn last_object(text: &str) -> Option<Map<String, Value>> {
    let (mut last, mut at) = (None, 0);
    while let Some(next) = text[at..].find('{') {
        at += next;
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Map<String, Value>>();
        match values.next() {
            Some(Ok(object)) => {
                last = Some(object);
                at += values.byte_offset();
            }
            _ => at += 1,
        }
    }
    last
}

/// `"pid": ,` is what a shell writes whose command printed nothing.
fn with_null_pid(text: &str) -> String {
    // A pattern that cannot be compiled changes nothing, and a test would see it.
    Regex::new(r#"("pid"\s*:)\s*([,}])"#)
        .map_or_else(|_| text.to_owned(), |pattern| pattern.replace_all(text, "${1} null$2").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "compared with what parsing returns")]
    fn reply(pid: Option<i64>, session: &str, error: Option<&str>) -> Result<Reply, BadReply> {
        Ok(Reply { pid, session: session.into(), error: error.map(str::to_owned) })
    }

    #[test]
    fn the_last_object_counts_whatever_stands_before_it() {
        let text = "{ not json\nnote: {\"pid\": 1, \"session\": \"a\"}\n\
                    {\"pid\": 7, \"session\": \"b\", \"model\": {\"x\": {}}} done";
        assert_eq!(Reply::parse(text), reply(Some(7), "b", None));
        assert_eq!(Reply::parse("nothing"), Err(BadReply::NoObject));
        assert_eq!(Reply::parse(&"{".repeat(100_000)), Err(BadReply::NoObject));
    }

    #[test]
    fn an_empty_number_is_forgiven_and_nothing_else_is() {
        assert_eq!(Reply::parse("{\"pid\": ,\n\"session\": \"a\"}"), reply(None, "a", None));
        assert_eq!(Reply::parse("{\"session\": \"a\", \"pid\": }"), reply(None, "a", None));
        assert_eq!(Reply::parse("{\"pid\": \"12\", \"session\": \"a\"}"), reply(Some(12), "a", None));
        assert_eq!(Reply::parse("{\"pid\": , \"session\": }"), Err(BadReply::NoObject));
        assert_eq!(Reply::parse("{\"session\": \"a\"}"), Err(BadReply::Key("pid")));
        assert_eq!(Reply::parse("{\"pid\": true, \"session\": \"a\"}"), Err(BadReply::Key("pid")));
        assert_eq!(Reply::parse("{\"pid\": 3}"), Err(BadReply::Key("session")));
    }

    #[test]
    fn a_failure_need_not_name_a_process() {
        let text = r#"{"pid": 0, "session": "", "error": "API key not found"}"#;
        assert_eq!(Reply::parse(text), reply(Some(0), "", Some("API key not found")));
        assert_eq!(Reply::parse(r#"{"error": "no"}"#), reply(Some(0), "", Some("no")));
    }
}
