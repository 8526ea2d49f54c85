//! A journal in plain files for tests whose time stands still while they wait for the disk.

use std::{path::Path, sync::Arc};

use forge_core::{
    async_trait,
    storage::journal::{Batch, Claim, Entry, Fence, Journal, JournalError, StreamName},
};
use forge_store::JsonlJournal;

use crate::stage::Theatre;

/// Every call is over when it returns.
#[derive(Debug)]
pub(crate) struct Files(JsonlJournal);

impl Files {
    pub(crate) fn open(folder: &Path, theatre: &Theatre) -> Self {
        Self(JsonlJournal::open(folder, Arc::new(theatre.timer.clone())).unwrap())
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[async_trait]
impl Journal for Files {
    async fn claim(&self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        wait(self.0.claim(stream, claim))
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        wait(self.0.release(stream, fence))
    }

    async fn append(&self, stream: &StreamName, fence: Fence, batch: Batch) -> Result<u64, JournalError> {
        wait(self.0.append(stream, fence, batch))
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        wait(self.0.read(stream, sequence))
    }
}
