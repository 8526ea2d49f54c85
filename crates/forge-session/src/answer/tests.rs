//! Malformed critiques: each says the same two faults, or one of them, in its own wrong way.

use serde_json::json;

use super::DispositionKind;
use super::*;

const ONE: &str = "the limit has no unit";
const TWO: &str = "tokens never expire";

/// Replies with both findings: a major one about ONE and a minor one about TWO.
const BOTH: &[&str] = &[
    r#"{"findings": [{"severity": "major", "claim": "the limit has no unit"}, {"severity": "minor", "claim": "tokens never expire"}]}"#,
    r#"[{"severity": "major", "claim": "the limit has no unit"}, {"severity": "minor", "claim": "tokens never expire"}]"#,
    "```json\n{\"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]}\n```",
    "```\n[{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]\n```",
    "Here is my critique:\n\n{\"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]}\n\nHope it helps!",
    "See [the text] and {this}: {\"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]}",
    "```json\n{\"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\",}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\",},],}",
    "{'findings': [{'severity': 'major', 'claim': 'the limit has no unit'}, {'severity': 'minor', 'claim': 'tokens never expire'}]}",
    "{findings: [{severity: \"major\", claim: \"the limit has no unit\"}, {severity: \"minor\", claim: \"tokens never expire\"}]}",
    "{findings: [{severity: major, claim: \"the limit has no unit\"}, {severity: minor, claim: \"tokens never expire\"}]}",
    "{“findings”: [{“severity”: “major”, “claim”: “the limit has no unit”}, {“severity”: “minor”, “claim”: “tokens never expire”}]}",
    "{\"findings\": [{\"severity\": \"major\", // bad\n\"claim\": \"the limit has no unit\"}, /* next */ {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]}",
    "{\"findings\": [{\"severity\": \"major\" \"claim\": \"the limit has no unit\"} {\"severity\": \"minor\" \"claim\": \"tokens never expire\"}]}",
    "{\"findings\": [{\"severity\": \"major\",\n\"claim\": \"the limit has no unit\"\n\"quote\": \"x\"},\n{\"severity\": \"minor\",\n\"claim\": \"tokens never expire\"}]",
    "{\"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}",
    "{\"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\", \"suggested_change\": \"let them exp",
    "{\"strengths\": [\"short\"], \"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}, {\"severity\": \"cri",
    r#"{"critique": {"findings": 1}, "findings": [{"severity": "MAJOR", "claim": "the limit has no unit"}, {"severity": "Minor", "claim": "tokens never expire"}]}"#,
    r#"{"Findings": [{"Severity": "Major", "Claim": "the limit has no unit"}, {"Severity": "Minor", "Claim": "tokens never expire"}]}"#,
    r#"{"issues": [{"level": "high", "issue": "the limit has no unit"}, {"level": "low", "issue": "tokens never expire"}]}"#,
    r#"{"problems": [{"priority": "serious", "description": "the limit has no unit"}, {"priority": "moderate", "description": "tokens never expire"}]}"#,
    r#"{"findings": {"major": ["the limit has no unit"], "minor": ["tokens never expire"]}}"#,
    r#"{"findings": {"major": [{"claim": "the limit has no unit"}], "minor": [{"claim": "tokens never expire"}]}}"#,
    r#"{"findings": [{"severity": "major", "claim": "the limit has no unit", "extra": {"a": [1, 2]}}, {"severity": "minor", "claim": "tokens never expire", "confidence": 0.9}]}"#,
    "\u{feff}{\"findings\": [{\"severity\": \"major\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]}",
    "{\"findings\": [{\"severity\": \"major\", \"quote\": \"it says \"100\" here\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]}",
    "{\"findings\": [{\"severity\": \"major\", \"quote\": \"two\nlines\", \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"claim\": \"tokens never expire\"}]}",
    "{\"findings\": [{\"severity\": \"major\", \"line\": 12, \"claim\": \"the limit has no unit\"}, {\"severity\": \"minor\", \"line\": null, \"claim\": \"tokens never expire\"}, null, \"x\", 3]}",
    "# Findings\n\n## major: clarity\n\n> the limit\n\nthe limit has no unit\n\n## minor: security\n\ntokens never expire\n",
    "## [Major] the limit has no unit\n\n## [Minor] tokens never expire\n",
    "### Major — the limit has no unit\n\n### Minor — tokens never expire\n",
    "### 1. Major: the limit has no unit\n\nText.\n\n### 2. Minor: tokens never expire\n",
    "**Major**: the limit has no unit\n\n**Minor**: tokens never expire\n",
    "- **Major:** the limit has no unit\n- **Minor:** tokens never expire\n",
    "- **[Major]** the limit has no unit\n- **[Minor]** tokens never expire\n",
    "* [major] the limit has no unit\n* [minor] tokens never expire\n",
    "1. (major) the limit has no unit\n2. (minor) tokens never expire\n",
    "1) major: the limit has no unit\n2) minor: tokens never expire\n",
    "1. **Major (security)**: the limit has no unit\n2. **Minor (clarity)**: tokens never expire\n",
    "- major, correctness: the limit has no unit\n- minor, security: tokens never expire\n",
    "- major - the limit has no unit\n- minor - tokens never expire\n",
    "## Major issues\n\n- the limit has no unit\n\n## Minor issues\n\n- tokens never expire\n",
    "## Major\n\n1. the limit has no unit\n\n## Minor\n\n1. tokens never expire\n",
    "**Major findings**\n\n- the limit has no unit\n\n**Minor findings**\n\n- tokens never expire\n",
    "## Strengths\n\n- short\n- clear\n\n## Major issues\n* the limit has no unit\n\n## Minor issues\n* tokens never expire\n\n## Summary\n\nRather good.",
    "## Finding 1\n\n- Severity: major\n- Claim: the limit has no unit\n\n## Finding 2\n\n- Severity: minor\n- Claim: tokens never expire\n",
    "## Finding 1: the limit has no unit\n\n**Severity:** Major\n**Category:** clarity\n\n## Finding 2: tokens never expire\n\n**Severity:** Minor\n",
    "### F1\nSeverity: major\nQuote: the limit\nClaim: the limit has no unit\n\n### F2\nSeverity: minor\nClaim: tokens never expire\n",
    "Severity: major\nClaim: the limit has no unit\n\nSeverity: minor\nClaim: tokens never expire\n",
    "**Severity**: major\n**Issue**: the limit has no unit\n\n**Severity**: minor\n**Issue**: tokens never expire\n",
    "- Severity: major\n  Claim: the limit has no unit\n- Severity: minor\n  Claim: tokens never expire\n",
    "| Severity | Claim |\n|---|---|\n| major | the limit has no unit |\n| minor | tokens never expire |\n",
    "| # | Severity | Category | Claim | Suggestion |\n|:--|---|---|---|---|\n| 1 | **Major** | clarity | the limit has no unit | add it |\n| 2 | Minor | security | tokens never expire | an hour |\n",
    "Major: the limit has no unit\n\nMinor: tokens never expire",
    "[MAJOR] the limit has no unit\n[MINOR] tokens never expire",
    "(major) the limit has no unit\n\n(minor) tokens never expire",
    "# Critique\n\nI read it twice.\n\n## Findings\n\n### the limit has no unit\n\nSeverity: major\n\n### tokens never expire\n\nSeverity: minor\n",
    "```markdown\n## major: clarity\n\nthe limit has no unit\n\n## minor: security\n\ntokens never expire\n```",
    "- 🔴 **Major** — the limit has no unit\n- 🟡 **Minor** — tokens never expire\n",
    "## 🔴 Major: the limit has no unit\n\n## 🟡 Minor: tokens never expire",
    "1. **Severity: Major** — the limit has no unit\n2. **Severity: Minor** — tokens never expire",
    "* **major** · the limit has no unit\n* **minor** · tokens never expire",
    "> **major**: the limit has no unit\n\n> **minor**: tokens never expire",
];

