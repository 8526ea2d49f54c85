//! Odd values in the place of those that are not the answer.

use forge_core::{CallContext, ModelResponse, Participant, StreamEvent, request::Part, stream::Accumulator};
use serde_json::{Value, json};

/// Values of every type of JSON.
fn anything() -> [Value; 15] {
    [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-35),
        json!(0.5),
        json!(9e18),
        json!("0"),
        json!("many"),
        json!(""),
        json!([]),
        json!([null, 1, {"a": []}]),
        json!([[]]),
        json!({}),
        json!({"a": {"b": null}}),
    ]
}

/// The reply with each value that is not the answer replaced by others, and left out. `keeps` says of a field and its
/// value that it is the answer; `skips` that a value would be another answer there.
pub fn variants(
    reply: &Value,
    keeps: fn(&str, &Value) -> bool,
    skips: fn(&str, &Value) -> bool,
) -> Vec<Value> {
    let mut places = Vec::new();
    collect(reply, String::new(), "", keeps, &mut places);
    let mut variants = Vec::new();
    for (pointer, key) in places {
        for value in anything().into_iter().filter(|value| !skips(&key, value)) {
            let mut variant = reply.clone();
            *variant.pointer_mut(&pointer).unwrap() = value;
            variants.push(variant);
        }
        let (parent, _) = pointer.rsplit_once('/').unwrap();
        let mut variant = reply.clone();
        // Whoever skips null skips the missing field as well: readers take both for the same.
        if let Some(Value::Object(fields)) = variant.pointer_mut(parent)
            && !skips(&key, &Value::Null)
        {
            fields.shift_remove(&key);
            variants.push(variant);
        }
    }
    variants
}

/// Collects the places that hold nothing of the answer; tells whether this one does.
fn collect(
    value: &Value,
    pointer: String,
    key: &str,
    keeps: fn(&str, &Value) -> bool,
    places: &mut Vec<(String, String)>,
) -> bool {
    if keeps(key, value) {
        return true;
    }
    let mut holds = false;
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                holds |= collect(field, format!("{pointer}/{name}"), name, keeps, places);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                holds |= collect(item, format!("{pointer}/{index}"), "", keeps, places);
            }
        }
        _ => {}
    }
    // In a branch without anything of the answer, every node is a place: objects may be odd as well.
    if !holds && !pointer.is_empty() {
        places.push((pointer, key.to_owned()));
    }
    holds
}

/// The words of an answer, and its calls: the name of each, and its arguments as text.
pub type Said = (String, Vec<(String, String)>);

/// The words and calls of the answer that the events make, with one warning at most.
pub fn said(events: impl IntoIterator<Item = StreamEvent>) -> Said {
    let mut accumulator = Accumulator::new(&CallContext::new(Participant::local("m")));
    for event in events {
        accumulator.push(event).unwrap();
    }
    let response = accumulator.finish().unwrap();
    assert!(response.warnings.len() <= 1, "{:?}", response.warnings);
    answer(&response)
}

/// The words and calls of an answer.
pub fn answer(response: &ModelResponse) -> Said {
    let calls = response.content.iter().filter_map(|part| match part {
        Part::ToolUse { name, input, .. } => Some((name.clone(), input.to_text())),
        _ => None,
    });
    (response.text().into_owned(), calls.collect())
}

/// The value with `odd` in the place of the field at `path`, or without the field. The path is a JSON pointer
/// (RFC 6901) whose parent is an object.
#[must_use]
pub fn spoilt(value: &Value, path: &str, odd: Option<&Value>) -> Value {
    let mut value = value.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let fields = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match odd {
        Some(odd) => fields.insert(name.to_owned(), odd.clone()),
        None => fields.remove(name),
    };
    value
}

/// Checks that a reply of one text and two calls says the same whichever of its other values is an odd one. `read`
/// reads the lines of a stream, or the one of a whole reply.
pub fn check(
    read: impl Fn(&[Value]) -> Said,
    lines: &[Value],
    keeps: fn(&str, &Value) -> bool,
    skips: fn(&str, &Value) -> bool,
) {
    let expected = read(lines);
    assert!(!expected.0.is_empty() && expected.1.len() == 2, "{expected:?}");
    for at in 0..lines.len() {
        for variant in variants(&lines[at], keeps, skips) {
            let mut changed = lines.to_vec();
            changed[at] = variant;
            assert_eq!(read(&changed), expected, "{}", changed[at]);
        }
    }
}
