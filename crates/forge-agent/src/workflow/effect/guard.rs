//! What stands in front of what the host does: permissions first, then the user's hooks.

use std::{path::PathBuf, sync::Arc};

use forge_core::{
    request::ToolInput,
    storage::{
        access::{AuditEvent, AuditLog},
        journal::StreamName,
    },
    time::Timer,
};
use serde_json::{Map, Value, json};

use crate::{
    agent::AgentEvent,
    hook::{HookDecision, HookEvent, HookInput, HookManager, HookTool},
    permission::{Access, Action, Effect, Permissions},
    tool::{RUN, command},
    workflow::{
        deps::WorkflowDeps,
        event::{Act, AgentId, CheckReport, Outcome},
        state::State,
    },
};

/// The tool as which edits are known to rules.
const EDIT: &str = "edit";

/// Characters of a path or a command in the audit log.
const LONGEST_SUBJECT: usize = 500;

/// What is asked before and told afterwards.
#[derive(Clone)]
pub(in crate::workflow) struct Guard {
    hooks: Option<Arc<HookManager>>,
    permissions: Arc<Permissions>,
    workflow: String,
    session: String,
    cwd: PathBuf,
    audit: Option<Arc<dyn AuditLog>>,
    timer: Arc<dyn Timer>,
    /// Who wants it, for the audit log: the workflow, or an agent of it.
    by: String,
}

impl Guard {
    pub(in crate::workflow) fn of(deps: &WorkflowDeps, name: &StreamName, state: &State) -> Self {
        let brief = state.brief.as_deref();
        let checks =
            brief.map(|brief| brief.checks.iter().map(|check| check.run.clone()).collect::<Vec<_>>());
        let session = brief.and_then(|brief| brief.session.clone());
        Self {
            hooks: deps.hooks.clone(),
            permissions: Arc::new(deps.permissions.clone().with_checks(checks.unwrap_or_default())),
            workflow: name.as_str().to_owned(),
            session: session.unwrap_or_else(|| name.as_str().to_owned()),
            cwd: state.root.clone().or(brief.map(|brief| brief.workspace.clone())).unwrap_or_default(),
            audit: deps.audit.clone(),
            timer: Arc::clone(&deps.run.timer),
            by: name.as_str().to_owned(),
        }
    }

    /// The same for what an agent is about to do, under the name that its calls have as their task.
    pub(super) fn acting_for(mut self, act: &Act) -> Self {
        let agent = match act {
            Act::Tool(agent, _) => agent.to_string(),
            Act::Resolve(task) | Act::Apply(task) | Act::Check(task, _) => {
                AgentId::Editor(task.clone()).to_string()
            }
            _ => return self,
        };
        self.by = format!("{}.{agent}", self.workflow);
        self
    }

    /// Runs the hooks of an event. What they tell the model is returned.
    ///
    /// # Errors
    /// Why it must not happen.
    pub(in crate::workflow) async fn fire(
        &self,
        event: HookEvent,
        tool: Option<HookTool>,
        paths: Vec<String>,
        fields: Map<String, Value>,
    ) -> Result<Vec<String>, String> {
        let Some(hooks) = &self.hooks else { return Ok(Vec::new()) };
        let (session, workflow, cwd) = (self.session.clone(), Some(self.workflow.clone()), self.cwd.clone());
        let outcome = hooks.fire(event, &HookInput { session, workflow, cwd, tool, paths, fields }).await;
        for warning in &outcome.warnings {
            tracing::warn!(workflow = self.workflow, "{warning}");
        }
        let (action, reason, refusal) = match outcome.decision {
            HookDecision::Allow => return Ok(outcome.context),
            // Nobody can be asked in the middle of a step.
            HookDecision::Ask { reason } => {
                let refusal = format!("a hook wants a person to decide: {reason}");
                ("hook_asked", reason, refusal)
            }
            HookDecision::Deny { reason } => ("hook_denied", reason.clone(), reason),
        };
        self.note(action, event.name(), &json!({"reason": reason})).await?;
        Err(refusal)
    }

    /// Decides, and notes what is decided before it happens.
    async fn allow(&self, tool: &str, access: Access) -> Result<(), String> {
        let on = subject(tool, &access);
        let decided = self.permissions.decide(&Action::new(tool, access));
        let (action, refusal) = match decided.decision {
            Effect::Allow => ("tool_allowed", None),
            Effect::Ask => ("tool_asked", Some("a person would have to agree, and nobody is asked here")),
            Effect::Deny => ("tool_denied", Some("it is not allowed")),
        };
        self.note(action, &on, &json!({"rule": decided.rule})).await?;
        refusal.map_or(Ok(()), |refusal| Err(format!("{refusal}: {}", decided.rule)))
    }

    /// A row of the audit log. What cannot be noted must not happen.
    async fn note(&self, action: &str, subject: &str, detail: &Value) -> Result<(), String> {
        let Some(audit) = &self.audit else { return Ok(()) };
        // A model may ask for any path, and the log is kept for ever.
        let subject: String = subject.chars().take(LONGEST_SUBJECT).collect();
        let event = AuditEvent::new(self.timer.now(), self.by.as_str(), action, subject);
        let noted = audit.append_audit(event.with_detail(detail.to_string())).await;
        noted.map(drop).map_err(|error| format!("it cannot be noted in the audit log: {error}"))
    }

