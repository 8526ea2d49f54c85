//! Several models for one question: a handle that is waited for, and comes back after a restart.

use std::{sync::Arc, time::Duration};

use forge::{
    CallContext, SessionRequest,
    session::{Mode, OutputType, Plan, Reference, Session, SessionDeps, SessionError, State, Stop, Topic},
    session_name,
    storage::journal::StreamName,
};
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::Value;

use super::{
    ModelMcpServer, budget, question,
    result::{self, Show},
    runs::{Live, MAX_RUNS},
};
use crate::{
    call::{Call, Waited},
    failure::Failure,
    files,
    tool::arguments,
};

/// The longest wait, in seconds: programs give a tool a minute.
const MAX_WAIT: u64 = 45;
/// How long a call that pauses a council waits for the calls under way.
const PAUSE: Duration = Duration::from_secs(5);
/// Characters of a title.
const TITLE: usize = 120;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CouncilArguments {
    question: String,
    #[serde(default)]
    files: Vec<String>,
    kind: Option<Kind>,
    budget_usd: Option<f64>,
    wait_s: Option<u64>,
}

/// What a question is about, which picks what critics look for.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Plan,
    Diff,
    Design,
    Claim,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunArguments {
    run: String,
    wait_s: Option<u64>,
    #[serde(default)]
    cancel: bool,
    #[serde(default)]
    show: Show,
}

impl ModelMcpServer {
    pub(super) async fn council(&self, given: Option<JsonObject>, call: &Call) -> Result<Value, Failure> {
        let given: CouncilArguments = arguments(given)?;
        self.check_depth()?;
        let wait = given.wait_s;
        let (plan, deps) = self.plan(&given, call)?;
        let estimate = Session::estimate(&deps, &plan).map_err(|error| unusable(&error))?;
        let cap = plan.settings.caps.money.unwrap_or_default();
        budget::check(&self.system, &call.caller, &estimate, cap).await?;
        let name = session_name().map_err(|error| unusable(&error.into()))?;
        let live = Live::new(plan.owner.as_deref().unwrap_or_default());
        let deps = self.observed(deps, &name, &live)?;
        let session = Session::start(deps, name.clone(), plan).await.map_err(|error| unusable(&error))?;
        self.runs.spawn(name.clone(), session, Arc::clone(&live));
        self.report(&name, Some(&live), wait, Show::Findings, call).await
    }

    pub(super) async fn run(&self, given: Option<JsonObject>, call: &Call) -> Result<Value, Failure> {
        let RunArguments { run, wait_s, cancel, show } = arguments(given)?;
        let cx = budget::context(&self.system, &call.caller);
        let owner = cx.tags.key().unwrap_or_default();
        let name = StreamName::new(&run).map_err(|_| no_such_run())?;
        let live = match self.runs.get(&name) {
            Some(live) if live.owner == owner => {
                if cancel {
                    live.pause();
                } else {
                    live.resume();
                }
                Some(live)
            }
            // Nobody is told of the runs of others.
            Some(_) => return Err(no_such_run()),
            None => {
                let (_, state) = self.state_of(&run, owner).await?;
                let has_ended = matches!(state.stopped, Some((stop, _)) if stop != Stop::UserAborted);
                if cancel || has_ended { None } else { Some(self.take_up(&cx, &name, owner).await?) }
            }
        };
        let wait = if cancel { Some(PAUSE.as_secs()) } else { wait_s };
        self.report(&name, live.as_ref(), wait, show, call).await
    }

    pub(super) fn estimate(&self, given: Option<JsonObject>, call: &Call) -> Result<Value, Failure> {
        let given: CouncilArguments = arguments(given)?;
        if given.wait_s.is_some() {
            return Err(Failure::arguments("unknown field `wait_s`"));
        }
        let (plan, deps) = self.plan(&given, call)?;
        let estimate = Session::estimate(&deps, &plan).map_err(|error| unusable(&error))?;
        Ok(result::estimate(&estimate, &plan))
    }

    /// What a council would be, and what it would run on.
    fn plan(&self, given: &CouncilArguments, call: &Call) -> Result<(Plan, SessionDeps), Failure> {
        let text = question::checked("question", &given.question)?;
        let files = files::read(self.roots.as_ref(), &given.files)?;
        let title: String = text.lines().next().unwrap_or_default().chars().take(TITLE).collect();
        let mut topic = Topic::new(title.clone()).with_output(match given.kind {
            Some(Kind::Plan) => OutputType::Specification,
            Some(Kind::Diff) => OutputType::Code,
            Some(Kind::Design) => OutputType::Design,
            Some(Kind::Claim) | None => OutputType::Freeform,
        });
        if title != text {
            topic = topic.with_description(text);
        }
        for file in files {
            topic = topic.with_reference(Reference::file(file.name, file.text));
        }
        let cx = budget::context(&self.system, &call.caller);
        let mut request = SessionRequest::new(topic, Mode::Council);
        request.max_cost = Some(budget::cap(&self.system, given.budget_usd)?);
        let mut plan = self.system.plan_session(request);
        plan.owner = Some(cx.tags.key().unwrap_or_default().to_owned());
        Ok((plan, self.deps()?.with_caller(&cx)))
    }

