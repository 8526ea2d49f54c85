//! What differs by model, as data.

use std::sync::LazyLock;

use forge_core::{
    Capabilities, ExposeSecret, ModelId, ModelProvider, ModelTable, model::Efforts,
    provider::AdapterSettings, request::Effort,
};

/// What a model takes. Source: the vendor's error replies and model pages, 2026-11.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    ids: &'static [&'static str],
    /// Takes temperature, `top_p` and `top_k`.
    pub(crate) sampling: bool,
    pub(crate) thinking: ThinkingForm,
    pub(crate) efforts: Efforts,
    /// Continues a last message of the assistant's.
    pub(crate) prefill: bool,
    /// Can be made to call a tool.
    pub(crate) forced_tools: bool,
    /// Takes instructions between turns.
    pub(crate) system_turns: bool,
    /// Takes documents in turns of the assistant's; a matter of the API's version alone.
    pub(crate) assistant_documents: bool,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThinkingForm {
    /// With a budget of tokens; off unless asked for.
    Budget,
    /// The model decides; the effort guides it.
    Adaptive {
        /// It can be turned off.
        optional: bool,
    },
}

const FOUR_LEVELS: Efforts = Efforts::of(&[Effort::Low, Effort::Medium, Effort::High, Effort::Max]);
const FIVE_LEVELS: Efforts =
    Efforts::of(&[Effort::Low, Effort::Medium, Effort::High, Effort::XHigh, Effort::Max]);

const PROFILES: [Profile; 7] = [
    Profile {
        ids: &["claude-fable-5-2", "claude-mythos-5-2", "claude-fable-5-1", "claude-opus-5-5"],
        sampling: false,
        thinking: ThinkingForm::Adaptive { optional: false },
        efforts: FIVE_LEVELS,
        prefill: false,
        forced_tools: false,
        system_turns: true,
        assistant_documents: true,
    },
    Profile {
        ids: &["claude-fable-5", "claude-mythos-5"],
        sampling: false,
        thinking: ThinkingForm::Adaptive { optional: false },
        efforts: FIVE_LEVELS,
        prefill: false,
        forced_tools: true,
        system_turns: true,
        assistant_documents: true,
    },
    Profile {
        ids: &["claude-sonnet-5-5"],
        sampling: false,
        thinking: ThinkingForm::Adaptive { optional: true },
        efforts: FIVE_LEVELS,
        prefill: false,
        forced_tools: false,
        system_turns: true,
        assistant_documents: true,
    },
    Profile {
        ids: &["claude-opus-5", "claude-opus-4-8", "claude-sonnet-5", "claude-haiku-5-5"],
        sampling: false,
        thinking: ThinkingForm::Adaptive { optional: true },
        efforts: FIVE_LEVELS,
        prefill: false,
        forced_tools: true,
        system_turns: true,
        assistant_documents: true,
    },
    Profile {
        ids: &["claude-opus-4-7"],
        sampling: false,
        thinking: ThinkingForm::Adaptive { optional: true },
        efforts: FIVE_LEVELS,
        prefill: false,
        forced_tools: true,
        system_turns: false,
        assistant_documents: true,
    },
    Profile {
        ids: &["claude-opus-4-6", "claude-sonnet-4-6"],
        sampling: true,
        thinking: ThinkingForm::Budget,
        efforts: FOUR_LEVELS,
        prefill: false,
        forced_tools: true,
        system_turns: false,
        assistant_documents: true,
    },
    Profile {
        ids: &["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"],
        sampling: true,
        thinking: ThinkingForm::Budget,
        efforts: FOUR_LEVELS,
        prefill: true,
        forced_tools: true,
        system_turns: false,
        assistant_documents: true,
    },
];

/// For models that the table does not know. Nothing is left out for them: what they take the vendor knows.
const UNKNOWN: Profile = Profile {
    ids: &[],
    sampling: true,
    thinking: ThinkingForm::Adaptive { optional: true },
    efforts: FIVE_LEVELS,
    prefill: true,
    forced_tools: true,
    system_turns: true,
    assistant_documents: true,
};

impl Profile {
    /// The profile of `model` where the configuration says something else about it, or about the API.
    pub(crate) fn said(settings: &AdapterSettings, model: &ModelId) -> Self {
        let (known, said) = (*Self::of(settings.like(model)), settings.said_of(model));
        let newer = is_newer(settings);
        let known = Self { assistant_documents: !newer, ..known };
        let Some(said) = said.map(|row| &row.abilities) else {
            return Self { sampling: known.sampling && !newer, ..known };
        };
        Self {
            sampling: said.sampling.unwrap_or(known.sampling) && !newer,
            efforts: said.effort_set().unwrap_or(known.efforts),
            prefill: said.prefill.unwrap_or(known.prefill),
            forced_tools: said.forced_tool_choice.unwrap_or(known.forced_tools),
            ..known
        }
    }

    /// The profile of `model`, found by its id with or without a date.
    pub(crate) fn of(model: &ModelId) -> &'static Self {
        let find = |id: &str| PROFILES.iter().find(|profile| profile.ids.contains(&id));
        find(model.as_str()).or_else(|| find(model.undated()?)).unwrap_or(&UNKNOWN)
    }
}

/// The header by which the vendor tells the versions of its API apart, and the first that refuses sampling settings of
/// any model, documents in turns of the assistant's, and citations in texts that are sent (this crate sends none).
/// Source: the vendor's versioning page, 2026-11.
const VERSION: (&str, &str) = ("anthropic-version", "2026-10-21");

