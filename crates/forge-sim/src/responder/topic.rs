//! What a prompt is about.

use crate::scenario::strip;

const TOPIC_CHARS: usize = 80;

/// The subject of a prompt in a few words: what stands behind a label such as `Topic:`, or its first line.
pub fn topic(user: &str) -> String {
    let text = strip(user);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let labelled = lines().find_map(|line| {
        let (label, rest) = line.trim_start_matches(['#', '*', '-', ' ']).split_once(':')?;
        let rest = rest.trim_start_matches('*').trim();
        let known = ["topic", "title", "task", "question"]
            .iter()
            .any(|known| label.trim_end_matches('*').eq_ignore_ascii_case(known));
        (known && !rest.is_empty()).then_some(rest)
    });
    let line = labelled
        .or_else(|| lines().find(|line| !is_fence(line) && !line.starts_with('#')))
        .or_else(|| lines().next())
        .unwrap_or("nothing in particular");
    shorten(line)
}

fn shorten(line: &str) -> String {
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim().trim_end_matches(['.', '?', '!', ':']);
    if clean.chars().count() <= TOPIC_CHARS {
        return clean.to_owned();
    }
    let cut: String = clean.chars().take(TOPIC_CHARS).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

fn is_fence(line: &str) -> bool {
    ["```", "~~~", "<<<", ">>>", "===", "---", "</", "[END", "[BEGIN"]
        .iter()
        .any(|fence| line.starts_with(fence))
        || (line.starts_with('<') && line.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_is_the_labelled_line_or_the_first_one() {
        assert_eq!(topic("# Draft\n\nWrite about bees.\nMore."), "Write about bees");
        assert_eq!(topic("Do it.\n**Topic:** Rate limits"), "Rate limits");
        assert_eq!(topic("[[sim:refusal]]Hello?"), "Hello");
        assert!(topic(&"word ".repeat(60)).chars().count() <= TOPIC_CHARS + 1);
        assert_eq!(topic(""), "nothing in particular");
    }
}
