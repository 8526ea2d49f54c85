//! Frames of a stream as bytes.

use crate::answer::{Frame, FrameKind, Framing};
use crate::scenario::{ByteStyle, LineEnding};

/// One frame as bytes, with what the later steps need to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    pub(crate) terminal: bool,
    pub(crate) tokens: u64,
}

pub(crate) fn pieces(framing: Framing, frames: &[Frame], style: &ByteStyle) -> Vec<Piece> {
    let ping = ping(framing, frames);
    let mut pieces = Vec::with_capacity(frames.len());
    for (index, frame) in frames.iter().enumerate() {
        pieces.push(Piece {
            bytes: encode(framing, frame, style, index == 0).into_bytes(),
            terminal: frame.terminal,
            tokens: frame.tokens,
        });
        let due = style.pings.is_some_and(|every| (index + 1).is_multiple_of(every.max(1)));
        if due {
            pieces.extend(ping.clone());
        }
    }
    // A bare error ends the body where it stands, so that the array stays open.
    let ended_bare = frames.last().is_some_and(|frame| frame.kind == FrameKind::Bare);
    if framing == Framing::JsonArray && !ended_bare {
        pieces.push(Piece {
            bytes: if frames.is_empty() { b"[]\n".to_vec() } else { b"]\n".to_vec() },
            terminal: true,
            tokens: 0,
        });
    }
    if style.no_final_blank_line
        && let Some(last) = pieces.last_mut()
    {
        while last.bytes.last().is_some_and(u8::is_ascii_whitespace) {
            last.bytes.pop();
        }
    }
    pieces
}

/// A keep-alive in the stream's own manner; none where the framing has no place for it.
pub(crate) fn ping(framing: Framing, frames: &[Frame]) -> Option<Piece> {
    let Framing::Sse(ending) = framing else {
        return None;
    };
    let end = ending.text();
    // Streams with named events keep alive with an event, the others with a comment.
    let named = frames.iter().find_map(|frame| frame.event.as_deref());
    let text = if named == Some("message_start") {
        format!("event: ping{end}data: {{\"type\": \"ping\"}}{end}{end}")
    } else {
        format!(": keep-alive{end}{end}")
    };
    Some(Piece { bytes: text.into_bytes(), terminal: false, tokens: 0 })
}

fn encode(framing: Framing, frame: &Frame, style: &ByteStyle, first: bool) -> String {
    let data = &frame.data;
    match framing {
        _ if frame.kind == FrameKind::Bare => data.clone(),
        Framing::Sse(ending) => sse(frame, ending, style),
        Framing::NdJson => format!("{data}\n"),
        // As Gemini streams without `alt=sse`: one array, whose brackets come with its first and behind its
        // last element.
        Framing::JsonArray => {
            let opening = if first { "[" } else { ",\r\n" };
            format!("{opening}{data}")
        }
    }
}

fn sse(frame: &Frame, ending: LineEnding, style: &ByteStyle) -> String {
    let end = ending.text();
    let data = &frame.data;
    let trailing = if style.trailing_spaces { "   " } else { "" };
    match (frame.kind, &frame.event) {
        (FrameKind::FieldLine, _) => format!("error: {data}{end}{end}"),
        (_, Some(event)) => format!("event: {event}{end}data: {data}{trailing}{end}{end}"),
        (_, None) => format!("data: {data}{trailing}{end}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(framing: Framing, frames: &[Frame], style: &ByteStyle) -> String {
        let bytes = pieces(framing, frames, style).into_iter().flat_map(|piece| piece.bytes).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn each_framing_has_its_own_notation() {
        let mut named = Frame::data("{}");
        named.event = Some("a".into());
        let frames = [named, Frame::data("1")];
        let plain = ByteStyle::default();
        assert_eq!(
            joined(Framing::Sse(LineEnding::Crlf), &frames, &plain),
            "event: a\r\ndata: {}\r\n\r\ndata: 1\r\n\r\n"
        );
        assert_eq!(joined(Framing::NdJson, &frames, &plain), "{}\n1\n");
        assert_eq!(joined(Framing::JsonArray, &frames, &plain), "[{},\r\n1]\n");
        assert_eq!(joined(Framing::JsonArray, &[], &plain), "[]\n");
    }

    #[test]
    fn the_style_adds_pings_and_takes_the_last_line_end() {
        let style = ByteStyle {
            pings: Some(1),
            no_final_blank_line: true,
            trailing_spaces: true,
            ..ByteStyle::default()
        };
        assert_eq!(
            joined(Framing::Sse(LineEnding::Crlf), &[Frame::data("1")], &style),
            "data: 1   \r\n\r\n: keep-alive"
        );
    }
}
