//! Tuning settings: what the model takes goes out, the rest is left out with a warning.

use forge_core::{ModelRequest, event::Warning, request::Effort};

use crate::{
    profile::{Profile, ThinkingForm},
    wire::request::{GenerationConfig, ThinkingConfig},
};

pub(crate) fn tune<'a>(
    request: &'a ModelRequest,
    profile: &Profile,
    warnings: &mut Vec<Warning>,
) -> GenerationConfig<'a> {
    let sampling = &request.sampling;
    let mut left_out = |about: &str, why: &str| {
        warnings.push(Warning::new(about, format!("{about} was left out: {why}")));
    };
    // Gemini 4 takes these fields and ignores them without a word; the caller is told in its place.
    if !profile.sampling {
        let set = [
            ("temperature", sampling.temperature.is_some()),
            ("top_p", sampling.top_p.is_some()),
            ("top_k", sampling.top_k.is_some()),
        ];
        let set = set.iter().filter(|(_, set)| *set);
        set.for_each(|(about, _)| left_out(about, "this model does not take it"));
    }
    // The vendor has fields for them and answers with an error to any value but zero.
    let penalties = [
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
    ];
    let set = penalties.iter().filter(|(_, set)| *set);
    set.for_each(|(about, _)| left_out(about, "no current model of this vendor takes it"));
    if request.parallel_tools == Some(false) && !request.tools.is_empty() {
        left_out("parallel_tools", "this vendor has no setting for it");
    }
    GenerationConfig {
        temperature: sampling.temperature.filter(|_| profile.sampling),
        top_p: sampling.top_p.filter(|_| profile.sampling),
        top_k: sampling.top_k.filter(|_| profile.sampling),
        seed: sampling.seed,
        max_output_tokens: request.max_tokens,
        stop_sequences: &request.stop_sequences,
        response_mime_type: None,
        response_json_schema: None,
        thinking_config: thinking(request, profile, warnings),
    }
}

fn thinking(
    request: &ModelRequest,
    profile: &Profile,
    warnings: &mut Vec<Warning>,
) -> Option<ThinkingConfig> {
    let level = request.effort.and_then(|effort| profile.efforts.settle(effort, warnings));
    let off = profile.efforts.is_empty() || level == Some(Effort::None);
    let include_thoughts = request.show_thinking == Some(true) && !off;
    let config = ThinkingConfig { include_thoughts, ..Default::default() };
    if request.thinking_budget.is_some() && profile.thinking == ThinkingForm::Level {
        let message = "thinking_budget was left out: this model takes a level, no number of tokens";
        warnings.push(Warning::new("thinking_budget", message));
    }
    let config = match (level, profile.thinking) {
        // The number goes before the level, because it says the same more exactly.
        (_, ThinkingForm::Budget) if request.thinking_budget.is_some() => {
            ThinkingConfig { thinking_budget: request.thinking_budget, ..config }
        }
        (None, _) => config,
        (Some(level), ThinkingForm::Budget) => {
            ThinkingConfig { thinking_budget: Some(budget(level)), ..config }
        }
        (Some(level), ThinkingForm::Level) => ThinkingConfig { thinking_level: Some(word(level)), ..config },
    };
    (config != ThinkingConfig::default()).then_some(config)
}

/// How many tokens of thinking a level is worth where the vendor takes a number: its own equivalents,
/// within the range of every model that takes one.
fn budget(level: Effort) -> u32 {
    match level {
        Effort::None => 0,
        Effort::Minimal => 512,
        Effort::Low => 1_024,
        Effort::Medium => 8_192,
        _ => 24_576,
    }
}

fn word(level: Effort) -> &'static str {
    match level {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        _ => "HIGH",
    }
}

#[cfg(test)]
mod tests {
    use forge_core::request::Tool;
    use serde_json::{Value, json};

    use super::*;

    fn tuned(model: &str, request: &ModelRequest) -> (Value, Vec<String>) {
        let mut warnings = Vec::new();
        let config = tune(request, Profile::of(&model.into()), &mut warnings);
        let warned = warnings.into_iter().map(|warning| warning.about).collect();
        (serde_json::to_value(config).unwrap(), warned)
    }

