//! Locks between the clients of a store and its thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// No code here panics while it holds a lock, so a poisoned one is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
