//! Cuts a reply's body into frames: server-sent events, or lines of JSON.

use std::ops::Range;

use crate::lines::Lines;

/// The most bytes of a stream, all its frames and comments together.
pub const MAX_STREAM_BYTES: usize = 64 * 1024 * 1024;

/// The most bytes one event may have. The last event of some vendors repeats the whole reply, so that it may be as large
/// as the stream.
pub const MAX_EVENT_BYTES: usize = MAX_STREAM_BYTES;

/// One frame of a stream: of bytes as they arrive, of text once its characters are whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a, Data: ?Sized = str> {
    /// A server-sent event, or one line of a line-by-line stream.
    Event {
        /// The event's name; empty if it has none.
        name: &'a str,
        /// Its data. Several data lines are joined by LF.
        data: &'a Data,
    },
    /// A line that is neither a comment nor a known field. Some servers put errors there.
    Stray(&'a Data),
}

impl<Data: ?Sized> Clone for Frame<'_, Data> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Data: ?Sized> Copy for Frame<'_, Data> {}

impl<'a> Frame<'a, [u8]> {
    /// The bytes that hold what is said.
    pub(crate) fn data(self) -> &'a [u8] {
        match self {
            Self::Event { data, .. } | Self::Stray(data) => data,
        }
    }

    /// The same frame with its data as text.
    pub(crate) fn with_text<'b>(self, data: &'b str) -> Frame<'b>
    where
        'a: 'b,
    {
        match self {
            Self::Event { name, .. } => Frame::Event { name, data },
            Self::Stray(_) => Frame::Stray(data),
        }
    }
}

/// An event is larger than [`MAX_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTooLarge;

/// Decodes server-sent events as the WHATWG standard says: LF, CR LF and CR, comments, a BOM, several
/// data lines. Pieces may be cut anywhere.
///
/// ```
/// use forge_http::{Frame, SseDecoder};
///
/// let mut decoder = SseDecoder::new();
/// decoder.push(b"event: ping\r\nda");
/// assert_eq!(decoder.next_frame(), Ok(None));
/// decoder.push(b"ta: {}\r\n\r\n");
/// assert_eq!(decoder.next_frame(), Ok(Some(Frame::Event { name: "ping", data: &b"{}"[..] })));
/// ```
#[derive(Debug)]
pub struct SseDecoder {
    lines: Lines,
    first_line: bool,
    name: Option<Range<usize>>,
    data: Data,
    /// Holds the data of events with several data lines.
    joined: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Data {
    None,
    One(Range<usize>),
    Joined,
}

impl Default for SseDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl SseDecoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self {
            lines: Lines::with_lone_cr(),
            first_line: true,
            name: None,
            data: Data::None,
            joined: Vec::new(),
        }
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        let shift = self.lines.shift();
        let moved = |range: &mut Range<usize>| *range = range.start - shift..range.end - shift;
        self.name.iter_mut().for_each(moved);
        if let Data::One(range) = &mut self.data {
            moved(range);
        }
        self.lines.push(piece);
    }

    /// Tells that the stream is over. An event whose closing blank line is missing comes out all the
    /// same; whether it is whole, its reader must judge.
    pub fn close(&mut self) {
        self.push(b"\n\n");
    }

    /// How many bytes of the stream belong to the frames so far, with the comments and empty lines before them.
    pub(crate) fn consumed(&self) -> usize {
        self.lines.consumed()
    }

    /// The next whole frame, or `None` until more is pushed.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_, [u8]>>, EventTooLarge> {
        while let Some(mut line) = self.lines.next() {
            if std::mem::take(&mut self.first_line)
                && self.lines.get(line.clone()).starts_with("\u{feff}".as_bytes())
            {
                line.start += 3;
            }
            if line.is_empty() {
                let name = self.name.take();
                let data = std::mem::replace(&mut self.data, Data::None);
                self.lines.release();
                let data = match data {
                    // By the standard an event without data is none, whatever its name.
                    Data::None => continue,
                    Data::One(range) => self.lines.get(range),
                    Data::Joined => &self.joined,
                };
                let name = name.map_or(&b""[..], |range| self.lines.get(range));
                // A name that is no text is none that any vendor uses.
                let name = std::str::from_utf8(name).unwrap_or_default();
                return Ok(Some(Frame::Event { name, data }));
            }
            let text = self.lines.get(line.clone());
            let (field, value) = split_field(text);
            let value = line.start + value..line.end;
            match field {
                b"data" => self.add_data(value)?,
                b"event" => self.name = Some(value),
                // A comment keeps the connection alive; `id` and `retry` serve reconnection, which
                // no vendor offers.
                b"" | b"id" | b"retry" => self.release_unless_open(),
                _ => {
                    self.release_unless_open();
                    return Ok(Some(Frame::Stray(self.lines.get(line))));
                }
            }
        }
        if self.lines.held() > MAX_EVENT_BYTES { Err(EventTooLarge) } else { Ok(None) }
    }

    /// Between events nothing needs to be kept, however many comments follow each other.
    fn release_unless_open(&mut self) {
        if self.name.is_none() && matches!(self.data, Data::None) {
            self.lines.release();
        }
    }

    fn add_data(&mut self, value: Range<usize>) -> Result<(), EventTooLarge> {
        match std::mem::replace(&mut self.data, Data::Joined) {
            Data::None => {
                self.data = Data::One(value);
                return Ok(());
            }
            Data::One(first) => {
                self.joined.clear();
                self.joined.extend_from_slice(self.lines.get(first));
            }
            Data::Joined => {}
        }
        self.joined.push(b'\n');
        self.joined.extend_from_slice(self.lines.get(value));
        // What is joined need not be held twice.
        if self.name.is_none() {
            self.lines.release();
        }
        if self.joined.len() > MAX_EVENT_BYTES { Err(EventTooLarge) } else { Ok(()) }
    }
}

