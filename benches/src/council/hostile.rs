//! Councils in which everybody may be hostile, hollow, or lossy, and what a session must never do in them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use forge_session::{FindingState, Plan, SessionResult, SessionStatus, Stage, Topic};
use serde_json::{Value, json};

use super::{
    Setting, World, dice,
    player::{Players, Shown, cast, critique, decisions, fenced, finding, form, run, shown, verdicts},
    world::{faulty, line_of, mended, sound},
};

/// What a session must never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// A finding that a critic raised is not in the result under its name.
    LostFinding,
    /// A finding is in the result that nobody raised.
    InventedFinding,
    /// It says `converged` although too few critics of the last panel said anything, or says nothing of it otherwise.
    HollowPanel,
    /// It says `converged` although the last panel read another text than the one that is delivered.
    UnreadText,
    /// It says `converged` or `settled` while something that must change is open.
    OpenFault,
    /// It says `converged` or `settled` although the author's family rejected what most of the panel raised.
    Contested,
    /// Lines are gone that no accepted finding is about, and nothing says so.
    LostLines,
}

/// What a critic read and said.
#[derive(Debug)]
struct Said {
    critic: String,
    text: String,
    claims: Vec<String>,
    /// Whether it said anything that shows that it has read the text.
    substance: bool,
    cycle: usize,
}

/// Runs the hostile session of a seed and says what it broke.
pub fn hostile(seed: u64) -> (SessionResult, BTreeMap<Broken, String>) {
    let setting = Setting { faults: 10, p: 0.6, correlation: 0.0, noise: true, cycles: 3 };
    let world = World::new(setting, seed);
    let mut plan = Plan::new(Topic::new("The subject"), cast());
    (plan.settings.cycles, plan.settings.seed) = (3, seed);
    (plan.settings.caps.money, plan.settings.caps.tokens) = (None, None);
    let log: Arc<Mutex<Vec<Said>>> = Arc::default();
    let players = {
        let (world, log) = (world.clone(), Arc::clone(&log));
        Players::new(move |stage, model, prompt, nth| match stage {
            Stage::Draft => world.draft(),
            Stage::Critique => {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                let (said, claims, substance) = critic(&world, model, prompt, nth);
                // A repair is asked for without the document's cycle being over: it says the same again.
                if !prompt.contains("<<<ANSWER") {
                    let cycle = log.iter().filter(|one| one.critic == model).count();
                    let text = fenced(prompt, "DOCUMENT").to_owned();
                    log.push(Said { critic: model.to_owned(), text, claims, substance, cycle });
                }
                said
            }
            Stage::Synthesis => synthesizer(&world, prompt, nth),
            Stage::Check => checker(&world, prompt, nth),
        })
    };
    let result = run(players, plan);
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let broken = broken(&world, &result, &log);
    (result, broken)
}

