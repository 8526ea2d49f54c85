//! Detecting a model that repeats itself without end.
//!
//! A rolling hash over the last bytes finds where the same bytes came before. The distance is the length of
//! the unit, and from there on each byte is compared with the one a unit earlier. Time and memory for each
//! byte are constant.

/// Bytes that must come again before a repetition is followed.
const WINDOW: usize = 40;
/// Repetitions of one unit, the first included, that nobody writes on purpose.
const MAX_REPEATS: usize = 21;
/// What they come to at least: shorter runs are emphasis and rules.
const MIN_LENGTH: usize = WINDOW * MAX_REPEATS;
/// The same for short units without a word: rules of tables, blanks, rows of zeros, padding in encoded data.
const MIN_WORDLESS: usize = 8_192;
/// The longest unit that is noticed. A power of two, as `RING`.
const MAX_PERIOD: usize = 1_024;
const RING: usize = 2 * MAX_PERIOD;
/// Twice as many as there are places, so that few windows share one.
const SLOTS: usize = 2 * RING;
/// No place in the ring.
const NEVER: u16 = u16::MAX;
/// The base of the rolling hash (Rabin and Karp), modulo 2^64; any odd number does.
const BASE: u64 = 0x0100_0000_01b3;

/// Watches a text that arrives in pieces for an end that repeats one unit exactly, at a constant cost for each byte.
///
/// The unit has at most 1,024 bytes; it must come 21 times and make up 840 bytes, or 8 KiB if it holds no word, since
/// rules of tables and padding are written on purpose.
#[derive(Debug, Clone)]
pub struct RepetitionDetector {
    /// The last bytes, at their position modulo the length.
    recent: Box<[u8; RING]>,
    /// For windows of the last bytes by their hash: where in `recent` they ended last.
    seen: Box<[u16; SLOTS]>,
    length: usize,
    hash: u64,
    /// What a byte that leaves the window counts in its hash.
    leaving: u64,
    /// The length of the unit, 0 if none is followed, and of the end of the text that repeats it.
    period: usize,
    run: usize,
    found: bool,
}

impl Default for RepetitionDetector {
    fn default() -> Self {
        Self {
            recent: Box::new([0; RING]),
            seen: Box::new([NEVER; SLOTS]),
            length: 0,
            hash: 0,
            leaving: (0..WINDOW).fold(1, |power: u64, _| power.wrapping_mul(BASE)),
            period: 0,
            run: 0,
            found: false,
        }
    }
}

impl RepetitionDetector {
    /// Takes the next piece of the text, cut anywhere. Returns `true` once the text repeats itself, and from
    /// then on.
    pub fn push(&mut self, piece: &str) -> bool {
        for byte in piece.bytes() {
            if !self.found {
                self.byte(byte);
            }
        }
        self.found
    }

