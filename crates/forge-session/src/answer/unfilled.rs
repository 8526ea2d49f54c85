//! Telling an answer from a form that is repeated before it is filled in.

use forge_prompt::{is_placeholder, normalize};

use super::{Issue, severity};

/// What stands in the forms of the stages where an answer has something to say.
const BLANKS: [&str; 10] = [
    "claim",
    "quote",
    "location",
    "reason",
    "suggestedchange",
    "yourclaim",
    "yourreason",
    "claimtext",
    "reasontext",
    "exactquote",
];
/// What a form explains. A critic may begin so as well, so it counts only beside other signs.
const EXPLANATIONS: [&str; 14] = [
    "whatiswrong",
    "whatswrong",
    "whatisthe",
    "whatthe",
    "whythis",
    "describe",
    "description",
    "explain",
    "explanation",
    "theproblem",
    "thefault",
    "theissue",
    "yourfinding",
    "ashort",
];

/// Text that is there to be replaced: nothing but dots, `<text>`, `{{text}}`, `string`, a choice of severities.
pub(super) fn is_blank(text: &str) -> bool {
    is_placeholder(text, &BLANKS) || (text.contains('|') && severity::is_choice(text))
}

/// A form's example of a finding.
pub(super) fn is_example(issue: &Issue, rated: &str, category: &str) -> bool {
    let said = if issue.claim.is_empty() { &issue.suggested_change } else { &issue.claim };
    let is_blank_quote = !issue.quote.is_empty() && is_blank(&issue.quote);
    let is_choice = severity::is_choice(rated) || is_blank_word(rated);
    let explains = said.split_whitespace().nth(12).is_none() && {
        let said = normalize(said);
        EXPLANATIONS.iter().any(|start| said.starts_with(start))
    };
    // Beside a claim that says something, one sign may be the critic's own, such as an unusual rating.
    let has_blank = is_choice || is_blank_quote || category.contains('|');
    is_blank(said) || (explains && has_blank) || (is_choice && (issue.quote.is_empty() || is_blank_quote))
}

/// A blank where a severity belongs.
fn is_blank_word(text: &str) -> bool {
    !text.trim().is_empty() && is_blank(text) && severity::of_field(text).is_none()
}

/// A blank that a form has: a dash is what somebody writes who has nothing to say.
pub(super) fn is_form(text: &str) -> bool {
    is_blank(text) && (!normalize(text).is_empty() || text.contains("..") || text.contains('…'))
}

/// A document that is still to be written.
pub(super) fn is_outline(document: &str) -> bool {
    let is_dots =
        |line: &&str| is_form(line) && !normalize(line).chars().eq(line.chars().flat_map(char::to_lowercase));
    let lines = || document.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let starts = ["thewhole", "wholenew", "thefull", "fullrevised", "therevised", "yourdocument"];
    let is_named =
        |name: &str| starts.iter().any(|start| name.starts_with(start)) && name.contains("document");
    // Asked first, so that a document is not looked through.
    let is_short = document.split_whitespace().nth(9).is_none() && lines().count() == 1;
    (is_short && is_named(&normalize(document)))
        || (lines().next().is_some() && lines().all(|line| is_dots(&line)))
}
