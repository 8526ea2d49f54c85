//! Names that readers must not see.
//!
//! A stand-in is one word of letters and digits, so that neither JSON nor Markdown changes it on its way
//! through an answer.

use std::{borrow::Cow, collections::BTreeMap};

/// Stand-ins for names, such as those of models and vendors in a text that others judge.
///
/// Hiding is undone in the answer, so that a document that names a vendor for a good reason keeps the name.
/// The default hides nothing.
///
/// ```
/// let names = forge_prompt::Pseudonyms::new(["Acme".to_owned()], "", 0xab);
/// let hidden = names.hide("ACME wrote it.");
/// assert_eq!(hidden, "Name00abn000 wrote it.");
/// assert_eq!(names.reveal(&hidden), "ACME wrote it.");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Pseudonyms {
    /// What every stand-in begins with; the place of its name follows.
    mark: String,
    /// Digits of that place, always as many: others may follow the name.
    digits: usize,
    /// (name as spelled, stand-in), longest first.
    pairs: Vec<(String, String)>,
    /// The places of the names that begin with a byte, in lower case; of several spellings of a name, the first.
    initials: BTreeMap<u8, Vec<usize>>,
}

impl Pseudonyms {
    /// Stand-ins for `names`. A name that `subject` uses is not hidden, since the text is about it; neither is one of a
    /// single character or without a letter. `tag` makes the stand-ins differ from those of other texts.
    pub fn new(names: impl IntoIterator<Item = String>, subject: &str, tag: u16) -> Self {
        let subject = subject.to_lowercase();
        let mut names: Vec<String> = names.into_iter().collect();
        names.retain(|name| {
            let name = name.trim();
            name.chars().count() > 1
                && name.chars().any(char::is_alphabetic)
                && !occurs(&subject, &name.to_lowercase())
        });
        // Each spelling has a stand-in of its own, so that the answer gets back the one that stood there.
        let spelled = names.iter().flat_map(|name| [name.clone(), name.to_lowercase(), name.to_uppercase()]);
        let mut names: Vec<String> = spelled.collect();
        // The longest first, so that `gpt-6-sol` is not hidden as `gpt` and a rest that gives it away.
        names.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        names.dedup();
        let mark = format!("Name{tag:04x}n");
        let mut initials: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (place, name) in names.iter().enumerate() {
            let initial = name.as_bytes().first().map(u8::to_ascii_lowercase);
            let known: &mut Vec<usize> = initials.entry(initial.unwrap_or_default()).or_default();
            if !known.iter().any(|known| names[*known].eq_ignore_ascii_case(name)) {
                known.push(place);
            }
        }
        // A fixed number of digits, since a name may be followed by digits of its own.
        let digits = names.len().to_string().len().max(3);
        let pairs = names.into_iter().enumerate();
        let pairs = pairs.map(|(index, name)| (name, format!("{mark}{index:0digits$}"))).collect();
        Self { mark, digits, pairs, initials }
    }

    /// The text with stand-ins for all names, however they are spelled. It is read once from left to right, so
    /// that no stand-in is taken for a name. A text without names is borrowed.
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut is_initial = [false; 256];
        for initial in self.initials.keys() {
            is_initial[usize::from(*initial)] = true;
            is_initial[usize::from(initial.to_ascii_uppercase())] = true;
        }
        let (mut hidden, mut copied) = (String::new(), 0);
        let bytes = text.as_bytes();
        let is_inside = |at: usize| at > 0 && bytes[at - 1].is_ascii_alphanumeric();
        // No name begins inside of a character, so that bytes are enough to find where one may begin.
        for (at, byte) in text.bytes().enumerate() {
            if is_initial[usize::from(byte)]
                && !is_inside(at)
                && at >= copied
                && !text[..at].ends_with(char::is_alphanumeric)
                && let Some((name, stand_in)) = self.at(&text[at..], byte)
            {
                hidden.push_str(&text[copied..at]);
                hidden.push_str(stand_in);
                copied = at + name.len();
            }
        }
        with_rest(hidden, text, copied)
    }

    /// The longest name that begins `text`, in the spelling of the text if it is a known one.
    fn at(&self, text: &str, initial: u8) -> Option<&(String, String)> {
        let fits = |(name, _): &&(String, String)| {
            text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
                // A letter behind it makes it another word; a digit may be the name's version.
                && !text[name.len()..].starts_with(char::is_alphabetic)
        };
        let places = self.initials.get(&initial.to_ascii_lowercase())?;
        let longest = places.iter().filter_map(|place| self.pairs.get(*place)).find(fits)?;
        let spelled =
            |(name, _): &&(String, String)| name.len() == longest.0.len() && text.starts_with(name.as_str());
        Some(self.pairs.iter().find(spelled).unwrap_or(longest))
    }

    /// The text with its names restored. Quotation marks and backslashes of a name are left out, since it may stand in a
    /// JSON string. A text without stand-ins is borrowed.
    pub fn reveal<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let (mut shown, mut copied) = (String::new(), 0);
        // Some models write a stand-in in other letters.
        let mark = self.mark.as_bytes();
        let Some(first) = mark.first() else { return Cow::Borrowed(text) };
        let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
        for at in memchr::memchr2_iter(lower, upper, text.as_bytes()) {
            let (begin, end) = (at + mark.len(), at + mark.len() + self.digits);
            let is_mark = |head: &[u8]| head.eq_ignore_ascii_case(mark);
            if at < copied || !text.as_bytes().get(at..begin).is_some_and(is_mark) {
                continue;
            }
            let index = text.get(begin..end).filter(|index| index.bytes().all(|byte| byte.is_ascii_digit()));
            let index = index.and_then(|index| index.parse::<usize>().ok());
            if let Some((name, _)) = index.and_then(|index| self.pairs.get(index)) {
                shown.push_str(&text[copied..at]);
                // In an answer the name may stand inside a JSON string.
                shown.extend(name.chars().filter(|c| !matches!(c, '"' | '\\')));
                copied = end;
            }
        }
        with_rest(shown, text, copied)
    }
}

