//! Tuning settings: what the model takes goes out, the rest is left out with a warning.

use forge_core::{ModelRequest, event::Warning, model::Efforts, request::Effort};

/// When a model takes a temperature and its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingRule {
    /// Always.
    Always,
    /// Only with [`Effort::None`].
    WithoutThinking,
    /// Never.
    Never,
}

/// What a model and its API take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    pub(crate) sampling: SamplingRule,
    pub(crate) efforts: Efforts,
    /// Only the Chat dialect has a field for a seed.
    pub(crate) seed: bool,
    /// Only the Chat dialect has fields for penalties.
    pub(crate) penalties: bool,
    pub(crate) top_k: bool,
}

/// What is left of a request's tuning settings.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Tuned {
    pub(crate) effort: Option<Effort>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<u32>,
    pub(crate) seed: Option<i64>,
    pub(crate) presence_penalty: Option<f64>,
    pub(crate) frequency_penalty: Option<f64>,
}

pub(crate) fn tune(request: &ModelRequest, takes: Takes, warnings: &mut Vec<Warning>) -> Tuned {
    if request.thinking_budget.is_some() {
        let message = "thinking_budget was left out: this API takes an effort, no number of tokens";
        warnings.push(Warning::new("thinking_budget", message));
    }
    // First, because the sampling settings hang on the effort that goes out and not on the one that was asked
    // for.
    let effort = request.effort.and_then(|effort| takes.efforts.settle(effort, warnings));
    let (allowed, why) = match takes.sampling {
        SamplingRule::Always => (true, ""),
        SamplingRule::WithoutThinking => {
            // With any other effort the vendor answers `unsupported_value`; no effort at all means that the
            // model thinks.
            (effort == Some(Effort::None), "this model takes it only with effort `none`")
        }
        SamplingRule::Never => (false, "this model does not take it"),
    };
    let beyond_api = "this API has no field for it";
    let chat_only = if takes.penalties { why } else { beyond_api };
    let mut keep = Keep { warnings };
    let sampling = &request.sampling;
    Tuned {
        effort,
        temperature: keep.if_allowed("temperature", sampling.temperature, allowed, why),
        top_p: keep.if_allowed("top_p", sampling.top_p, allowed, why),
        top_k: keep.if_allowed("top_k", sampling.top_k, allowed && takes.top_k, beyond_api),
        seed: keep.if_allowed("seed", sampling.seed, takes.seed, beyond_api),
        presence_penalty: keep.if_allowed(
            "presence_penalty",
            sampling.presence_penalty,
            allowed && takes.penalties,
            chat_only,
        ),
        frequency_penalty: keep.if_allowed(
            "frequency_penalty",
            sampling.frequency_penalty,
            allowed && takes.penalties,
            chat_only,
        ),
    }
}

struct Keep<'a> {
    warnings: &'a mut Vec<Warning>,
}

impl Keep<'_> {
    fn if_allowed<T>(&mut self, about: &str, value: Option<T>, allowed: bool, why: &str) -> Option<T> {
        if value.is_some() && !allowed {
            self.warnings.push(Warning::new(about, format!("{about} was left out: {why}")));
            return None;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuned(rule: SamplingRule, effort: Option<Effort>, chat: bool) -> (Tuned, Vec<String>) {
        let sampling = serde_json::json!({"temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 7,
            "presence_penalty": 1.0, "frequency_penalty": 1.0});
        let mut request = ModelRequest::default();
        request.sampling = serde_json::from_value(sampling).unwrap();
        request.effort = effort;
        let efforts = Efforts::of(&[Effort::None, Effort::Low]);
        let mut warnings = Vec::new();
        let takes = Takes { sampling: rule, efforts, seed: chat, penalties: chat, top_k: false };
        let tuned = tune(&request, takes, &mut warnings);
        (tuned, warnings.into_iter().map(|warning| warning.about).collect())
    }

    #[test]
    fn what_is_not_taken_is_left_out_and_said() {
        let (all, warned) = tuned(SamplingRule::Always, None, true);
        assert_eq!((all.temperature, all.seed, warned), (Some(0.5), Some(7), vec!["top_k".into()]));
        let (few, warned) = tuned(SamplingRule::Always, None, false);
        assert_eq!((few.temperature, few.seed, few.presence_penalty), (Some(0.5), None, None));
        assert_eq!(warned, ["top_k", "seed", "presence_penalty", "frequency_penalty"]);
        let (none, warned) = tuned(SamplingRule::Never, None, true);
        assert_eq!((none.temperature, none.top_p, none.presence_penalty), (None, None, None));
        assert_eq!(warned.len(), 5);
    }

    #[test]
    fn sampling_comes_back_with_thinking_off() {
        assert_eq!(tuned(SamplingRule::WithoutThinking, Some(Effort::None), true).0.temperature, Some(0.5));
        assert_eq!(tuned(SamplingRule::WithoutThinking, Some(Effort::Low), true).0.temperature, None);
        assert_eq!(tuned(SamplingRule::WithoutThinking, None, true).0.temperature, None);
    }
}
