//! What a person reads: the order of a report, what it says of each finding, and what it leaves out.

use forge_session::{Reference, SessionResult, Topic};
use serde_json::json;

use crate::stage::{
    DRAFT, Play, Theatre, accept, critique, decision, decisions, finding, labels, plan, user,
};

/// Texts that would break out of a page or out of a line.
pub(crate) const HOSTILE: &str =
    "<img src=x onerror=alert(1)> | a\nnew \"line\" </p></details><script>alert(2)</script> ``` # x";

/// A result whose every text is hostile.
pub(crate) fn hostile() -> SessionResult {
    let theatre = Theatre::new();
    theatre.always(
        "drafter-1",
        Play::Say(format!("{DRAFT}\n<script>alert(1)</script> | </pre>\n\n{HOSTILE}\n")),
    );
    theatre.always(
        "alpha-1",
        Play::Say(critique(&[
            finding("major", "Tokens never expire.", HOSTILE),
            finding("minor", HOSTILE, "hostile words"),
            finding("minor", "\" onclick=\"x()\" id=\"finding-1", "words that are nowhere"),
        ])),
    );
    theatre.always("checker-1", Play::Say("{}".into()));
    let mut plan = plan();
    plan.topic = Topic::new(HOSTILE)
        .with_description(HOSTILE.repeat(9))
        .with_constraint(HOSTILE)
        .with_reference(Reference::file(HOSTILE, "a text"));
    (plan.simulated, plan.settings.compare) = (true, true);
    theatre.session(plan)
}

/// One finding fixed, one rejected, one left, over the usual draft.
pub(crate) fn usual() -> SessionResult {
    let theatre = Theatre::new();
    let found = [
        finding("major", "Tokens never expire.", "a stolen one is good for ever"),
        finding("major", "Errors are ignored by the caller.", "they must not be"),
        finding("minor", "The limit is one hundred requests a minute.", "no scope"),
    ];
    theatre.always("alpha-1", Play::Say(critique(&found)));
    theatre.always("beta-1", Play::Say(critique(&[])));
    theatre.always("gamma-1", Play::Say(critique(&[])));
    theatre.plays("synth-1", |_, request| {
        let labels = labels(user(request));
        let decide = |label: &String| match label.as_str() {
            "F1" => accept(label, "never expire", "expire after an hour"),
            "F2" => decision(label, "reject", "the caller retries"),
            _ => decision(label, "defer", "not now"),
        };
        Play::Say(decisions(&labels.iter().map(decide).collect::<Vec<_>>()))
    });
    theatre.plays("checker-1", |_, request| {
        let verdict = |label: String| {
            let reason = if label == "F2" { "a retry hides nothing" } else { "an hour is given" };
            json!({"finding": label, "settled": true, "reason": reason})
        };
        let verdicts: Vec<_> = labels(user(request)).into_iter().map(verdict).collect();
        Play::Say(json!({"verdicts": verdicts, "new_findings": []}).to_string())
    });
    let mut plan = plan();
    plan.topic = Topic::new("A rate limiter")
        .with_constraint("no database")
        .with_reference(Reference::file("notes.md", "a text"));
    theatre.session(plan)
}

/// That the words stand in the text in this order.
fn in_order(text: &str, words: &[&str]) {
    let mut from = 0;
    for word in words {
        let at = text[from..].find(word);
        from += at.unwrap_or_else(|| panic!("{word:?} after {:?} in {text}", &text[..from])) + word.len();
    }
}

#[test]
fn a_report_says_what_was_asked_what_came_of_it_and_what_is_less_before_the_document() {
    let mut result = usual();
    result.simulated = true;
    result.notes = vec!["3 critics wanted, 2 possible".into()];
    let outcome = "3 critics, 3 faults, 1 fixed, 1 rejected against 1 vote, 1 left";
    let head = ["A rate limiter", "no database", "notes.md", outcome, "3 critics wanted, 2 possible"];
    let text = result.to_markdown();
    assert!(text.starts_with("> **SIMULATED: written by scripts, not by models**\n>\n> Asked: "), "{text}");
    let parts = ["\n\n# A rate limiter\n", "### From the draft", "### Findings", "### Calls"];
    in_order(&text, &[&head[..], &parts].concat());

    let page = result.to_html();
    let body = page.split_once("</style>").unwrap().1;
    assert!(body.trim_start().starts_with("<header>\n<p class=\"banner\"><strong>SIMULATED"), "{body}");
    let parts = ["<article id=\"document\">", "id=\"difference\"", "id=\"findings\"", "id=\"accounts\""];
    in_order(body, &[&head[..], &parts].concat());
}

