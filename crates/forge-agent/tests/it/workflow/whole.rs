//! From a task to the user's folder.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use forge_agent::workflow::{Command, MergedInto, Stage, TaskEnd, Workflow, WorkflowError};
use forge_core::{ErrorKind, ParticipantRole, storage::journal::Entry};
use forge_testkit::Answer;
use serde_json::Value;

use super::desk::{Desk, block, call_of, cast, name, plan};

const GOOD: &str = "    return \"Hello \" + name";
const BAD: &str = "    return \"Hello \" + nam";

fn desk() -> Desk {
    Desk::new(|role, _| match role {
        ParticipantRole::Planner => plan(&[("mend", &[], "greet.py")]),
        ParticipantRole::Reviewer => r#"{"summary": "fine", "findings": []}"#.to_owned(),
        _ => block("greet.py", BAD, GOOD),
    })
}

#[tokio::test]
async fn a_task_is_planned_approved_edited_checked_read_and_merged() {
    let desk = desk();
    desk.repository.write("notes.txt", "not committed\n");
    let index = desk.repository.git(&["ls-files", "-s"]);
    let mut brief = desk.checked("grep -q '+ name' greet.py");
    brief.casting.reviewer = Some(cast(ParticipantRole::Reviewer));
    let state = desk.start(brief).await;
    assert_eq!((state.stage, state.dirty), (Stage::AwaitingApproval, vec!["notes.txt".to_owned()]));
    let hash = state.plan.unwrap().hash();

    let mut workflow = desk.open().await;
    let other = workflow.command(Command::Approve("000000000000".into()), None).await.unwrap_err();
    assert_eq!(
        other.to_string(),
        format!("the plan has changed: it is {hash}, and 000000000000 was approved")
    );
    workflow.command(Command::Approve(hash), Some("ada".into())).await.unwrap();
    let state = workflow.run().await.unwrap();
    assert_eq!((state.stage, state.failed), (Stage::AwaitingMerge, None));
    assert_eq!(state.tasks[0].checks.len(), 1);
    // Nothing of it is in the user's folder yet.
    assert!(desk.read("greet.py").contains("+ nam\n"));

    let mut workflow = desk.open().await;
    assert!(workflow.diff().unwrap().contains("+    return \"Hello \" + name\n"));
    workflow.merge(MergedInto::WorkingTree, Some("ada".into())).await.unwrap();
    assert_eq!(workflow.state().stage, Stage::Completed);
    assert!(desk.read("greet.py").contains("+ name\n"));
    assert_eq!(desk.read("notes.txt"), "not committed\n");
    assert_eq!(desk.repository.git(&["ls-files", "-s"]), index);
    assert_eq!(workflow.undo(None).await.unwrap(), Vec::<std::path::PathBuf>::new());
    assert!(desk.read("greet.py").contains("+ nam\n"));
    workflow.merge(MergedInto::Branch("mended".into()), None).await.unwrap();
    assert!(desk.repository.git(&["show", "mended:greet.py"]).contains("+ name\n"));
    assert_eq!(desk.repository.git(&["diff", "--name-only", "HEAD", "mended"]), "greet.py\n");
    workflow.forget().unwrap();
    assert!(!desk.tree().exists());
    assert_eq!(desk.repository.git(&["worktree", "list"]).lines().count(), 1);
}

#[tokio::test]
async fn user_and_workflow_may_change_the_same_file_and_not_the_same_lines() {
    let desk = desk();
    let mut brief = desk.brief();
    brief.unattended = true;
    assert_eq!(desk.start(brief).await.stage, Stage::AwaitingMerge);
    let mut workflow = desk.open().await;
    desk.repository.write("greet.py", "def greet(name):\n    return \"Hi \" + nam\n");
    let refused = workflow.merge(MergedInto::WorkingTree, None).await.unwrap_err();
    assert!(matches!(&refused, WorkflowError::Conflicts(files) if files == &["greet.py"]), "{refused}");
    assert!(desk.read("greet.py").contains("Hi"));
    desk.repository.write("greet.py", "# mine\n\n\n\ndef greet(name):\n    return \"Hello \" + nam\n");
    workflow.merge(MergedInto::WorkingTree, None).await.unwrap();
    assert_eq!(desk.read("greet.py"), format!("# mine\n\n\n\ndef greet(name):\n{GOOD}\n"));
}

