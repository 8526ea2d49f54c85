//! Forms in which the same bytes are written.

/// Forms of the same bytes. An adapter has to read the same reply out of each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ByteForm {
    /// Each byte is a write of its own, also inside a character.
    EveryByte,
    /// Lines of a stream end with CR and LF, and writes end anywhere.
    CrLf,
    /// Keep-alives stand between the events of a stream, and writes end after any character.
    KeepAlives,
    /// Everything is one write.
    OneWrite,
    /// A stream has no last line end, and a whole reply has no length.
    Unterminated,
}

impl ByteForm {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::EveryByte, Self::CrLf, Self::KeepAlives, Self::OneWrite, Self::Unterminated];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EveryByte => "every byte",
            Self::CrLf => "crlf",
            Self::KeepAlives => "keep-alives",
            Self::OneWrite => "one write",
            Self::Unterminated => "unterminated",
        }
    }
}
