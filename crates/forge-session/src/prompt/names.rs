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
    use crate::{
        plan::Cast,
        topic::{Reference, Topic},
    };

    #[test]
    fn the_models_display_names_and_own_vendors_of_the_cast_are_hidden() {
        let own = Participant::new(ModelProvider::Custom("acme".into()), "lynx-1");
        let cast = Cast {
            drafter: vec![Participant::claude_opus()],
            critics: vec![vec![own.with_display_name("The Lynx")], vec![Participant::local("qwen3")]],
            ..Cast::default()
        };
        let names = of(&Plan { brands: Vec::new(), ..Plan::new(Topic::new("x"), cast) });
        for name in ["Claude Opus 5.5", "claude-opus-5-5", "acme", "lynx-1", "The Lynx", "qwen3"] {
            assert!(!names.hide(name).contains(name), "{name}");
        }
    }

    #[test]
    fn a_display_name_of_ordinary_words_and_our_router_are_not_hidden() {
        let router = Participant::new(ModelProvider::Custom("forge".into()), "chosen by role");
        let cast = Cast { drafter: vec![router.with_display_name("critic")], ..Cast::default() };
        let text = "forge has chosen by role a critic";
        assert_eq!(of(&Plan::new(Topic::new("x"), cast)).hide(text), text);
    }

    #[test]
    fn the_plan_says_which_brands_are_hidden() {
        let plan = Plan { brands: vec!["Acme".into()], ..Plan::new(Topic::new("x"), Cast::default()) };
        let hidden = of(&plan).hide("ACME and Claude");
        assert!(!hidden.contains("ACME") && hidden.ends_with(" and Claude"), "{hidden}");
    }

    #[test]
    fn a_name_anywhere_in_the_topic_stays() {
        let topic = Topic::new("x");
        for topic in [
            Topic::new("Compare Claude with others"),
            topic.clone().with_description("about Claude"),
            topic.clone().with_constraint("name Claude"),
            topic.clone().with_reference(Reference::file("Claude.md", "")),
            topic.clone().with_reference(Reference::file("notes.md", "Claude says")),
        ] {
            assert_eq!(of(&Plan::new(topic, Cast::default())).hide("Claude is one"), "Claude is one");
        }
        assert_ne!(of(&Plan::new(topic, Cast::default())).hide("Claude is one"), "Claude is one");
    }
}
