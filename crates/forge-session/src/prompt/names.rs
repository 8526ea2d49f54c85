//! Names of models and vendors, kept out of what peers read.

use forge_core::ModelProvider;

use crate::{Plan, seed};

/// Stand-ins for the names of everybody in the cast and of the large vendors. A name that the topic itself uses is not hidden: the
/// document is about it.
///
/// Hiding is undone in what comes back, so that a document that names a vendor for a good reason keeps the name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// (name as spelled, stand-in), longest first.
    pairs: Vec<(String, String)>,
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
        let mut names: Vec<String> = BRANDS.iter().map(|brand| (*brand).to_owned()).collect();
        for participant in plan.cast.everyone() {
            match &participant.provider {
                // "forge" is our own router.
                ModelProvider::Custom(name) if name != "forge" => names.push(name.clone()),
                ModelProvider::Anthropic
                | ModelProvider::OpenAI
                | ModelProvider::Google
                | ModelProvider::Local
                | ModelProvider::Custom(_) => {}
            }
            names.push(participant.model.as_str().to_owned());
            names.push(participant.display_name.clone());
        }
        names.retain(|name| {
            let name = name.trim();
            name.chars().count() > 1
                && name.chars().any(char::is_alphabetic)
                && !GENERAL.contains(&name)
                && find(&subject, &name.to_lowercase()).is_none()
        });
        let spelled = names.iter().flat_map(|name| [name.clone(), name.to_lowercase(), name.to_uppercase()]);
        let mut names: Vec<String> = spelled.collect();
        names.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        names.dedup();
        let salt = seed::dice(plan.settings.seed, "names").u16(..);
        let pairs = names.into_iter().enumerate();
        Self { pairs: pairs.map(|(index, name)| (name, format!("Name{salt:04x}n{index:03}"))).collect() }
    }

    /// The text with stand-ins for all names, however they are spelled.
    pub(crate) fn hide(&self, text: &str) -> String {
        let folded = text.to_ascii_lowercase();
        let mut text = text.to_owned();
        // Most texts name nobody.
        if !self.pairs.iter().any(|(name, _)| folded.contains(&name.to_lowercase())) {
            return text;
        }
        for (name, stand_in) in &self.pairs {
            text = replace(&text, name, stand_in);
        }
        // Unusual capitals come last and come back in the usual ones.
        for (name, stand_in) in &self.pairs {
            let lower = name.to_lowercase();
            while let Some((start, end)) = find_folded(&text, &lower) {
                text.replace_range(start..end, stand_in);
            }
        }
        text
    }

    /// The text with its names back.
    pub(crate) fn reveal(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, stand_in) in &self.pairs {
            if text.contains(stand_in.as_str()) {
                // In an answer the name may stand inside a JSON string.
                let safe: String = name.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
                text = text.replace(stand_in.as_str(), &safe);
            }
        }
        text
    }
}

/// Hidden whoever is in the cast: behind a router, somebody else may answer.
const BRANDS: [&str; 7] = ["Anthropic", "Claude", "OpenAI", "ChatGPT", "GPT", "Google", "Gemini"];

/// Display names that are ordinary words.
const GENERAL: [&str; 4] = ["chosen by role", "local", "model", "critic"];

fn replace(text: &str, name: &str, with: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(at) = find_after(rest, name, before) {
        out.push_str(&rest[..at]);
        out.push_str(with);
        rest = &rest[at + name.len()..];
        before = with.chars().next_back();
    }
    out.push_str(rest);
    out
}

fn find(text: &str, name: &str) -> Option<usize> {
    find_after(text, name, None)
}

/// Where `name` stands as a whole word; `before` is the character in front of `text`.
fn find_after(text: &str, name: &str, before: Option<char>) -> Option<usize> {
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let left = text[..*at].chars().next_back().or(before);
        let right = text[at + name.len()..].chars().next();
        !left.is_some_and(char::is_alphanumeric) && !right.is_some_and(char::is_alphabetic)
    })
}

/// The same without regard to capitals, for names whose lower case is as long.
fn find_folded(text: &str, lower: &str) -> Option<(usize, usize)> {
    let folded = text.to_ascii_lowercase();
    if lower.starts_with("name") && lower.len() == 12 {
        return None;
    }
    find(&folded, lower).map(|at| (at, at + lower.len()))
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
    fn a_name_in_the_topic_and_a_part_of_a_word_stay() {
        assert_eq!(names("Compare Claude with others").hide("Claude is one"), "Claude is one");
        assert_eq!(names("x").hide("Claudette Anthropical"), "Claudette Anthropical");
    }
}
