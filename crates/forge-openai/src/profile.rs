//! What differs by model, as data.

use std::sync::LazyLock;

use forge_core::{
    Capabilities, ModelId, ModelProvider, ModelTable, model::Efforts, provider::AdapterSettings,
    request::Effort,
};

use crate::{
    chat::{Rules, SystemRole, TokenLimit},
    compatible::{Habits, Thoughts},
    tune::{SamplingRule, Takes},
};

/// What a model takes. Source: the vendor's error replies and model pages, 2026-11.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    ids: &'static [&'static str],
    pub(crate) api: Api,
    sampling: SamplingRule,
    /// Empty for models that do not think.
    efforts: Efforts,
    /// The most stop sequences.
    pub(crate) stop_sequences: usize,
}

/// The vendor's two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// The vendor's own choice since GPT-5. It has no stop sequences.
    Responses,
    /// The older one, which other servers speak too.
    Chat { limit: TokenLimit },
}

use Effort::{High, Low, Max, Medium, Minimal, XHigh};

const MODERN_CHAT: Api = Api::Chat { limit: TokenLimit::MaxCompletionTokens };
const LOW_TO_HIGH: Efforts = Efforts::of(&[Low, Medium, High]);
const LOW_TO_MAX: Efforts = Efforts::of(&[Low, Medium, High, XHigh, Max]);

