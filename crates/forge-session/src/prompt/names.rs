//! Names of models and vendors, kept out of what peers read.

use forge_core::ModelProvider;

use crate::{Plan, seed};

/// Stand-ins for the names of everybody in the cast and for the brands of the plan. A name that the topic itself uses
/// is not hidden: the document is about it.
///
/// Hiding is undone in what comes back, so that a document that names a vendor for a good reason keeps the name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// What every stand-in begins with; the place of its name follows.
    mark: String,
    /// Digits of that place, always as many: others may follow the name.
    digits: usize,
    /// (name as spelled, stand-in), longest first.
    pairs: Vec<(String, String)>,
    /// The first bytes of all names in lower case.
    initials: Vec<u8>,
}

impl Names {
    pub(crate) fn of(plan: &Plan) -> Self {
        let topic = &plan.topic;
        let references = topic.references.iter().flat_map(|one| [one.name.as_str(), one.text.as_str()]);
        let texts = [topic.title.as_str(), &topic.description].into_iter();
        let subject: String = texts
            .chain(topic.constraints.iter().map(String::as_str))
            .chain(references)
            .collect::<Vec<_>>()
            .join("\n")
            .to_lowercase();
        let mut names: Vec<String> = plan.brands.clone();
        for participant in plan.cast.everyone() {
            // "forge" is our own router.
            if let ModelProvider::Custom(name) = &participant.provider
                && name != "forge"
            {
                names.push(name.clone());
            }
            names.push(participant.model.as_str().to_owned());
            names.push(participant.display_name.clone());
        }
        names.retain(|name| {
            let name = name.trim();
            name.chars().count() > 1
                && name.chars().any(char::is_alphabetic)
                && !GENERAL.contains(&name)
                && !occurs(&subject, &name.to_lowercase())
        });
        let spelled = names.iter().flat_map(|name| [name.clone(), name.to_lowercase(), name.to_uppercase()]);
        let mut names: Vec<String> = spelled.collect();
        names.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        names.dedup();
        let mark = format!("Name{:04x}n", seed::dice(plan.settings.seed, "names").u16(..));
        let mut initials: Vec<u8> = names
            .iter()
            .filter_map(|name| name.bytes().next())
            .map(|byte| byte.to_ascii_lowercase())
            .collect();
        initials.sort_unstable();
        initials.dedup();
        let digits = names.len().to_string().len().max(3);
        let pairs = names.into_iter().enumerate();
        let pairs = pairs.map(|(index, name)| (name, format!("{mark}{index:0digits$}"))).collect();
        Self { mark, digits, pairs, initials }
    }

    /// The text with stand-ins for all names, however they are spelled. It is read once from left to right, so
    /// that no stand-in is taken for a name.
    pub(crate) fn hide(&self, text: &str) -> String {
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
                && !folded[name.len()..].starts_with(char::is_alphabetic)
        };
        let longest = self.pairs.iter().find(fits)?;
        let spelled =
            |(name, _): &&(String, String)| name.len() == longest.0.len() && text.starts_with(name.as_str());
        Some(self.pairs.iter().find(spelled).unwrap_or(longest))
    }

    /// The text with its names back.
    pub(crate) fn reveal(&self, text: &str) -> String {
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

/// What journals mean that name no brands, as those of the first version.
pub(crate) fn first_brands() -> Vec<String> {
    ["Anthropic", "Claude", "OpenAI", "ChatGPT", "GPT", "Google", "Gemini"].map(str::to_owned).to_vec()
}

pub(crate) fn are_first_brands(brands: &[String]) -> bool {
    brands == first_brands()
}

/// Display names that are ordinary words.
const GENERAL: [&str; 4] = ["chosen by role", "local", "model", "critic"];

/// Whether `name` stands in `text` as a whole word.
fn occurs(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(char::is_alphanumeric)
            && !text[at + name.len()..].starts_with(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use forge_core::Participant;

    use super::*;
    use crate::{Cast, Topic};

    fn names(title: &str) -> Names {
        let critics = vec![vec![Participant::gpt()], vec![Participant::local("qwen3")]];
        let cast = Cast { drafter: vec![Participant::claude_opus()], critics, ..Cast::default() };
        Names::of(&Plan::new(Topic::new(title), cast))
    }

    #[test]
    fn no_name_is_left_however_it_is_spelled_and_all_come_back() {
        let names = names("a limiter");
        let text = "As Claude Opus 5.5 (claude-opus-5-5) by ANTHROPIC, with gpt-6.2-sol, GPT, openai.com, QWEN3 and qwen3.";
        let hidden = names.hide(text);
        for name in ["claude", "anthropic", "gpt", "openai", "qwen", "opus"] {
            assert!(!hidden.to_lowercase().contains(name), "{name} in {hidden}");
        }
        assert_eq!(names.reveal(&hidden), text);
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
        for text in ["GPT4o, Claude3 and gpt-6.2-sol2024", "GPT5", "GPT 5"] {
            assert_eq!(names.reveal(&names.hide(text)), text);
        }
    }

    #[test]
    fn a_name_that_looks_like_a_stand_in_is_hidden_like_any_other() {
        for seed in 0..50 {
            let critics = ["name", "Name1", "names-model1"].map(|name| vec![Participant::local(name)]);
            let mut plan = Plan::new(Topic::new("x"), Cast { critics: critics.into(), ..Cast::default() });
            plan.settings.seed = seed;
            let names = Names::of(&plan);
            let text = "NAME said to nAmE1: names-model1, names-MODEL1.";
            let hidden = names.hide(text);
            assert!(!hidden.to_lowercase().contains("model1") && !hidden.contains("NAME "), "{hidden}");
            assert_eq!(names.reveal(&hidden).to_lowercase(), text.to_lowercase());
        }
    }

    #[test]
    fn the_plan_says_which_brands_are_hidden() {
        let plan = Plan { brands: vec!["Acme".into()], ..Plan::new(Topic::new("x"), Cast::default()) };
        let hidden = Names::of(&plan).hide("ACME and Claude");
        assert!(!hidden.contains("ACME") && hidden.ends_with(" and Claude"), "{hidden}");
    }

    #[test]
    fn a_name_in_the_topic_and_a_part_of_a_word_stay() {
        assert_eq!(names("Compare Claude with others").hide("Claude is one"), "Claude is one");
        assert_eq!(names("x").hide("Claudette Anthropical"), "Claudette Anthropical");
    }
}
