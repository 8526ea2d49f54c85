//! Critiques in every form but the one that was asked for: malformed, hollow, contradicting, hostile.

use serde_json::{Value, json};

use super::{Form, Reading, Severity, read};
use forge_prompt::clean;

/// Each says that the limit has no unit, which is major, and that tokens never expire, which is minor.
const WRITTEN: &str = include_str!("../../tests/corpus/critiques.txt");
const SEED: u64 = 98;

/// What a critic means to say.
#[derive(Debug, Clone)]
struct Fault {
    severity: Severity,
    /// How the critic calls the severity.
    word: String,
    claim: String,
    quote: String,
}

struct Case {
    said: String,
    faults: Vec<Fault>,
}

/// Names of one severity, for fields and for marks.
fn word(rng: &mut fastrand::Rng, severity: Severity, is_mark: bool) -> String {
    let words = match (severity, is_mark) {
        (Severity::Critical, true) => {
            "critical|Critical|CRITICAL|blocker|P0|Kritisch|crítico|致命|критическая|critical"
        }
        (Severity::Major, true) => "major|Major|MAJOR|serious|P1|majeur|重大|серьёзная|major|major",
        (Severity::Minor, true) => "minor|Minor|MINOR|P2|mineur|轻微|軽微|незначительная|minor|minor",
        (Severity::Nit, true) => "nit|Nit|NIT|nitpick|P4|kosmetisch|cosmético|些細|nit|nit",
        (Severity::Critical, false) => {
            "critical|SEV-1|S0|9/10|🔴|critique|حرجة|अतिगंभीर|crítica|致命的|kritisch|red|Критично|5/5"
        }
        (Severity::Major, false) => {
            "major|high|S2|8 out of 10|🟠|élevée|خطير|गंभीर|importante|重要|hoch|must fix|важная|4/5"
        }
        (Severity::Minor, false) => {
            "minor|medium|S3|5/10|🟡|faible|متوسطة|मध्यम|menor|軽微|gering|should fix|низкая|中"
        }
        (Severity::Nit, false) => {
            "nit|trivial|S4|1/10|🟢|négligeable|تجميلي|तुच्छ|cosmético|些細|belanglos|nice to have|мелочь|建议"
        }
    };
    let words: Vec<&str> = words.split('|').collect();
    words[rng.usize(0..words.len())].to_owned()
}

fn faults(rng: &mut fastrand::Rng, is_mark: bool) -> Vec<Fault> {
    const CLAIMS: [&str; 10] = [
        "the limit has no unit",
        "tokens never expire: they should after an hour",
        "nobody says who may call it, and from where",
        "it's unclear what \"soon\" means here",
        "errors {such as 429} are swallowed [twice]",
        "the cache, if any, is not invalidated",
        "C:\\Windows is no place for a queue",
        "naïve – the 99 % case isn’t measured",
        "the sample opens <think> and never closes it",
        "重试没有上限",
    ];
    const QUOTES: [&str; 4] =
        ["The limit is one hundred", "Tokens never expire.", "", "ignored by the caller"];
    let first = rng.usize(0..CLAIMS.len());
    (0..rng.usize(1..5))
        .map(|at| {
            let severity = Severity::ALL[(first + at) % 4];
            Fault {
                severity,
                word: word(rng, severity, is_mark),
                claim: CLAIMS[(first + at) % CLAIMS.len()].to_owned(),
                quote: QUOTES[(first + at) % 4].to_owned(),
            }
        })
        .collect()
}

fn object(fault: &Fault) -> Value {
    json!({"severity": fault.word, "category": "clarity", "quote": fault.quote, "claim": fault.claim})
}