const PROFILES: [Profile; 8] = [
    Profile {
        ids: &["gpt-6.2-astra", "gpt-6.2-sol", "gpt-6.1-sol", "gpt-6-astra"],
        api: Api::Responses,
        sampling: SamplingRule::Never,
        efforts: LOW_TO_MAX,
        stop_sequences: 0,
    },
    Profile {
        ids: &["gpt-6.1-terra", "gpt-6-sol", "gpt-6-luna", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"],
        api: Api::Responses,
        sampling: SamplingRule::WithoutThinking,
        efforts: Efforts::of(&[Effort::None, Low, Medium, High, XHigh, Max]),
        stop_sequences: 0,
    },
    Profile {
        ids: &["gpt-5.5", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.2"],
        api: Api::Responses,
        sampling: SamplingRule::WithoutThinking,
        efforts: Efforts::of(&[Effort::None, Low, Medium, High, XHigh]),
        stop_sequences: 0,
    },
    Profile {
        ids: &["gpt-5.1"],
        api: Api::Responses,
        sampling: SamplingRule::WithoutThinking,
        efforts: Efforts::of(&[Effort::None, Low, Medium, High]),
        stop_sequences: 0,
    },
    Profile {
        ids: &["gpt-5.5-pro"],
        api: Api::Responses,
        sampling: SamplingRule::Never,
        efforts: Efforts::of(&[Medium, High, XHigh]),
        stop_sequences: 0,
    },
    Profile {
        ids: &["gpt-5", "gpt-5-mini", "gpt-5-nano"],
        api: Api::Responses,
        sampling: SamplingRule::Never,
        efforts: Efforts::of(&[Minimal, Low, Medium, High]),
        stop_sequences: 0,
    },
    BEFORE_GPT_5,
    O_SERIES,
];

const BEFORE_GPT_5: Profile = Profile {
    ids: &["gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"],
    api: MODERN_CHAT,
    sampling: SamplingRule::Always,
    efforts: Efforts::NONE,
    stop_sequences: 4,
};

const O_SERIES: Profile = Profile {
    ids: &["o3"],
    api: MODERN_CHAT,
    sampling: SamplingRule::Never,
    efforts: LOW_TO_HIGH,
    stop_sequences: 0,
};

/// For GPT models that the table does not have. What they take the vendor knows; nothing is left out or changed for
/// them but what the API has no field for.
const UNKNOWN_GPT: Profile = Profile {
    ids: &[],
    api: Api::Responses,
    sampling: SamplingRule::Always,
    efforts: Efforts::of(&Effort::ALL),
    stop_sequences: 0,
};

/// For the models of `ChatGPT`, which do not think.
const UNKNOWN_CHAT: Profile = Profile { efforts: Efforts::NONE, ..UNKNOWN_GPT };

/// For models of other vendors behind the same API.
const COMPATIBLE: Profile = Profile {
    ids: &[],
    api: Api::Chat { limit: TokenLimit::MaxTokens },
    sampling: SamplingRule::Always,
    efforts: Efforts::of(&Effort::ALL),
    stop_sequences: 4,
};

impl Profile {
    /// The profile of `model` at a vendor with these habits, where the configuration says something else about it.
    pub(crate) fn said(settings: &AdapterSettings, model: &ModelId, habits: &Habits) -> Self {
        let (like, said) = (settings.like(model), settings.said_of(model));
        // At another vendor a name of OpenAI's says nothing, unless the configuration says that a model is
        // like one.
        let known = if habits.own_models || like != model { *Self::of(like) } else { COMPATIBLE };
        let known = if habits.own_models {
            known
        } else {
            let limit = habits.token_limit.unwrap_or(TokenLimit::MaxTokens);
            Self { api: Api::Chat { limit }, ..known }
        };
        let Some(said) = said.map(|row| &row.abilities) else { return known };
        let api_takes_stops = matches!(known.api, Api::Chat { .. });
        Self {
            sampling: match said.sampling {
                Some(true) => SamplingRule::Always,
                Some(false) => SamplingRule::Never,
                None => known.sampling,
            },
            efforts: said.effort_set().unwrap_or(known.efforts),
            stop_sequences: match said.stop_sequences {
                Some(true) if api_takes_stops => known.stop_sequences.max(BEFORE_GPT_5.stop_sequences),
                Some(false) => 0,
                _ => known.stop_sequences,
            },
            ..known
        }
    }

    /// The profile of `model`, found by its id with or without a date. A fine-tuned model
    /// (`ft:gpt-4.1:...`) has the profile of its base.
    pub(crate) fn of(model: &ModelId) -> &'static Self {
        let find = |id: &str| PROFILES.iter().find(|profile| profile.ids.contains(&id));
        let base =
            model.as_str().strip_prefix("ft:").and_then(|rest| rest.split(':').next()).map(ModelId::from);
        let model = base.as_ref().unwrap_or(model);
        find(model.as_str())
            .or_else(|| find(model.undated()?))
            .unwrap_or_else(|| Self::by_family(model.as_str()))
    }

    fn by_family(id: &str) -> &'static Self {
        let generation = |text: &str| -> Option<u32> {
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text[..digits].parse().ok()
        };
        let is_o = id.strip_prefix('o').and_then(generation).is_some();
        match id.strip_prefix("gpt-").map(generation) {
            Some(Some(5..)) if id.contains("-chat") => &UNKNOWN_CHAT,
            Some(Some(5..)) => &UNKNOWN_GPT,
            Some(_) => &BEFORE_GPT_5,
            None if id.starts_with("chatgpt-") => &BEFORE_GPT_5,
            // The larger ones of the o series are not offered through Chat Completions.
            None if is_o && id.contains("-pro") => &UNKNOWN_GPT,
            None if is_o => &O_SERIES,
            None => &COMPATIBLE,
        }
    }

    /// The same model through Chat Completions.
    pub(crate) fn chatting(self) -> Self {
        match self.api {
            Api::Chat { .. } => self,
            Api::Responses => Self { api: MODERN_CHAT, ..self },
        }
    }

    pub(crate) fn thinks(&self) -> bool {
        !self.efforts.is_empty()
    }

    /// What the model takes through the Responses API.
    pub(crate) fn takes(&self) -> Takes {
        Takes { sampling: self.sampling, efforts: self.efforts, seed: false, penalties: false, top_k: false }
    }

    /// What the model takes through Chat Completions at a vendor with these habits.
    pub(crate) fn chat_rules(&self, limit: TokenLimit, habits: &'static Habits) -> Rules {
        let Habits { own_models, local, .. } = *habits;
        // OpenAI maps `system` to `developer` for reasoning models; templates of other servers do not know
        // that role.
        let developer = own_models && self.thinks() && limit == TokenLimit::MaxCompletionTokens;
        Rules {
            token_limit: limit,
            system_role: if developer { SystemRole::Developer } else { SystemRole::System },
            sampling: self.sampling,
            top_k: local,
            efforts: self.efforts,
            shows_thinking: !own_models,
            tool_choice: !habits.ignores_tool_choice,
            // Servers of one's own have no limit; hosted ones keep to OpenAI's four.
            stop_sequences: if local && self.stop_sequences > 0 { usize::MAX } else { self.stop_sequences },
            prefill: local,
            documents: !local,
            audio: !local,
            freeform_tools: own_models,
            tool_result_images: local,
            stores: habits.takes_store,
            refuses: &habits.refuses,
            random_seed: habits.random_seed,
            returns_thoughts: habits.thoughts != Thoughts::KeptBack,
            requires_thoughts: habits.thoughts == Thoughts::Required,
            ids: habits.ids,
            alternates: habits.alternates,
        }
    }
}

/// OpenAI's models with their limits, dates and prices: the content of `models.json`, in which each row names
/// its source and the day on which it was checked. Prices are US dollars for a million tokens, by day.
pub fn models() -> &'static ModelTable {
    static TABLE: LazyLock<ModelTable> =
        LazyLock::new(|| ModelTable::from_json(include_str!("../models.json")).unwrap_or_default());
    &TABLE
}

/// What `model` can do at OpenAI, found by its id with or without a date, for a fine-tuned one by that of its
/// base, else by its family. An unknown model gets the abilities that most of the vendor's models have, and
/// limits of `None`.
pub fn capabilities(model: &ModelId) -> Capabilities {
    let profile = Profile::of(model);
    let row = models().find(&ModelProvider::OpenAI, model);
    let mut able = Capabilities::default();
    able.context_tokens = row.and_then(|row| row.context_tokens);
    able.max_output_tokens = row.and_then(|row| row.max_output_tokens);
    able.images = true;
    able.documents = true;
    able.audio = model.as_str().contains("audio");
    able.tools = true;
    able.forced_tool_choice = true;
    able.structured_output = true;
    able.sampling = profile.sampling != SamplingRule::Never;
    // Where the API has no field for them, the reply is cut.
    able.stop_sequences = profile.stop_sequences > 0 || profile.api == Api::Responses;
    able.efforts = profile.efforts;
    able
}

