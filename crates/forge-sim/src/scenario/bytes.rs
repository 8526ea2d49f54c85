use serde::Deserialize;

/// How a body is written to the socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ByteStyle {
    /// Line ends of the stream; the vendor's own when left out.
    pub line_ending: Option<LineEnding>,
    /// Where writes are split; one event a write when left out.
    pub split: Option<Split>,
    /// So many events in one write, 1 when left out.
    pub coalesce: Option<usize>,
    /// A keep-alive after each so many events.
    pub pings: Option<usize>,
    /// Make the last event of a stream at least so large, with a field of no meaning.
    pub last_event_bytes: Option<usize>,
    /// Leave out the last line end of a stream, so that its last event is never closed.
    pub no_final_blank_line: bool,
    /// Spaces after the JSON of a `data:` line.
    pub trailing_spaces: bool,
    /// Compress a JSON body when the client accepts gzip; a client that does not ask gets it plain.
    pub gzip: bool,
    /// Send a JSON body chunked, without a length.
    pub chunked: bool,
}

/// Line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineEnding {
    /// `\n`
    Lf,
    /// `\r\n`
    Crlf,
}

impl LineEnding {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
        }
    }
}

/// Where a body is split into writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// After every byte, also inside a character and between CR and LF.
    EveryByte,
    /// After every character.
    EachChar,
    /// At random places from this seed.
    Seed(u64),
}