    fn deps(&self) -> Result<SessionDeps, Failure> {
        let broken = |error: forge::SystemError| {
            Failure::new("misconfigured", error.to_string(), "have the user run `forge doctor`")
        };
        self.system.session_deps().map_err(broken)
    }

    /// The same, telling `live` and whoever watches the system what the council does.
    fn observed(
        &self,
        deps: SessionDeps,
        name: &StreamName,
        live: &Arc<Live>,
    ) -> Result<SessionDeps, Failure> {
        if self.runs.is_full() {
            let message = format!("{MAX_RUNS} councils are at work");
            return Err(Failure::new("busy", message, "wait for one of them with `run`"));
        }
        let told = Arc::clone(live);
        let deps = deps.with_observer(Arc::new(move |notice| told.observe(notice)));
        Ok(self.system.watched(deps, name))
    }

    /// Goes on with a council that is in the journal alone.
    async fn take_up(&self, cx: &CallContext, name: &StreamName, owner: &str) -> Result<Arc<Live>, Failure> {
        self.check_depth()?;
        let live = Live::new(owner);
        let deps = self.observed(self.deps()?.with_caller(cx), name, &live)?;
        let session = Session::resume(deps, name.clone()).await.map_err(|error| unusable(&error))?;
        self.runs.spawn(name.clone(), session, Arc::clone(&live));
        Ok(live)
    }

    /// Waits for a council if it is at work, and says how it stands. A client that goes away pauses it.
    async fn report(
        &self,
        name: &StreamName,
        live: Option<&Arc<Live>>,
        wait_s: Option<u64>,
        show: Show,
        call: &Call,
    ) -> Result<Value, Failure> {
        let mut is_running = false;
        if let Some(live) = live {
            let wait = Duration::from_secs(wait_s.unwrap_or(MAX_WAIT).min(MAX_WAIT));
            let until = call.timer.instant().checked_add(wait);
            match call.wait(live.ended(), until, &format!("council {name} is at work")).await {
                Waited::Done(Ok(())) => {}
                Waited::Done(Err(why)) => {
                    return Err(Failure::new(
                        "run_failed",
                        why,
                        format!("call `run` with `{name}` to go on with it"),
                    ));
                }
                Waited::Late => is_running = true,
                Waited::Cancelled => {
                    live.pause();
                    return Err(super::cancelled(&format!(
                        "council {name} is paused; `run` goes on with it"
                    )));
                }
            }
        }
        Ok(result::shown(name, &self.state(name).await?, is_running, show))
    }

    /// The council of this name, if `owner` has begun it. Nobody is told of those of others.
    pub(super) async fn state_of(&self, run: &str, owner: &str) -> Result<(StreamName, State), Failure> {
        let name = StreamName::new(run).map_err(|_| no_such_run())?;
        let state = self.state(&name).await?;
        if state.plan.owner.as_deref() == Some(owner) { Ok((name, state)) } else { Err(no_such_run()) }
    }

    async fn state(&self, name: &StreamName) -> Result<State, Failure> {
        match State::read(&**self.system.journal(), name).await {
            Ok(state) if state.started.is_some() => Ok(state),
            Ok(_) | Err(SessionError::Unknown(_) | SessionError::Foreign(_)) => Err(no_such_run()),
            Err(error) => Err(unusable(&error)),
        }
    }

    fn check_depth(&self) -> Result<(), Failure> {
        if self.depth == 0 {
            return Ok(());
        }
        let message = "this Forge was started from inside of another, whose councils it would repeat";
        Err(Failure::new("too_deep", message, "answer it yourself, or ask one model with `ask`"))
    }
}

fn no_such_run() -> Failure {
    Failure::new("no_such_run", "there is no such run", "call `council` for a new one")
}

fn unusable(error: &SessionError) -> Failure {
    let (code, next) = match error {
        SessionError::Plan(_) => {
            ("no_council", "have the user run `forge doctor`: several models are needed")
        }
        SessionError::Running { .. } => ("busy", "another process works on it; call `run` again in a minute"),
        _ => ("unreadable", "call `run` again in a minute; `forge doctor` looks at the accounts"),
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(code, format!("{error}{cause}"), next)
}