#[cfg(test)]
mod tests {
    use forge_core::TokenCount;

    use super::*;

    #[test]
    fn every_model_of_the_table_has_a_profile_and_a_price() {
        let table = ModelTable::from_json(include_str!("../models.json")).unwrap();
        let day = "2026-11-20".parse().unwrap();
        let kept = || table.rows().iter().filter(|row| !row.is_retired_on(day));
        assert_eq!((kept().count(), table.rows().len()), (25, 44));
        for row in kept() {
            assert!(!Profile::of(&row.id).ids.is_empty(), "{}", row.id);
            assert!(row.price_on(day).is_some(), "{}", row.id);
        }
        for row in table.rows() {
            assert_eq!(row.provider, ModelProvider::OpenAI);
            let next = row.successor.as_ref();
            assert!(next.is_none_or(|next| kept().any(|row| row.id == *next)), "{}", row.id);
            assert!(next.is_some() || !row.is_retired_on(day), "{} has a successor", row.id);
        }
        let listed: usize = PROFILES.iter().map(|profile| profile.ids.len()).sum();
        assert_eq!(listed, kept().count());
    }

    #[test]
    fn the_name_decides_where_the_table_is_silent() {
        for (id, known_as) in
            [("gpt-4.1-2025-04-14", "gpt-4.1"), ("ft:gpt-4o-mini-20240718:me::x", "gpt-4o-mini")]
        {
            assert!(Profile::of(&id.into()).ids.contains(&known_as), "{id}");
        }
        let api = |id: &str| Profile::of(&id.into()).api;
        for responses in
            ["gpt-5.3-codex", "gpt-7", "gpt-12-x", "gpt-6.2-sol-2026-11-17", "o3-pro", "gpt-5-chat-latest"]
        {
            assert_eq!(api(responses), Api::Responses, "{responses}");
        }
        assert!(!Profile::of(&"gpt-5-chat-latest".into()).thinks());
        for chat in ["gpt-4-turbo", "gpt-4o-audio", "chatgpt-4o-latest", "o4-mini"] {
            assert_eq!(api(chat), MODERN_CHAT, "{chat}");
        }
        for other in ["llama-4", "openchat", "gemini"] {
            assert_eq!(api(other), Api::Chat { limit: TokenLimit::MaxTokens }, "{other}");
        }
    }

    fn cost(model: &str, day: &str, input: u64) -> String {
        let tokens = TokenCount::default().with_input(input).with_cache_read(0).with_output(1_000_000);
        let day = day.parse().unwrap();
        models().cost(&ModelProvider::OpenAI, &model.into(), day, &tokens).unwrap().to_string()
    }

    #[test]
    fn a_large_prompt_prices_the_whole_request() {
        assert_eq!(cost("gpt-6.2-sol", "2026-11-20", 272_000), "$10.544");
        assert_eq!(cost("gpt-6.2-sol", "2026-11-20", 272_001), "$16.088004");
        assert_eq!(cost("gpt-5.5", "2026-11-20", 272_001), "$31.360005");
    }

    #[test]
    fn the_day_decides_the_price() {
        assert_eq!(cost("gpt-5.6-sol", "2026-11-21", 0), "$20.00");
        assert_eq!(cost("gpt-5.6-sol", "2026-11-22", 0), "$30.00");
        assert_eq!(cost("gpt-5.6-sol", "2026-08-20", 0), "$30.00");
        assert_eq!(cost("gpt-5.6-luna", "2026-07-29", 0), "$6.00");
        assert_eq!(cost("gpt-5.6-luna", "2026-07-30", 0), "$1.20");
    }

    #[test]
    fn what_the_configuration_says_of_a_model_is_what_a_request_is_made_by() {
        let said = |more: &str| {
            let row = r#"[{"provider": "openai", "id": "new", "source": "", "checked": "", MORE}]"#
                .replace("MORE", more);
            let models = std::sync::Arc::new(ModelTable::from_json(&row).unwrap());
            AdapterSettings { models, ..AdapterSettings::new("p") }
        };
        let own = Habits { own_models: true, ..Habits::default() };
        let profile = |more: &str| Profile::said(&said(more), &"new".into(), &own);
        assert_eq!(profile(r#""prices": []"#).api, COMPATIBLE.api);
        assert_eq!(profile(r#""like": "gpt-6.2-sol""#).api, Api::Responses);
        let tuned = profile(r#""abilities": {"sampling": false, "stop_sequences": false, "efforts": []}"#);
        assert!(tuned.sampling == SamplingRule::Never && tuned.stop_sequences == 0 && !tuned.thinks());
    }
}
