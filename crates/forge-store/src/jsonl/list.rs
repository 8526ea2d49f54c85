//! Lists the streams of a folder, mostly without reading them.

use std::{collections::BTreeSet, fs, io};

use forge_core::storage::journal::{Fence, JournalError, StreamInfo, StreamName};

use super::{claim::write_claim, files::Files, line::Info};

impl Files {
    pub(super) fn list(&mut self) -> Result<Vec<StreamInfo>, JournalError> {
        let found = match fs::read_dir(&self.folder) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut names = BTreeSet::new();
        for file in found {
            let path = file.map_err(|error| self.failed(error))?.path();
            let is_ours = path.extension().is_some_and(|end| end == "jsonl" || end == "claim");
            let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_ours);
            names.extend(stem.and_then(|stem| StreamName::new(stem).ok()));
        }
        let mut streams = Vec::new();
        for name in names {
            let info = self.info(&name)?;
            let held = self.holder(&name);
            // A stream that was deleted leaves its claim, so that its last writer stays fenced off.
            if info.length > 0 || held.is_some() {
                let summary = info.summary.as_ref().and_then(|text| serde_json::from_str(text).ok());
                let stream = StreamInfo::new(name, info.created_at);
                let stream = stream.with_content(info.entries, info.bytes, info.updated_at);
                streams.push(stream.with_holder(held).with_summary(summary));
            }
        }
        streams.sort_by(|one, other| other.updated_at.cmp(&one.updated_at).then(other.name.cmp(&one.name)));
        Ok(streams)
    }

    /// What a list says of a stream. Its file is read only where `NAME.info` does not fit it.
    fn info(&mut self, stream: &StreamName) -> Result<Info, JournalError> {
        let length = self.length(stream)?.unwrap_or(0);
        let written = fs::read(self.path(stream, "info")?).ok();
        let written = written.and_then(|text| serde_json::from_slice::<Info>(&text).ok());
        match written.filter(|info| info.length == length && length > 0) {
            Some(info) => Ok(info),
            None => {
                let fence = self.known.get(stream).map_or(0, |known| known.fence);
                let known = self.take_known(stream, fence)?;
                let info = known.info.clone();
                self.known.insert(stream.clone(), known);
                Ok(info)
            }
        }
    }

    pub(super) fn delete(&mut self, stream: &StreamName) -> Result<bool, JournalError> {
        if self.length(stream)?.is_none() && !self.path(stream, "claim")?.exists() {
            return Ok(false);
        }
        let (mut file, mut claimed) = self.claimed(stream)?;
        if let Some(until) = claimed.until.filter(|until| *until > self.clock.now()) {
            let (holder, fence) = (claimed.holder.into(), Fence(claimed.fence));
            return Err(JournalError::Held { stream: stream.clone(), holder, fence, until });
        }
        self.known.remove(stream);
        // The claim stays, so that a writer of the deleted stream stays fenced off from one of the same name.
        claimed.fence += 1;
        write_claim(&mut file, &claimed).map_err(|error| self.failed(error))?;
        let mut found = false;
        for extension in ["jsonl", "info", "torn"] {
            match fs::remove_file(self.path(stream, extension)?) {
                Ok(()) => found |= extension == "jsonl",
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(found)
    }
}
