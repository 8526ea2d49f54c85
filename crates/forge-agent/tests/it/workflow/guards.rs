//! Permissions and hooks in front of what a workflow does.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_agent::{
    hook::{Hook, HookAction, HookEvent, HookManager},
    permission::{Effect, Permissions, Rule},
    workflow::{Brief, MergedInto, Stage, State, Workflow, WorkflowDeps, WorkflowError},
};
use forge_core::{
    ParticipantRole,
    storage::{
        StorageError, StorageErrorKind,
        access::{AuditEntry, AuditEvent, AuditLog},
        memory::MemoryAccess,
    },
};

use super::desk::{Desk, block, name, plan};
use crate::support::words;

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
