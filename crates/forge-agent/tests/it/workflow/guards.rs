//! Permissions and hooks in front of what a workflow does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_agent::{
    hook::{Hook, HookAction, HookEvent, HookManager},
    permission::{Effect, Permissions, Rule},
    workflow::{Brief, MergedInto, Stage, State, Workflow, WorkflowDeps, WorkflowError},
};
use forge_core::{
    ModelRequest, ParticipantRole,
    storage::{
        StorageError, StorageErrorKind,
        access::{AuditEntry, AuditEvent, AuditLog},
        memory::MemoryAccess,
    },
};

use super::desk::{Desk, block, call_with, name, plan};
use crate::support::words;
use forge_testkit::Answer;

const GOOD: &str = "    return \"Hello \" + name";
const BAD: &str = "    return \"Hello \" + nam";

fn desk() -> Desk {
    Desk::new(|role, prompt| match role {
        ParticipantRole::Planner => plan(&[("mend", &[], "greet.py")]),
        _ if prompt.contains("say please") => block("greet.py", BAD, &format!("    # please\n{GOOD}")),
        _ => block("greet.py", BAD, GOOD),
    })
}

fn hook(event: HookEvent, line: &str) -> Hook {
    Hook {
        name: "test".into(),
        event,
        matcher: None,
        action: HookAction::Shell(line.into()),
        timeout: Duration::from_secs(60),
        required: false,
        scripts: Vec::new(),
        origin: "a test".into(),
    }
}

fn hooked(desk: &Desk, hooks: Vec<Hook>) -> WorkflowDeps {
    #[expect(clippy::disallowed_methods, reason = "programs have to be found")]
    let path = std::env::var("PATH").unwrap();
    let manager = HookManager::new(hooks, &desk.repository.0, BTreeMap::from([("PATH".to_owned(), path)]));
    desk.deps().with_hooks(Arc::new(manager))
}

async fn run(deps: WorkflowDeps, mut brief: Brief) -> State {
    brief.unattended = true;
    Workflow::start(deps, name(), brief).await.unwrap().run().await.unwrap()
}

#[tokio::test]
async fn a_hook_that_blocks_an_edit_tells_the_model_why() {
    let desk = desk();
    // It is told the paths, and looks into nothing else.
    let line = "grep -q '\"paths\":\\[\"greet.py\"\\]' || exit 1\ntest -f \"$FORGE_PROJECT_DIR/seen\" && exit 0\n\
                touch \"$FORGE_PROJECT_DIR/seen\"; echo 'say please' >&2; exit 2";
    let state = run(hooked(&desk, vec![hook(HookEvent::PreEdit, line)]), desk.brief()).await;
    assert_eq!((state.stage, state.failed), (Stage::AwaitingMerge, None));
    let told = words(&desk.script.calls()[2].request);
    assert!(told.contains("Nothing was written: hook `test`: say please"), "{told}");
    let tree = std::fs::read_to_string(desk.tree().join("greet.py")).unwrap();
    assert!(tree.contains("# please"), "{tree}");
}

#[tokio::test]
async fn what_permissions_deny_is_not_written_and_not_run() {
    let desk = desk();
    let mut rule = Rule::new(Effect::Deny, "forge.yaml:3:5");
    rule.path = Some("*.py".into());
    let deps = desk.deps().with_permissions(Permissions::new(vec![rule]));
    let mut brief = desk.brief();
    brief.formats.truncate(1);
    let state = run(deps, brief).await;
    assert_eq!(state.stage, Stage::Failed);
    let reason = state.failed.unwrap().1;
    assert!(reason.contains("greet.py: it is not allowed") && reason.contains("forge.yaml:3:5"), "{reason}");
    assert!(std::fs::read_to_string(desk.tree().join("greet.py")).unwrap().contains("+ nam\n"));

    let desk = self::desk();
    let deps = hooked(&desk, vec![hook(HookEvent::PreCheck, "echo 'not today' >&2; exit 2")]);
    let state = run(deps, desk.checked("touch was-run")).await;
    assert_eq!(state.tasks[0].checks.last().unwrap().ended, "was not run: hook `test`: not today");
    assert!(!desk.tree().join("was-run").exists());
}

