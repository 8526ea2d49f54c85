//! What the servers take, as data.

use std::{sync::LazyLock, time::Duration};

use forge_core::{
    Capabilities, ModelId, ModelTable,
    model::{Efforts, ModelRow},
    provider::Timeouts,
    request::Effort,
};
use forge_openai::chat::{Rules, SamplingRule, SystemRole, TokenLimit};

use crate::ServerKind;

/// The clocks of a local call: 600 s to the first word, because a long prompt is read and a cold model
/// is loaded in that time; 300 s between words, because some servers hold a tool call back until it is
/// whole; 3,600 s for everything.
pub const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    first_event: Duration::from_secs(600),
    gap: Duration::from_secs(300),
    total: Duration::from_secs(3_600),
};

/// The levels that the servers' request checks let through.
pub(crate) const EFFORTS: Efforts = Efforts::of(&[Effort::None, Effort::Low, Effort::Medium, Effort::High]);

/// One row for every model, with prices of zero: a server of one's own charges nothing. Zero is known here
/// and not a gap.
pub fn models() -> &'static ModelTable {
    static TABLE: LazyLock<ModelTable> =
        LazyLock::new(|| ModelTable::from_json(include_str!("../models.json")).unwrap_or_default());
    &TABLE
}

/// What a server of this kind takes. What its model can do, it says itself.
///
/// `max_tokens` is the one field for the limit that every server takes; a limit that is not understood
/// means an answer without end.
pub(crate) fn rules(kind: ServerKind) -> Rules {
    let mut rules = Rules::OPENAI;
    // Ollama and older builds of llama.cpp ignore `max_completion_tokens`.
    rules.token_limit = TokenLimit::MaxTokens;
    rules.system_role = SystemRole::System;
    rules.sampling = SamplingRule::Always;
    // Ollama's Chat dialect has no field for it; its own API takes it.
    rules.top_k = kind != ServerKind::Ollama;
    rules.efforts = EFFORTS;
    // Servers of one's own hide nothing: thoughts come as text without being asked for.
    rules.shows_thinking = true;
    rules.tool_choice = heeds_tool_choice(kind);
    rules.stop_sequences = usize::MAX;
    rules.prefill = true;
    rules.documents = false;
    rules.audio = false;
    rules.freeform_tools = false;
    rules.tool_result_images = true;
    // There is nothing to forbid: they store no chats.
    rules.stores = false;
    // The templates of many models refuse two turns of one speaker.
    rules.alternates = true;
    rules
}

/// What a server of this kind takes for a model of which this is said.
pub(crate) fn rules_for(kind: ServerKind, said: Option<&ModelRow>) -> Rules {
    let mut rules = rules(kind);
    let Some(said) = said.map(|row| &row.abilities) else { return rules };
    if said.sampling == Some(false) {
        rules.sampling = SamplingRule::Never;
    }
    if said.stop_sequences == Some(false) {
        rules.stop_sequences = 0;
    }
    rules.efforts = said.effort_set().unwrap_or(rules.efforts);
    rules.prefill = said.prefill.unwrap_or(rules.prefill);
    rules.documents = said.documents.unwrap_or(rules.documents);
    rules.audio = said.audio.unwrap_or(rules.audio);
    rules.tool_choice = said.forced_tool_choice.unwrap_or(rules.tool_choice);
    rules
}

pub(crate) fn heeds_tool_choice(kind: ServerKind) -> bool {
    // Its Chat dialect reads `tool_choice` and does nothing with it.
    kind != ServerKind::Ollama
}

/// What a model on a local server can do, as far as that is known without asking the server: what its dialect
/// takes. Whether a model looks at pictures or calls tools shows with the first call; its context window is
/// `None`.
pub fn capabilities(_: &ModelId) -> Capabilities {
    capabilities_on(ServerKind::Unknown, None)
}

pub(crate) fn capabilities_on(kind: ServerKind, context_tokens: Option<u64>) -> Capabilities {
    let mut able = Capabilities::default();
    able.context_tokens = context_tokens;
    able.images = true;
    able.tools = true;
    able.forced_tool_choice = heeds_tool_choice(kind);
    able.structured_output = true;
    able.sampling = true;
    able.stop_sequences = true;
    able.prefill = true;
    able.efforts = EFFORTS;
    able
}

#[cfg(test)]
mod tests {
    use forge_core::{ModelProvider, Money, TokenCount};

    use super::*;

    #[test]
    fn every_local_model_is_free() {
        let tokens = TokenCount::default().with_input(5).with_output(5);
        let day = "2026-11-20".parse().unwrap();
        let cost = |model: &str| models().cost(&ModelProvider::Local, &model.into(), day, &tokens);
        assert_eq!((cost("qwen3"), cost("anything:8b-q4")), (Some(Money::ZERO), Some(Money::ZERO)));
    }

    #[test]
    fn what_the_configuration_says_of_a_model_is_what_a_request_is_made_by() {
        let table = r#"[{"provider": "local", "id": "m", "source": "", "checked": "",
            "abilities": {"documents": true, "sampling": false, "stop_sequences": false}}]"#;
        let table = ModelTable::from_json(table).unwrap();
        let rules = rules_for(ServerKind::LlamaCpp, table.find_id(&"m".into()));
        assert!(rules.documents && rules.sampling == SamplingRule::Never && rules.stop_sequences == 0);
        assert!(!rules_for(ServerKind::LlamaCpp, None).documents);
    }
}
