//! Runs that die at every entry of their journal.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use forge_agent::workflow::{Event, Stage, Workflow};
use forge_core::{
    ParticipantRole, async_trait,
    storage::{
        journal::{Batch, Claim, Entry, Fence, Journal, JournalError, StreamName},
        memory::MemoryJournal,
    },
};
use serde_json::Value;
use tokio::sync::Notify;

use super::desk::{Desk, block, name, plan};
use crate::support::scale;

/// A journal whose process dies at an append: before it is written, or after it was.
struct Dying {
    inner: MemoryJournal,
    /// Appends until the death; negative for never.
    left: AtomicI64,
    /// Whether the last one is written.
    writes: bool,
    died: Arc<Notify>,
}

impl fmt::Debug for Dying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dying")
    }
}

#[async_trait]
impl Journal for Dying {
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        self.inner.claim(stream, claim).await
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        self.inner.release(stream, fence).await
    }

    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left == 0 {
            if self.writes {
                self.inner.append(stream, fence, batch).await?;
            }
            self.died.notify_one();
            std::future::pending::<()>().await;
            unreachable!("the process is dead");
        }
        self.inner.append(stream, fence, batch).await
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        self.inner.read(stream, sequence).await
    }
}

fn say(role: &ParticipantRole, prompt: &str) -> String {
    if *role == ParticipantRole::Planner {
        let tasks: [(&str, &[&str], &str); 4] = [
            ("a", &[], "a.txt"),
            ("b", &[], "b.txt"),
            ("c", &["a", "b"], "greet.py"),
            ("d", &["c"], "a.txt"),
        ];
        return plan(&tasks);
    }
    let task = prompt.split("Your task, ").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
    match task {
        "a" => block("a.txt", "", "first"),
        "b" => block("b.txt", "", "second"),
        "c" => block("greet.py", "    return \"Hello \" + nam", "    return \"Hello \" + name"),
        _ => block("a.txt", "first", "last"),
    }
}

/// Runs until the death or the end. Returns whether it died.
async fn run(desk: &Desk, died: &Notify, begins: bool) -> bool {
    let going = async {
        let workflow = if begins {
            let mut brief = desk.checked("true");
            brief.unattended = true;
            Workflow::start(desk.deps(), name(), brief).await.unwrap()
        } else {
            desk.open().await
        };
        workflow.run().await.unwrap();
    };
    tokio::select! {
        () = going => false,
        () = died.notified() => true,
    }
}

/// The answers that the journal has, each by the agent.
async fn answers(journal: &dyn Journal) -> Vec<String> {
    let entries = journal.read(&name(), 0).await.unwrap();
    let events = entries.iter().map(|entry| serde_json::from_slice::<Value>(&entry.payload).unwrap());
    events
        .filter_map(|entry| match serde_json::from_value(entry["event"].clone()).unwrap() {
            Event::Agent { agent, event: forge_agent::agent::AgentEvent::Answered(_) } => {
                Some(agent.to_string())
            }
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_workflow_that_is_killed_at_every_entry_pays_nothing_twice_and_ends_with_the_same_files() {
    let mut deaths = 0_u32;
    // Every entry takes minutes; at the usual scale, every second does for each kind of death.
    let stride: i64 = if scale() >= 20 { 1 } else { 2 };
    for (writes, first) in [(false, 1), (true, 3)] {
        for at in (first % stride..).step_by(usize::try_from(stride).unwrap()) {
            let died = Arc::new(Notify::new());
            let mut desk = Desk::new(say);
            let journal = Arc::new(Dying {
                inner: MemoryJournal::new(desk.timer.clone()),
                left: AtomicI64::new(at),
                writes,
                died: Arc::clone(&died),
            });
            desk.journal = journal.clone();
            let has_died = run(&desk, &died, true).await;
            let paid = answers(&*journal).await;
            let before = desk.script.calls().len();
            if has_died {
                deaths += 1;
                desk.timer.advance(Duration::from_secs(120));
                let begins = journal.read(&name(), 0).await.unwrap().is_empty();
                assert!(!run(&desk, &died, begins).await);
                // Whoever had answered is not asked again.
                let again: Vec<String> = desk.script.calls()[before..]
                    .iter()
                    .map(|call| call.context.tags.task().unwrap().rsplit_once('.').unwrap().1.to_owned())
                    .collect();
                assert!(paid.iter().all(|agent| !again.contains(agent)), "{paid:?} {again:?}");
            }
            let state = Workflow::read(&*journal, &name()).await.unwrap();
            assert_eq!((state.stage, &state.failed), (Stage::AwaitingMerge, &None), "killed at {at}");
            let read = |path: &str| std::fs::read_to_string(desk.tree().join(path)).unwrap();
            assert_eq!((read("a.txt"), read("b.txt")), ("last\n".into(), "second\n".into()));
            assert!(read("greet.py").contains("+ name\n"));
            if !has_died {
                break;
            }
        }
    }
    println!("{deaths} deaths, one in {stride} entries");
    assert!(i64::from(deaths) * stride > 40, "{deaths}");
}