/// How a critic says what it has to say; what that is; and whether it shows that the text was read.
fn critic(world: &World, model: &str, prompt: &str, nth: u64) -> (String, Vec<String>, bool) {
    if prompt.contains("<<<ANSWER") {
        return (fenced(prompt, "ANSWER").to_owned(), Vec::new(), false);
    }
    let mut dice = dice(world.seed ^ nth, &format!("{model} hostile"));
    // Two critics put one fault in the same words, so that votes can be counted.
    let findings: Vec<Value> = critique(world, prompt, model, nth)
        .into_iter()
        .filter_map(|one| {
            let line = line_of(one["quote"].as_str()?)?;
            Some(finding(one["severity"].as_str()?, line, one["quote"].as_str()?, "anybody"))
        })
        .collect();
    let claims: Vec<String> =
        findings.iter().filter_map(|one| one["claim"].as_str().map(str::to_owned)).collect();
    let whole = form(prompt, &findings);
    let empty = r#"{"strengths": [], "findings": []}"#;
    let rated = |words: [&str; 2]| -> String {
        let reword = |one: &Value| {
            let mut one = one.clone();
            one["severity"] = words[usize::from(one["severity"] != "critical")].into();
            one
        };
        form(prompt, &findings.iter().map(reword).collect::<Vec<_>>())
    };
    let said = match dice.u8(0..20) {
        0..=4 => whole,
        5 => format!("<think>The form is {empty}. Now fill it.</think>{whole}"),
        6 => format!("The form is {empty}\n\nMine:\n\n{whole}"),
        7 => format!("First {empty} comes to mind.</think>\n{whole}"),
        8 => format!("Here is my critique:\n\n```json\n{whole}\n```\n\nDo ask if anything is unclear."),
        9 => markdown(&findings, prompt),
        10 => rated(["kritisch", "schwerwiegend"]),
        11 => rated(["致命", "严重"]),
        12 => rated(["P0", "P1"]),
        13 => rated(["zork", "blorp"]),
        14 => form(prompt, &findings.iter().cycle().take(findings.len() * 50).cloned().collect::<Vec<_>>()),
        15 => return (empty.to_owned(), Vec::new(), false),
        16 => return (r#"{"findings": "none"}"#.to_owned(), Vec::new(), false),
        17 => return ("I could not access the document, but it looks good.".to_owned(), Vec::new(), false),
        18 => return ("I'm sorry, but I can't help with that.".to_owned(), Vec::new(), false),
        _ => {
            let title = json!({"strengths": [{"quote": "# The subject", "claim": "fine"}], "findings": []});
            return (title.to_string(), Vec::new(), false);
        }
    };
    (said, claims, true)
}

/// A critique in Markdown, with a sample in a fence that looks like findings and is none.
fn markdown(findings: &[Value], prompt: &str) -> String {
    let text = fenced(prompt, "DOCUMENT");
    let strength = text.lines().find(|line| line.ends_with("as everybody expects.")).unwrap_or_default();
    let mut out = format!("## Strengths\n\n- \"{strength}\" is as it should be\n\n## Findings\n");
    for one in findings {
        let part = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let _ = write!(
            out,
            "\n### {}: {}\n\n> {}\n\nSuggested change:\n\n```\n# critical: an example\n- severity: critical\n  claim: no such fault\n```\n",
            part("severity"),
            part("claim"),
            part("quote")
        );
    }
    out
}

fn synthesizer(world: &World, prompt: &str, nth: u64) -> String {
    let mut dice = dice(world.seed ^ nth, "synthesizer hostile");
    let findings = shown(prompt);
    let all = |decide: &dyn Fn(&Shown) -> Value| {
        let decisions: Vec<Value> = findings.iter().map(decide).collect();
        json!({"decisions": decisions, "conflicts": []}).to_string()
    };
    let edit = |one: &Shown, old: String, new: String| {
        json!({"finding": one.label, "reason": "true", "decision": "accept", "same_as": "",
            "edits": [{"old": old, "new": new}]})
    };
    let word = |one: &Shown, decision: &str, same: &str| json!({"finding": one.label, "reason": "n/a", "decision": decision, "same_as": same, "edits": []});
    let first = findings.first().map_or_else(String::new, |one| one.label.clone());
    let text = fenced(prompt, "DOCUMENT");
    match dice.u8(0..20) {
        0..=5 => decisions(world, prompt, nth),
        6 => whole(world, text, &findings),
        7 => document("# The subject [... sections unchanged ...]", &findings),
        8 => document(&part(&whole_text(world, text), 2, 3), &findings),
        9 => document(&part(&whole_text(world, text), 56, 60), &findings),
        10 => all(&|one| edit(one, "no such passage".into(), "better".into())),
        11 => all(&|one| edit(one, one.quote.clone(), format!("{} (looked at)", one.quote))),
        12 => all(&|one| word(one, "reject", "")),
        13 => all(&|one| word(one, "duplicate", &first)),
        14 => all(&|one| word(one, "defer", "")),
        15 => {
            let half: Vec<Value> = findings.iter().step_by(2).map(|one| word(one, "reject", "")).collect();
            json!({"decisions": half}).to_string()
        }
        16 => "The document is fine as it is.".to_owned(),
        17 => {
            let wild = json!({"document": "nothing", "decisions": []});
            format!("<think>Perhaps {wild}?</think>{}", decisions(world, prompt, nth))
        }
        18 => {
            // The passage of the edit goes on to the end of the text.
            all(&|one| {
                let old = text.find(&one.quote).map_or("", |at| &text[at..]);
                edit(one, old.to_owned(), "Shorter.".into())
            })
        }
        _ => all(&|one| edit(one, String::new(), "An addition.".into())),
    }
}

/// The text with every fault mended.
fn whole_text(world: &World, text: &str) -> String {
    world
        .faults
        .iter()
        .fold(text.to_owned(), |text, fault| text.replace(&faulty(fault.line), &mended(fault.line)))
}

/// The first lines of a text: so many parts of so many.
fn part(text: &str, parts: usize, of: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[..lines.len() * parts / of].join("\n")
}

fn whole(world: &World, text: &str, findings: &[Shown]) -> String {
    document(&whole_text(world, text), findings)
}

/// A whole document in place of edits, with everything accepted.
fn document(text: &str, findings: &[Shown]) -> String {
    let accept = |one: &Shown| {
        let span = line_of(&one.quote).map_or_else(String::new, mended);
        json!({"finding": one.label, "decision": "accept", "reason": "true", "changed_span": span})
    };
    let decisions: Vec<Value> = findings.iter().map(accept).collect();
    json!({"document": text, "dispositions": decisions}).to_string()
}

fn checker(world: &World, prompt: &str, nth: u64) -> String {
    let mut dice = dice(world.seed ^ nth, "checker hostile");
    let honest = verdicts(world, prompt);
    let lie = || {
        let all: Vec<Value> = shown(prompt)
            .iter()
            .map(|one| json!({"finding": one.label, "reason": "fine", "settled": true}))
            .collect();
        json!({"verdicts": all, "new_findings": []}).to_string()
    };
    match dice.u8(0..10) {
        0..=4 => honest,
        5 | 6 => lie(),
        7 => "{}".to_owned(),
        8 => format!("<think>If all were well: {}</think>{honest}", lie()),
        _ => format!("{}\n\nOn second thoughts:\n\n{honest}", lie()),
    }
}

const SEATS: [&str; 3] = ["alpha", "beta", "gamma"];

fn broken(world: &World, result: &SessionResult, log: &[Said]) -> BTreeMap<Broken, String> {
    let mut broken = BTreeMap::new();
    let good = matches!(result.status, SessionStatus::Converged | SessionStatus::Settled);
    let seat =
        |critic: &str| SEATS.iter().position(|known| *known == critic).and_then(|at| u32::try_from(at).ok());
    for said in log {
        for claim in &said.claims {
            let is_kept = result.findings.iter().any(|one| {
                one.issue.claim == *claim
                    && one.raised_by.iter().any(|raised| raised.seat == seat(&said.critic))
            });
            if !is_kept {
                broken.insert(
                    Broken::LostFinding,
                    format!("{claim} of {} in cycle {}", said.critic, said.cycle + 1),
                );
            }
        }
    }
    for finding in &result.findings {
        let is_said = log.iter().any(|said| said.claims.contains(&finding.issue.claim));
        if !is_said {
            broken.insert(Broken::InventedFinding, finding.issue.claim.clone());
        }
        if good && finding.blocks() && finding.is_open() {
            broken.insert(Broken::OpenFault, finding.issue.claim.clone());
        }
        let mut seats: Vec<u32> = finding.raised_by.iter().filter_map(|raised| raised.seat).collect();
        seats.dedup();
        let in_one_cycle = finding.raised_by.iter().all(|raised| raised.cycle == finding.cycle);
        if good
            && finding.blocks()
            && finding.state == FindingState::Rejected
            && in_one_cycle
            && seats.len() == 3
        {
            broken.insert(Broken::Contested, finding.issue.claim.clone());
        }
    }
    let last = log.iter().map(|said| said.cycle).max();
    let panel = || log.iter().filter(|said| Some(said.cycle) == last);
    if good && panel().filter(|said| said.substance).count() < 2 {
        broken.insert(Broken::HollowPanel, format!("{:?}", result.panels));
    }
    if result.status == SessionStatus::Converged
        && panel().any(|said| said.text.trim_end() != result.document.trim_end())
    {
        broken.insert(Broken::UnreadText, format!("{} characters", result.document.len()));
    }
    // A finding that was accepted in an earlier cycle may have been decided otherwise since.
    let about: Vec<usize> = result.findings.iter().filter_map(|one| line_of(&one.issue.quote)).collect();
    let gone = |line: &usize| {
        let kept = [sound(*line), mended(*line), faulty(*line)];
        !about.contains(line) && !kept.iter().any(|text| result.document.contains(text))
    };
    let lines = world.draft().lines().filter_map(line_of).filter(gone).count();
    if lines > 0 && result.lost_lines == 0 {
        broken.insert(Broken::LostLines, format!("{lines} lines"));
    }
    broken
}