#[test]
fn a_long_task_is_folded_in_html_and_cut_in_markdown() {
    let mut result = usual();
    result.asked.task = format!("{} end of task", "word ".repeat(200));
    let (page, text) = (result.to_html(), result.to_markdown());
    in_order(&page, &["<details><summary>word", "…</summary>", "end of task</p></details>", "<article"]);
    let line = text.lines().find(|line| line.starts_with("> Asked: ")).unwrap();
    assert!(line.ends_with("word…") && line.chars().count() < 300 && !text.contains("end of task"), "{line}");
    let short = usual().to_html();
    assert!(!short.split_once("<article").unwrap().0.contains("<details"), "{short}");

    result.asked.references = (0..30).map(|number| format!("file-{number}.md")).collect();
    in_order(&result.to_html(), &["file-11.md", "<summary>18 more</summary>", "file-12.md", "<article"]);
}

#[test]
fn a_finding_says_who_what_where_what_for_why_and_what_stands_there_now() {
    let result = usual();
    let facts = [
        "a stolen one is good for ever",
        "openai/alpha-1",
        "“Tokens never expire.” (checked: it stands in the text)",
        "in the document under “A rate limiter”",
        "say more",
        "accept: right",
        "expire after an hour",
        "the checker agrees",
        "F2",
        "they must not be",
        "reject: the caller retries",
        "the check agrees: a retry hides nothing",
        "F3",
        "defer: not now",
    ];
    let (text, page) = (result.to_markdown(), result.to_html());
    in_order(text.split_once("#### F1 major, settled").unwrap().1, &facts);
    in_order(page.split_once("id=\"finding-1\"").unwrap().1, &facts);
}

#[test]
fn words_that_changed_are_marked_beside_those_that_did_not() {
    let page = usual().to_html();
    let after = page.split_once("</article>").unwrap().1;
    assert!(after.trim_start().starts_with("<section id=\"difference\">"), "{after}");
    assert!(after.contains("Tokens <del>never expire</del><ins>expire after an hour</ins>.</p>"), "{after}");
    assert!(after.contains("<details open>"), "a short difference is not folded: {after}");
    let mut long = usual();
    long.draft = format!("{}\n{}", long.draft, "One more paragraph of the draft.\n\n".repeat(100));
    assert!(long.to_html().contains("<details><summary>") && !long.to_html().contains("<details open>"));
    let mut same = usual();
    same.draft = same.document.clone();
    assert!(!same.to_html().contains("id=\"difference\"") && !same.to_markdown().contains("From the draft"));
}

#[test]
fn markdown_shows_changed_lines_unless_they_are_longer_than_the_document() {
    let result = usual();
    let text = result.to_markdown();
    assert!(
        text.contains(
            "\n```diff\n@@ -4,3 +4,3 @@\n \n-Tokens never expire.\n+Tokens expire after an hour.\n \n```\n"
        ),
        "{text}"
    );
    let mut rewritten = result;
    rewritten.draft = "Something else.\n".repeat(40);
    let text = rewritten.to_markdown();
    assert!(text.contains("40 lines gone, 7 new"), "{text}");
    assert!(!text.contains("```diff"), "{text}");
    let mut fenced = usual();
    fenced.draft = fenced.document.replace("Tokens", "````\nTokens");
    assert!(fenced.to_markdown().contains("`````diff\n"));
}

