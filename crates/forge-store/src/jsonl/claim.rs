//! Who may write a stream: the claim file, locked while it is read and changed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use forge_core::storage::{
    StorageError, StorageErrorKind,
    journal::{Claim, Fence, JournalError, StreamName},
};

use super::{
    files::Files,
    line::{Claimed, VERSION, newer},
};
use crate::files::{make_private_dir, tighten};

/// Between two attempts to lock a claim file.
const PAUSE: Duration = Duration::from_millis(5);

impl Files {
    /// The claim, locked until the file is dropped.
    pub(super) fn claimed(&self, stream: &StreamName) -> Result<(File, Claimed), JournalError> {
        if !self.folder.is_dir() {
            make_private_dir(&self.folder).map_err(StorageError::from)?;
        }
        let mut options = OpenOptions::new();
        let mut file =
            self.open(stream, "claim", options.read(true).write(true).create(true).truncate(false))?;
        self.lock(stream, &file)?;
        for extension in ["claim", "jsonl"] {
            // Older versions let everybody read them. A file of another user is that user's to decide.
            let _ = tighten(&self.path(stream, extension)?);
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| self.failed(error))?;
        // A claim that was cut off while it was written is nobody's. The time is a larger fence than any before.
        let fence =
            if text.is_empty() { 0 } else { u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0) };
        let claim: Claimed =
            serde_json::from_str(&text).unwrap_or_else(|_| Claimed { fence, ..Claimed::default() });
        if claim.version > VERSION {
            return Err(newer(claim.version));
        }
        Ok((file, claim))
    }

    pub(super) fn lock(&self, stream: &StreamName, file: &File) -> Result<(), JournalError> {
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(fs::TryLockError::Error(error)) => return Err(self.failed(error)),
                Err(fs::TryLockError::WouldBlock) if begun.elapsed() < self.patience => {
                    thread::park_timeout(PAUSE);
                }
                Err(fs::TryLockError::WouldBlock) => {
                    let text = format!("{stream}.claim is locked by another process");
                    return Err(StorageError::new(StorageErrorKind::Busy, self.what(), text).into());
                }
            }
        }
    }

    pub(super) fn claim(&mut self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        let (mut file, mut claimed) = self.claimed(stream)?;
        let now = self.clock.now();
        match claimed.until.filter(|until| *until > now) {
            // A renewal keeps the fence, so that appends on their way stay valid.
            Some(_) if claimed.holder == *claim.holder => {}
            Some(until) if claim.replaces != Some(Fence(claimed.fence)) => {
                let (holder, fence) = (claimed.holder.into(), Fence(claimed.fence));
                return Err(JournalError::Held { stream: stream.clone(), holder, fence, until });
            }
            _ => {
                // Before the fence moves, so that the new holder starts behind a whole line.
                self.mend(stream)?;
                claimed.fence += 1;
            }
        }
        // A lease that is too long to be counted outlives every process.
        let lease = chrono::Duration::from_std(claim.lease).unwrap_or(chrono::Duration::days(365));
        claimed.until = now.checked_add_signed(lease).or(Some(DateTime::<Utc>::MAX_UTC));
        (claimed.version, claimed.holder) = (VERSION, claim.holder.to_string());
        write_claim(&mut file, &claimed).map_err(|error| self.failed(error))?;
        Ok(Fence(claimed.fence))
    }

    pub(super) fn release(&mut self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let (mut file, mut claimed) = self.claimed(stream)?;
        // A holder that was replaced cannot release the claim of its successor.
        if claimed.fence == fence.0 {
            claimed.until = None;
            write_claim(&mut file, &claimed).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Puts aside what a crash has left after the last whole line.
    fn mend(&mut self, stream: &StreamName) -> Result<(), JournalError> {
        let content = self.content(stream, 0, 0)?;
        if content.torn.is_empty() {
            return Ok(());
        }
        let mut torn = self.open(stream, "torn", OpenOptions::new().create(true).append(true))?;
        // Put aside before it is cut off: a crash in between leaves it twice, not nowhere.
        torn.write_all(&content.torn).map_err(|error| self.failed(error))?;
        let file = self.open(stream, "jsonl", OpenOptions::new().write(true))?;
        file.set_len(content.whole).and_then(|()| file.sync_all()).map_err(|error| self.failed(error))
    }

    pub(super) fn holder(&self, stream: &StreamName) -> Option<Arc<str>> {
        let text = fs::read(self.path(stream, "claim").ok()?).ok()?;
        let claimed: Claimed = serde_json::from_slice(&text).ok()?;
        claimed.until.filter(|until| *until > self.clock.now()).map(|_| claimed.holder.into())
    }
}

pub(super) fn write_claim(file: &mut File, claim: &Claimed) -> io::Result<()> {
    let text = serde_json::to_vec(claim)?;
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    file.write_all(&text)?;
    file.sync_all()
}
