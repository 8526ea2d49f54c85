//! What a program writes, up to a limit.

use std::borrow::Cow;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a program wrote to one of its two outputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// Its beginning.
    pub bytes: Vec<u8>,
    /// Bytes after it that were not kept.
    pub dropped: u64,
}

impl Output {
    /// It as text, with a sign in place of each byte that is none.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Reads `from` to its end and keeps the first `most` bytes: a program whose output nobody takes would stand still.
    pub(super) async fn read(&mut self, from: Option<impl AsyncRead + Unpin>, most: usize) {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; 8192];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let kept = read.min(most.saturating_sub(self.bytes.len()));
            self.bytes.extend_from_slice(&buffer[..kept]);
            self.dropped += (read - kept) as u64;
        }
    }
}