#[tokio::test]
async fn a_check_that_fails_goes_back_and_a_task_that_never_succeeds_is_undone() {
    let desk = Desk::new(|role, prompt| match role {
        ParticipantRole::Planner => plan(&[("one", &[], "greet.py"), ("two", &["one"], "other.txt")]),
        _ if prompt.contains("The command `sh -c ! grep") => block("greet.py", "# tried", "# tried"),
        _ => block("greet.py", BAD, "# tried"),
    });
    let mut brief = desk.checked("! grep -q tried greet.py");
    brief.unattended = true;
    let state = desk.start(brief).await;
    assert_eq!(state.stage, Stage::Failed);
    let reason = "`sh -c ! grep -q tried greet.py` ended with status 1 after 3 attempts";
    assert_eq!(state.tasks[0].end, Some(TaskEnd::Failed(reason.into())));
    assert_eq!(state.tasks[1].end, Some(TaskEnd::Skipped("one".into())));
    let tree = std::fs::read_to_string(desk.tree().join("greet.py")).unwrap();
    assert!(tree.contains("+ nam\n"), "{tree}");
    // One plan, three answers.
    assert_eq!(desk.script.calls().len(), 4);
}

#[tokio::test]
async fn an_editor_that_never_keeps_the_form_is_told_then_asked_in_another_form_and_then_given_up() {
    let desk = Desk::new(|role, _| match role {
        ParticipantRole::Planner => plan(&[("mend", &[], "greet.py")]),
        _ => "greet.py\n<<<<<<< SEARCH\nnothing like it\n=======\nx\n>>>>>>> REPLACE\n".to_owned(),
    });
    let mut brief = desk.brief();
    brief.unattended = true;
    let state = desk.start(brief).await;
    let Some(TaskEnd::Failed(reason)) = &state.tasks[0].end else { panic!("{:?}", state.tasks[0].end) };
    assert_eq!(reason, "its edits cannot be made: there are no edits in it");
    let calls = desk.script.calls();
    let last = |at: usize| crate::support::words(&calls[at].request);
    assert_eq!(calls.len(), 4);
    assert!(last(2).contains("its lines are not in the file") && last(2).contains("in the same form"));
    assert!(last(3).contains("every file that changes as a whole"), "{}", last(3));
}

#[tokio::test]
async fn a_plan_that_is_never_right_is_reported_with_its_last_mistakes_and_nothing_is_written() {
    let desk = Desk::new(|_, _| plan(&[("a", &["b"], "x.txt"), ("b", &["a"], "../y.txt")]));
    let state = desk.start(desk.brief()).await;
    let (stage, reason) = state.failed.unwrap();
    assert_eq!(stage, Stage::Planning);
    assert!(reason.contains("task `b`: ../y.txt: `..` leads out of the workspace"), "{reason}");
    assert_eq!(desk.script.calls().len(), 3);
}

