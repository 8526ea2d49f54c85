//! What differs by model, as data.

use std::{borrow::Cow, sync::LazyLock};

use forge_core::{
    Capabilities, ModelId, ModelProvider, ModelTable, model::Efforts, provider::AdapterSettings,
    request::Effort,
};

/// What a model takes. Source: the vendor's model and migration pages and its error replies, 2026-11.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    ids: &'static [&'static str],
    /// Takes temperature, `topP` and `topK`; other models ignore them.
    pub(crate) sampling: bool,
    pub(crate) thinking: ThinkingForm,
    /// Empty for models that do not think.
    pub(crate) efforts: Efforts,
    /// Continues a last turn of the model's; other models answer with an error.
    pub(crate) prefill: bool,
    /// Takes tools and a form of the answer together.
    pub(crate) tools_with_schema: bool,
    /// Insists on a signature on the first call of a turn.
    pub(crate) signed_calls: bool,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThinkingForm {
    /// With a budget of tokens.
    Budget,
    /// With a level.
    Level,
}

use Effort::{High, Low, Medium, Minimal};

const FROM_LOW: Efforts = Efforts::of(&[Low, Medium, High]);
const FROM_MINIMAL: Efforts = Efforts::of(&[Minimal, Low, Medium, High]);
const FROM_NONE: Efforts = Efforts::of(&[Effort::None, Minimal, Low, Medium, High]);

const NEWEST: Profile = Profile {
    ids: &["gemini-4-argon", "gemini-3.8-flash", "gemini-3.7-flash"],
    sampling: false,
    thinking: ThinkingForm::Level,
    efforts: FROM_LOW,
    prefill: false,
    tools_with_schema: true,
    signed_calls: true,
};

const PRO_2_5: Profile = Profile {
    ids: &["gemini-2.5-pro"],
    sampling: true,
    thinking: ThinkingForm::Budget,
    efforts: FROM_MINIMAL,
    prefill: true,
    tools_with_schema: false,
    signed_calls: false,
};

const FLASH_2_5: Profile =
    Profile { ids: &["gemini-2.5-flash", "gemini-2.5-flash-lite"], efforts: FROM_NONE, ..PRO_2_5 };

const PROFILES: [Profile; 6] = [
    NEWEST,
    Profile { ids: &["gemini-3.6-flash", "gemini-3.5-flash-lite"], efforts: FROM_MINIMAL, ..NEWEST },
    Profile {
        ids: &["gemini-3.5-flash", "gemini-3.1-flash-lite", "gemini-3-flash-preview"],
        sampling: true,
        efforts: FROM_MINIMAL,
        prefill: true,
        ..NEWEST
    },
    Profile { ids: &["gemini-3.1-pro-preview"], sampling: true, prefill: true, ..NEWEST },
    PRO_2_5,
    FLASH_2_5,
];

/// For models that the table does not know. Nothing is left out for them: what they take the vendor knows.
const UNKNOWN: Profile = Profile { ids: &[], sampling: true, efforts: FROM_MINIMAL, prefill: true, ..NEWEST };

/// For models before 2.5 and for open ones.
const WITHOUT_THOUGHTS: Profile = Profile { ids: &[], efforts: Efforts::NONE, ..PRO_2_5 };

impl Profile {
    /// The profile of `model` where the configuration says something else about it.
    pub(crate) fn said(settings: &AdapterSettings, model: &ModelId) -> Self {
        let (known, said) = (*Self::of(settings.like(model)), settings.said_of(model));
        let Some(said) = said.map(|row| &row.abilities) else { return known };
        Self {
            sampling: said.sampling.unwrap_or(known.sampling),
            efforts: said.effort_set().unwrap_or(known.efforts),
            prefill: said.prefill.unwrap_or(known.prefill),
            ..known
        }
    }

    /// The profile of `model`, found by its id with or without a date, else by its family.
    pub(crate) fn of(model: &ModelId) -> &'static Self {
        let model = plain(model);
        let find = |id: &str| PROFILES.iter().find(|profile| profile.ids.contains(&id));
        find(model.as_str())
            .or_else(|| find(model.undated()?))
            // Previews end in forms of their own (`-preview-05-06`), so that the family decides.
            .unwrap_or_else(|| Self::by_family(model.as_str()))
    }

    fn by_family(id: &str) -> &'static Self {
        let is = |families: &[&str]| families.iter().any(|family| id.starts_with(family));
        if is(&["gemini-2.5-pro"]) {
            &PRO_2_5
        } else if is(&["gemini-2.5-"]) {
            &FLASH_2_5
        } else if is(&["gemini-2.0-", "gemini-1", "gemma-"]) {
            &WITHOUT_THOUGHTS
        } else {
            &UNKNOWN
        }
    }
}

/// The id without the `models/` that the vendor's own listing puts before it.
pub(crate) fn plain_id(id: &str) -> &str {
    id.strip_prefix("models/").unwrap_or(id)
}

fn plain(model: &ModelId) -> Cow<'_, ModelId> {
    match plain_id(model.as_str()) {
        id if id.len() < model.as_str().len() => Cow::Owned(id.into()),
        _ => Cow::Borrowed(model),
    }
}

/// Google's models with their limits, dates and prices: the content of `models.json`, in which each row names
/// its source and the day on which it was checked. Prices are US dollars for a million tokens, by day. Rows
/// of retired names say to which model the vendor routes them.
pub fn models() -> &'static ModelTable {
    static TABLE: LazyLock<ModelTable> =
        LazyLock::new(|| ModelTable::from_json(include_str!("../models.json")).unwrap_or_default());
    &TABLE
}

