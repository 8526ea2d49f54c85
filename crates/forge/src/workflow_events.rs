//! What workflows do, as events of a server, whichever process runs them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use forge_agent::workflow::Workflow;
use serde_json::Value;

use crate::{
    Money,
    storage::journal::{StreamInfo, StreamName},
    store::Store,
    time::Timer,
    watch::{EventLog, WorkflowStage, WorkflowStep},
};

/// How often the store is asked what has changed.
const EVERY: Duration = Duration::from_secs(1);

/// Publishes in `log` what the workflows of this store do from now on, for ever. A step is told about a second after it is
/// written. Meant to be spawned, and dropped with the server.
pub async fn publish_workflows(store: Arc<Store>, log: EventLog, timer: Arc<dyn Timer>) {
    let start = timer.now();
    let mut followed = Followed { store, log, start, since: start, known: HashMap::new() };
    loop {
        let Some(next) = timer.instant().checked_add(EVERY) else { return };
        timer.sleep_until(next).await;
        followed.look(timer.now()).await;
    }
}

/// How far a workflow is told.
#[derive(Default)]
struct Told {
    /// The number of the first entry that is not.
    next: u64,
    stage: Option<(String, bool)>,
}

struct Followed {
    store: Arc<Store>,
    log: EventLog,
    /// Workflows that were begun earlier were there before anybody followed.
    start: DateTime<Utc>,
    /// What was written before is told.
    since: DateTime<Utc>,
    known: HashMap<StreamName, Told>,
}

impl Followed {
    /// Tells what was written since the last look. A store that cannot be read is asked again at the next.
    async fn look(&mut self, now: DateTime<Utc>) {
        let Ok(changed) = self.store.streams_since(self.since).await else { return };
        for stream in changed.iter().filter(|stream| Workflow::is_one(stream)) {
            let begun_before = stream.created_at < self.start;
            let told = self.known.entry(stream.name.clone()).or_insert_with(|| Told {
                // Of one that was there before, what it did until then is old.
                next: if begun_before { stream.entries } else { 0 },
                stage: None,
            });
            let Ok((next, steps)) = Workflow::steps(&*self.store, &stream.name, told.next).await else {
                continue;
            };
            told.next = next;
            for (entry, step) in steps {
                let workflow = stream.name.to_string();
                self.log.publish(now, WorkflowStep { workflow, entry, step });
            }
            let stage = stage(stream);
            if told.stage.as_ref() != Some(&(stage.stage.clone(), stage.paused)) {
                told.stage = Some((stage.stage.clone(), stage.paused));
                self.log.publish(now, stage);
            }
        }
        // An entry of this very moment may be written after the look, and is then looked for once more.
        self.since =
            changed.iter().map(|stream| stream.updated_at).max().unwrap_or(self.since).max(self.since);
    }
}

fn stage(stream: &StreamInfo) -> WorkflowStage {
    let summary = stream.summary.as_ref();
    let field = |name: &str| summary.and_then(|summary| summary.get(name));
    WorkflowStage {
        workflow: stream.name.to_string(),
        stage: field("stage").and_then(Value::as_str).unwrap_or_default().to_owned(),
        paused: field("paused").and_then(Value::as_bool).unwrap_or_default(),
        cost: field("cost_nano_usd").and_then(Value::as_u64).map(Money::from_nanos),
    }
}
