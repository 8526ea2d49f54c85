//! Storage in memory: for tests, and for programs that need nothing to survive them.

mod access;
mod accounts;
mod budgets;
mod journal;
mod prompts;
mod queue;
mod responses;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::{
    access::MemoryAccess, accounts::MemoryAccounts, budgets::MemoryBudgets, journal::MemoryJournal,
    prompts::MemoryPrompts, queue::MemoryQueue, responses::MemoryResponses,
};

/// No code here panics while it holds a lock, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
