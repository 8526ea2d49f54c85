//! Bytes into frames.

use forge_http::{EventTooLarge, Frame, NdjsonDecoder, SseDecoder};

#[derive(Debug, PartialEq)]
enum Owned {
    Event(String, Vec<u8>),
    Stray(Vec<u8>),
    TooLarge,
}

/// The bytes as server-sent events and as lines of JSON. However they are split, the frames are the same; no byte of
/// a frame is made up.
pub fn frames(data: &[u8]) {
    let sse = |sizes: &mut dyn Iterator<Item = usize>| {
        let mut decoder = SseDecoder::new();
        decode(data, sizes, &mut |step, frames| {
            match step {
                Some(piece) => decoder.push(piece),
                None => decoder.close(),
            }
            drain(|| decoder.next_frame().map(|frame| frame.map(own)), frames)
        })
    };
    let ndjson = |sizes: &mut dyn Iterator<Item = usize>| {
        let mut decoder = NdjsonDecoder::new();
        decode(data, sizes, &mut |step, frames| {
            match step {
                Some(piece) => decoder.push(piece),
                None => decoder.close(),
            }
            drain(|| decoder.next_frame().map(|frame| frame.map(own)), frames)
        })
    };
    let whole = || std::iter::once(data.len());
    let steps = || data.iter().map(|byte| usize::from(*byte % 7)).chain(std::iter::repeat(1));
    let (events, lines) = (sse(&mut whole()), ndjson(&mut whole()));
    let bytewise = || std::iter::repeat(1);
    assert_eq!(sse(&mut bytewise()), events);
    assert_eq!(sse(&mut steps()), events);
    assert_eq!(ndjson(&mut bytewise()), lines);
    assert_eq!(ndjson(&mut steps()), lines);
    let size = |frame: &Owned| match frame {
        Owned::Event(name, data) => name.len() + data.len(),
        Owned::Stray(line) => line.len(),
        Owned::TooLarge => 0,
    };
    assert!(events.iter().map(size).sum::<usize>() <= data.len());
    let text: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    for line in &lines {
        let Owned::Event(name, line) = line else { panic!("{line:?}") };
        let is_there = |known: &&[u8]| known == line || known.strip_suffix(b"\r") == Some(line);
        assert!(name.is_empty() && !line.is_empty() && text.iter().any(is_there));
    }
}

type Step<'a> = dyn FnMut(Option<&[u8]>, &mut Vec<Owned>) -> bool + 'a;

/// Pushes `data` in pieces of these sizes, then the end.
fn decode(data: &[u8], sizes: &mut dyn Iterator<Item = usize>, step: &mut Step<'_>) -> Vec<Owned> {
    let (mut rest, mut frames) = (data, Vec::new());
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
        if !step(Some(piece), &mut frames) {
            return frames;
        }
        rest = tail;
    }
    step(None, &mut frames);
    frames
}

/// Takes what is ready; false after an error.
fn drain(mut next: impl FnMut() -> Result<Option<Owned>, EventTooLarge>, frames: &mut Vec<Owned>) -> bool {
    loop {
        match next() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return true,
            Err(EventTooLarge) => {
                frames.push(Owned::TooLarge);
                return false;
            }
        }
    }
}

fn own(frame: Frame<'_, [u8]>) -> Owned {
    match frame {
        Frame::Event { name, data } => Owned::Event(name.to_owned(), data.to_vec()),
        Frame::Stray(line) => Owned::Stray(line.to_vec()),
    }
}
