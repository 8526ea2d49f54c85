//! What a run stands on.

use std::{fmt, sync::Arc};

use forge_core::{BudgetStore, Journal, Timer, UsageSink, storage::accounts::AccountsReader};

use crate::locks::Locks;

/// What a run stands on: a journal and a timer; and, where there are such, locks, accounts and budgets.
#[derive(Clone)]
#[non_exhaustive]
pub struct RunDeps {
    /// Where the work is written down.
    pub journal: Arc<dyn Journal>,
    /// Where time comes from.
    pub timer: Arc<dyn Timer>,
    /// Who runs it, in words for others. No two runs may use the same.
    pub holder: Arc<str>,
    /// What says whether another run lives. Without it, the claim of a run that died holds until it lapses.
    pub locks: Option<Arc<dyn Locks>>,
    /// Where calls that died with their run are accounted for.
    pub sink: Arc<dyn UsageSink>,
    /// What the accounts already hold of them. Without it, only the first attempt of a call is accounted for.
    pub accounts: Option<Arc<dyn AccountsReader>>,
    /// Where the reservations of a run that died are settled.
    pub budgets: Option<Arc<dyn BudgetStore>>,
}

impl RunDeps {
    /// A run without locks, accounts and budgets.
    pub fn new(journal: Arc<dyn Journal>, timer: Arc<dyn Timer>, holder: impl Into<Arc<str>>) -> Self {
        let holder = holder.into();
        Self { journal, timer, holder, locks: None, sink: Arc::new(()), accounts: None, budgets: None }
    }

    /// The same with locks.
    pub fn with_locks(mut self, locks: Option<Arc<dyn Locks>>) -> Self {
        self.locks = locks;
        self
    }

    /// The same with accounts to write to and, if they can be, to read from.
    pub fn with_accounts(
        mut self,
        sink: Arc<dyn UsageSink>,
        reader: Option<Arc<dyn AccountsReader>>,
    ) -> Self {
        (self.sink, self.accounts) = (sink, reader);
        self
    }

    /// The same with budgets.
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
