//! An event on one line.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What every event has, or what is said by another field in a form for people.
const LEFT_OUT: [&str; 5] = ["v", "seq", "at", "type", "cost_nano_usd"];

/// What a person looks for first, in this order; the others follow by their names, and the id of a call comes last.
const FIRST: [&str; 13] = [
    "outcome", "session", "workflow", "scope", "percent", "provider", "model", "from", "to", "state",
    "stage", "step", "progress",
];

/// The time, the type, and each fact that is known. Facts that are new to this version are shown as well.
pub(super) fn shown(event: &Value) -> String {
    // The day is mostly today.
    let time = event["at"].as_str().and_then(|at| at.split_once('T')).map_or("", |(_, time)| time);
    let time = time.get(..12).unwrap_or(time).trim_end_matches('Z');
    let mut line = format!("{time:<12}  {:<22}", event["type"].as_str().unwrap_or_default());
    facts(event.as_object().unwrap_or(&Map::new()), "", &mut line);
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

fn facts(object: &Map<String, Value>, above: &str, line: &mut String) {
    let mut facts_of: Vec<_> = object.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())).collect();
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    facts_of.sort_by_key(|(name, _)| (*name == "call", place(name), *name));
    for (name, value) in facts_of {
        // What is said of tokens and tags has the name of what it is about; the others stand for themselves.
        let name = if above == "tokens" { format!("{above}.{name}") } else { name.clone() };
        match value {
            Value::Null => {}
            Value::Object(inner) => facts(inner, &name, line),
            Value::String(text) if is_plain(text) => {
                let _ = write!(line, "  {name}={text}");
            }
            other => {
                let _ = write!(line, "  {name}={other}");
            }
        }
    }
}

/// Whether the text has an end that can be seen.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|sign: char| sign.is_whitespace() || sign.is_control() || sign == '"')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_has_the_time_the_type_and_what_is_known() {
        let event = json!({
            "v": 1, "seq": 7, "at": "2026-11-30T10:34:58.123456789Z", "type": "call.ended", "call": "c-1",
            "outcome": "success", "error": null, "cost_nano_usd": 1000, "cost_usd": 0.000_001, "tokens": {"input": 3, "output": null},
            "tags": {"client": "a b\nc", "key": "ci"}, "added": ["later"],
        });
        assert_eq!(
            shown(&event),
            "10:34:58.123  call.ended              outcome=success  added=[\"later\"]  cost_usd=1e-6  \
             client=\"a b\\nc\"  key=ci  tokens.input=3  call=c-1\n"
        );
        let short = json!({"at": "2026-11-30T10:34:58Z", "type": "server.draining"});
        assert_eq!(shown(&short), "10:34:58      server.draining\n");
    }
}