    /// How a command ended. It is done by then, so that a row that cannot be written is a warning.
    async fn note_end(&self, command: &str, ended: &str, passed: bool) {
        let detail = json!({"ended": ended, "passed": passed});
        if let Err(problem) = self.note("command_ended", command, &detail).await {
            tracing::warn!(workflow = self.workflow, "{problem}");
        }
    }

    /// Runs a tool, if it may be. What stands against it is its result.
    pub(super) async fn tool(
        &self,
        id: String,
        name: &str,
        input: &ToolInput,
        running: impl Future<Output = crate::tool::ToolOutput>,
    ) -> Outcome {
        let input = input.as_json().cloned().unwrap_or_default();
        let path = ["path", "folder"].into_iter().find_map(|key| input.get(key)?.as_str().map(str::to_owned));
        let before = HookTool { name: name.to_owned(), input, response: None };
        let paths: Vec<String> = path.iter().cloned().collect();
        let said = |text: String, is_error: bool| {
            Outcome::Said(AgentEvent::ToolEnded { id: id.clone(), text, is_error })
        };
        let argv = (name == RUN).then(|| command(&before.input)).flatten();
        let access = match &argv {
            Some(argv) => Access::Run(argv.clone()),
            // A path that leads outside is refused by the tool itself, with better words.
            None => Access::Read(path.unwrap_or_else(|| ".".to_owned())),
        };
        if let Err(reason) = self.allow(name, access).await {
            return said(reason, true);
        }
        let fired = self.fire(HookEvent::PreToolUse, Some(before.clone()), paths.clone(), Map::new()).await;
        let mut told = match fired {
            Ok(told) => told,
            Err(reason) => return said(reason, true),
        };
        let output = running.await;
        if let Some(argv) = argv {
            let ended = output.text.lines().next().unwrap_or_default();
            self.note_end(&argv.join(" "), ended, !output.is_error).await;
        }
        let after = HookTool { response: Some(json!({"text": output.text})), ..before };
        match self.fire(HookEvent::PostToolUse, Some(after), paths, Map::new()).await {
            Ok(more) => told.extend(more),
            Err(reason) => told.push(reason),
        }
        told.insert(0, output.text);
        said(told.join("\n\n"), output.is_error)
    }

    /// Edits that have their places, unless somebody is against them.
    pub(super) async fn edits(&self, resolved: Outcome) -> Outcome {
        let Outcome::Resolved { intent, .. } = &resolved else { return resolved };
        let paths: Vec<String> = intent.files.iter().map(|file| file.path.to_string()).collect();
        let refused = match self.may_write(&paths).await {
            Err(reason) => Err(reason),
            Ok(()) => self.fire(HookEvent::PreEdit, None, paths, Map::new()).await,
        };
        match refused {
            Ok(_) => resolved,
            Err(problem) => {
                let told = format!("Nothing was written: {problem}\n\nAnswer once more with other edits.");
                Outcome::Unfit { problem, told }
            }
        }
    }

    async fn may_write(&self, paths: &[String]) -> Result<(), String> {
        for path in paths {
            let allowed = self.allow(EDIT, Access::Write(path.clone())).await;
            allowed.map_err(|reason| format!("{path}: {reason}"))?;
        }
        Ok(())
    }

    /// Edits that are written. What a hook has against them is a check that failed, of which the model is told.
    pub(super) async fn edited(&self, paths: Vec<String>, done: Outcome) -> Outcome {
        let Outcome::Applied { after, .. } = done else { return done };
        let fired = self.fire(HookEvent::PostEdit, None, paths, Map::new()).await;
        let objection = fired.err().map(|output| {
            let (command, ended) = ("hooks after the edit".to_owned(), "refused".to_owned());
            CheckReport { command, passed: false, ended, output }
        });
        Outcome::Applied { after, objection }
    }

    /// A check, unless somebody is against it.
    pub(super) async fn check(&self, run: &[String], running: impl Future<Output = Outcome>) -> Outcome {
        let command = run.join(" ");
        let fields = || Map::from_iter([("command".to_owned(), json!(run))]);
        let allowed = match self.allow(RUN, Access::Run(run.to_vec())).await {
            Ok(()) => self.fire(HookEvent::PreCheck, None, Vec::new(), fields()).await.map(|_| ()),
            refused => refused,
        };
        if let Err(reason) = allowed {
            let ended = format!("was not run: {reason}");
            return Outcome::Checked(CheckReport { command, passed: false, ended, output: String::new() });
        }
        let ended = running.await;
        if let Outcome::Checked(report) = &ended {
            self.note_end(&command, &report.ended, report.passed).await;
        }
        match (self.fire(HookEvent::PostCheck, None, Vec::new(), fields()).await, ended) {
            (Err(reason), Outcome::Checked(report)) => Outcome::Checked(CheckReport {
                passed: false,
                ended: format!("was refused: {reason}"),
                ..report
            }),
            (_, ended) => ended,
        }
    }

    /// Something that a hook may keep from beginning.
    pub(super) async fn before(&self, event: HookEvent, doing: impl Future<Output = Outcome>) -> Outcome {
        match self.fire(event, None, Vec::new(), Map::new()).await {
            Ok(_) => doing.await,
            Err(reason) => Outcome::Failed { reason },
        }
    }
}

/// What a decision is about: the tool and what it reaches.
fn subject(tool: &str, access: &Access) -> String {
    match access {
        Access::Read(path) | Access::Write(path) => format!("{tool} {path}"),
        Access::Run(argv) => format!("{tool} {}", argv.join(" ")),
        Access::Other => tool.to_owned(),
    }
}