    /// Takes one byte: it goes on with the repetition that is followed, or ends it and may begin another.
    fn byte(&mut self, byte: u8) {
        let place = self.length % RING;
        let before = |distance: usize| self.recent[(place + RING - distance) % RING];
        let goes_on = self.period > 0 && before(self.period) == byte;
        let is_window = self.length >= WINDOW;
        let left = if is_window { (u64::from(before(WINDOW)) + 1).wrapping_mul(self.leaving) } else { 0 };
        self.hash = self.hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1).wrapping_sub(left);
        self.recent[place] = byte;
        self.length += 1;
        let last = self.remember();
        if goes_on {
            self.run += 1;
            self.found = self.is_loop();
            return;
        }
        // The same bytes came before: from here on, each byte is compared with the one a period earlier.
        self.period = if last == NEVER { 0 } else { self.distance(last).unwrap_or_default() };
        self.run = WINDOW + self.period;
    }

    /// Remembers where the last window ends, and says where one of its kind ended before.
    fn remember(&mut self) -> u16 {
        if self.length < WINDOW {
            return NEVER;
        }
        // The upper bits depend on every byte of the window.
        let slot = usize::try_from(self.hash >> 40).unwrap_or_default() % SLOTS;
        let end = u16::try_from(self.length % RING).unwrap_or(NEVER);
        std::mem::replace(&mut self.seen[slot], end)
    }

    /// How many bytes ago the same window ended at this place of the ring; `None` if another one did, or so long ago
    /// that a unit would be too long.
    fn distance(&self, end: u16) -> Option<usize> {
        let distance = (self.length % RING + RING - usize::from(end)) % RING;
        let distance = Some(distance).filter(|distance| (1..=MAX_PERIOD).contains(distance))?;
        let byte = |back: usize| self.recent[(self.length + RING - back) % RING];
        let is_same = (1..=WINDOW).all(|back| byte(back) == byte(back + distance));
        is_same.then_some(distance)
    }

    /// Whether the repetition has just become too long to be meant.
    fn is_loop(&self) -> bool {
        let least = MIN_LENGTH.max(MAX_REPEATS * self.period);
        let wordless = if self.period < WINDOW { MIN_WORDLESS } else { least };
        // Asked once, at the very length: looking for a word reads the whole unit.
        self.run == wordless || (self.run == least && self.has_word())
    }

    /// Whether two letters stand together in the unit, wherever it begins.
    fn has_word(&self) -> bool {
        // A character may be cut at the border of the unit.
        let more = if self.period == 1 { 0 } else { 2 * char::MAX.len_utf8() };
        let unit: Vec<u8> =
            (self.length - self.period - more..self.length).map(|at| self.recent[at % RING]).collect();
        let letters: Vec<bool> = String::from_utf8_lossy(&unit).chars().map(char::is_alphabetic).collect();
        letters.windows(2).any(|pair| pair[0] && pair[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes were read when the loop was noticed, in pieces of `size` characters.
    fn noticed(text: &str, size: usize) -> Option<usize> {
        let (mut guard, mut read) = (RepetitionDetector::default(), 0);
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(size).find_map(|piece| {
            let piece: String = piece.iter().collect();
            read += piece.len();
            guard.push(&piece).then_some(read)
        })
    }

    #[test]
    fn a_loop_is_noticed_at_any_period_and_in_any_pieces() {
        let start = "# A limit\n\nA client may send one hundred requests in a minute, and no more.\n\n";
        for unit in [
            "ha",
            "the ",
            "wait, no. ",
            "I will now repeat this sentence forever. ",
            "- The limit is one hundred per minute and per client, as before.\n",
            "так далее и ",
            "等等，",
        ] {
            let unit_of = |length: usize| unit.repeat(length / unit.len() + 1);
            for size in [1, 2, 3, 7, 40, 41, 1_000] {
                let least = MIN_LENGTH.max(MAX_REPEATS * unit.len());
                let at = noticed(&(start.to_owned() + &unit_of(4 * least)), size)
                    .unwrap_or_else(|| panic!("{unit}"));
                let late = at.abs_diff(start.len() + least);
                assert!(late <= 4 * size + WINDOW + unit.len(), "{unit} in {size}: {at}");
                let short = unit.repeat(least / unit.len() - 1);
                assert_eq!(noticed(&format!("{start}{short}\n\nThe end."), size), None, "{unit} in {size}");
            }
        }
        let long = (0..100).map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ");
        assert!(noticed(&long.repeat(30), 5).is_some());
        let runs = format!("{}b", "a".repeat(60));
        assert!(noticed(&runs.repeat(30), 5).is_some());
        assert!(noticed(&"!".repeat(20_000), 11).is_some());
    }

    #[test]
    fn an_ordinary_document_does_not_loop() {
        let rows = (0..400).map(|row| format!("| {row} | yes | no |")).collect::<Vec<_>>().join("\n");
        let lines = (0..300).map(|line| format!("    let x{line} = next()?;")).collect::<Vec<_>>().join("\n");
        for text in [
            "-".repeat(900),
            " ".repeat(900),
            format!("|{}|{}|\n", "-".repeat(400), "-".repeat(400)),
            format!("{}\n", "─".repeat(600)),
            "=".repeat(79) + "\n" + &"text\n".repeat(20),
            "0,0,0,0,0,0\n".repeat(300),
            "0x00, ".repeat(256),
            "    }\n".repeat(20),
            "A".repeat(2_000),
            "<br>\n".repeat(60),
            "ok,ok,ok,ok,ok,ok,ok\n".repeat(20),
            rows,
            lines,
        ] {
            assert_eq!(noticed(&format!("# T\n\n{text}\n\nEnd."), 13), None, "{text}");
        }
    }
}
