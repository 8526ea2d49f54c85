//! Where bytes are divided into writes.

use super::encode::Piece;
use crate::scenario::{Cut, Split};
use crate::seed::Rng;

/// Splits one piece's bytes into writes.
pub(super) fn split(bytes: &[u8], how: Option<Split>, rng: &mut Rng) -> Vec<Vec<u8>> {
    match how {
        None => vec![bytes.to_vec()],
        Some(Split::EveryByte) => bytes.iter().map(|byte| vec![*byte]).collect(),
        Some(Split::EachChar) => {
            let mut writes: Vec<Vec<u8>> = Vec::new();
            for byte in bytes {
                // A byte of the form 10xxxxxx goes on with the character before it.
                let goes_on = byte & 0b1100_0000 == 0b1000_0000;
                match writes.last_mut() {
                    Some(last) if goes_on => last.push(*byte),
                    _ => writes.push(vec![*byte]),
                }
            }
            writes
        }
        Some(Split::Seed(_)) => {
            let mut rest = bytes;
            let mut writes = Vec::new();
            while !rest.is_empty() {
                let (write, tail) = rest.split_at((1 + rng.below(40)).min(rest.len()));
                writes.push(write.to_vec());
                rest = tail;
            }
            writes
        }
    }
}

/// The byte offset at which a body is cut.
pub(super) fn offset(cut: Cut, pieces: &[Piece]) -> usize {
    let whole = |count: usize| -> usize { pieces.iter().take(count).map(|piece| piece.bytes.len()).sum() };
    match cut {
        Cut::AtByte(at) => at,
        Cut::AfterEvents(count) => whole(count),
        Cut::InsideEvent(number) => {
            let before = number.saturating_sub(1);
            whole(before) + pieces.get(before).map_or(0, |piece| piece.bytes.len() / 2)
        }
        Cut::BeforeTerminal => {
            let content = pieces.iter().position(|piece| piece.terminal);
            whole(content.unwrap_or(pieces.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, terminal: bool) -> Piece {
        Piece { bytes: text.into(), terminal, tokens: 0 }
    }

    #[test]
    fn every_split_keeps_the_bytes() {
        let text = "a “quoted” text → with\r\nlines";
        for how in [None, Some(Split::EveryByte), Some(Split::EachChar), Some(Split::Seed(3))] {
            let writes = split(text.as_bytes(), how, &mut Rng::new(3));
            assert_eq!(writes.concat(), text.as_bytes(), "{how:?}");
        }
        let chars = split("é→".as_bytes(), Some(Split::EachChar), &mut Rng::new(3));
        assert_eq!(chars, ["é".as_bytes(), "→".as_bytes()]);
    }

    #[test]
    fn cuts_are_found_by_event() {
        let pieces = [piece("aaaa", false), piece("bbbb", false), piece("end", true)];
        assert_eq!(offset(Cut::AtByte(3), &pieces), 3);
        assert_eq!(offset(Cut::AfterEvents(1), &pieces), 4);
        assert_eq!(offset(Cut::InsideEvent(2), &pieces), 6);
        assert_eq!(offset(Cut::BeforeTerminal, &pieces), 8);
    }
}
