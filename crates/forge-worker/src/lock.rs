//! Locks of a worker: files that the kernel frees when whoever holds them ends, however that ends.

use std::{
    fs::{File, OpenOptions},
    io,
};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::{home::WorkerPlace, private};

/// Whether a shim holds the lock of this worker. A free lock does not mean that the agent has ended.
#[must_use]
pub fn is_running(place: &WorkerPlace) -> bool {
    lock(place, "lock", false).is_ok_and(|lock| lock.is_none())
}

/// Takes a lock that ends with the returned file; `None` where another process has it.
pub(crate) fn lock(place: &WorkerPlace, name: &str, create: bool) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file =
        private::open(&place.file(name), options.read(true).write(true).create(create), OFlags::empty())?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
