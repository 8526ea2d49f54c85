//! Critiques in every form but the one that was asked for.

use forge_session::{SessionResult, Severity, Stage};
use serde_json::{Value, json};

use crate::stage::{Play, Theatre, critique, plan};

/// Each says that the limit has no unit, which is major, and that tokens never expire, which is minor.
const WRITTEN: &str = include_str!("../corpus/critiques.txt");

/// What a critic means to say.
#[derive(Debug, Clone)]
struct Fault {
    severity: Severity,
    claim: String,
    quote: String,
}

fn faults(dice: &mut fastrand::Rng) -> Vec<Fault> {
    const CLAIMS: [&str; 8] = [
        "the limit has no unit",
        "tokens never expire: they should after an hour",
        "nobody says who may call it, and from where",
        "it's unclear what \"soon\" means here",
        "errors {such as 429} are swallowed [twice]",
        "the cache, if any, is not invalidated",
        "C:\\Windows is no place for a queue",
        "naïve – the 99 % case isn’t measured",
    ];
    const QUOTES: [&str; 4] =
        ["The limit is one hundred", "Tokens never expire.", "", "ignored by the caller"];
    let first = dice.usize(0..CLAIMS.len());
    let fault = |at: usize| Fault {
        severity: Severity::ALL[(first + at) % 4],
        claim: CLAIMS[(first + at) % CLAIMS.len()].to_owned(),
        quote: QUOTES[(first + at) % 4].to_owned(),
    };
    (0..dice.usize(1..5)).map(fault).collect()
}

fn object(fault: &Fault) -> Value {
    json!({"severity": fault.severity.as_str(), "category": "clarity", "quote": fault.quote, "claim": fault.claim})
}

/// One of the slips that models make when they write JSON.
fn slip(dice: &mut fastrand::Rng, text: &str) -> String {
    match dice.u8(0..10) {
        0 => format!("Here is {{my}} view [of it]:\n\n{text}\n\nHope {{that}} helps!"),
        1 => text.replace('}', ",}").replace(']', ",]"),
        2 => text.replace(", \"claim\"", " \"claim\"").replace(",\"claim\"", "\n\"claim\""),
        3 => {
            let keys = ["strengths", "findings", "severity", "category", "quote", "claim"];
            keys.iter()
                .fold(text.to_owned(), |text, key| text.replace(&format!("\"{key}\":"), &format!("{key}:")))
        }
        4 => text.replace("\\\"", "\""),
        5 => text.replace("\"severity\"", "\"Level\"").replace("\"claim\"", "\"Problem\""),
        6 => text
            .replace("{\"category\"", "{ // next\n\"category\"")
            .replace("\"quote\"", "/* here */ \"quote\""),
        7 => format!("```json\n{text}"),
        8 => text.replace("\\\\", "\\"),
        _ => text.replace("\": \"", "\":\n\"").replace("\", \"", "\"\n, \""),
    }
}

/// The critique in one of many wrong forms, and how many of its faults are there as a whole.
fn damaged(dice: &mut fastrand::Rng, faults: &[Fault]) -> (String, usize) {
    let objects: Vec<Value> = faults.iter().map(object).collect();
    let whole = json!({"strengths": ["short"], "findings": objects});
    let text = if dice.bool() { whole.to_string() } else { format!("{whole:#}") };
    let headed = |head: &dyn Fn(&Fault) -> String| faults.iter().map(head).collect::<String>();
    let damaged = match dice.u8(0..12) {
        0 if faults.len() > 1 => {
            // Cut off inside the last finding, before its severity: it is not there.
            let last = text.rfind("\"category\"").unwrap();
            return (text[..last + dice.usize(0..8)].to_owned(), faults.len() - 1);
        }
        1 => text.trim_end_matches(['}', ']', '\n', ' ']).to_owned() + "\"",
        2 => objects.iter().flat_map(|one| [one.to_string(), "\n".into()]).collect(),
        3 => headed(&|one| {
            format!("### {}: {}\n\n> {}\n\n", one.severity.as_str().to_uppercase(), one.claim, one.quote)
        }),
        4 => headed(&|one| {
            format!(
                "- **Severity**: {}\n- **Quote**: \"{}\"\n- **Claim**: {}\n\n",
                one.severity.as_str(),
                one.quote,
                one.claim
            )
        }),
        5 => headed(&|one| {
            format!("1. [{}] {}\n   - Quote: {}\n", one.severity.as_str(), one.claim, one.quote)
        }),
        6..=8 => {
            let once = slip(dice, &text);
            slip(dice, &once)
        }
        _ => slip(dice, &text),
    };
    (damaged, faults.len())
}

/// A session in which only one critic has something to say, and says this.
fn judged(said: &str) -> SessionResult {
    let mut theatre = Theatre::new();
    theatre.structured = false;
    for critic in ["beta-1", "gamma-1"] {
        theatre.always(critic, Play::Say(critique(&[])));
    }
    let said = said.to_owned();
    theatre.plays("alpha-1", move |nth, _| Play::Say(if nth == 0 { said.clone() } else { "no idea".into() }));
    let mut plan = plan();
    plan.settings.cycles = 1;
    theatre.session(plan)
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether all faults, and nothing else, were read from what was said. Nothing may be made up in any case.
fn recovered(said: &str, faults: &[Fault]) -> Result<(), String> {
    let result = judged(said);
    for finding in &result.findings {
        let remark = &finding.remark;
        for value in [&remark.claim, &remark.quote, &remark.location, &remark.suggested_change] {
            for word in value.split(|c: char| !c.is_alphanumeric()) {
                assert!(said.contains(word), "{word:?} of {value:?} is made up; said was:\n{said}");
            }
        }
        if let Some(severity) = remark.severity {
            assert!(
                said.to_lowercase().contains(severity.as_str()),
                "{severity:?} is made up; said was:\n{said}"
            );
        }
    }
    let repaired = result.calls.iter().any(|call| call.call.stage == Stage::Critique && call.call.step > 0);
    let wanted: Vec<_> = faults.iter().map(|one| (Some(one.severity), plain(&one.claim))).collect();
    let read: Vec<_> =
        result.findings.iter().map(|one| (one.remark.severity, plain(&one.remark.claim))).collect();
    let same = !repaired && wanted.len() == read.len() && wanted.iter().all(|one| read.contains(one));
    if same { Ok(()) } else { Err(format!("{said}\n=> repaired: {repaired}, {read:#?}")) }
}

#[test]
fn of_two_hundred_malformed_critiques_98_percent_are_understood_without_a_repair_and_nothing_is_made_up() {
    let fault = |severity, claim: &str| Fault { severity, claim: claim.into(), quote: String::new() };
    let said =
        [fault(Severity::Major, "the limit has no unit"), fault(Severity::Minor, "tokens never expire")];
    let mut cases: Vec<(String, Vec<Fault>)> =
        WRITTEN.split("\n=====\n").map(|text| (text.to_owned(), said.to_vec())).collect();
    let mut dice = fastrand::Rng::with_seed(98);
    while cases.len() < 200 {
        let mut faults = faults(&mut dice);
        let (text, whole) = damaged(&mut dice, &faults);
        faults.truncate(whole);
        cases.push((text, faults));
    }
    let lost: Vec<String> = cases.iter().filter_map(|(said, faults)| recovered(said, faults).err()).collect();
    println!("{} of {} understood", cases.len() - lost.len(), cases.len());
    assert!(lost.len() * 100 <= cases.len() * 2, "{} of {}:\n{}", lost.len(), cases.len(), lost.join("\n\n"));
}
