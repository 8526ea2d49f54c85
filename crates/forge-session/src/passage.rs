//! Passages: where a quote stands in a text.

use std::ops::Range;

/// A text without its white space, in which quotes are searched: models wrap lines anew when they quote.
#[derive(Debug, Default)]
pub(crate) struct QuoteIndex {
    solid: String,
    /// Where each byte of it stands in the text.
    places: Vec<usize>,
}

impl QuoteIndex {
    /// The index over a text. It takes time in proportion to the text, and is made once for many quotes.
    pub(crate) fn of(text: &str) -> Self {
        let mut solid = Self::default();
        for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            solid.solid.push(c);
            solid.places.extend((at..).take(c.len_utf8()));
        }
        solid
    }

    /// Where `quote` stands first, in bytes of the text, whatever the white space and with or without quotation
    /// marks around it.
    pub(crate) fn find(&self, quote: &str) -> Option<Range<usize>> {
        self.find_all(quote).next()
    }

    /// Every place where `quote` stands.
    pub(crate) fn find_all(&self, quote: &str) -> impl Iterator<Item = Range<usize>> {
        let bare = quote.trim().trim_matches(['"', '“', '”', '`']);
        let wanted: String = bare.chars().filter(|c| !c.is_whitespace()).collect();
        let wanted = (!wanted.is_empty()).then_some(wanted);
        wanted
            .into_iter()
            .flat_map(|wanted| {
                let length = wanted.len();
                let starts: Vec<usize> = self.solid.match_indices(&wanted).map(|(at, _)| at).collect();
                starts.into_iter().map(move |at| (at, length))
            })
            .filter_map(|(at, length)| Some(*self.places.get(at)?..*self.places.get(at + length - 1)? + 1))
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
    fn every_place_of_a_quote_is_known() {
        assert_eq!(QuoteIndex::of("a b. a b. a").find_all("a b").collect::<Vec<_>>(), [0..3, 5..8]);
    }
}
