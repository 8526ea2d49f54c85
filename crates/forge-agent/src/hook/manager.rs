//! Runs the hooks of an event, one after the other.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Hook, HookAction, HookDecision, HookEvent, HookInput, HookOutcome, HookRun,
    answer::{self, Answer},
    preset, seal,
};
use crate::process::{self, Exit, Limits};

/// How often in a row hooks may keep a session from its end.
const MOST_STOPS: u32 = 8;
/// Bytes that are read of each output of a hook.
const MOST_OUTPUT: usize = 1 << 20;
/// The variable with the project's folder.
const PROJECT: &str = "FORGE_PROJECT_DIR";

/// Is told of each hook that ran. It must not block.
pub type HookObserver = Arc<dyn Fn(&Hook, &HookRun) + Send + Sync>;

/// The hooks that are set up, and what they share.
pub struct HookManager {
    hooks: Vec<Hook>,
    project: PathBuf,
    env: BTreeMap<String, String>,
    /// How often in a row each session was kept from its end.
    stops: Mutex<BTreeMap<String, u32>>,
    observer: Option<HookObserver>,
}

impl fmt::Debug for HookManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookManager")
            .field("hooks", &self.hooks)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

impl HookManager {
    /// Runs these `hooks`, those of an event in this order, with the environment `env` and `FORGE_PROJECT_DIR` for the folder
    /// of the `project`. [`process::environment`] picks what belongs into it.
    pub fn new(hooks: Vec<Hook>, project: &Path, mut env: BTreeMap<String, String>) -> Self {
        env.insert(PROJECT.to_owned(), project.to_string_lossy().into_owned());
        Self { hooks, project: project.to_owned(), env, stops: Mutex::default(), observer: None }
    }

    /// Tells this observer of each hook that ran.
    pub fn with_observer(mut self, observer: HookObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    /// All of them in their order.
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// Runs the hooks of the `event` that are meant by its `input`, up to the first denial.
    ///
    /// This never fails: what goes wrong with a hook is a denial if it is required, and a warning if it is not. A session
    /// that was kept from its end eight times in a row ends.
    pub async fn fire(&self, event: HookEvent, input: &HookInput) -> HookOutcome {
        let mut outcome = HookOutcome::default();
        let stdin = self.stdin(event, input);
        for hook in self.hooks.iter().filter(|hook| hook.event == event && input.is_for(hook)) {
            let begun = Instant::now();
            let (exit, answer) = self.run(hook, input, &stdin).await;
            outcome.take(hook, begun.elapsed(), exit, answer);
            if let Some((observer, run)) = self.observer.as_ref().zip(outcome.runs.last()) {
                observer(hook, run);
            }
            if matches!(outcome.decision, HookDecision::Deny { .. }) {
                break;
            }
        }
        if event == HookEvent::Stop {
            self.limit_stops(&input.session, &mut outcome);
        }
        outcome
    }

    fn stdin(&self, event: HookEvent, input: &HookInput) -> Vec<u8> {
        let mut fields = input.to_json(event);
        if event == HookEvent::Stop {
            let stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
            fields.insert("stop_hook_active".to_owned(), stops.contains_key(&input.session).into());
        }
        let mut bytes = serde_json::Value::Object(fields).to_string().into_bytes();
        bytes.push(b'\n');
        bytes
    }

    async fn run(&self, hook: &Hook, input: &HookInput, stdin: &[u8]) -> (Option<Exit>, Answer) {
        if let Some(changed) = seal::objection(&hook.scripts, &self.project, &input.cwd) {
            return (None, Answer::failed(changed));
        }
        let limits = Limits { timeout: hook.timeout, output: MOST_OUTPUT };
        let argv = match &hook.action {
            HookAction::Program(_) | HookAction::Shell(_) => hook.argv(),
            HookAction::Preset(preset) => return preset::run(preset, input, &self.env, limits).await,
        };
        match process::run(&argv, &input.cwd, &self.env, stdin, limits).await {
            Ok(ended) => (Some(ended.exit), answer::read(hook.event, &ended)),
            Err(error) => {
                let program = argv.first().map_or("", String::as_str);
                (None, Answer::failed(format!("`{program}` cannot be run: {error}")))
            }
        }
    }

    fn limit_stops(&self, session: &str, outcome: &mut HookOutcome) {
        let mut stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stops.remove(session).unwrap_or_default();
        if !matches!(outcome.decision, HookDecision::Deny { .. }) || outcome.is_over {
            return;
        }
        if before < MOST_STOPS {
            stops.insert(session.to_owned(), before + 1);
        } else if let HookDecision::Deny { reason } = std::mem::take(&mut outcome.decision) {
            outcome
                .warnings
                .push(format!("it ends after {MOST_STOPS} objections in a row; the last one: {reason}"));
        }
    }
}

impl HookOutcome {
    fn take(&mut self, hook: &Hook, took: Duration, exit: Option<Exit>, answer: Answer) {
        let name = &hook.name;
        let mut decision = match answer.failure {
            Some(why) if hook.required => {
                HookDecision::Deny { reason: format!("the hook `{name}` is required and failed: {why}") }
            }
            Some(why) => {
                self.warnings.push(format!("the hook `{name}` ({}) failed: {why}", hook.origin));
                HookDecision::Allow
            }
            None => answer.decision.in_words_of(name),
        };
        if hook.event.can_block() {
            self.is_over |= answer.is_over;
        } else if let HookDecision::Deny { reason } | HookDecision::Ask { reason } =
            std::mem::take(&mut decision)
        {
            self.warnings.push(reason);
        }
        self.warnings.extend(answer.warning.map(|warning| format!("hook `{name}`: {warning}")));
        self.context.extend(answer.context);
        let (origin, run) = (hook.origin.clone(), decision.clone());
        self.runs.push(HookRun { name: name.clone(), origin, took, exit, decision: run });
        // The first question is asked; a denial wins over it.
        let is_stricter = match (&self.decision, &decision) {
            (_, HookDecision::Deny { .. }) => true,
            (earlier, HookDecision::Ask { .. }) => *earlier == HookDecision::Allow,
            (_, HookDecision::Allow) => false,
        };
        if is_stricter {
            self.decision = decision;
        }
    }
}

impl HookDecision {
    fn in_words_of(self, name: &str) -> Self {
        let said = |reason| format!("hook `{name}`: {reason}");
        match self {
            Self::Allow => Self::Allow,
            Self::Ask { reason } => Self::Ask { reason: said(reason) },
            Self::Deny { reason } => Self::Deny { reason: said(reason) },
        }
    }
}
