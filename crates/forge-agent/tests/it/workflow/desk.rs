//! A repository, a script, and what workflows run on.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use forge_agent::workflow::{Brief, Cast, Casting, Check, State, Workflow, WorkflowDeps};
use forge_core::{
    CallContext, ModelRequest, Participant, ParticipantRole, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopReason},
    storage::{
        journal::{Journal, StreamName},
        memory::MemoryJournal,
    },
    time::ManualTimer,
};
use forge_durable::RunDeps;
use forge_prompt::PromptSet;
use forge_testkit::{Answer, Script, Step};

use crate::{folder::Folder, support::words};

/// What a workflow needs.
pub(super) struct Desk {
    pub(super) repository: Folder,
    pub(super) state: Folder,
    pub(super) script: Arc<Script>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) timer: Arc<ManualTimer>,
    /// Each run has a name of its own.
    runs: Mutex<u32>,
}

pub(super) fn name() -> StreamName {
    StreamName::new("flow-1").unwrap()
}

pub(super) fn cast(role: ParticipantRole) -> Cast {
    Cast::new(Participant::local("m").with_role(role))
}

impl Desk {
    /// A repository with a greeting, and somebody who answers by role and prompt.
    pub(super) fn new(say: impl Fn(&ParticipantRole, &str) -> String + Send + Sync + 'static) -> Self {
        Self::with(move |role, prompt| {
            let usage = TokenCount::default().with_input(100).with_output(50);
            Answer::text(say(role, prompt)).with_usage(usage)
        })
    }

    /// The same with somebody who may also fail.
    pub(super) fn with(say: impl Fn(&ParticipantRole, &str) -> Answer + Send + Sync + 'static) -> Self {
        let repository = Folder::repository();
        repository.write("greet.py", "def greet(name):\n    return \"Hello \" + nam\n");
        repository.commit("begin");
        let script = Script::new(move |cx: &CallContext, request: &ModelRequest| {
            say(&cx.participant.role, &words(request))
        });
        Self {
            repository,
            state: Folder::new(),
            script: Arc::new(script),
            journal: Arc::new(MemoryJournal::default()),
            timer: Arc::new(ManualTimer::new()),
            runs: Mutex::default(),
        }
    }

    pub(super) fn deps(&self) -> WorkflowDeps {
        let mut runs = self.runs.lock().unwrap();
        *runs += 1;
        let run = RunDeps::new(Arc::clone(&self.journal), self.timer.clone(), format!("run {runs}"));
        let prompts = Arc::new(PromptSet::built_in().unwrap());
        #[expect(clippy::disallowed_methods, reason = "git has to be found")]
        let variable = |name: &str| (name == "PATH").then(|| std::env::var_os("PATH")).flatten();
        WorkflowDeps::new(self.script.clone(), run, prompts, self.state.0.clone(), Arc::new(variable))
    }

    /// A task of a planner and a coder.
    pub(super) fn brief(&self) -> Brief {
        let casting = Casting::new(cast(ParticipantRole::Planner), cast(ParticipantRole::Coder));
        Brief::new("Mend the greeting", &self.repository.0, casting)
    }

    pub(super) fn checked(&self, command: &str) -> Brief {
        let mut brief = self.brief();
        brief.checks = vec![Check::new(vec!["sh".into(), "-c".into(), command.into()])];
        brief
    }

    pub(super) async fn start(&self, brief: Brief) -> State {
        Workflow::start(self.deps(), name(), brief).await.unwrap().run().await.unwrap()
    }

    pub(super) async fn open(&self) -> Workflow {
        Workflow::open(self.deps(), name()).await.unwrap()
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.repository.0.join(path)).unwrap()
    }

    /// The worktree of the workflow.
    pub(super) fn tree(&self) -> PathBuf {
        self.state.0.join("workflows/flow-1/tree")
    }
}

/// A plan of one task.
pub(super) fn plan(tasks: &[(&str, &[&str], &str)]) -> String {
    let tasks: Vec<_> = tasks
        .iter()
        .map(|(id, depends_on, write)| {
            serde_json::json!({"id": id, "title": format!("Do {id}"), "detail": format!("Detail of {id}"),
                "files": {"write": [write]}, "depends_on": depends_on})
        })
        .collect();
    serde_json::json!({"summary": "All of it", "tasks": tasks}).to_string()
}

pub(super) fn block(path: &str, old: &str, new: &str) -> String {
    let old = if old.is_empty() { String::new() } else { format!("{old}\n") };
    format!("{path}\n<<<<<<< SEARCH\n{old}=======\n{new}\n>>>>>>> REPLACE\n")
}

/// An answer that calls a tool without arguments.
pub(super) fn call_of(tool: &str) -> Answer {
    call_with(tool, "{}")
}

/// An answer that calls a tool with this input.
pub(super) fn call_with(tool: &str, input: &str) -> Answer {
    let part = |delta| StreamEvent::PartDelta { index: 0, delta };
    let events = [
        Started::default().into(),
        StreamEvent::PartStarted { index: 0, kind: PartKind::tool_use("c1", tool) },
        part(Delta::ToolInput(input.into())),
        StreamEvent::PartEnded { index: 0, opaque: None },
        Finished::new(StopReason::ToolUse).into(),
    ];
    Answer::from(events.map(Step::Event).into_iter().collect::<Vec<_>>())
}