#[tokio::test]
async fn blocking_findings_go_back_to_the_editor_and_are_read_again() {
    let desk = Desk::new(|role, prompt| match role {
        ParticipantRole::Planner => plan(&[("mend", &[], "greet.py")]),
        ParticipantRole::Reviewer if !prompt.contains("+ name.strip()") => {
            format!(
                r#"{{"summary": "s", "findings": [{{"severity": "major", "file": "greet.py", "quote": {:?}, "claim": "blanks"}},
                {{"severity": "critical", "file": "greet.py", "quote": "nowhere at all", "claim": "made up"}}]}}"#,
                GOOD.trim()
            )
        }
        ParticipantRole::Reviewer => r#"{"summary": "fine", "findings": []}"#.to_owned(),
        _ if prompt.contains("Mend what the review found") => {
            block("greet.py", GOOD, "    return \"Hello \" + name.strip()")
        }
        _ => block("greet.py", BAD, GOOD),
    });
    let mut brief = desk.brief();
    (brief.unattended, brief.casting.reviewer) = (true, Some(cast(ParticipantRole::Reviewer)));
    let state = desk.start(brief).await;
    assert_eq!((state.stage, &state.failed), (Stage::AwaitingMerge, &None));
    assert_eq!(state.reviews.len(), 2);
    let first = &state.reviews[0].findings;
    assert_eq!(first[0].place.as_deref(), Some("greet.py:2"));
    // What has no place in the change stops nothing.
    assert!(first[0].is_blocking() && !first[1].is_blocking());
    assert_eq!(state.tasks[1].task.id, "review-1");
    let tree = std::fs::read_to_string(desk.tree().join("greet.py")).unwrap();
    assert!(tree.contains("name.strip()"));
}

#[tokio::test]
async fn edits_of_files_that_the_task_does_not_write_are_refused() {
    let desk = Desk::new(|role, _| match role {
        ParticipantRole::Planner => plan(&[("mend", &[], "greet.py")]),
        _ => block("other.py", "", "x = 1"),
    });
    let mut brief = desk.brief();
    brief.unattended = true;
    let state = desk.start(brief).await;
    assert_eq!(state.stage, Stage::Failed);
    let told = crate::support::words(&desk.script.calls()[2].request);
    assert!(told.contains("other.py is no file of this task, which writes greet.py"), "{told}");
    assert!(!desk.tree().join("other.py").exists());
}

#[tokio::test]
async fn a_check_that_failed_before_may_fail_until_the_last_task_and_then_has_to_succeed() {
    let desk = Desk::new(|role, prompt| match role {
        ParticipantRole::Planner => plan(&[("one", &[], "one.txt"), ("two", &["one"], "two.txt")]),
        _ if prompt.contains("Your task, one") => block("one.txt", "", "1"),
        _ => block("two.txt", "", "2"),
    });
    let mut brief = desk.checked("test -f one.txt && test -f two.txt");
    brief.unattended = true;
    let state = desk.start(brief).await;
    assert_eq!((state.stage, &state.failed), (Stage::AwaitingMerge, &None));
    let passed = |at: usize| state.tasks[at].checks.iter().all(|report| report.passed);
    assert_eq!((state.baseline[0].passed, passed(0), passed(1)), (false, false, true));
    // Nobody is told of what was not theirs.
    assert_eq!(desk.script.calls().len(), 3);
}

#[tokio::test]
async fn observers_are_told_every_entry_once_with_its_number_in_the_journal() {
    let desk = desk();
    let told = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&told);
    let deps = || {
        let noted = Arc::clone(&noted);
        desk.deps().with_observer(Arc::new(move |_, number, event, _| {
            noted.lock().unwrap().push((number, serde_json::to_value(event).unwrap()));
        }))
    };
    let state = Workflow::start(deps(), name(), desk.brief()).await.unwrap().run().await.unwrap();
    let mut workflow = Workflow::open(deps(), name()).await.unwrap();
    workflow.command(Command::Approve(state.plan_hash().unwrap()), None).await.unwrap();
    workflow.run().await.unwrap();
    let journal = desk.journal.read(&name(), 0).await.unwrap();
    let entry = |entry: &Entry| serde_json::from_slice::<Value>(&entry.payload).unwrap()["event"].clone();
    let kept: Vec<(u64, Value)> = journal.iter().map(|one| (one.sequence, entry(one))).collect();
    assert_eq!(*told.lock().unwrap(), kept);
}