/// The text so far with what was not copied of its source; all of it is borrowed if nothing was.
fn with_rest(mut so_far: String, text: &str, copied: usize) -> Cow<'_, str> {
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    so_far.push_str(&text[copied..]);
    Cow::Owned(so_far)
}

/// Whether `name` stands in `text` as a whole word.
fn occurs(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(char::is_alphanumeric)
            && !text[at + name.len()..].starts_with(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 8] = [
        "Anthropic",
        "Claude",
        "GPT",
        "Claude Opus 5.5",
        "claude-opus-5-5",
        "gpt-6.2-sol",
        "OpenAI",
        "qwen3",
    ];

    fn names(subject: &str) -> Pseudonyms {
        Pseudonyms::new(NAMES.map(str::to_owned), subject, 0x1f)
    }

    #[test]
    fn no_name_is_left_however_it_is_spelled_and_all_come_back() {
        let names = names("a limiter");
        for text in [
            "As Claude Opus 5.5 (claude-opus-5-5) by ANTHROPIC.",
            "With gpt-6.2-sol, GPT and openai.com.",
            "QWEN3 and qwen3",
        ] {
            let hidden = names.hide(text);
            for name in ["claude", "anthropic", "gpt", "openai", "qwen", "opus"] {
                assert!(!hidden.to_lowercase().contains(name), "{name} in {hidden}");
            }
            assert_eq!(names.reveal(&hidden), text);
        }
        assert!(!names.hide("cLaUdE says").to_lowercase().contains("claude"));
    }

    #[test]
    fn a_text_without_names_is_borrowed() {
        let names = names("x");
        for text in ["", "Claudette counts; the gap is naïve.", "Name001fn and names of clients"] {
            assert!(matches!(names.hide(text), Cow::Borrowed(_)), "{text}");
            assert!(matches!(names.reveal(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn a_stand_in_in_other_letters_comes_back_too() {
        let names = names("x");
        let hidden = names.hide("ask Claude");
        for other in [hidden.to_uppercase(), hidden.to_lowercase()] {
            assert!(names.reveal(&other).ends_with("Claude"), "{other}");
        }
    }

    #[test]
    fn a_name_with_its_number_comes_back() {
        let names = names("x");
        for text in ["GPT4o, Claude3 and gpt2024", "GPT5", "GPT 5"] {
            assert_eq!(names.reveal(&names.hide(text)), text);
        }
    }

    #[test]
    fn a_name_that_looks_like_a_stand_in_is_hidden_like_any_other() {
        for tag in 0..50 {
            let names = ["name", "Name1", "names-model1"].map(str::to_owned);
            let names = Pseudonyms::new(names, "x", tag * 1_301);
            let text = "NAME said to nAmE1: names-model1, names-MODEL1.";
            let hidden = names.hide(text);
            assert!(!hidden.to_lowercase().contains("model1") && !hidden.contains("NAME "), "{hidden}");
            assert_eq!(names.reveal(&hidden).to_lowercase(), text.to_lowercase());
        }
    }

    #[test]
    fn a_name_of_the_subject_and_a_part_of_a_word_stay() {
        assert_eq!(names("Compare Claude with others").hide("Claude is one"), "Claude is one");
        assert_eq!(names("x").hide("Claudette Anthropical"), "Claudette Anthropical");
    }
}
