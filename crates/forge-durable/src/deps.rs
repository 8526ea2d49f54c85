//! The dependencies of a run.

use std::{fmt, sync::Arc};

use forge_core::{
    storage::{
        accounts::{AccountsReader, UsageSink},
        budget::BudgetStore,
        journal::Journal,
    },
    time::Timer,
};

use crate::locks::Locks;

/// The dependencies of a run: a journal and a timer, and optionally locks, accounts and budgets.
#[derive(Clone)]
#[non_exhaustive]
pub struct RunDeps {
    /// The journal that records the work.
    pub journal: Arc<dyn Journal>,
    /// The source of time.
    pub timer: Arc<dyn Timer>,
    /// The holder of the claim, in words that others read. No two runs may share one.
    pub holder: Arc<str>,
    /// Tells whether another run is alive. Without it, the claim of a dead run holds until it lapses.
    pub locks: Option<Arc<dyn Locks>>,
    /// Receives a usage record for each call that died with its run.
    pub sink: Arc<dyn UsageSink>,
    /// Reads the records that such calls already have. Without it, only the first attempt of a call is recorded.
    pub accounts: Option<Arc<dyn AccountsReader>>,
    /// Settles the reservations of a dead run.
    pub budgets: Option<Arc<dyn BudgetStore>>,
}

impl RunDeps {
    /// Dependencies without locks, accounts and budgets.
    pub fn new(journal: Arc<dyn Journal>, timer: Arc<dyn Timer>, holder: impl Into<Arc<str>>) -> Self {
        let holder = holder.into();
        Self { journal, timer, holder, locks: None, sink: Arc::new(()), accounts: None, budgets: None }
    }

    /// Adds locks.
    pub fn with_locks(mut self, locks: Option<Arc<dyn Locks>>) -> Self {
        self.locks = locks;
        self
    }

    /// Adds accounts to write to and, if possible, to read from.
    pub fn with_accounts(
        mut self,
        sink: Arc<dyn UsageSink>,
        reader: Option<Arc<dyn AccountsReader>>,
    ) -> Self {
        (self.sink, self.accounts) = (sink, reader);
        self
    }

    /// Adds budgets.
    pub fn with_budgets(mut self, budgets: Option<Arc<dyn BudgetStore>>) -> Self {
        self.budgets = budgets;
        self
    }
}

impl fmt::Debug for RunDeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunDeps").field("holder", &self.holder).finish_non_exhaustive()
    }
}
