//! The marks at the passages of findings in a page: one for each, and no word of the document changes for them.

use forge_session::{Finding, FindingId, FindingState, SessionResult};
use proptest::prelude::*;

use crate::report::{HOSTILE, hostile, usual};

/// A document with headings, lists, tables and code, and what was found in it.
pub(crate) fn rich() -> SessionResult {
    let mut result = usual();
    let code = "fn take(bucket: &mut Bucket, now: Instant) -> Result<Permit, Refused> { bucket.refill(now); bucket.take_one().ok_or(Refused::after(bucket.next())) }";
    result.document = format!(
        "# A rate limiter\n\nIt keeps **one bucket** for each `key`, and it says no early.\n\n## Limits\n\n\
         | Who | Requests a minute | Burst | Kept where | What happens above it | Header that says so |\n|---|---|---|---|---|---|\n\
         | anonymous | 60 | 10 | in memory of the one process | 429 with Retry-After | X-RateLimit-Remaining |\n\
         | with a key | 600 | 100 | in memory of the one process | 429 with Retry-After | X-RateLimit-Remaining |\n\n\
         ### Code\n\n```rust\n{code}\n\n// Tokens come back one by one.\nfn refill() {{}}\n```\n\n\
         - Keys expire after an hour &amp; are counted\n- A second point\n\n> A quotation of somebody.\n"
    );
    result.draft = result.document.replace("it says no early", "it says nothing").replace("600", "6000");
    let quotes = [
        "it says no early",
        "| with a key | 600 |",
        "Tokens come back one by one.",
        "Keys expire after an hour &amp; are counted",
        "nowhere to be seen",
        "**one bucket** for each `key`, and",
        "one bucket",
    ];
    let first: Finding = result.findings[1].clone();
    result.findings = (1..)
        .zip(quotes)
        .map(|(number, quote)| {
            let mut one = first.clone();
            (one.id, one.issue.quote, one.state) =
                (FindingId(number), quote.to_owned(), FindingState::Rejected);
            one
        })
        .collect();
    result
}

/// The part of the page that holds the document.
fn article(page: &str) -> &str {
    page.split_once("<article id=\"document\">").unwrap().1.split_once("</article>").unwrap().0
}

/// The text of a page without its tags and without the labels of findings.
fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        out.push_str(text);
        let label = tag.starts_with("sup class=\"label\"");
        let (_, after) = if label { tag.split_once("</sup>") } else { tag.split_once('>') }.unwrap();
        rest = after;
    }
    out + rest
}

/// The words of the document in a page, in their order.
fn words(page: &str) -> Vec<String> {
    plain(article(page)).split_whitespace().map(str::to_owned).collect()
}

fn labels(result: &SessionResult) -> Vec<u32> {
    let page = result.to_html();
    let marked = |number: &u32| {
        let label = format!("<a id=\"passage-{number}\" href=\"#finding-{number}\"");
        let count = article(&page).matches(&label).count();
        assert!(count < 2, "{number}: {page}");
        assert_eq!(page.contains(&format!("href=\"#passage-{number}\"")), count == 1, "{number}: {page}");
        assert_eq!(page.matches(&format!("id=\"finding-{number}\"")).count(), 1);
        count == 1
    };
    result.findings.iter().map(|one| one.id.0).filter(marked).collect()
}

/// The same result without findings, so that nothing is marked.
fn bare(result: &SessionResult) -> String {
    SessionResult { findings: Vec::new(), ..result.clone() }.to_html()
}

#[test]
fn a_fixed_finding_leads_to_its_new_passage_and_the_others_to_what_they_quote() {
    let result = usual();
    assert_eq!(labels(&result), [1, 2, 3]);
    let page = result.to_html();
    for marked in ["Tokens expire after an hour.", "Errors are ignored by the caller."] {
        assert!(article(&page).contains(&format!("</a>&nbsp;</sup><mark>{marked}</mark>")), "{page}");
    }
}