    #[test]
    fn sampling_goes_to_the_models_that_take_it() {
        let sampling = json!({"temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 7,
            "presence_penalty": 1.0, "frequency_penalty": 1.0});
        let mut request = ModelRequest::default();
        request.sampling = serde_json::from_value(sampling).unwrap();
        let (config, warned) = tuned("gemini-3.1-pro-preview", &request);
        assert_eq!(config, json!({"temperature": 0.5, "topP": 0.9, "topK": 40, "seed": 7}));
        assert_eq!(warned, ["presence_penalty", "frequency_penalty"]);
        let (config, warned) = tuned("gemini-4-argon", &request);
        assert_eq!(config, json!({"seed": 7}));
        assert_eq!(warned, ["temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty"]);
    }

    #[test]
    fn each_model_is_asked_for_thinking_in_its_own_form() {
        for (model, effort, expected, warned) in [
            ("gemini-2.5-flash", Effort::None, json!({"thinkingBudget": 0}), 0),
            ("gemini-2.5-pro", Effort::None, json!({"thinkingBudget": 512}), 1),
            ("gemini-2.5-pro", Effort::Medium, json!({"thinkingBudget": 8192}), 0),
            ("gemini-2.5-flash-lite", Effort::Max, json!({"thinkingBudget": 24576}), 1),
            ("gemini-3.6-flash", Effort::Minimal, json!({"thinkingLevel": "MINIMAL"}), 0),
            ("gemini-3.6-flash", Effort::None, json!({"thinkingLevel": "MINIMAL"}), 1),
            ("gemini-4-argon", Effort::Minimal, json!({"thinkingLevel": "LOW"}), 1),
            ("gemini-4-argon", Effort::High, json!({"thinkingLevel": "HIGH"}), 0),
            ("gemini-4-argon", Effort::XHigh, json!({"thinkingLevel": "HIGH"}), 1),
            ("gemini-2.0-flash-001", Effort::High, Value::Null, 1),
            ("gemini-2.0-flash-001", Effort::None, Value::Null, 0),
        ] {
            let (config, warnings) = tuned(model, &ModelRequest::default().with_effort(effort));
            assert_eq!(config["thinkingConfig"], expected, "{model} {effort:?}");
            assert_eq!(warnings.len(), warned, "{model} {effort:?}");
        }
    }

    #[test]
    fn a_number_of_tokens_goes_to_the_models_that_take_one() {
        let mut request = ModelRequest::default();
        request.thinking_budget = Some(2_000);
        let (config, warned) = tuned("gemini-2.5-flash", &request);
        assert_eq!((&config["thinkingConfig"], warned.len()), (&json!({"thinkingBudget": 2_000}), 0));
        let (config, warned) = tuned("gemini-4-argon", &request);
        assert_eq!((&config["thinkingConfig"], warned), (&Value::Null, vec!["thinking_budget".into()]));
    }

    #[test]
    fn thoughts_are_shown_only_where_there_are_any() {
        let shown = |model, effort| {
            let mut request = ModelRequest::default();
            (request.show_thinking, request.effort) = (Some(true), effort);
            tuned(model, &request).0["thinkingConfig"]["includeThoughts"].clone()
        };
        assert_eq!(shown("gemini-4-argon", None), true);
        assert_eq!(shown("gemini-2.5-flash", Some(Effort::Low)), true);
        assert_eq!(shown("gemini-2.5-flash", Some(Effort::None)), Value::Null);
        assert_eq!(shown("gemma-4-27b-it", None), Value::Null);
    }

    #[test]
    fn calls_one_at_a_time_cannot_be_asked_for() {
        let tool = Tool::function("add", json!({"type": "object"}));
        let mut request = ModelRequest::default();
        request.parallel_tools = Some(false);
        assert!(tuned("gemini-4-argon", &request).1.is_empty());
        assert_eq!(tuned("gemini-4-argon", &request.with_tool(tool)).1, ["parallel_tools"]);
    }
}
