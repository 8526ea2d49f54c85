use super::*;
use crate::corpus::Corpus;

const DOCUMENT: &str = r#"---
id: bucket
kind: specification
task: Specify a token bucket.
faults:
  - id: unit
    severity: critical
    category: wrong-unit
    span: "every 100 seconds"
    right: "every 100 milliseconds"
    partners: ["ten tokens a second"]
    wrong: "A factor of a thousand."
    claims: ["second millisecond", "interval rate"]
  - id: race
    severity: major
    category: race
    span: "reads the count and then writes it"
    right: "adds to the count in one step"
    wrong: "Two callers take the same token."
    claims: ["not atomic", "race", "check-then-act"]
---

The rate is ten tokens a second.

Tokens are added every 100 seconds, and each caller reads the count and then writes it.
"#;

fn document() -> Document {
    let text = DOCUMENT.replace("\"race\", ", "");
    Corpus::parse("here", [("bucket.md", text.as_str())]).unwrap().documents()[0].clone()
}

fn matched(findings: &[(&str, &str)]) -> Matched {
    let issue = |(quote, claim): &(&str, &str)| Issue {
        quote: (*quote).to_owned(),
        claim: (*claim).to_owned(),
        ..Issue::default()
    };
    match_findings(&document(), &findings.iter().map(issue).collect::<Vec<_>>())
}

const UNIT: (&str, &str) = ("added every 100 seconds", "The interval contradicts the rate");
const RACE: (&str, &str) = ("reads the count", "This is NOT an atomic step.");
const BOTH: &str = "Tokens are added every 100 seconds, and each caller reads the count and then writes it.";

#[test]
fn a_fault_is_identified_by_its_place_and_its_claim() {
    for (findings, located, identified, false_claims) in [
        (&[][..], [false, false], [false, false], 0),
        (&[UNIT], [true, false], [true, false], 0),
        (&[RACE, UNIT], [true, true], [true, true], 0),
        // Through a partner.
        (&[("ten  tokens a\nsecond", UNIT.1)], [true, false], [true, false], 0),
        // The right place and another claim, and the right claim at no place or another.
        (&[(UNIT.0, "too slow")], [true, false], [false, false], 1),
        (&[("every 7 seconds", UNIT.1)], [false, false], [false, false], 1),
        (&[("", UNIT.1)], [false, false], [false, false], 1),
        (&[("The rate is", UNIT.1)], [false, false], [false, false], 1),
        (&[("each caller", RACE.1)], [false, false], [false, false], 1),
        // All words of one way to say it, not one of each.
        (&[(UNIT.0, "the interval of a millisecond")], [true, false], [false, false], 1),
        (&[(RACE.0, "a check, then an act")], [false, true], [false, true], 0),
    ] {
        let found = matched(findings);
        assert_eq!(
            (&found.located[..], &found.identified[..]),
            (&located[..], &identified[..]),
            "{findings:?}"
        );
        assert_eq!((found.false_claims, found.repeated), (false_claims, 0), "{findings:?}");
    }
    assert_eq!(matched(&[("every 7 seconds", UNIT.1), ("", "x"), UNIT]).unanchored, 2);
}

#[test]
fn one_finding_hits_one_fault_and_a_fault_counts_once() {
    // One quote over both faults hits the one that it claims, though it shares more text with the other.
    let one = matched(&[(BOTH, UNIT.1)]);
    assert_eq!((one.located, one.identified), (vec![true, false], vec![true, false]));
    // Without a claim, the one with more text in common.
    let one = matched(&[(BOTH, "hm")]);
    assert_eq!((one.located, one.identified), (vec![false, true], vec![false, false]));
    // It claims both, and is one finding.
    let both = format!("{} {}", UNIT.1, RACE.1);
    let one = matched(&[(BOTH, &both)]);
    assert_eq!(one.identified.iter().filter(|hit| **hit).count(), 1);
    let repeated = matched(&[UNIT, UNIT, UNIT, (UNIT.0, "hm")]);
    assert_eq!((repeated.repeated, repeated.false_claims), (2, 1));
    assert_eq!(repeated.located, [true, false]);
}

#[test]
fn what_a_finding_suggests_says_what_it_means() {
    let issue = Issue {
        quote: UNIT.0.into(),
        claim: "This is wrong.".into(),
        suggested_change: "seconds to milliseconds".into(),
        ..Issue::default()
    };
    assert!(match_findings(&document(), &[issue]).identified[0]);
}