#[tokio::test]
async fn a_hook_may_keep_a_plan_from_being_made_and_a_result_from_being_applied() {
    let desk = desk();
    let deps = hooked(&desk, vec![hook(HookEvent::PrePlan, "echo 'plans are made on paper' >&2; exit 2")]);
    let state = run(deps, desk.brief()).await;
    assert_eq!(state.failed.unwrap().1, "open planner: hook `test`: plans are made on paper");
    assert!(desk.script.calls().is_empty());

    let desk = self::desk();
    let deps = hooked(&desk, vec![hook(HookEvent::PreApply, "echo 'it is Friday' >&2; exit 2")]);
    assert_eq!(run(deps.clone(), desk.brief()).await.stage, Stage::AwaitingMerge);
    let mut workflow = Workflow::open(deps, name()).await.unwrap();
    let refused = workflow.merge(MergedInto::WorkingTree, None).await.unwrap_err();
    assert!(
        matches!(&refused, WorkflowError::Host(reason) if reason == "hook `test`: it is Friday"),
        "{refused}"
    );
    assert!(desk.read("greet.py").contains("+ nam\n"));
}

#[tokio::test]
async fn a_hook_that_refuses_what_was_written_sends_it_back() {
    let desk = Desk::new(|role, prompt| match role {
        ParticipantRole::Planner => plan(&[("mend", &[], "greet.py")]),
        _ if prompt.contains("say please") => block("greet.py", GOOD, &format!("    # please\n{GOOD}")),
        _ => block("greet.py", BAD, GOOD),
    });
    let line = "grep -q please greet.py || { echo 'say please' >&2; exit 2; }";
    let state = run(hooked(&desk, vec![hook(HookEvent::PostEdit, line)]), desk.brief()).await;
    assert_eq!((state.stage, state.failed), (Stage::AwaitingMerge, None));
    assert_eq!(state.tasks[0].check_rounds, 1);
}