#[test]
fn a_malformed_critique_is_understood_without_a_repair() {
    let mut lost = Vec::new();
    for text in BOTH {
        let found = match read(Form::Critique, &forge_prompt::clean(text)) {
            Reading::Critique(critique) => critique.findings,
            _ => Vec::new(),
        };
        let said = |severity, claim: &str| {
            found.iter().any(|one| one.severity == Some(severity) && one.claim.contains(claim))
        };
        if found.len() != 2 || !said(Severity::Major, ONE) || !said(Severity::Minor, TWO) {
            lost.push(format!("{text}\n=> {found:#?}"));
        }
    }
    assert!(lost.is_empty(), "{} of {}:\n{}", lost.len(), BOTH.len(), lost.join("\n\n"));
}

#[test]
fn a_reply_without_findings_is_told_from_one_that_is_not_understood() {
    for text in [
        r#"{"findings": []}"#,
        r#"{"strengths": ["x"], "findings": null}"#,
        "No findings.",
        "I found no issues.",
    ] {
        assert_eq!(
            read(Form::Critique, text),
            Reading::Critique(match read(Form::Critique, text) {
                Reading::Critique(critique) if critique.findings.is_empty() => critique,
                other => panic!("{text}: {other:?}"),
            })
        );
    }
    for text in [
        "",
        "   ",
        "I cannot help with that.",
        "{}",
        "[]",
        "null",
        "{\"answer\": 42}",
        "The text is fine as far as it goes, and long.",
    ] {
        assert_eq!(read(Form::Critique, text), Reading::Unreadable, "{text}");
    }
}

