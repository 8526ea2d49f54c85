//! What the host does for a workflow. Each of it may be done again after a kill.

mod check;
mod edits;
mod guard;
mod open;
mod prepare;

use std::path::{Path, PathBuf};

use forge_core::storage::journal::StreamName;
use forge_edit::{Checkpoint, CheckpointError, Checkpoints};
use futures_util::future::{BoxFuture, FutureExt as _};

pub(super) use self::guard::Guard;
use super::{
    brief::Check,
    deps::{Variable, WorkflowDeps},
    event::{Act, AgentId, Outcome},
    state::State,
};
use crate::{
    agent::{AgentLimits, AgentStep},
    hook::HookEvent,
    process,
    tool::{Toolbox, code_tools, file_tools, run_tool, search_tool},
};

/// What agents may look at below a folder.
pub(super) fn toolbox(root: &Path) -> Toolbox {
    let mut tools = file_tools(root);
    tools.push(search_tool(root));
    // Without them agents still read and search.
    tools.extend(code_tools(root).unwrap_or_default());
    Toolbox::new(tools)
}

/// The same for editors, who may also run what permissions allow. Where that is nothing they have no tool for it.
pub(super) fn editor_toolbox(deps: &WorkflowDeps, root: &Path, checks: &[Check], tools: &Toolbox) -> Toolbox {
    let checks = checks.iter().map(|check| check.run.clone());
    let commands = deps.permissions.clone().with_checks(checks).commands();
    if commands.is_empty() {
        return tools.clone();
    }
    let env = process::environment(|name| (deps.variable)(name)?.into_string().ok());
    tools.with(run_tool(root, env, &commands))
}

/// Where a workflow keeps its checkpoints, and what they are of.
#[derive(Clone)]
struct Place {
    root: PathBuf,
    state: PathBuf,
    variable: Variable,
    run: String,
}

impl Place {
    fn checkpoints(&self) -> Result<Checkpoints, CheckpointError> {
        Checkpoints::open(&self.root, &self.state, |name| (self.variable)(name))
    }

    fn take(&self) -> Result<Checkpoint, CheckpointError> {
        self.checkpoints()?.take(&self.run)
    }
}

/// Does it.
pub(super) fn perform(
    deps: &WorkflowDeps,
    name: &StreamName,
    state: &State,
    act: &Act,
    tools: &Toolbox,
) -> BoxFuture<'static, Outcome> {
    let place = state.root.clone().map(|root| Place {
        root,
        state: deps.folder(name).join("checkpoints"),
        variable: deps.variable.clone(),
        run: name.as_str().to_owned(),
    });
    let guard = Guard::of(deps, name, state).acting_for(act);
    match (act, place) {
        (Act::Prepare, _) => {
            let (deps, name, brief) = (deps.clone(), name.clone(), state.brief.clone());
            blocking(move || prepare::prepare(&deps, &name, brief.as_deref()))
        }
        // Nothing else begins before there is a folder.
        (_, None) => failed("there is no folder to work in"),
        (Act::Open(agent), Some(place)) => {
            let (agent, prompts) = (agent.clone(), deps.prompts.clone());
            let told = open::Told::of(state, &agent, name);
            let event = match &agent {
                AgentId::Planner => Some(HookEvent::PrePlan),
                AgentId::Reviewer(_) => Some(HookEvent::PreReview),
                _ => None,
            };
            let opening = blocking(move || open::open(&place.root, &prompts, &agent, &told));
            match event {
                Some(event) => async move { guard.before(event, opening).await }.boxed(),
                None => opening,
            }
        }
        (Act::Tool(agent, id), Some(_)) => tool(state, agent, id, tools, guard),
        (Act::Resolve(task), Some(place)) => match edits::Answer::of(state, task) {
            Some(answer) => {
                let prompts = deps.prompts.clone();
                let resolving = blocking(move || edits::resolve(&place, &prompts, &answer));
                async move { guard.edits(resolving.await).await }.boxed()
            }
            None => failed("there are no edits"),
        },
        (Act::Apply(task), Some(place)) => {
            let intent = state.task(task).and_then(|task| task.intent.clone());
            match edits::Answer::of(state, task).zip(intent) {
                Some((answer, intent)) => {
                    let paths = intent.files.iter().map(|file| file.path.to_string()).collect();
                    let applying = blocking(move || edits::apply(&place, &answer, &intent));
                    async move { guard.edited(paths, applying.await).await }.boxed()
                }
                None => failed("there are no edits"),
            }
        }
        (Act::Baseline(number) | Act::Check(_, number), Some(place)) => {
            match state.brief.as_ref().and_then(|brief| brief.checks.get(*number)) {
                Some(check) => {
                    let run = check.run.clone();
                    let checking = check::check(place.root, check.clone(), &deps.variable);
                    async move { guard.check(&run, checking).await }.boxed()
                }
                None => failed("there is no such check"),
            }
        }
        (Act::Rollback(task), Some(place)) => {
            let before = state.task(task).and_then(|task| task.before.clone());
            // In a working tree of its own, whatever is there is the workflow's.
            let is_here = state.brief.as_ref().is_some_and(|brief| brief.here);
            let last = state.last.clone().filter(|_| is_here);
            blocking(move || edits::rollback(&place, before.as_ref(), last.as_ref()))
        }
        (Act::Diff(_), Some(place)) => {
            let (base, written) = (state.base.clone(), state.written());
            blocking(move || edits::diff(&place, base.as_ref(), &written))
        }
    }
}

fn tool(
    state: &State,
    agent: &AgentId,
    id: &str,
    tools: &Toolbox,
    guard: Guard,
) -> BoxFuture<'static, Outcome> {
    let limits = AgentLimits { steps: u32::MAX, ..AgentLimits::default() };
    let Some(AgentStep::Tool { name, input, .. }) = state.dialogues.get(agent).map(|one| one.next(&limits))
    else {
        return failed("no tool is called");
    };
    let (id, running) = (id.to_owned(), tools.run(&name, &input));
    async move { guard.tool(id, &name, &input, running).await }.boxed()
}

fn failed(reason: &str) -> BoxFuture<'static, Outcome> {
    let outcome = Outcome::Failed { reason: reason.to_owned() };
    async { outcome }.boxed()
}

/// Does something on a thread that may block.
fn blocking(work: impl FnOnce() -> Result<Outcome, String> + Send + 'static) -> BoxFuture<'static, Outcome> {
    async {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.unwrap_or_else(|reason| Outcome::Failed { reason }),
            Err(_) => Outcome::Failed { reason: "it broke off".to_owned() },
        }
    }
    .boxed()
}