#[tokio::test]
async fn what_models_do_on_the_machine_stands_in_the_audit_log() {
    let (desk, log) = (desk(), Arc::new(MemoryAccess::default()));
    let line = "test -f \"$FORGE_PROJECT_DIR/seen\" && exit 0\ntouch \"$FORGE_PROJECT_DIR/seen\"; echo 'say please' >&2; exit 2";
    let deps = hooked(&desk, vec![hook(HookEvent::PreEdit, line)]).with_audit(Some(log.clone()));
    assert_eq!(run(deps, desk.checked("exit 0")).await.stage, Stage::AwaitingMerge);
    let entries = log.audit(None).await.unwrap();
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| format!("{} {} {}", entry.event.by, entry.event.action, entry.event.subject))
        .collect();
    let (check, edit) = ("run sh -c exit 0", "flow-1.editor:mend tool_allowed edit greet.py");
    assert_eq!(
        rows,
        [
            format!("flow-1 tool_allowed {check}"),
            "flow-1 command_ended sh -c exit 0".to_owned(),
            edit.to_owned(),
            "flow-1.editor:mend hook_denied PreEdit".to_owned(),
            edit.to_owned(),
            format!("flow-1.editor:mend tool_allowed {check}"),
            "flow-1.editor:mend command_ended sh -c exit 0".to_owned(),
        ]
    );
    assert_eq!(entries[1].event.detail, r#"{"ended":"ended with status 0","passed":true}"#);
    assert_eq!(entries[3].event.detail, r#"{"reason":"hook `test`: say please"}"#);

    let (desk, log) = (self::desk(), Arc::new(MemoryAccess::default()));
    let mut rule = Rule::new(Effect::Deny, "forge.yaml:3:5");
    rule.path = Some("*.py".into());
    let deps = desk.deps().with_permissions(Permissions::new(vec![rule])).with_audit(Some(log.clone()));
    run(deps, desk.brief()).await;
    let entries = log.audit(None).await.unwrap();
    assert!(
        !entries.is_empty() && entries.iter().all(|entry| &*entry.event.action == "tool_denied"),
        "{entries:?}"
    );
    assert!(entries[0].event.detail.contains("forge.yaml:3:5"), "{entries:?}");
}

/// A log that cannot be written.
#[derive(Debug)]
struct Full;

#[async_trait]
impl AuditLog for Full {
    async fn append_audit(&self, _: AuditEvent) -> Result<Arc<str>, StorageError> {
        Err(StorageError::new(StorageErrorKind::Full, "write", "no room is left"))
    }

    async fn audit(&self, _: Option<DateTime<Utc>>) -> Result<Vec<AuditEntry>, StorageError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn what_cannot_be_noted_does_not_happen() {
    let desk = desk();
    let deps = desk.deps().with_audit(Some(Arc::new(Full)));
    let mut brief = desk.checked("touch was-run");
    brief.formats.truncate(1);
    let state = run(deps, brief).await;
    assert!(!desk.tree().join("was-run").exists());
    assert!(std::fs::read_to_string(desk.tree().join("greet.py")).unwrap().contains("+ nam\n"));
    let reason = state.failed.unwrap().1;
    assert!(reason.contains("it cannot be noted in the audit log"), "{reason}");
}

fn offers_run(request: &ModelRequest) -> bool {
    request.tools.iter().any(|tool| tool.name() == Some("run"))
}

#[tokio::test]
async fn an_editor_runs_what_is_allowed_and_is_told_why_not_of_the_rest() {
    let asked = AtomicUsize::new(0);
    let desk = Desk::with(move |role, _| match (role, asked.fetch_add(1, Ordering::Relaxed)) {
        (ParticipantRole::Planner, _) => Answer::text(plan(&[("mend", &[], "greet.py")])),
        (_, 1) => call_with("run", r#"{"command": ["sh", "-c", "echo seen; exit 3"]}"#),
        (_, 2) => call_with("run", r#"{"command": ["touch", "was-run"]}"#),
        (_, 3) => call_with("run", r#"{"command": "true"}"#),
        _ => Answer::text(block("greet.py", BAD, GOOD)),
    });
    let log = Arc::new(MemoryAccess::default());
    let mut rule = Rule::new(Effect::Allow, "forge.yaml:3:5");
    rule.command = Some(vec!["sh".into(), "-c".into()]);
    let deps = desk.deps().with_permissions(Permissions::new(vec![rule])).with_audit(Some(log.clone()));
    assert_eq!(run(deps, desk.brief()).await.stage, Stage::AwaitingMerge);
    let calls = desk.script.calls();
    assert!(!offers_run(&calls[0].request), "a planner changes nothing");
    assert!(offers_run(&calls[1].request));
    let said = |call: usize| format!("{:?}", calls[call].request.messages);
    assert!(said(2).contains("ended with status 3\\nseen"), "{}", said(2));
    assert!(said(3).contains("of commands only the configured checks may run"), "{}", said(3));
    assert!(said(4).contains("`command` is a list of words"), "{}", said(4));
    assert!(!desk.tree().join("was-run").exists());
    let entries = log.audit(None).await.unwrap();
    let rows: Vec<_> =
        entries.iter().map(|one| format!("{} {}", one.event.action, one.event.subject)).collect();
    let expected = [
        "tool_allowed run sh -c echo seen; exit 3",
        "command_ended sh -c echo seen; exit 3",
        "tool_denied run touch was-run",
    ];
    assert_eq!(rows[..3], expected, "{rows:?}");
    assert_eq!(entries[1].event.detail, r#"{"ended":"ended with status 3","passed":false}"#);
}

#[tokio::test]
async fn an_editor_that_may_run_nothing_has_no_tool_for_it() {
    let desk = desk();
    run(desk.deps(), desk.brief()).await;
    assert!(desk.script.calls().iter().all(|call| !offers_run(&call.request)));
    let desk = self::desk();
    run(desk.deps(), desk.checked("exit 0")).await;
    let calls = desk.script.calls();
    let tool = calls[1].request.tools.iter().find(|tool| tool.name() == Some("run")).unwrap();
    assert!(format!("{tool:?}").contains("What may run: sh -c exit 0."), "{tool:?}");
}
