//! What a session costs beside its calls: a council of eight calls over a provider that answers at once, and a
//! thousand sessions at the same time.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::{sync::Arc, time::Instant};

use forge_core::{
    CallContext, Capabilities, Delta, Finished, Journal, MemoryJournal, ModelId, ModelRequest, PartKind,
    Participant, ParticipantRole, Provider, ProviderError, ResponseStream, Started, StopReason, StreamEvent,
    StreamName, SystemClock, TokenCount, async_trait,
};
use forge_layers::TokioTimer;
use forge_session::{Cast, JsonlJournal, Parts, Plan, Session, Settings, Topic};
use forge_store::{Store, StoreOptions};

/// Sessions timed for each journal.
const RUNS: usize = 500;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = std::env::temp_dir().join(format!("forge-bench-session-{}", std::process::id()));
    runtime.block_on(async {
        overhead("without a file", Arc::new(MemoryJournal::default())).await;
        let files = JsonlJournal::open(folder.join("files"), SystemClock::shared()).expect("a folder");
        overhead("plain files, synced", Arc::new(files)).await;
        let store = Store::open(StoreOptions::new(folder.join("forge.db"))).expect("a file");
        overhead("the store, synced", Arc::new(store)).await;
        many().await;
    });
    // What stays behind in the system's temporary folder harms nobody.
    let _ = std::fs::remove_dir_all(folder);
}

async fn overhead(name: &str, journal: Arc<dyn Journal>) {
    let mut samples = Vec::with_capacity(RUNS);
    let mut calls = 0;
    for run in 0..RUNS {
        let begun = Instant::now();
        calls = session(&format!("{}-{run}", name.split([' ', ',']).next().unwrap_or(name)), &journal).await;
        samples.push(begun.elapsed());
    }
    samples.sort_unstable();
    let at = |share: usize| samples[RUNS * share / 100].as_secs_f64() * 1e3;
    println!("{calls} calls, {name}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

async fn many() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
    let begun = Instant::now();
    let names: Vec<String> = (0..1_000).map(|at| format!("many-{at}")).collect();
    let calls = futures_util::future::join_all(names.iter().map(|name| session(name, &journal))).await;
    let whole = calls.iter().filter(|calls| **calls == 8).count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    println!("1,000 sessions at once: {whole} whole, {:.2} s, peak {peak}", begun.elapsed().as_secs_f64());
}

async fn session(name: &str, journal: &Arc<dyn Journal>) -> u32 {
    let provider: Arc<dyn Provider> = Arc::new(Instantly);
    let parts = Parts::new(provider, Arc::clone(journal), Arc::new(TokioTimer), "bench").expect("prompts");
    let seat = |model: &str, role: ParticipantRole| vec![Participant::local(model).with_role(role)];
    let cast = Cast {
        drafter: seat("drafter", ParticipantRole::Drafter),
        critics: (0..5).map(|at| seat(&format!("critic-{at}"), ParticipantRole::Critic)).collect(),
        synthesizer: seat("synthesizer", ParticipantRole::Synthesizer),
        checker: seat("checker", ParticipantRole::Reviewer),
    };
    let settings = Settings { critics: 5, required: 5, cycles: 1, ..Settings::default() };
    let plan = Plan { settings, ..Plan::new(Topic::new("A rate limiter"), cast) };
    let name = StreamName::new(name).expect("a name");
    let result = Session::start(parts, name, plan).await.expect("a start").run().await.expect("an end");
    result.total.calls
}

/// Answers every stage from a script.
#[derive(Debug)]
struct Instantly;

#[async_trait]
impl Provider for Instantly {
    fn name(&self) -> &'static str {
        "instant"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities { structured_output: true, ..Capabilities::default() }
    }

    async fn stream(&self, cx: &CallContext, _: Arc<ModelRequest>) -> Result<ResponseStream, ProviderError> {
        let text = match cx.participant.role {
            ParticipantRole::Critic => {
                r#"{"findings": [{"severity": "major", "category": "clarity", "location": "start",
                    "quote": "Take a token", "claim": "no rate is given", "suggested_change": "give one"}],
                    "strengths": []}"#
            }
            ParticipantRole::Synthesizer => {
                r#"{"document": "Take one of ten tokens a second.", "dispositions": [{"finding": "F1",
                    "decision": "accept", "reason": "true", "changed_span": "one of ten tokens a second"}],
                    "conflicts": []}"#
            }
            ParticipantRole::Reviewer => {
                r#"{"verdicts": [{"finding": "F1", "settled": true, "reason": "given"}], "new_findings": []}"#
            }
            _ => "Take a token for each request; refuse with 429 when there is none.",
        };
        let usage = TokenCount { input: Some(10), output: Some(20), ..TokenCount::default() };
        let finished = Finished { reason: StopReason::EndTurn, raw_reason: None, usage, raw: None };
        let events = [
            StreamEvent::Started(Started::default()),
            StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
            StreamEvent::PartDelta { index: 0, delta: Delta::Text(text.into()) },
            StreamEvent::PartEnded { index: 0, opaque: None },
            StreamEvent::Finished(finished),
        ];
        Ok(ResponseStream::from_events(events.map(Ok)))
    }
}
