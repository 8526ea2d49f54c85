//! Reading edits: in JSON, and as blocks of what to search and what to put in its place. Their text is kept byte
//! for byte, because the host looks for it in the document.

use forge_prompt::json::member;
use serde_json::Value;

use super::{Edit, FindingId, unfilled};

/// Names of the edits of a decision, normalized.
const LISTS: [&str; 5] = ["edits", "edit", "changes", "replacements", "patches"];
/// Names of the passage as it stands, the one that was asked for first.
const OLD: [&str; 11] = [
    "old",
    "oldpassage",
    "oldtext",
    "oldstring",
    "oldspan",
    "before",
    "find",
    "search",
    "original",
    "originaltext",
    "from",
];
/// Names of what stands there afterwards.
const NEW: [&str; 11] = [
    "new",
    "newpassage",
    "newtext",
    "newstring",
    "newspan",
    "after",
    "replace",
    "replacement",
    "replacewith",
    "with",
    "to",
];

/// The edits of a decision: in a list, as one object, or beside the decision.
pub(super) fn of(value: &Value) -> Vec<Edit> {
    let given = match member(value, &LISTS) {
        Some(Value::Array(list)) => list.iter().filter_map(edit).collect(),
        Some(one) => edit(one).into_iter().collect(),
        None => Vec::new(),
    };
    if given.is_empty() {
        edit(value).filter(|edit| *edit != Edit::default()).into_iter().collect()
    } else {
        given
    }
}

/// Both passages must be named: one that is missing is not an empty one.
fn edit(value: &Value) -> Option<Edit> {
    let (old, new) = (verbatim(member(value, &OLD)?)?, verbatim(member(value, &NEW)?)?);
    // Placeholders on both sides are the example of the form. One side alone may be meant.
    let is_form = |text: &str| unfilled::is_form(text) && text.chars().any(|c| !c.is_alphanumeric());
    let changes = old != new || old.is_empty();
    (changes && !(is_form(&old) && is_form(&new))).then_some(Edit { old, new })
}

/// A passage as it was written: a text, or its lines in a list. Nothing is trimmed.
fn verbatim(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Array(lines) => {
            let lines: Option<Vec<&str>> = lines.iter().map(Value::as_str).collect();
            Some(lines?.join("\n"))
        }
        _ => None,
    }
}

/// Where a line stands in a block: outside, among the old lines, or among the new ones.
enum Side {
    Outside,
    Old(String),
    New(String, String),
}

/// Blocks of `<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE`, each below a line in which `names` finds its finding;
/// and the text without them.
pub(super) fn blocks(
    text: &str,
    names: impl Fn(&str) -> Option<FindingId>,
) -> (Vec<(FindingId, Edit)>, String) {
    let (mut edits, mut prose) = (Vec::new(), String::new());
    let (mut side, mut finding) = (Side::Outside, None);
    for line in text.split_inclusive('\n') {
        side = match side {
            Side::Outside if is_mark(line, '<') => Side::Old(String::new()),
            Side::Outside => {
                finding = names(line).or(finding);
                prose.push_str(line);
                Side::Outside
            }
            Side::Old(old) if is_mark(line, '=') => Side::New(old, String::new()),
            Side::Old(old) => Side::Old(old + line),
            Side::New(old, new) if is_mark(line, '>') => {
                let passage = |text: String| text.strip_suffix('\n').map_or(text.clone(), str::to_owned);
                edits.extend(finding.map(|finding| (finding, Edit { old: passage(old), new: passage(new) })));
                Side::Outside
            }
            Side::New(old, new) => Side::New(old, new + line),
        };
    }
    // A block without its end is left out: half of a passage must not get into the text.
    (edits, prose)
}

/// Whether a line is a mark of a block, with or without a word behind it.
fn is_mark(line: &str, mark: char) -> bool {
    let rest = line.trim_end().trim_start_matches(mark);
    let length = line.trim_end().len() - rest.len();
    // Seven signs are usual, and some models write fewer. Three would be a quotation or a rule.
    length >= 5 && (rest.is_empty() || (mark != '=' && rest.starts_with(' ')))
}
