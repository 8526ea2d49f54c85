//! The names of models and vendors that prompts hide.

use forge_core::ModelProvider;
use forge_prompt::Pseudonyms;

use crate::{plan::Plan, seed};

/// Stand-ins for the names of everybody in the cast and for the brands of the plan. A name that the topic itself uses
/// is not hidden: the document is about it.
pub(crate) fn of(plan: &Plan) -> Pseudonyms {
    let topic = &plan.topic;
    let references = topic.references.iter().flat_map(|one| [one.name.as_str(), one.text.as_str()]);
    let texts = [topic.title.as_str(), &topic.description].into_iter();
    let subject: String = texts
        .chain(topic.constraints.iter().map(String::as_str))
        .chain(references)
        .collect::<Vec<_>>()
        .join("\n");
    let mut names: Vec<String> = plan.brands.clone();
    for participant in plan.cast.everyone() {
        // "forge" is our own router.
        if let ModelProvider::Custom(name) = &participant.provider
            && name != "forge"
        {
            names.push(name.clone());
        }
        names.push(participant.model_id.as_str().to_owned());
        names.push(participant.display_name.clone());
    }
    names.retain(|name| !GENERAL.contains(&name.trim()));
    Pseudonyms::new(names, &subject, seed::rng(plan.settings.seed, "names").u16(..))
}

/// Display names that are ordinary words. To hide them would garble any text.
const GENERAL: [&str; 4] = ["chosen by role", "local", "model", "critic"];

#[cfg(test)]
mod tests {
    use forge_core::Participant;

    use super::*;
    use crate::{plan::Cast, topic::Topic};

    fn names(title: &str) -> Pseudonyms {
        let critics = vec![vec![Participant::gpt()], vec![Participant::local("qwen3")]];
        let cast = Cast { drafter: vec![Participant::claude_opus()], critics, ..Cast::default() };
        of(&Plan::new(Topic::new(title), cast))
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
    fn the_plan_says_which_brands_are_hidden() {
        let plan = Plan { brands: vec!["Acme".into()], ..Plan::new(Topic::new("x"), Cast::default()) };
        let hidden = of(&plan).hide("ACME and Claude");
        assert!(!hidden.contains("ACME") && hidden.ends_with(" and Claude"), "{hidden}");
    }

    #[test]
    fn a_name_in_the_topic_and_a_part_of_a_word_stay() {
        assert_eq!(names("Compare Claude with others").hide("Claude is one"), "Claude is one");
        assert_eq!(names("x").hide("Claudette Anthropical"), "Claudette Anthropical");
    }
}