/// The name of a line's field, and where its value begins. A comment has an empty name.
fn split_field(line: &[u8]) -> (&[u8], usize) {
    // Nearly every line of nearly every stream.
    if line.starts_with(b"data: ") {
        return (b"data", 6);
    }
    if line.starts_with(b"event: ") {
        return (b"event", 7);
    }
    match memchr::memchr(b':', line) {
        None => (line, line.len()),
        Some(colon) => {
            let space = line.get(colon + 1) == Some(&b' ');
            (&line[..colon], colon + 1 + usize::from(space))
        }
    }
}

/// Decodes a stream of JSON values, one a line.
#[derive(Debug, Default)]
pub struct NdjsonDecoder {
    lines: Lines,
}

impl NdjsonDecoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        self.lines.push(piece);
    }

    /// Tells that the stream is over. A last line without a line end comes out all the same.
    pub fn close(&mut self) {
        self.push(b"\n");
    }

    /// The next whole line as an [`Event`](Frame::Event) without a name.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_, [u8]>>, EventTooLarge> {
        while let Some(line) = self.lines.next() {
            self.lines.release();
            if !line.is_empty() {
                return Ok(Some(Frame::Event { name: "", data: self.lines.get(line) }));
            }
        }
        if self.lines.held() > MAX_EVENT_BYTES { Err(EventTooLarge) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use proptest::prelude::*;

    use super::*;

    type Owned = Result<(String, String), String>;

    fn decode(pieces: &[&[u8]]) -> Vec<Owned> {
        let mut decoder = SseDecoder::new();
        let mut frames = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            drain(&mut decoder, &mut frames);
        }
        frames
    }

    fn drain(decoder: &mut SseDecoder, frames: &mut Vec<Owned>) {
        while let Some(frame) = decoder.next_frame().unwrap() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            frames.push(match frame {
                Frame::Event { name, data } => Ok((name.to_owned(), text(data))),
                Frame::Stray(line) => Err(text(line)),
            });
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "reads as one row of the expected frames")]
    fn event(name: &str, data: &str) -> Owned {
        Ok((name.into(), data.into()))
    }

    const SAMPLE: &str = "\u{feff}event: a\ndata: {\"x\": \"ä€😀\"}\n\n: ping\n\ndata:one\ndata: two\r\n\r\n\
                          id: 7\rdata\rdata: 3\r\revent: lost\n\nerror: {\"e\":1}\nevent: b\r\ndata: last\r\n\r\n";

    fn sample_frames() -> Vec<Owned> {
        vec![
            event("a", "{\"x\": \"ä€😀\"}"),
            event("", "one\ntwo"),
            event("", "\n3"),
            Err("error: {\"e\":1}".into()),
            event("b", "last"),
        ]
    }

    #[test]
    fn every_form_of_line_and_field_is_understood() {
        assert_eq!(decode(&[SAMPLE.as_bytes()]), sample_frames());
    }

    #[test]
    fn every_split_in_two_gives_the_same_frames() {
        let bytes = SAMPLE.as_bytes();
        for at in 0..=bytes.len() {
            assert_eq!(decode(&[&bytes[..at], &bytes[at..]]), sample_frames(), "split at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single), sample_frames());
    }

    #[test]
    fn a_closed_stream_gives_up_its_last_event() {
        let mut decoder = SseDecoder::new();
        let mut frames = decode(&[]);
        decoder.push(b"data: 1\n\ndata: 2");
        drain(&mut decoder, &mut frames);
        assert_eq!(frames, [event("", "1")]);
        decoder.close();
        drain(&mut decoder, &mut frames);
        assert_eq!(frames[1..], [event("", "2")]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let line = vec![b'x'; MAX_EVENT_BYTES / 16];
        for opening in [&b"data: "[..], b"", b"data: 1\ndata: "] {
            let mut decoder = SseDecoder::new();
            decoder.push(opening);
            let refused = (0..20).position(|_| {
                decoder.push(&line);
                decoder.next_frame().is_err()
            });
            assert!(matches!(refused, Some(15 | 16)), "{opening:?}: {refused:?}");
        }
        let mut decoder = SseDecoder::new();
        let lines = format!("data: {}\n", "x".repeat(1_000)).repeat(64);
        let refused = (0..=2 * MAX_EVENT_BYTES / lines.len()).position(|_| {
            decoder.push(lines.as_bytes());
            decoder.next_frame().is_err()
        });
        assert!(refused.is_some());
    }

    #[test]
    fn the_data_lines_of_an_event_count_once_and_not_for_the_next() {
        let line = format!("data: {}\n", "x".repeat(MAX_EVENT_BYTES * 2 / 5));
        let mut decoder = SseDecoder::new();
        for piece in [&line, &line, "\n", &line[..line.len() / 2]] {
            decoder.push(piece.as_bytes());
            while decoder.next_frame().expect("an event of four fifths of the cap").is_some() {}
        }
    }

    #[test]
    fn comments_without_end_are_not_an_event() {
        let mut decoder = SseDecoder::new();
        let comments = b": ping\n".repeat(64 * 1024);
        for _ in 0..=MAX_EVENT_BYTES / comments.len() {
            decoder.push(&comments);
            assert_eq!(decoder.next_frame(), Ok(None));
        }
    }

    #[test]
    fn lines_of_json_come_out_whole() {
        let text = b"{\"a\":1}\r\n\n{\"b\":2}\n{\"c\"";
        for at in 0..=text.len() {
            let mut decoder = NdjsonDecoder::new();
            let mut lines = Vec::new();
            for piece in [&text[..at], &text[at..], b":3}"] {
                decoder.push(piece);
                while let Some(Frame::Event { data, .. }) = decoder.next_frame().unwrap() {
                    lines.push(data.to_vec());
                }
            }
            decoder.close();
            while let Some(Frame::Event { data, .. }) = decoder.next_frame().unwrap() {
                lines.push(data.to_vec());
            }
            assert_eq!(lines, [&b"{\"a\":1}"[..], b"{\"b\":2}", b"{\"c\":3}"], "split at {at}");
        }
    }

    /// What another implementation of the standard makes of the same bytes.
    fn oracle(pieces: &[Vec<u8>]) -> Vec<(String, String)> {
        let stream = futures_util::stream::iter(pieces.to_vec()).map(Ok::<_, std::io::Error>);
        eventsource_stream::EventStream::new(stream)
            .map(|event| event.unwrap())
            .map(|event| (event.event, event.data))
            .collect()
            .now_or_never()
            .unwrap()
    }

    fn lines() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            4 => "data: ?[a-zä€😀{}:]{0,12}",
            2 => "event: ?[a-z]{1,5}",
            1 => ":[a-z ]{0,5}",
            1 => "id: ?[a-z]{0,3}",
            4 => Just(String::new()),
        ];
        let end = prop_oneof![Just("\n"), Just("\r\n")];
        let lines = proptest::collection::vec((line, end).prop_map(|(line, end)| line + end), 0..24);
        lines.prop_map(|lines| lines.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn another_implementation_reads_the_same(text in lines(), size in 1_usize..9) {
            let pieces: Vec<Vec<u8>> = text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
            let borrowed: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let ours: Vec<_> = decode(&borrowed)
                .into_iter()
                .map(|frame| frame.unwrap())
                .map(|(name, data)| (if name.is_empty() { "message".into() } else { name }, data))
                .collect();
            prop_assert_eq!(ours, oracle(&pieces));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_bytes_in_any_pieces_give_the_same_frames(
            bytes in proptest::collection::vec(any::<u8>(), 0..120),
            sizes in proptest::collection::vec(1_usize..40, 1..5),
        ) {
            // Every other byte means something to the decoder.
            let bytes: Vec<u8> = bytes.iter().map(|b| *b"\n\r:d\n\r: ".get(*b as usize % 16).unwrap_or(b)).collect();
            let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(decode(&pieces), decode(&[&bytes]));
        }
    }
}