#[test]
fn a_list_of_which_nothing_is_understood_is_not_an_empty_one() {
    for text in [
        r#"{"findings": [{"severity": "maj"#,
        r#"{"strengths": ["short"], "findings": ["#,
        r#"{"strengths": ["short"], "findings": [{"#,
        r#"{"findings": [{"weight": 3}]}"#,
        r#"{"findings": {"type": "array", "items": {}}}"#,
        r#"{"findings": 3}"#,
    ] {
        assert_eq!(read(Form::Critique, text), Reading::Unreadable, "{text}");
    }
    for text in
        [r#"{"findings": {}}"#, r#"{"findings": {"major": [], "minor": null}}"#, r#"{"findings": "none"}"#]
    {
        assert_eq!(read(Form::Critique, text), Reading::Critique(Critique::default()), "{text}");
    }
}

#[test]
fn nonsense_of_any_shape_and_length_is_read_and_says_nothing() {
    for piece in [
        "{a:b ",
        "{\"a\":",
        "[",
        "\"",
        "{",
        "<severity>",
        "> ",
        "| a ",
        "**",
        "F1: ",
        "\\u00",
        "#",
        "{'a' ",
        "a <think> ",
        "</think>. ",
        "```\n",
        "- <<<<<<< SEARCH\n",
        "[THINK",
        "<|channel|>",
    ] {
        let text = piece.repeat(30_000 / piece.len());
        for stage in [Form::Critique, Form::Revision, Form::Check] {
            assert_eq!(read(stage, &text), Reading::Unreadable, "{stage:?} of {piece}");
        }
    }
}

#[test]
fn a_name_that_comes_twice_hides_nothing() {
    let (one, two) = (json!({"severity": "major", "claim": ONE}), json!({"severity": "minor", "claim": TWO}));
    for text in [
        format!(r#"{{"findings": [{one}], "findings": [{two}]}}"#),
        format!(r#"{{"findings": [{one}], "strengths": [], "findings": [{two}],}}"#),
        format!(r#"{{"findings": [{one}, {two}], "findings": [{one}, {two}]}}"#),
        format!(r#"{{"findings": null, "findings": [{one}, {two}]}}"#),
        format!(r#"{{"findings": [{one}], "issues": [{two}]}}"#),
        format!(r#"{{"Findings": [{one}], "findings": [{two}]}}"#),
    ] {
        let Reading::Critique(critique) = read(Form::Critique, &text) else { panic!("{text}") };
        let claims: Vec<_> = critique.findings.iter().map(|one| one.claim.as_str()).collect();
        assert!(claims == [ONE, TWO] || claims == [TWO, ONE], "{text}: {claims:?}");
    }
    let joined = format!(r#"{{"findings": [{{"severity": "major", "claim": "{ONE}", "claim": "{TWO}"}}]}}"#);
    let Reading::Critique(critique) = read(Form::Critique, &joined) else { panic!("{joined}") };
    assert_eq!(critique.findings[0].claim, format!("{ONE}\n{TWO}"));
}

#[test]
fn answers_that_contradict_themselves_are_no_answers() {
    let twice = r##"{"document": "# A\n\na", "document": "# B\n\nb", "dispositions": [
        {"finding": "F1", "decision": "accept", "decision": "reject"}, {"finding": "F2", "decision": "defer"}]}"##;
    let Reading::Revision(revision) = read(Form::Revision, twice) else { panic!("not understood") };
    let given: Vec<_> = revision.dispositions.iter().map(|one| one.finding.0).collect();
    assert_eq!((revision.document, given), (None, vec![2]));

    let twice = r#"{"verdicts": [{"finding": "F1", "settled": true, "settled": false}]}"#;
    assert_eq!(read(Form::Check, twice), Reading::Check(Check::default()));
}

#[test]
fn a_slip_at_the_end_of_an_answer_does_not_reduce_it_to_a_part() {
    let groups =
        format!(r#"{{"findings": {{"major": [{{"claim": "{ONE}"}}], "minor": [{{"claim": "{TWO}"}}]}},}}"#);
    let Reading::Critique(critique) = read(Form::Critique, &groups) else { panic!("{groups}") };
    let found: Vec<_> = critique.findings.iter().map(|one| (one.severity, one.claim.as_str())).collect();
    assert_eq!(found, [(Some(Severity::Major), ONE), (Some(Severity::Minor), TWO)]);

    let whole =
        r##"{"document": "# T\n\nBody.", "dispositions": [{"finding": "F1", "decision": "defer"}],}"##;
    let Reading::Revision(revision) = read(Form::Revision, whole) else { panic!("{whole}") };
    assert_eq!((revision.document.as_deref(), revision.dispositions.len()), (Some("# T\n\nBody."), 1));

    let check = format!(
        r#"{{"verdicts": [{{"finding": "F1", "settled": true}}], "new_findings": [{{"claim": "{ONE}"}}],}}"#
    );
    let Reading::Check(check) = read(Form::Check, &check) else { panic!("{check}") };
    assert_eq!((check.verdicts.len(), check.new_findings.len()), (1, 1));
}

#[test]
fn what_a_finding_quotes_is_not_read_as_findings() {
    let quote = r#"[{"title": "teapot", "message": "short and stout"}]"#;
    let finding = |claim: &str| json!({"severity": "major", "quote": quote, "claim": claim});
    for text in [
        format!("{}\n{}", finding(ONE), finding(TWO)),
        format!(r#"{{"findings": [{}, {},],}}"#, finding(ONE), finding(TWO)),
    ] {
        let Reading::Critique(critique) = read(Form::Critique, &text) else { panic!("{text}") };
        let claims: Vec<_> = critique.findings.iter().map(|one| one.claim.as_str()).collect();
        assert_eq!(claims, [ONE, TWO], "{text}");
    }
}

#[test]
fn what_a_critic_leaves_out_stays_empty() {
    let Reading::Critique(critique) = read(
        Form::Critique,
        r#"{"findings": [{"claim": "x"}, {"severity": "huge", "category": "fun", "claim": "y"}, {"severity": "major"}]}"#,
    ) else {
        panic!("not understood")
    };
    let empty = |claim: &str| Issue { claim: claim.into(), ..Issue::default() };
    assert_eq!(critique.findings, [empty("x"), Issue { rating: "huge".into(), ..empty("y") }]);
}

#[test]
fn a_synthesis_is_read_from_json_and_from_headed_markdown() {
    let document = "# T\n\nBody with ```code {\"a\": 1}``` and more.";
    let whole = json!({"document": document, "dispositions": [
        {"finding": "F1", "decision": "accept", "reason": "r", "changed_span": "s"},
        {"finding": "Finding 2", "decision": "Rejected", "reason": "no"},
        {"finding": 3, "decision": "deferred"},
        {"finding": "F4", "decision": "perhaps"},
    ]});
    let markdown = format!(
        "## Document\n{document}\n\n## Dispositions\n\n- **F1**: accept - r\n- F2: rejected (no)\n| F3 | defer | later |\n- F4: perhaps\n"
    );
    let mixed = format!("{document}\n\n```json\n{}\n```", json!({"dispositions": whole["dispositions"]}));
    for text in [whole.to_string(), format!("```json\n{whole:#}\n```"), markdown, mixed] {
        let Reading::Revision(revision) = read(Form::Revision, &text) else { panic!("{text}") };
        assert_eq!(revision.document.as_deref(), Some(document), "{text}");
        let given: Vec<_> = revision.dispositions.iter().map(|one| (one.finding.0, one.decision)).collect();
        assert_eq!(
            given,
            [(1, DispositionKind::Accept), (2, DispositionKind::Reject), (3, DispositionKind::Defer)],
            "{text}"
        );
        assert_eq!(revision.dispositions[1].reason, "no", "{text}");
    }
    for text in ["I would rather not.", "# T\n\nOnly a document.", "{\"document\": \"cut of"] {
        assert_eq!(read(Form::Revision, text), Reading::Unreadable, "{text}");
    }
}

#[test]
fn a_check_is_read_from_json_and_from_lines() {
    for text in [
        r#"{"verdicts": [{"finding": "F1", "settled": true, "reason": "r"}, {"finding": "F2", "settled": "no", "reason": "r"}, {"finding": "F3", "settled": "maybe"}]}"#,
        r#"{"verdicts": {"F1": true, "F2": {"settled": false, "reason": "r"}}, "new_findings": []}"#,
        "- F1: settled\n- F2: not settled - r\n- F3: maybe\n",
        "**F1** — resolved (r)\n**F2** — unresolved (r)",
        "| F1 | settled | r |\n| F2 | open | r |",
    ] {
        let Reading::Check(check) = read(Form::Check, text) else { panic!("{text}") };
        let given: Vec<_> = check.verdicts.iter().map(|one| (one.finding.0, one.settled)).collect();
        assert_eq!(given, [(1, true), (2, false)], "{text}");
    }
    assert_eq!(read(Form::Check, "All good, well done!"), Reading::Unreadable);
}

#[test]
fn a_heading_of_the_document_about_dispositions_does_not_end_it() {
    let text =
        "# Waste\n\n## Disposition of waste\n\nIt is burnt.\n\n## Dispositions\n\n- F1: accepted - done\n";
    let Reading::Revision(revision) = read(Form::Revision, text) else { panic!("{text}") };
    assert!(revision.document.is_some_and(|document| document.ends_with("It is burnt.")));
    assert_eq!(revision.dispositions.len(), 1);
}

#[test]
fn new_faults_of_a_check_are_read_in_every_form() {
    for text in [
        r#"{"verdicts": [], "new_findings": [{"severity": "major", "claim": "the limit has no unit"}]}"#,
        r#"{"verdicts": [], "new_findings": {"major": ["the limit has no unit"]}}"#,
        r#"{"verdicts": [], "new_findings": {"severity": "major", "claim": "the limit has no unit"}}"#,
        "- F1: settled\n\n## New findings\n\n- **Major**: the limit has no unit\n",
        "F1: settled\n\nNew faults:\n1. [major] the limit has no unit\n",
    ] {
        let Reading::Check(check) = read(Form::Check, text) else { panic!("{text}") };
        let found: Vec<_> = check.new_findings.iter().map(|one| (one.severity, one.claim.as_str())).collect();
        assert_eq!(found, [(Some(Severity::Major), ONE)], "{text}");
    }
    let none = "F1: settled\n\n## New findings\n\nNone.\n";
    let Reading::Check(check) = read(Form::Check, none) else { panic!("{none}") };
    assert_eq!((check.verdicts.len(), check.new_findings.len()), (1, 0));
}

/// Writes findings in one of many wrong ways.
fn garble(rng: &mut fastrand::Rng, findings: &[(Severity, String)]) -> String {
    let style = rng.u8(0..10);
    let word = |severity: Severity, rng: &mut fastrand::Rng| match rng.u8(0..3) {
        0 => severity.as_str().to_owned(),
        1 => severity.as_str().to_uppercase(),
        _ => severity.as_str()[..1].to_uppercase() + &severity.as_str()[1..],
    };
    let mut text = String::new();
    if style < 4 {
        let items: Vec<_> = findings
            .iter()
            .map(|(severity, claim)| {
                json!({"severity": word(*severity, rng), "claim": claim, "quote": "q"}).to_string()
            })
            .collect();
        text = format!("{{\"findings\": [{}]}}", items.join(", "));
        text = match style {
            0 => text,
            1 => text.replace("}, ", ",}, ").replace("}]", ",},]"),
            2 => text.replace("\"severity\"", "severity").replace("\"claim\"", "claim"),
            _ => text[..text.len() - rng.usize(0..3)].to_owned(),
        };
        return match rng.u8(0..3) {
            0 => text,
            1 => format!("```json\n{text}\n```"),
            _ => format!("Here you are:\n{text}\nThat is all."),
        };
    }
    for (severity, claim) in findings {
        let word = word(*severity, rng);
        let entry = match style {
            4 => format!("## {word}: clarity\n\n{claim}\n\n"),
            5 => format!("- **{word}**: {claim}\n"),
            6 => format!("1. [{word}] {claim}\n"),
            7 => format!("## Finding\n\nSeverity: {word}\n\nClaim: {claim}\n\n"),
            8 => format!("### {word} — {claim}\n\n"),
            _ => format!("**Severity:** {word}\n**Claim:** {claim}\n\n"),
        };
        text += &entry;
    }
    text
}

#[test]
fn of_a_thousand_garbled_critiques_98_percent_are_understood_and_nothing_is_made_up() {
    let words = [
        "limit", "token", "cache", "expires", "unit", "per", "minute", "is", "not", "clear", "when", "load",
        "grows",
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut understood, mut all) = (0, 0);
    for _ in 0..1_000 {
        let findings: Vec<(Severity, String)> = (0..rng.usize(1..5))
            .map(|_| {
                let severity = Severity::ALL[rng.usize(0..4)];
                let claim: Vec<&str> =
                    (0..rng.usize(5..10)).map(|_| words[rng.usize(0..words.len())]).collect();
                (severity, claim.join(" "))
            })
            .collect();
        let text = garble(&mut rng, &findings);
        let read = match read(Form::Critique, &text) {
            Reading::Critique(critique) => critique.findings,
            _ => Vec::new(),
        };
        let got: Vec<_> = read.iter().map(|one| (one.severity, one.claim.trim().to_owned())).collect();
        let wanted: Vec<_> = findings.into_iter().map(|(severity, claim)| (Some(severity), claim)).collect();
        all += 1;
        understood += usize::from(got == wanted);
        for one in read {
            for value in [one.claim, one.quote, one.location, one.suggested_change] {
                assert!(value.split_whitespace().all(|word| text.contains(word)), "{value:?} from {text}");
            }
        }
    }
    assert!(understood * 100 >= all * 98, "{understood} of {all}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in "[-#*>|`\\[\\]{}():,.\"'FfMm a-z0-9\n—🔴é]{0,300}") {
        for form in [Form::Document, Form::Critique, Form::Revision, Form::Check] {
            read(form, &text);
        }
    }
}
