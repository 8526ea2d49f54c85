//! What the prompts of a session hold: a draft to judge, findings to answer.

/// The mark that every simulated document carries, by which a later stage finds it again.
pub(super) const MARK: &str = "> SIMULATED:";

/// The document that a prompt holds for judgement or revision.
pub(super) fn document(user: &str) -> Option<&str> {
    fenced(user).or_else(|| marked(user))
}

/// What stands between the fences that call it the document, whoever wrote it.
fn fenced(user: &str) -> Option<&str> {
    let (_, rest) = user.split_once("\n<<<DOCUMENT ")?;
    // The session chooses a marker that the text does not contain, so that no fence within ends it.
    let (marker, rest) = rest.split_once('\n')?;
    let (document, _) = rest.split_once(&format!("\n<<<END {marker}"))?;
    Some(document.trim_end())
}

/// A simulated document, by its mark.
fn marked(user: &str) -> Option<&str> {
    let mark = user.find(MARK)?;
    // The title stands above the mark, unless a fence comes between them.
    let start = user[..mark]
        .rfind("\n# ")
        .map(|at| at + 1)
        .or_else(|| user.starts_with("# ").then_some(0))
        .filter(|start| !user[*start..mark].lines().any(is_fence))
        .unwrap_or(mark);
    let rest = &user[start..];
    let end = rest
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .find(|(_, line)| is_fence(line.trim()))
        .map_or(rest.len(), |(at, _)| at);
    Some(rest[..end].trim_end())
}

fn is_fence(line: &str) -> bool {
    ["```", "~~~", "<<<", ">>>", "===", "---", "</", "[END", "[BEGIN"]
        .iter()
        .any(|fence| line.starts_with(fence))
        || (line.starts_with('<') && line.ends_with('>'))
}

/// Sentences worth quoting: prose of at least six words.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.trim().trim_start_matches(['-', '*', ' ']))
        .filter(|line| !line.starts_with(['#', '>', '{', '"', '|']))
        .flat_map(|line| line.split_inclusive(['.', '!', '?']))
        .map(str::trim)
        .filter(|sentence| sentence.split_whitespace().count() >= 6)
        .collect()
}

/// Labels of findings such as `F1`, in order of their first appearance.
pub(super) fn finding_ids(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for word in text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')) {
        let digits = word
            .strip_prefix(['F', 'f'])
            .map(|rest| rest.trim_start_matches("inding").trim_start_matches(['-', '_']));
        let labelled =
            digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        if labelled && !ids.iter().any(|id| id == word) {
            ids.push(word.to_owned());
        }
    }
    ids
}

/// The passage that a finding quotes: the line of its quote below the line of its label.
pub(super) fn quote_of<'a>(text: &'a str, finding: &str) -> Option<&'a str> {
    let is_label = |line: &&str| line.strip_prefix(finding).is_some_and(|rest| rest.starts_with(" ("));
    let below = text.lines().skip_while(|line| !is_label(line)).skip(1);
    let mut own = below.take_while(|line| line.starts_with(' ') || line.is_empty());
    own.find_map(|line| line.trim_start().strip_prefix("quote: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_found_between_its_fences() {
        let prompt =
            "Judge this.\n<<<DATA 77\n# Bees\n> SIMULATED: yes\nBody here.\n<<<END 77\nAnswer in JSON.";
        assert_eq!(document(prompt), Some("# Bees\n> SIMULATED: yes\nBody here."));
        assert_eq!(document("nothing"), None);
        let given = "Rubric.\n<<<DOCUMENT 7f\n# Hours\n\n```\ncode\n```\nEnd.\n<<<END 7f\nWhat to look for.";
        assert_eq!(document(given), Some("# Hours\n\n```\ncode\n```\nEnd."));
    }

    #[test]
    fn the_quote_of_a_finding_stands_below_its_label() {
        let text = "F1 (major, other), raised by A\n  where: here\n  quote: one\n  claim: x\nF2 (nit, other)\n  claim: y\n";
        assert_eq!(
            (quote_of(text, "F1"), quote_of(text, "F2"), quote_of(text, "F3")),
            (Some("one"), None, None)
        );
    }

    #[test]
    fn findings_are_known_by_their_labels() {
        assert_eq!(
            finding_ids("F1: bad. [F2] worse, see F1; finding-3, Foo, F, f16x"),
            ["F1", "F2", "finding-3"]
        );
    }
}
