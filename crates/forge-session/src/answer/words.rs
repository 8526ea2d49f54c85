//! Words that stand for an answer: nothing to list, settled or not.

use forge_prompt::normalize;

/// Ways to say in a list's place that there is nothing to list.
const NOTHING: [&str; 24] = [
    "none",
    "no",
    "nothing",
    "na",
    "nil",
    "empty",
    "nofindings",
    "noissues",
    "noproblems",
    "nofaults",
    "nonefound",
    "noissuesfound",
    "nofindingsfound",
    "nothingtoreport",
    "无",
    "没有",
    "कोई नहीं",
    "ninguno",
    "aucun",
    "لا يوجد",
    "nenhum",
    "нет",
    "keine",
    "なし",
];

/// `None`, `No major issues found.`
pub(super) fn is_nothing(text: &str) -> bool {
    let said = normalize(text);
    // A longer text that begins so is a finding about something that is missing.
    let is_short =
        text.split_whitespace().count() <= 6 && (said.starts_with("no") || said.starts_with("none"));
    let nouns = ["issues", "findings", "problems", "faults", "concerns", "identified", "found"];
    NOTHING.iter().any(|nothing| normalize(nothing) == said)
        || (is_short && nouns.iter().any(|noun| said.contains(noun)))
}

/// Whether a finding is settled, in a reviewer's word for it.
pub(super) fn is_settled(word: &str) -> Option<bool> {
    match normalize(word).as_str() {
        "settled" | "resolved" | "fixed" | "yes" | "true" | "done" | "closed" | "pass" | "passed"
        | "addressed" | "gone" | "rightlyrejected" | "rejectedrightly" | "correctlyrejected"
        | "rejectionupheld" | "upheld" => Some(true),
        // Half settled is not settled.
        "notsettled"
        | "unsettled"
        | "unresolved"
        | "notresolved"
        | "notfixed"
        | "open"
        | "stillopen"
        | "no"
        | "false"
        | "partial"
        | "partially"
        | "partiallysettled"
        | "fail"
        | "failed"
        | "notaddressed"
        | "wronglyrejected"
        | "rejectedwrongly"
        | "incorrectlyrejected"
        | "rejectionoverruled"
        | "overruled" => Some(false),
        _ => None,
    }
}