#[test]
fn passages_in_tables_code_entities_and_over_markup_are_marked_once() {
    let result = rich();
    assert_eq!(labels(&result), [1, 2, 3, 4, 6, 7], "what is nowhere has no mark");
    let page = result.to_html();
    assert_eq!(words(&page), words(&bare(&result)));
    for marked in [
        "<mark>it says no early</mark>",
        "<mark>with a key</mark>",
        "<mark>Tokens come back one by one.</mark>",
    ] {
        assert!(page.contains(marked), "{marked}: {page}");
    }
}

#[test]
fn no_quote_is_made_an_anchor_or_a_tag() {
    let result = hostile();
    let page = result.to_html();
    assert!(labels(&result).len() >= 2, "{page}");
    assert_eq!(words(&page), words(&bare(&result)));
    let ids = page.match_indices(" id=\"").map(|(at, found)| {
        let id = &page[at + found.len()..];
        &id[..id.find('"').unwrap()]
    });
    for id in ids {
        let name = id.trim_end_matches(|c: char| c.is_ascii_digit());
        let known = ["passage-", "finding-", "document", "difference", "findings", "accounts"];
        assert!(known.contains(&name), "{id}");
    }
}

#[test]
fn a_page_of_a_megabyte_with_two_hundred_findings_marks_those_that_stand_in_it() {
    let mut result = usual();
    let line =
        |number: usize| format!("Paragraph {number} says that limit {number} holds for key {number}.\n\n");
    result.document = (0..20_000).map(line).collect();
    assert!(result.document.len() > 1_000_000);
    // Every second paragraph changed, and a part is written anew.
    result.draft = (0..20_000)
        .map(|number| match number {
            0..4_000 => format!("Another text, {number}.\n\n"),
            _ if number % 2 == 0 => line(number).replace("holds", "is good"),
            _ => line(number),
        })
        .collect();
    let first = result.findings[1].clone();
    result.findings = (1..=200)
        .map(|number: u32| {
            let mut one = first.clone();
            one.id = FindingId(number);
            // A third of them is nowhere, which takes longest.
            one.issue.quote = match number % 3 {
                0 => format!("Paragraph {number} says that limit {number} never holds"),
                _ => format!("limit {} holds for key", 19_999 - number),
            };
            one
        })
        .collect();
    let (page, text) = (result.to_html(), result.to_markdown());
    assert!(page.len() > 1_000_000 && text.len() > 1_000_000);
    assert_eq!(labels(&result).len(), 134);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Pieces of Markdown in any order, quotes cut out of them at any place.
    #[test]
    fn every_passage_in_the_document_has_one_mark_and_every_word_stays(
        pieces in proptest::collection::vec(0_usize..14, 1..14),
        cuts in proptest::collection::vec((0_usize..1_000, 1_usize..60), 1..9),
    ) {
        let parts = [
            "# Limits\n\n", "Some *words* here. ", "**bold** and `code` ", "- an item\n- another\n\n", "\n\n",
            "```\nlet x = 1;\n\n  y();\n```\n\n", "| a | b |\n|---|---|\n| 1 | two |\n\n", "A [link](http://x/y) ",
            "&amp; &lt;b&gt; \\* ", "<b>html</b> ", "<div>\nblock\n</div>\n\n", "> quoted\n\n", "Zürich → ende ", HOSTILE,
        ];
        let mut result = usual();
        result.document = ["A beginning.\n\n"].into_iter().chain(pieces.iter().map(|piece| parts[*piece])).collect();
        let characters: Vec<char> = result.document.chars().collect();
        let first = result.findings[1].clone();
        result.findings = (1..).zip(&cuts).map(|(number, (at, length))| {
            let from = characters.len() * at / 1_000;
            let mut one = first.clone();
            one.id = FindingId(number);
            one.issue.quote = characters[from..].iter().take(*length).collect();
            one
        }).collect();
        let marked = labels(&result);
        let page = result.to_html();
        prop_assert_eq!(words(&page), words(&bare(&result)));
        for finding in &result.findings {
            // What is more than markup has a mark.
            let telling = finding.issue.quote.split_whitespace().any(|word| {
                ["words", "here.", "item", "two", "quoted", "ende", "another"].contains(&word)
            });
            prop_assert!(!telling || marked.contains(&finding.id.0), "{:?} in {page}", finding.issue.quote);
        }
    }
}