#[tokio::test]
async fn what_failed_is_tried_again_and_what_was_answered_is_not() {
    for (kind, stage) in [(ErrorKind::Server, Stage::Failed), (ErrorKind::BudgetExceeded, Stage::Editing)] {
        let down = Arc::new(AtomicBool::new(true));
        let is_down = Arc::clone(&down);
        let desk = Desk::with(move |role, _| match role {
            ParticipantRole::Planner => Answer::text(plan(&[("mend", &[], "greet.py")])),
            _ if is_down.load(Ordering::Relaxed) => Answer::fail(kind),
            _ => Answer::text(block("greet.py", BAD, GOOD)),
        });
        let mut brief = desk.brief();
        brief.unattended = true;
        let state = desk.start(brief).await;
        assert_eq!(state.stage, stage, "{kind:?}");
        // A budget that has no room pauses, and everything else fails.
        assert_eq!(state.paused.is_some(), kind == ErrorKind::BudgetExceeded);
        down.store(false, Ordering::Relaxed);
        let mut workflow = desk.open().await;
        workflow.command(Command::Resume(None), None).await.unwrap();
        let state = workflow.run().await.unwrap();
        assert_eq!((state.stage, state.failed), (Stage::AwaitingMerge, None), "{kind:?}");
        assert_eq!(desk.script.calls().len(), 3, "the plan is not made again");
    }
}

#[tokio::test]
async fn tasks_that_do_not_wait_for_each_other_are_asked_at_the_same_state_of_the_files() {
    // The second one looks around first, so that it answers later.
    let asked = AtomicUsize::new(0);
    let desk = Desk::with(move |role, prompt| match role {
        ParticipantRole::Planner => Answer::text(plan(&[("one", &[], "one.txt"), ("two", &[], "two.txt")])),
        _ if prompt.contains("Your task, one") => Answer::text(block("one.txt", "", "1")),
        _ if asked.fetch_add(1, Ordering::Relaxed) == 0 => call_of("list_files"),
        _ => Answer::text(block("two.txt", "", "2")),
    });
    let mut brief = desk.checked("true");
    brief.unattended = true;
    assert_eq!(desk.start(brief).await.stage, Stage::AwaitingMerge);
    let journal = desk.journal.read(&name(), 0).await.unwrap();
    let events: Vec<Value> = journal
        .iter()
        .map(|one| serde_json::from_slice::<Value>(&one.payload).unwrap()["event"].clone())
        .collect();
    let answered = |event: &Value| event["event"]["type"] == "answered";
    let last_answer = events.iter().rposition(answered).unwrap();
    let listed = events.iter().find_map(|event| event["outcome"]["said"]["text"].as_str());
    assert_eq!(listed, Some("greet.py"), "what a tool says is kept");
    let first_write = events.iter().position(|event| event["act"].get("resolve").is_some()).unwrap();
    assert!(last_answer < first_write, "{last_answer} {first_write}");
}

#[tokio::test]
async fn what_the_user_changes_after_the_result_came_stays_when_it_is_taken_back() {
    for here in [false, true] {
        let desk = Desk::new(|role, prompt| match role {
            ParticipantRole::Planner => plan(&[("one", &[], "greet.py"), ("two", &[], "new.txt")]),
            _ if prompt.contains("Your task, one") => block("greet.py", BAD, GOOD),
            _ => block("new.txt", "", "new"),
        });
        let mut brief = desk.brief();
        (brief.unattended, brief.here) = (true, here);
        assert_eq!(desk.start(brief).await.stage, Stage::AwaitingMerge);
        let mut workflow = desk.open().await;
        workflow.merge(MergedInto::WorkingTree, None).await.unwrap();
        desk.repository.write("greet.py", "mine\n");
        desk.repository.write("other.txt", "mine\n");
        assert_eq!(
            workflow.undo(None).await.unwrap(),
            [std::path::PathBuf::from("greet.py")],
            "here: {here}"
        );
        assert_eq!((desk.read("greet.py"), desk.read("other.txt")), ("mine\n".into(), "mine\n".into()));
        assert!(!desk.repository.0.join("new.txt").exists());
    }
}
