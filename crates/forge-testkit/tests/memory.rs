//! The stores in memory keep the contract of stores.

use std::sync::Arc;

use forge_core::{
    storage::memory::{
        MemoryAccess, MemoryAccounts, MemoryBudgets, MemoryJournal, MemoryPrompts, MemoryQueue,
        MemoryResponses,
    },
    time::ManualTimer,
};
use forge_testkit::store::Subject;

mod journal {
    use super::*;

    fn subject() -> Subject<MemoryJournal> {
        let clock = ManualTimer::new();
        let journal = Arc::new(MemoryJournal::new(Arc::new(clock.clone())));
        Subject::new(clock, move || Arc::clone(&journal))
    }

    forge_testkit::store_contract!(journal, subject());
}

mod budget {
    use super::*;

    fn subject() -> Subject<MemoryBudgets> {
        let budgets = Arc::new(MemoryBudgets::default());
        Subject::new(ManualTimer::new(), move || Arc::clone(&budgets))
    }

    forge_testkit::store_contract!(budget, subject());
}

mod accounts {
    use super::*;

    fn subject() -> Subject<MemoryAccounts> {
        let accounts = Arc::new(MemoryAccounts::default());
        Subject::new(ManualTimer::new(), move || Arc::clone(&accounts))
    }

    forge_testkit::store_contract!(accounts, subject());
}

mod access {
    use super::*;

    fn subject() -> Subject<MemoryAccess> {
        let clock = ManualTimer::new();
        let access = Arc::new(MemoryAccess::new(Arc::new(clock.clone())));
        Subject::new(clock, move || Arc::clone(&access))
    }

    forge_testkit::store_contract!(access, subject());
}

mod responses {
    use super::*;

    fn subject() -> Subject<MemoryResponses> {
        let responses = Arc::new(MemoryResponses::default());
        Subject::new(ManualTimer::new(), move || Arc::clone(&responses))
    }

    forge_testkit::store_contract!(responses, subject());
}

mod prompts {
    use super::*;

    fn subject() -> Subject<MemoryPrompts> {
        let prompts = Arc::new(MemoryPrompts::default());
        Subject::new(ManualTimer::new(), move || Arc::clone(&prompts))
    }

    forge_testkit::store_contract!(prompts, subject());
}

mod queue {
    use super::*;

    fn subject() -> Subject<MemoryQueue> {
        let queue = Arc::new(MemoryQueue::default());
        Subject::new(ManualTimer::new(), move || Arc::clone(&queue))
    }

    forge_testkit::store_contract!(queue, subject());
}
