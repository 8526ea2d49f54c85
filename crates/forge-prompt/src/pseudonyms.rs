//! Names that readers must not see.
//!
//! A stand-in is one word of letters and digits, so that neither JSON nor Markdown changes it on its way
//! through an answer.

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
    /// The first bytes of all names in lower case.
    initials: Vec<u8>,
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
        let mut initials: Vec<u8> = names
            .iter()
            .filter_map(|name| name.bytes().next())
            .map(|byte| byte.to_ascii_lowercase())
            .collect();
        initials.sort_unstable();
        initials.dedup();
        // A fixed number of digits, since a name may be followed by digits of its own.
        let digits = names.len().to_string().len().max(3);
        let pairs = names.into_iter().enumerate();
        let pairs = pairs.map(|(index, name)| (name, format!("{mark}{index:0digits$}"))).collect();
        Self { mark, digits, pairs, initials }
    }

    /// The text with stand-ins for all names, however they are spelled. It is read once from left to right, so
    /// that no stand-in is taken for a name.
    pub fn hide(&self, text: &str) -> String {
        // Only ASCII is folded, which keeps every byte in its place in both texts.
        let folded = text.to_ascii_lowercase();
        let mut hidden = String::with_capacity(text.len());
        let (mut copied, mut before) = (0, None);
        for (at, c) in text.char_indices() {
            let begins = !before.replace(c).is_some_and(char::is_alphanumeric);
            if begins
                && at >= copied
                && let Some((name, stand_in)) = self.at(&text[at..], &folded[at..])
            {
                hidden.push_str(&text[copied..at]);
                hidden.push_str(stand_in);
                copied = at + name.len();
            }
        }
        hidden.push_str(&text[copied..]);
        hidden
    }

    /// The longest name that begins `text`, in the spelling of the text if it is a known one.
    fn at(&self, text: &str, folded: &str) -> Option<&(String, String)> {
        let initial = folded.as_bytes().first()?;
        if !self.initials.contains(initial) {
            return None;
        }
        let fits = |(name, _): &&(String, String)| {
            folded.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
                // A letter behind it makes it another word; a digit may be the name's version.
                && !folded[name.len()..].starts_with(char::is_alphabetic)
        };
        let longest = self.pairs.iter().find(fits)?;
        let spelled =
            |(name, _): &&(String, String)| name.len() == longest.0.len() && text.starts_with(name.as_str());
        Some(self.pairs.iter().find(spelled).unwrap_or(longest))
    }

    /// The text with its names restored. Quotation marks and backslashes of a name are left out, since it may stand in a
    /// JSON string.
    pub fn reveal(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut copied = 0;
        // Some models write a stand-in in other letters.
        let (folded, mark) = (text.to_ascii_lowercase(), self.mark.to_ascii_lowercase());
        for (at, _) in folded.match_indices(&mark).filter(|_| !self.pairs.is_empty()) {
            let (begin, end) = (at + self.mark.len(), at + self.mark.len() + self.digits);
            let index = text.get(begin..end).filter(|index| index.bytes().all(|byte| byte.is_ascii_digit()));
            let index = index.and_then(|index| index.parse::<usize>().ok());
            if let Some((name, _)) = index.and_then(|index| self.pairs.get(index)) {
                shown.push_str(&text[copied..at]);
                // In an answer the name may stand inside a JSON string.
                shown.extend(name.chars().filter(|c| !matches!(c, '"' | '\\')));
                copied = end;
            }
        }
        shown.push_str(&text[copied..]);
        shown
    }
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
