//! What a session does, as events of a server: stages, counts and money, and never a text of a model.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    Money,
    session::{Notice, Observer, Stage},
    time::Timer,
    watch::{
        BudgetState, BudgetWarned, EventLog, FindingCounts, ServerEvent, SessionContributed, SessionEnded,
        SessionFindingCounts, SessionPaused, SessionStage, SessionStarted, SessionWaiting, StageProgress,
    },
};

/// An observer that publishes in `log` what the session of this name does, and hands every notice on to `then`.
pub fn session_events(
    log: EventLog,
    timer: Arc<dyn Timer>,
    session: impl Into<String>,
    then: Option<Observer>,
) -> Observer {
    let session = session.into();
    let progress = Mutex::new(Progress::default());
    Arc::new(move |notice| {
        let publish = |event| log.publish(timer.now(), event);
        progress.lock().unwrap_or_else(PoisonError::into_inner).notice(&session, notice, publish);
        if let Some(then) = &then {
            then(notice);
        }
    })
}

/// How far a run of a session is.
#[derive(Debug)]
struct Progress {
    stage: Option<(u32, Stage)>,
    /// The severity and the state of each finding, by its label.
    findings: HashMap<String, (&'static str, &'static str)>,
    /// Whether the findings have changed since they were told of.
    changed: bool,
    answers: u32,
    /// What the answers have cost; `None` once that of one is unknown.
    cost: Option<Money>,
}

impl Default for Progress {
    fn default() -> Self {
        let (stage, findings, cost) = (None, HashMap::new(), Some(Money::ZERO));
        Self { stage, findings, changed: false, answers: 0, cost }
    }
}

impl Progress {
    fn notice(&mut self, session: &str, notice: &Notice, publish: impl Fn(ServerEvent)) {
        if let Notice::Finding { finding, severity, state, .. } = notice {
            self.findings.insert(finding.clone(), (*severity, *state));
            self.changed = true;
            return;
        }
        // Findings come one by one, and are counted once all of them are there.
        if std::mem::take(&mut self.changed) {
            publish(self.counts(session.to_owned()).into());
        }
        if let Some(event) = self.event(session.to_owned(), notice) {
            publish(event);
        }
    }

    fn event(&mut self, session: String, notice: &Notice) -> Option<ServerEvent> {
        let cost = self.cost;
        Some(match notice {
            Notice::SessionStarted { resumed } => SessionStarted { session, resumed: *resumed }.into(),
            Notice::StageStarted { call, stage, .. } => {
                // Each of its calls says so.
                if self.stage.replace((call.cycle, *stage)) == Some((call.cycle, *stage)) {
                    return None;
                }
                let (cycle, stage, progress) = (call.cycle, stage.as_str(), StageProgress::Started);
                SessionStage { session, cycle, stage, progress, cost }.into()
            }
            Notice::StageCompleted { cycle, stage } => {
                let (cycle, stage, progress) = (*cycle, stage.as_str(), StageProgress::Completed);
                SessionStage { session, cycle, stage, progress, cost }.into()
            }
            Notice::ParticipantDone { cost, error: None, .. } => {
                self.answers += 1;
                self.cost = self.cost.zip(*cost).map(|(sum, cost)| sum + cost);
                return None;
            }
            Notice::Budget { percent, cost, tokens } => {
                let scope = format!("session:{session}");
                let (used_nano_usd, used_tokens) = (*cost, *tokens);
                let budget =
                    BudgetState { scope, used_nano_usd, cap_nano_usd: None, used_tokens, cap_tokens: None };
                BudgetWarned { percent: *percent, budget }.into()
            }
            Notice::Waiting { cycle } => SessionWaiting { session, cycle: *cycle }.into(),
            Notice::Contributed { by, deed } => {
                SessionContributed { session, by: by.clone(), deed: deed.as_str() }.into()
            }
            Notice::Paused => SessionPaused { session, cost }.into(),
            Notice::Completed { status, reason } => {
                let (status, reason, answers) = (word(status), word(reason), self.answers);
                SessionEnded { session, status, reason, answers, cost }.into()
            }
            _ => return None,
        })
    }

    fn counts(&self, session: String) -> SessionFindingCounts {
        let (mut by_severity, mut by_state) = (FindingCounts::new(), FindingCounts::new());
        for (severity, state) in self.findings.values() {
            *by_severity.entry(*severity).or_default() += 1;
            *by_state.entry(*state).or_default() += 1;
        }
        let findings = u32::try_from(self.findings.len()).unwrap_or(u32::MAX);
        SessionFindingCounts { session, findings, by_severity, by_state }
    }
}

/// The written name of a status or a reason.
fn word(value: &impl serde::Serialize) -> String {
    let written = serde_json::to_value(value).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}
