//! What the servers take, as data.

use std::{sync::LazyLock, time::Duration};

use forge_core::{Capabilities, Effort, Efforts, ModelId, ModelRow, ModelTable, Timeouts};
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

/// One row for every model: a server of one's own charges nothing.
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
    Rules {
        token_limit: TokenLimit::MaxTokens,
        system_role: SystemRole::System,
        sampling: SamplingRule::Always,
        top_k: kind != ServerKind::Ollama,
        efforts: EFFORTS,
        shows_thinking: true,
        tool_choice: heeds_tool_choice(kind),
        stop_sequences: usize::MAX,
        prefill: true,
        documents: false,
        tool_result_images: true,
        stores: false,
    }
}

/// What a server of this kind takes for a model of which this is said.
pub(crate) fn rules_for(kind: ServerKind, said: Option<&ModelRow>) -> Rules {
    let usual = rules(kind);
    let Some(said) = said.map(|row| &row.abilities) else { return usual };
    Rules {
        sampling: match said.sampling {
            Some(false) => SamplingRule::Never,
            Some(true) | None => usual.sampling,
        },
        efforts: said.effort_set().unwrap_or(usual.efforts),
        stop_sequences: if said.stop_sequences == Some(false) { 0 } else { usual.stop_sequences },
        prefill: said.prefill.unwrap_or(usual.prefill),
        documents: said.documents.unwrap_or(usual.documents),
        tool_choice: said.forced_tool_choice.unwrap_or(usual.tool_choice),
        ..usual
    }
}

pub(crate) fn heeds_tool_choice(kind: ServerKind) -> bool {
    kind != ServerKind::Ollama
}

/// What a model on a local server can do, as far as that is known without asking the server.
pub fn capabilities(_: &ModelId) -> Capabilities {
    capabilities_on(ServerKind::Unknown, None)
}

pub(crate) fn capabilities_on(kind: ServerKind, context_tokens: Option<u64>) -> Capabilities {
    Capabilities {
        context_tokens,
        max_output_tokens: None,
        images: true,
        documents: false,
        tools: true,
        forced_tool_choice: heeds_tool_choice(kind),
        structured_output: true,
        sampling: true,
        stop_sequences: true,
        prefill: true,
        efforts: EFFORTS,
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{ModelProvider, Money, TokenCount};

    use super::*;

    #[test]
    fn every_local_model_is_free() {
        let tokens = TokenCount { input: Some(5), output: Some(5), ..TokenCount::default() };
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
