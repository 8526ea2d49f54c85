//! Passages: where a quote stands in a text.

use std::ops::Range;

use memchr::memmem::Finder;

/// A text without its white space, in which quotes are searched: models wrap lines anew when they quote.
#[derive(Debug, Default)]
pub struct QuoteIndex {
    solid: String,
    /// Where each word begins, in bytes of `solid` and of the text.
    words: Vec<(usize, usize)>,
}

impl QuoteIndex {
    /// The index over a text. It takes time in proportion to the text, and is made once for many quotes.
    pub fn of(text: &str) -> Self {
        let words = Vec::with_capacity(text.len() / 4);
        let mut index = Self { solid: String::with_capacity(text.len()), words };
        let mut begin = 0;
        for (at, byte) in text.bytes().enumerate() {
            // Bytes first: most of them are part of a word.
            if byte.is_ascii_graphic() || at < begin || !text.is_char_boundary(at) {
                continue;
            }
            if let Some(blank) = text[at..].chars().next().filter(|c| c.is_whitespace()) {
                index.push(text, begin..at);
                begin = at + blank.len_utf8();
            }
        }
        index.push(text, begin..text.len());
        index
    }

    fn push(&mut self, text: &str, word: Range<usize>) {
        if !word.is_empty() {
            self.words.push((self.solid.len(), word.start));
            self.solid.push_str(&text[word]);
        }
    }

    /// Where `quote` stands first, in bytes of the text, whatever the white space and with or without quotation
    /// marks around it.
    pub fn find(&self, quote: &str) -> Option<Range<usize>> {
        self.find_all(quote).next()
    }

    /// Every place where `quote` stands.
    pub(crate) fn find_all(&self, quote: &str) -> impl Iterator<Item = Range<usize>> {
        let bare = quote.trim().trim_matches(['"', '“', '”', '`']);
        let wanted: String = bare.split_whitespace().collect();
        let (finder, mut from) = (Finder::new(&wanted).into_owned(), 0);
        std::iter::from_fn(move || {
            let rest = self.solid.as_bytes().get(from..).filter(|_| !wanted.is_empty())?;
            let at = from + finder.find(rest)?;
            from = at + wanted.len();
            Some(self.place(at)..self.place(from - 1) + 1)
        })
    }

    /// Where a byte of `solid` stands in the text.
    fn place(&self, at: usize) -> usize {
        let next = self.words.partition_point(|(solid, _)| *solid <= at);
        let (solid, text) =
            next.checked_sub(1).and_then(|word| self.words.get(word)).copied().unwrap_or_default();
        text + at - solid
    }
}

/// Whether the shorter passage lies in the longer one by half or more.
pub(crate) fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    let common = one.end.min(other.end).saturating_sub(one.start.max(other.start));
    // Two critics rarely begin and end a quote at the same word.
    common * 2 >= one.len().min(other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Limits\n\nThe limit is one hundred\nrequests a minute.\n\nTokens never expire.\n";

    #[test]
    fn a_quote_is_found_whatever_its_white_space() {
        let text = QuoteIndex::of(TEXT);
        let place = text.find("one  hundred requests\ta minute.").unwrap();
        assert_eq!(&TEXT[place], "one hundred\nrequests a minute.");
        assert_eq!(QuoteIndex::of("für Öl").find("Öl").map(|place| &"für Öl"[place]), Some("Öl"));
        for missing in ["", "  ", "\"\"", "two hundred"] {
            assert_eq!(text.find(missing), None, "{missing:?}");
        }
    }

    #[test]
    fn a_quote_across_characters_of_several_bytes_is_found_where_it_stands() {
        let text = "Größe\u{a0}naïve\u{2003}日本語 x\u{b}y";
        let index = QuoteIndex::of(text);
        for quote in ["Größe naïve", "ïve 日本", "本語\nx y", "y"] {
            let found: Option<String> =
                index.find(quote).map(|place| text[place].split_whitespace().collect());
            assert_eq!(found, Some(quote.split_whitespace().collect::<String>()));
        }
    }

    #[test]
    fn every_place_of_a_quote_is_known() {
        assert_eq!(QuoteIndex::of("a b. a b. a").find_all("a b").collect::<Vec<_>>(), [0..3, 5..8]);
    }
}
