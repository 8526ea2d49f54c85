//! Queues in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};

use super::lock;
use crate::storage::{
    StorageError,
    queue::{
        Choose, DecisionLog, KeptDecision, LeaseEnd, LeaseRequest, LineChange, QueueEntry, QueueError,
        QueueStore, TaskLease, lease_end,
    },
};

/// A [`QueueStore`] and [`DecisionLog`] that ends with the process.
#[derive(Debug, Default)]
pub struct MemoryQueue {
    queues: Mutex<BTreeMap<String, Tasks>>,
    decisions: Mutex<Vec<(String, KeptDecision)>>,
}

type Tasks = BTreeMap<Arc<str>, QueueEntry>;

fn check(tasks: &Tasks, change: &LineChange) -> Result<(), QueueError> {
    let found = tasks.get(&change.task).and_then(|entry| entry.line.as_ref());
    if found == change.before.as_ref() {
        return Ok(());
    }
    Err(QueueError::Changed { task: Arc::clone(&change.task) })
}

fn write(tasks: &mut Tasks, task: &Arc<str>, line: Arc<str>) {
    let entry = tasks.entry(Arc::clone(task)).or_insert_with(|| QueueEntry::new(Arc::clone(task), None));
    entry.line = Some(line);
}

/// The last lease of a task, if it is this one and was not ended.
fn current<'a>(tasks: &'a mut Tasks, task: &str, generation: u64) -> Result<&'a mut TaskLease, QueueError> {
    let stale = |current: Option<&TaskLease>| QueueError::Stale {
        task: task.into(),
        generation,
        current: current.cloned().map(Box::new),
    };
    match tasks.get_mut(task).and_then(|entry| entry.lease.as_mut()) {
        Some(lease) if lease.generation == generation && lease.ended.is_none() => Ok(lease),
        other => Err(stale(other.as_deref())),
    }
}

#[async_trait]
impl QueueStore for MemoryQueue {
    async fn queue(&self, queue: &str) -> Result<Vec<QueueEntry>, StorageError> {
        Ok(lock(&self.queues).get(queue).into_iter().flat_map(|tasks| tasks.values().cloned()).collect())
    }

    async fn write_lines(&self, queue: &str, changes: Vec<LineChange>) -> Result<(), QueueError> {
        let mut queues = lock(&self.queues);
        let tasks = queues.entry(queue.to_owned()).or_default();
        // In a copy, so that a change is seen by those after it and all of them are dropped with one that is refused.
        let mut written = tasks.clone();
        for LineChange { task, before, after } in changes {
            check(&written, &LineChange::new(Arc::clone(&task), before, Arc::clone(&after)))?;
            write(&mut written, &task, after);
        }
        *tasks = written;
        Ok(())
    }

    async fn lease(
        &self,
        queue: &str,
        request: LeaseRequest,
        choose: Arc<Choose>,
    ) -> Result<Option<TaskLease>, StorageError> {
        let mut queues = lock(&self.queues);
        let tasks = queues.entry(queue.to_owned()).or_default();
        let entries: Vec<_> = tasks.values().cloned().collect();
        let LeaseRequest { owner, now, ttl } = request;
        let Some(choice) = choose(&entries) else { return Ok(None) };
        let entry = tasks
            .entry(Arc::clone(&choice.task))
            .or_insert_with(|| QueueEntry::new(Arc::clone(&choice.task), None));
        if entry.held(now).is_some() {
            return Ok(None);
        }
        let generation = entry.lease.as_ref().map_or(0, |lease| lease.generation) + 1;
        let (began, expires) = (now.trunc_subsecs(3), lease_end(now, ttl).trunc_subsecs(3));
        let lease = TaskLease::new(choice.task, generation, owner, began, expires);
        entry.lease = Some(lease.clone());
        entry.line = choice.line.or_else(|| entry.line.take());
        Ok(Some(lease))
    }

    async fn renew_lease(
        &self,
        queue: &str,
        task: &str,
        generation: u64,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<TaskLease, QueueError> {
        let mut queues = lock(&self.queues);
        let lease = current(queues.entry(queue.to_owned()).or_default(), task, generation)?;
        lease.expires_at = lease.expires_at.max(lease_end(now, ttl).trunc_subsecs(3));
        Ok(lease.clone())
    }

    async fn end_lease(&self, queue: &str, end: LeaseEnd) -> Result<TaskLease, QueueError> {
        let mut queues = lock(&self.queues);
        let tasks = queues.entry(queue.to_owned()).or_default();
        let changed = end.line.as_ref().map_or(Ok(()), |line| check(tasks, line));
        let lease = current(tasks, &end.task, end.generation)?;
        changed?;
        lease.ended = Some((end.ending, end.now.trunc_subsecs(3)));
        let lease = lease.clone();
        if let Some(line) = end.line {
            write(tasks, &line.task, line.after);
        }
        Ok(lease)
    }
}

#[async_trait]
impl DecisionLog for MemoryQueue {
    async fn keep_decision(&self, queue: &str, mut decision: KeptDecision) -> Result<(), StorageError> {
        decision.at = decision.at.trunc_subsecs(3);
        lock(&self.decisions).push((queue.to_owned(), decision));
        Ok(())
    }

    async fn decisions(&self, queue: &str, task: Option<&str>) -> Result<Vec<KeptDecision>, StorageError> {
        let kept = lock(&self.decisions);
        let own = kept.iter().filter(|(of, one)| of == queue && task.is_none_or(|task| *one.task == *task));
        Ok(own.map(|(_, one)| one.clone()).collect())
    }
}