#[test]
fn a_chart_of_zeros_or_of_one_bar_is_left_out_and_the_times_stay() {
    let mut result = usual();
    for (number, call) in (1..).zip(&mut result.calls) {
        call.duration_ms = Some(number * 100);
    }
    let page = result.to_html();
    assert!(page.contains("<h2>Cost</h2>") && page.matches("<svg").count() > result.calls.len(), "{page}");
    let mut single = result.clone();
    single.by_participant = single.by_participant.into_iter().take(1).collect();
    for usage in result.by_participant.values_mut() {
        usage.cost = forge_core::Money::default();
    }
    for page in [single.to_html(), result.to_html()] {
        assert!(!page.contains("<h2>Cost</h2>") && page.contains("0.3 s"), "{page}");
    }
    for call in &mut result.calls {
        call.duration_ms = Some(0);
    }
    let page = result.to_html();
    assert!(page.contains("<h2>Calls</h2>") && page.contains("0.0 s") && !page.contains("<svg"), "{page}");
}

#[test]
fn the_session_comes_last_with_the_command_that_shows_it_again() {
    let mut result = usual();
    let last = |text: &str| text.trim_end().lines().last().unwrap().to_owned();
    assert_eq!(last(&result.to_markdown()), "Session `s-1`, shown again by `forge sessions show s-1`");
    result.simulated = true;
    assert!(last(&result.to_markdown()).ends_with("`forge sessions show s-1 --offline`"));
    let page = result.to_html();
    let (before, footer) = page.split_once("<footer>").unwrap();
    assert!(footer.contains("<code>forge sessions show s-1 --offline</code></footer>"), "{footer}");
    assert!(!before.contains("s-1 ") && !before.contains(">s-1<"), "{before}");
}

#[test]
fn markdown_keeps_hostile_texts_in_their_lines() {
    let text = hostile().to_markdown();
    let facts = text.split_once("## About this document").unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("> **SIMULATED: written by scripts, not by models**"));
    let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('>')).collect();
    for word in [
        "Asked: <img",
        "Keep to: <img",
        "Work from: <img",
        "> **DEGRADED: the revision could not be checked**",
    ] {
        assert!(head.iter().any(|line| line.contains(word)), "{word}: {head:?}");
    }
    assert!(head.iter().any(|line| line.contains("the revision was not checked")), "{head:?}");
    assert!(facts.1.contains("| accepted | <img src=x onerror=alert(1)> \\| a new \"line\""), "{text}");
    assert!(!facts.1.contains("\nnew \"line\"") && facts.1.contains("| critic 1 of cycle 1 |"), "{text}");
    assert!(facts.1.contains("### Against the draft"), "{text}");
}

#[test]
fn a_page_fits_a_narrow_screen_a_dark_one_and_paper() {
    let page = crate::report_marks::rich().to_html();
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    for rule in
        ["@media(prefers-color-scheme:dark)", "@media(max-width:36rem)", "@media print", "max-width:75ch"]
    {
        assert!(style.contains(rule), "{rule}");
    }
    assert_eq!(page.matches("<div class=\"wide\"><table>").count(), 1, "a wide table scrolls inside itself");
    for wide in [".wide{overflow-x:auto", "overflow-x:auto;overflow-wrap:normal;font-size"] {
        assert!(style.contains(wide), "{wide}");
    }
    assert!(style.contains("line-through") && style.contains("underline"), "not by colour alone");
}

#[test]
fn html_needs_nothing_else_and_escapes_what_others_wrote() {
    let mut result = hostile();
    result.asked.task.push_str("\u{202e}\u{200b}turned");
    let page = result.to_html();
    assert!(page.starts_with("<!doctype html>") && page.contains("SIMULATED"));
    for bad in
        ["<script", "<img", "onclick=\"", "</p></details>&lt;", "http://", "https://", "url(", "@import"]
    {
        assert!(!page.contains(bad), "{bad}");
    }
    assert!(!page.contains(['\u{202e}', '\u{200b}']));
    let escaped = page.matches("&lt;img src=x onerror=alert(1)&gt;").count();
    assert!(escaped > 12, "title, task, constraint, reference, document, claim, quote: {escaped}");
    for tag in
        ["details", "section", "p", "dl", "table", "article", "header", "mark", "ins", "del", "sup", "a"]
    {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}: {page}");
    }
}