/// What `model` can do, found by its id with or without a date or `models/`, else by its family. An unknown
/// model gets the abilities that most of the vendor's models have, and limits of `None`.
pub fn capabilities(model: &ModelId) -> Capabilities {
    let profile = Profile::of(model);
    let row = models().find(&ModelProvider::Google, &plain(model));
    let mut able = Capabilities::default();
    able.context_tokens = row.and_then(|row| row.context_tokens);
    able.max_output_tokens = row.and_then(|row| row.max_output_tokens);
    able.images = true;
    able.documents = true;
    able.audio = true;
    able.tools = true;
    able.forced_tool_choice = true;
    able.structured_output = true;
    able.sampling = profile.sampling;
    able.stop_sequences = true;
    able.prefill = profile.prefill;
    able.efforts = profile.efforts;
    able
}

#[cfg(test)]
mod tests {
    use forge_core::{Participant, TokenCount};

    use super::*;

    #[test]
    fn every_model_of_the_table_has_a_profile_and_a_price() {
        let table = ModelTable::from_json(include_str!("../models.json")).unwrap();
        let today = "2026-11-20".parse().unwrap();
        let kept = || table.rows().iter().filter(|row| !row.is_retired_on(today));
        assert_eq!((kept().count(), table.rows().len()), (12, 21));
        for row in kept() {
            assert!(!Profile::of(&row.id).ids.is_empty(), "{}", row.id);
            for day in ["2026-11-20", "2026-12-01", "2027-01-01"] {
                assert!(row.price_on(day.parse().unwrap()).is_some(), "{} {day}", row.id);
            }
            assert_eq!(row.provider, ModelProvider::Google);
            let target = row.routed.as_ref().map(|routed| &routed.to);
            assert!(target.is_none_or(|to| kept().any(|row| row.id == *to)), "{}", row.id);
        }
        for row in table.rows().iter().filter(|row| row.is_retired_on(today)) {
            let next = row.successor.as_ref().unwrap();
            assert!(kept().any(|row| row.id == *next && row.routed.is_none()), "{}", row.id);
        }
        let listed: usize = PROFILES.iter().map(|profile| profile.ids.len()).sum();
        assert_eq!(listed, kept().count());
    }

    #[test]
    fn the_usual_participants_are_in_the_table() {
        for participant in [Participant::gemini_pro(), Participant::gemini_flash()] {
            assert!(models().find(&ModelProvider::Google, &participant.model_id).is_some());
        }
    }

    #[test]
    fn the_name_decides_where_the_table_is_silent() {
        let efforts = |id: &str| Profile::of(&id.into()).efforts;
        for (id, expected) in [
            ("models/gemini-3.6-flash", FROM_MINIMAL),
            ("gemini-2.5-flash-preview-09-2025", FROM_NONE),
            ("gemini-2.5-pro-preview-tts", FROM_MINIMAL),
            ("gemini-2.0-flash-001", Efforts::NONE),
            ("gemma-4-27b-it", Efforts::NONE),
            ("gemini-3.9-flash", FROM_MINIMAL),
            ("gemini-flash-latest", FROM_MINIMAL),
        ] {
            assert_eq!(efforts(id), expected, "{id}");
        }
    }

    #[test]
    fn a_name_as_in_the_vendors_listing_has_the_models_limits() {
        let listed = capabilities(&"models/gemini-4-argon".into());
        assert_eq!(listed, capabilities(&"gemini-4-argon".into()));
        assert_eq!(listed.context_tokens, Some(1_048_576));
    }

    fn cost(model: &str, day: &str, input: u64) -> String {
        let tokens = TokenCount::default().with_input(input).with_cache_read(0).with_output(1_000_000);
        models()
            .cost(&ModelProvider::Google, &model.into(), day.parse().unwrap(), &tokens)
            .unwrap()
            .to_string()
    }

    #[test]
    fn the_day_decides_the_price() {
        assert_eq!(cost("gemini-4-argon", "2026-11-30", 1_000_000), "$12.00");
        assert_eq!(cost("gemini-4-argon", "2026-12-01", 1_000_000), "$24.00");
        assert_eq!(cost("gemini-3.8-flash", "2026-12-31", 1_000_000), "$4.50");
        assert_eq!(cost("gemini-3.8-flash", "2027-01-01", 1_000_000), "$9.00");
    }

    #[test]
    fn a_large_prompt_prices_the_whole_request() {
        assert_eq!(cost("gemini-3.1-pro-preview", "2026-11-20", 200_000), "$12.40");
        assert_eq!(cost("gemini-3.1-pro-preview", "2026-11-20", 200_001), "$18.800004");
    }

    #[test]
    fn what_the_configuration_says_of_a_model_is_what_a_request_is_made_by() {
        let said = |more: &str| {
            let row = r#"[{"provider": "google", "id": "new", "source": "", "checked": "", MORE}]"#
                .replace("MORE", more);
            let models = std::sync::Arc::new(ModelTable::from_json(&row).unwrap());
            AdapterSettings { models, ..AdapterSettings::new("p") }
        };
        let profile = |more: &str| Profile::said(&said(more), &"new".into());
        assert!(profile(r#""prices": []"#).sampling);
        let tuned = profile(r#""abilities": {"sampling": false, "prefill": false}"#);
        assert!(!tuned.sampling && !tuned.prefill);
        assert_eq!(profile(r#""like": "gemini-2.5-pro""#).thinking, ThinkingForm::Budget);
    }
}
