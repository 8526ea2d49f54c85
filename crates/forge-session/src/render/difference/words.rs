//! Two passages word by word.

use similar::{ChangeTag, TextDiff};

use super::{PAIRS, Piece};

/// The part of the larger text that two texts have in common at least where they are shown word by word.
const IN_COMMON: f64 = 0.3;

/// Two texts word by word; the one and then the other where they have little in common.
pub(super) fn words(old: &str, new: &str) -> Vec<Piece> {
    let (of_old, of_new) = (tokens(old), tokens(new));
    if !old.is_empty() && !new.is_empty() && of_old.len().saturating_mul(of_new.len()) <= PAIRS * 4 {
        let pieces = Words::of(&of_old, &of_new);
        let same = pieces.iter().filter_map(|piece| match piece {
            Piece::Same(text) => Some(text.len()),
            Piece::Gone(_) | Piece::New(_) => None,
        });
        // Texts with little in common would become a patchwork that nobody can read.
        if same.sum::<usize>() as f64 >= old.len().max(new.len()) as f64 * IN_COMMON {
            return pieces;
        }
    }
    let gone = (!old.is_empty()).then(|| Piece::Gone(old.to_owned()));
    gone.into_iter().chain((!new.is_empty()).then(|| Piece::New(new.to_owned()))).collect()
}

/// Words, what lies between two of them, and line breaks.
fn tokens(text: &str) -> Vec<&str> {
    // A line break stands by itself, or it would join the ends of two lines to one change.
    let kind = |c: char| if c == '\n' { 2 } else { u8::from(c.is_alphanumeric()) };
    let mut all = Vec::new();
    let (mut from, mut last) = (0, None);
    for (at, c) in text.char_indices() {
        if last.is_some_and(|last| last != kind(c)) {
            all.push(&text[from..at]);
            from = at;
        }
        last = Some(kind(c));
    }
    all.extend((from < text.len()).then(|| &text[from..]));
    all
}

/// Gathers the words of a difference into pieces.
#[derive(Default)]
struct Words {
    pieces: Vec<Piece>,
    gone: String,
    new: String,
    /// What lies in both texts between a change and the next word. Words that change one after the other are one change.
    space: String,
}

impl Words {
    fn of(old: &[&str], new: &[&str]) -> Vec<Piece> {
        let mut words = Self::default();
        for change in TextDiff::from_slices(old, new).iter_all_changes() {
            let text = change.value();
            match change.tag() {
                ChangeTag::Equal
                    if words.has_changed() && !text.contains(|c: char| c == '\n' || c.is_alphanumeric()) =>
                {
                    words.space.push_str(text);
                }
                ChangeTag::Equal => {
                    words.flush();
                    words.same(text);
                }
                ChangeTag::Delete => words.changed().0.push_str(text),
                ChangeTag::Insert => words.changed().1.push_str(text),
            }
        }
        words.flush();
        words.pieces
    }

    const fn has_changed(&self) -> bool {
        !self.gone.is_empty() || !self.new.is_empty()
    }

    /// What is gone and what is new. The space before it lies inside of the change, and belongs to both.
    fn changed(&mut self) -> (&mut String, &mut String) {
        let space = std::mem::take(&mut self.space);
        self.gone.push_str(&space);
        self.new.push_str(&space);
        (&mut self.gone, &mut self.new)
    }

    /// Adds what both texts have.
    fn same(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Same(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Same(text.to_owned())),
        }
    }

    /// Ends a change.
    fn flush(&mut self) {
        let (gone, new) = (std::mem::take(&mut self.gone), std::mem::take(&mut self.new));
        self.pieces.extend((!gone.is_empty()).then_some(Piece::Gone(gone)));
        self.pieces.extend((!new.is_empty()).then_some(Piece::New(new)));
        let space = std::mem::take(&mut self.space);
        if !space.is_empty() {
            self.same(&space);
        }
    }
}