/// Whether a header of the configuration asks for that version of the API, or a later one.
pub(crate) fn is_newer(settings: &AdapterSettings) -> bool {
    let (header, first) = VERSION;
    let asked = settings.headers.iter().rfind(|(name, _)| name.eq_ignore_ascii_case(header));
    // Versions are days, so that their texts are in the order of time.
    asked.is_some_and(|(_, value)| value.expose_secret().trim() >= first)
}

/// Anthropic's models with their limits, dates and prices: the content of `models.json`, in which each row
/// names its source and the day on which it was checked. Prices are US dollars for a million tokens, by day.
/// A price that the vendor has not published is missing, which is not zero.
pub fn models() -> &'static ModelTable {
    static TABLE: LazyLock<ModelTable> =
        LazyLock::new(|| ModelTable::from_json(include_str!("../models.json")).unwrap_or_default());
    &TABLE
}

/// The most output tokens asked for when the request does not say. The vendor has no default of its own.
const USUAL_MAX_TOKENS: u64 = 8_192;

/// The vendor insists on a limit: the usual one, or the model's own if that is smaller.
pub(crate) fn default_max_tokens(settings: &AdapterSettings, model: &ModelId) -> u64 {
    let most = settings.capabilities(model, capabilities).max_output_tokens;
    most.unwrap_or(USUAL_MAX_TOKENS).min(USUAL_MAX_TOKENS)
}

/// What `model` can do, found by its id with or without a date. An unknown model gets the abilities that most
/// of the vendor's models have, and limits of `None`.
pub fn capabilities(model: &ModelId) -> Capabilities {
    let profile = Profile::of(model);
    let row = models().find(&ModelProvider::Anthropic, model);
    let mut able = Capabilities::default();
    able.context_tokens = row.and_then(|row| row.context_tokens);
    able.max_output_tokens = row.and_then(|row| row.max_output_tokens);
    // The same for every model that the table knows, so that no profile says it.
    able.images = true;
    able.documents = true;
    able.tools = true;
    able.forced_tool_choice = profile.forced_tools;
    able.structured_output = true;
    able.sampling = profile.sampling;
    able.stop_sequences = true;
    able.prefill = profile.prefill;
    able.efforts = profile.efforts;
    able
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_of_the_table_has_a_profile_and_nearly_every_one_a_price() {
        let table = ModelTable::from_json(include_str!("../models.json")).unwrap();
        let day = "2026-11-20".parse().unwrap();
        let kept = || table.rows().iter().filter(|row| !row.is_retired_on(day));
        assert_eq!((kept().count(), table.rows().len()), (17, 35));
        for row in kept() {
            assert!(!Profile::of(&row.id).ids.is_empty(), "{}", row.id);
            // The vendor has published no price of this one.
            assert_eq!(row.price_on(day).is_some(), row.id != "claude-mythos-5-2", "{}", row.id);
        }
        for row in table.rows() {
            assert_eq!(row.provider, ModelProvider::Anthropic);
            let next = row.successor.as_ref();
            assert!(next.is_none_or(|next| kept().any(|row| row.id == *next)), "{}", row.id);
            assert!(next.is_some() || !row.is_retired_on(day), "{} has a successor", row.id);
        }
        let listed: usize = PROFILES.iter().map(|profile| profile.ids.len()).sum();
        assert_eq!(listed, kept().count());
    }

    #[test]
    fn a_snapshot_has_its_models_profile() {
        assert!(Profile::of(&"claude-haiku-4-5-20251001".into()).sampling);
        assert!(Profile::of(&"claude-haiku-4-5x".into()).ids.is_empty());
    }

    #[test]
    fn a_large_prompt_puts_the_small_model_into_its_upper_tier() {
        let day = "2026-11-20".parse().unwrap();
        let cost = |input| {
            let tokens = forge_core::TokenCount::default().with_input(input).with_output(1_000_000);
            let cost = models().cost(&ModelProvider::Anthropic, &"claude-haiku-5-5".into(), day, &tokens);
            cost.unwrap().to_string()
        };
        assert_eq!((cost(100_000).as_str(), cost(100_001).as_str()), ("$0.51", "$2.5500005"));
    }

    #[test]
    fn what_the_configuration_says_of_a_model_is_what_a_request_is_made_by() {
        let said = |more: &str| {
            let row = r#"[{"provider": "anthropic", "id": "new", "source": "", "checked": "", MORE}]"#
                .replace("MORE", more);
            let models = std::sync::Arc::new(ModelTable::from_json(&row).unwrap());
            AdapterSettings { models, ..AdapterSettings::new("p") }
        };
        let profile = |more: &str| Profile::said(&said(more), &"new".into());
        assert!(profile(r#""prices": []"#).sampling);
        let tuned = profile(r#""abilities": {"sampling": false, "prefill": false, "efforts": ["low"]}"#);
        assert!(!tuned.sampling && !tuned.prefill && tuned.efforts == Efforts::of(&[Effort::Low]));
        assert_eq!(profile(r#""like": "claude-opus-4-5""#).thinking, ThinkingForm::Budget);
        assert_eq!(default_max_tokens(&said(r#""max_output_tokens": 77"#), &"new".into()), 77);
    }

    #[test]
    fn a_newer_version_of_the_api_takes_no_sampling_of_any_model() {
        let asked = |version: &str| {
            let headers = vec![("Anthropic-Version".into(), version.into())];
            AdapterSettings { headers, ..AdapterSettings::new("p") }
        };
        for (version, takes) in [("2023-06-01", true), ("2026-10-21", false), ("2027-01-01", false)] {
            let profile = Profile::said(&asked(version), &"claude-haiku-4-5".into());
            assert_eq!((profile.sampling, profile.assistant_documents), (takes, takes), "{version}");
        }
    }
}
