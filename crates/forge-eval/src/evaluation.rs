//! Every critic reads every document and every clean twin.

use std::sync::{Mutex, PoisonError};

use forge_core::{Money, storage::budget::Amount};
use forge_session::SessionError;
use futures_util::{StreamExt as _, stream};

use crate::{
    corpus::Corpus,
    critic::{Assignment, Critic, Outcome, Reading},
};

/// A critic whose first so many readings all fail is not asked any more.
const GIVEN_UP: usize = 5;

/// Who reads what, how often, and what it may cost.
pub struct Evaluation<'a> {
    corpus: &'a Corpus,
    critics: &'a [Box<dyn Critic>],
    runs: u32,
    most: Option<Money>,
    at_once: usize,
}

/// What an evaluation is expected to use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvaluationEstimate {
    /// How many readings there are.
    pub readings: usize,
    /// What they are likely to use.
    pub likely: Amount,
    /// The most that they can use.
    pub most: Amount,
    /// Whether every price is known; if not, the money above is too low.
    pub priced: bool,
}

/// How far a critic has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Its place among the critics.
    pub critic: usize,
    /// Readings that have ended, of how many.
    pub ended: (usize, usize),
    /// Those of them that failed, or were not asked for.
    pub missing: usize,
    /// What the others cost, as far as that is known.
    pub cost: Money,
}

/// Everything that was answered.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Measurement {
    /// How often each critic read each text.
    pub runs: u32,
    /// The readings, by critic, document, text (with its faults, then clean) and run; `None` for one that was not asked for,
    /// since the money was used up or the critic had failed too often.
    pub readings: Vec<Option<Reading>>,
    /// Whether the money was used up.
    pub out_of_money: bool,
}

/// One reading, by its place.
struct Job {
    critic: usize,
    document: usize,
    clean: bool,
    run: u32,
}

/// The books of an evaluation under way.
#[derive(Default)]
struct Books {
    spent: Money,
    reserved: Money,
    out_of_money: bool,
    critics: Vec<Tally>,
}

#[derive(Default, Clone)]
struct Tally {
    ended: usize,
    missing: usize,
    answered: bool,
    cost: Money,
}

impl std::fmt::Debug for Evaluation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation").field("runs", &self.runs).finish_non_exhaustive()
    }
}

impl<'a> Evaluation<'a> {
    /// These critics read these documents once each, without a cap.
    pub fn new(corpus: &'a Corpus, critics: &'a [Box<dyn Critic>]) -> Self {
        Self { corpus, critics, runs: 1, most: None, at_once: 5 }
    }

    /// Every text is read so often, at least once.
    pub fn with_runs(mut self, runs: u32) -> Self {
        self.runs = runs.max(1);
        self
    }

    /// The readings together cost no more than this. What has no known price does not count.
    pub fn with_cap(mut self, most: Option<Money>) -> Self {
        self.most = most;
        self
    }

    /// So many readings at the same time, at least one.
    pub fn with_concurrency(mut self, at_once: usize) -> Self {
        self.at_once = at_once.max(1);
        self
    }

    /// What it will use. Sends nothing.
    ///
    /// # Errors
    /// A reading that cannot be asked for.
    pub fn estimate(&self) -> Result<EvaluationEstimate, SessionError> {
        let mut estimate = EvaluationEstimate {
            readings: 0,
            likely: Amount::default(),
            most: Amount::default(),
            priced: true,
        };
        for job in self.jobs() {
            let Some((critic, assignment)) = self.assigned(&job) else { continue };
            let expected = critic.expected(assignment)?;
            estimate.readings += 1;
            estimate.likely = estimate.likely.plus(expected.likely);
            estimate.most = estimate.most.plus(expected.most);
            estimate.priced &= expected.priced;
        }
        Ok(estimate)
    }

    /// Has everything read. Nobody waits for anybody: a critic that fails loses its own readings.
    pub async fn run(&self, progress: impl Fn(&Progress)) -> Measurement {
        let books =
            Mutex::new(Books { critics: vec![Tally::default(); self.critics.len()], ..Books::default() });
        let jobs = self.jobs();
        let each = jobs.len() / self.critics.len().max(1);
        let mut readings = vec![None; jobs.len()];
        // Document by document, so that a run that is cut short has the same documents of every critic.
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by_key(|at| jobs.get(*at).map(|job| (job.run, job.document, job.clean, job.critic)));
        let ended = stream::iter(order).map(|at| {
            let (job, books) = (&jobs[at], &books);
            async move { (at, job.critic, self.read(job, books).await) }
        });
        let mut ended = std::pin::pin!(ended.buffer_unordered(self.at_once));
        while let Some((at, critic, reading)) = ended.next().await {
            let tally = note(&books, critic, reading.as_ref());
            readings[at] = reading;
            let Tally { ended, missing, cost, .. } = tally;
            progress(&Progress { critic, ended: (ended, each), missing, cost });
        }
        let out_of_money = lock(&books).out_of_money;
        Measurement { runs: self.runs, readings, out_of_money }
    }

    /// Every reading, by critic, document, text and run.
    fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for critic in 0..self.critics.len() {
            for document in 0..self.corpus.documents().len() {
                for clean in [false, true] {
                    jobs.extend((0..self.runs).map(|run| Job { critic, document, clean, run }));
                }
            }
        }
        jobs
    }

    fn assigned(&self, job: &Job) -> Option<(&dyn Critic, Assignment<'_>)> {
        let (critic, document) = (self.critics.get(job.critic)?, self.corpus.documents().get(job.document)?);
        Some((&**critic, Assignment::new(document, job.clean, job.run)))
    }

    /// One reading, unless there is no money left for it or its critic has failed too often.
    async fn read(&self, job: &Job, books: &Mutex<Books>) -> Option<Reading> {
        let (critic, assignment) = self.assigned(job)?;
        let most = critic.expected(assignment).map(|expected| expected.most.money).unwrap_or_default();
        {
            let mut books = lock(books);
            let tally = books.critics.get(job.critic).cloned().unwrap_or_default();
            if tally.missing >= GIVEN_UP && !tally.answered {
                return None;
            }
            // Once one has no room, none is asked for any more: every critic is to be left with the same documents.
            books.out_of_money |= self.most.is_some_and(|cap| books.spent + books.reserved + most > cap);
            if books.out_of_money {
                return None;
            }
            books.reserved += most;
        }
        let reading = critic.read(assignment).await;
        let mut books = lock(books);
        books.reserved = Money::from_nanos(books.reserved.nanos().saturating_sub(most.nanos()));
        books.spent += reading.charged;
        Some(reading)
    }
}

/// Enters a reading that has ended.
fn note(books: &Mutex<Books>, critic: usize, reading: Option<&Reading>) -> Tally {
    let mut books = lock(books);
    let Some(tally) = books.critics.get_mut(critic) else { return Tally::default() };
    tally.ended += 1;
    match reading {
        Some(Reading { outcome: Outcome::Failed(_), .. }) | None => tally.missing += 1,
        Some(reading) => {
            tally.answered = true;
            tally.cost += reading.cost.unwrap_or_default();
        }
    }
    tally.clone()
}

fn lock(books: &Mutex<Books>) -> std::sync::MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}