/// One of the slips that models make when they write JSON.
fn slip(rng: &mut fastrand::Rng, text: &str) -> String {
    match rng.u8(0..10) {
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

fn json_of(rng: &mut fastrand::Rng, faults: &[Fault]) -> String {
    let objects: Vec<Value> = faults.iter().map(object).collect();
    let whole = json!({"strengths": ["short"], "findings": objects});
    if rng.bool() { whole.to_string() } else { format!("{whole:#}") }
}

fn markdown_of(rng: &mut fastrand::Rng, faults: &[Fault]) -> String {
    let style = rng.u8(0..6);
    let one = |fault: &Fault| {
        let Fault { word, claim, quote, .. } = fault;
        let quoted = if quote.is_empty() { String::new() } else { format!("> {quote}\n\n") };
        match style {
            0 => format!("### {word}: {claim}\n\n{quoted}"),
            1 => format!("- **Severity**: {word}\n- **Quote**: \"{quote}\"\n- **Claim**: {claim}\n\n"),
            2 => format!("1. [{word}] {claim}\n   - Quote: {quote}\n"),
            3 => format!("- **{word}**: {claim}\n"),
            4 => format!("## Finding\n\nSeverity: {word}\n\nClaim: {claim}\n\n{quoted}"),
            _ => format!("| {word} | {claim} | {quote} |\n"),
        }
    };
    let head = if style == 5 { "| Severity | Claim | Quote |\n|---|---|---|\n" } else { "" };
    head.to_owned() + &faults.iter().map(one).collect::<String>()
}

/// Malformed: JSON with slips, cut off, in sequence, or Markdown.
fn malformed(rng: &mut fastrand::Rng) -> Case {
    let style = rng.u8(0..8);
    let mut faults = faults(rng, style < 2);
    let text = json_of(rng, &faults);
    let said = match style {
        0 | 1 => markdown_of(rng, &faults),
        2 if faults.len() > 1 => {
            // Cut off inside the last finding, before its claim: it is not there.
            faults.pop();
            let last = text.rfind("\"category\"").unwrap();
            text[..last + rng.usize(0..8)].to_owned()
        }
        3 => text.trim_end_matches(['}', ']', '\n', ' ']).to_owned() + "\"",
        4 => faults.iter().map(|one| object(one).to_string() + "\n").collect(),
        5 | 6 => {
            let once = slip(rng, &text);
            slip(rng, &once)
        }
        _ => slip(rng, &text),
    };
    Case { said, faults }
}

const FAKE: &str = "the sample is not the text";
const EMPTY: &str = r#"{"strengths": [], "findings": []}"#;

/// Forms, thoughts and samples around the answer, which say nothing of their own.
fn hostile(rng: &mut fastrand::Rng) -> Case {
    let style = rng.u8(0..16);
    let is_mark = style == 13 || rng.bool();
    let faults = faults(rng, is_mark);
    let answer = if is_mark { markdown_of(rng, &faults) } else { json_of(rng, &faults) };
    let fake = json!({"severity": "critical", "category": "clarity", "quote": "", "claim": FAKE});
    let form = json!({"strengths": ["..."], "findings": [
        {"severity": "critical|major|minor|nit", "category": "correctness|clarity", "quote": "<quote>", "claim": "what is wrong"}]});
    let dots = json!({"findings": [{"severity": "major", "quote": "...", "claim": "...", "suggested_change": "..."}]});
    let kinds = json!({"findings": [{"severity": "string", "quote": "string", "claim": "string"}]});
    let schema = json!({"type": "object", "properties": {"findings": {"type": "array", "items": {"type": "object",
        "properties": {"severity": {"type": "string"}, "claim": {"type": "string", "description": "What is wrong"}}}}}});
    let fake_findings = json!({"findings": [fake.clone()]});
    let said = match style {
        0 => format!("<think>The form is {EMPTY}. Now fill it.</think>{answer}"),
        1 => format!("<thinking>\nMaybe {fake_findings}? No.\n</thinking>\n\n{answer}"),
        2 => format!("Maybe {fake_findings}? No.\n</think>\n\n{answer}"),
        3 => format!(
            "<|channel|>analysis<|message|>{fake_findings}<|end|><|start|>assistant<|channel|>final<|message|>{answer}"
        ),
        4 => format!("[THINK]\n# critical: {FAKE}\n[/THINK]\n{answer}"),
        5 => format!("The form:\n\n```json\n{EMPTY}\n```\n\n{answer}"),
        6 => format!("{answer}\n\n```json\n{EMPTY}\n```"),
        7 => format!("The form is {form}\n\n{answer}"),
        8 => format!("I answer as {dots}:\n\n{answer}"),
        9 => format!("{schema}\n\n{answer}"),
        10 => format!("{answer}\n\n{answer}"),
        11 => format!("```json\n{kinds}\n```\n\n{answer}"),
        12 => {
            // The samples belong to a finding.
            let real = Fault {
                severity: Severity::Major,
                word: "major".into(),
                claim: "the sample fails".into(),
                quote: String::new(),
            };
            let sample = match rng.u8(0..4) {
                0 => format!("# critical: {FAKE}\n- severity: critical\n- claim: {FAKE}"),
                1 => format!("{fake_findings:#}"),
                2 => format!("- **critical**: {FAKE}\n\n## major: {FAKE}"),
                _ => format!("| Severity | Claim |\n|---|---|\n| critical | {FAKE} |"),
            };
            let mark = ["```", "~~~", "````"][rng.usize(0..3)];
            let said = match rng.u8(0..3) {
                0 => {
                    format!("### Major: the sample fails\n\nSuggested change:\n\n{mark}\n{sample}\n{mark}\n")
                }
                1 => format!("### Major: the sample fails\n\n{mark}md\n{sample}\n{mark}\n\nIt has no id.\n"),
                _ => format!("### Major: the sample fails\n\n    {}\n", sample.replace('\n', "\n    ")),
            };
            return Case { said, faults: vec![real] };
        }
        13 => {
            let rest = markdown_of(rng, &faults);
            format!("{EMPTY}\n\n## Findings\n\n{rest}")
        }
        14 => format!("<reflection>\n{answer}\n</reflection>\n{answer}"),
        _ => format!("◁think▷{fake_findings}◁/think▷{answer}"),
    };
    Case { said, faults }
}

/// A critique that says nothing: no finding may come of it, however it is read.
fn hollow(rng: &mut fastrand::Rng) -> Case {
    let said = [
        EMPTY,
        r#"{"findings": "none"}"#,
        r#"{"strengths": ["It is short."], "findings": "No issues found"}"#,
        r#"{"findings": ["None"]}"#,
        r#"{"strengths": [], "findings": []"#,
        r#"{"strengths": [], "findings": ["#,
        "I could not access the document, but it looks good.",
        "I'm sorry, but I can't help with that.",
        "The document is critical for our users, and major parts of it are fine.",
        "# Strengths\n\n- The minor points are handled\n- critical paths are short\n\n# Summary\n\nGood.",
        "<think>A critical fault? {\"findings\": [{\"severity\": \"critical\", \"claim\": \"x\"}]} No.</think>\nNo findings.",
        "Note: high latency was discussed. Important: read it twice. The low level design is fine.",
        "No issues found.\n\n```\n# critical: disk full\n- severity: critical\n- claim: x\n```",
        "The severity levels are critical, major, minor and nit.",
    ];
    Case { said: said[rng.usize(0..said.len())].to_owned(), faults: Vec::new() }
}

fn normalize(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// How many faults are lost and how many findings are invented; nothing if a repair would be asked for.
fn judged(case: &Case) -> Option<(usize, usize)> {
    let Reading::Critique(critique) = read(Form::Critique, &clean(&case.said)) else { return None };
    let wanted: Vec<_> = case.faults.iter().map(|one| (Some(one.severity), normalize(&one.claim))).collect();
    let read: Vec<_> = critique.findings.iter().map(|one| (one.severity, normalize(&one.claim))).collect();
    let is_read = |one: &&(Option<Severity>, String)| {
        read.iter().any(|(severity, claim)| *severity == one.0 && claim.starts_with(&one.1))
    };
    let is_wanted = |one: &&(Option<Severity>, String)| {
        wanted.iter().any(|(severity, claim)| *severity == one.0 && one.1.starts_with(claim))
    };
    for one in &critique.findings {
        for value in [&one.claim, &one.quote, &one.location, &one.suggested_change] {
            let is_said = |word: &str| case.said.contains(word);
            assert!(
                value.split(|c: char| !c.is_alphanumeric()).all(is_said),
                "{value:?} is made up of {}",
                case.said
            );
        }
    }
    let repeated = read.len().saturating_sub(wanted.len());
    let lost = wanted.iter().filter(|one| !is_read(one)).count();
    Some((lost, read.iter().filter(|one| !is_wanted(one)).count().max(repeated)))
}

#[test]
fn no_finding_is_lost_or_invented_in_three_hundred_critiques() {
    #[allow(clippy::disallowed_methods, reason = "the size of a test is no configuration of the library")]
    let scale =
        std::env::var("FORGE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1_usize);
    let fault = |severity: Severity, claim: &str| Fault {
        severity,
        word: severity.as_str().into(),
        claim: claim.into(),
        quote: String::new(),
    };
    let said =
        [fault(Severity::Major, "the limit has no unit"), fault(Severity::Minor, "tokens never expire")];
    let mut cases: Vec<Case> = WRITTEN
        .trim_end()
        .split("\n=====\n")
        .map(|text| Case { said: text.to_owned(), faults: said.to_vec() })
        .collect();
    let mut rng = fastrand::Rng::with_seed(SEED);
    while cases.len() < 300 * scale {
        cases.push(match rng.u8(0..7) {
            0..3 => malformed(&mut rng),
            3..6 => hostile(&mut rng),
            _ => hollow(&mut rng),
        });
    }
    let (mut lost, mut invented, mut unread, mut speaking) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for case in &cases {
        speaking += usize::from(!case.faults.is_empty());
        match judged(case) {
            Some((0, 0)) => continue,
            Some((less, more)) => {
                lost += less;
                invented += more;
            }
            None if case.faults.is_empty() => continue,
            None => unread += 1,
        }
        wrong.push(format!("{}\n=> {:#?}", case.said, read(Form::Critique, &clean(&case.said))));
    }
    println!(
        "seed {SEED}: {} critiques, {speaking} with findings: {lost} lost, {invented} invented, {unread} to repair",
        cases.len()
    );
    assert!((lost, invented) == (0, 0) && unread * 50 <= speaking, "{}", wrong.join("\n\n"));
}
