//! Tuning settings: what the model takes goes out, the rest is left out with a warning.

use forge_core::{ModelRequest, request::Effort};

use crate::{
    mapper::Mapper,
    profile::ThinkingForm,
    wire::request::{Body, Thinking},
};

/// The smallest thinking budget the vendor takes (`budget_tokens`), in tokens; a smaller one is a 400.
const MIN_BUDGET: u64 = 1_024;

impl Mapper<'_> {
    pub(crate) fn thinking(&mut self, request: &ModelRequest, max_tokens: u64, body: &mut Body<'_>) {
        match self.profile.thinking {
            ThinkingForm::Adaptive { optional } => {
                // Recent models send thoughts without text unless `summarized` is asked for.
                let display = request.show_thinking.map(|shown| if shown { "summarized" } else { "omitted" });
                if request.thinking_budget.is_some() {
                    self.warn("thinking_budget", "this model takes no number of tokens for thinking");
                }
                match request.effort {
                    // Models that always think answer `disabled` with a 400; they fall to their lowest level
                    // below.
                    Some(Effort::None) if optional => body.thinking = Some(Thinking::Disabled),
                    Some(effort) => {
                        body.thinking = Some(Thinking::Adaptive { display });
                        let level = self.profile.efforts.settle(effort, &mut self.warnings);
                        body.output_config.effort = level.map(Effort::as_str);
                    }
                    None if request.show_thinking == Some(true) => {
                        body.thinking = Some(Thinking::Adaptive { display });
                    }
                    None => {}
                }
            }
            ThinkingForm::Budget => {
                let effort = request.effort.filter(|effort| *effort != Effort::None).map(budget);
                let Some(budget) = request.thinking_budget.map(u64::from).or(effort) else { return };
                // Thinking counts towards `max_tokens`, and a budget that is not smaller is refused. Half of
                // it stays for the answer, else the model may think all of it away.
                let budget = budget.min(max_tokens / 2);
                if budget < MIN_BUDGET {
                    self.warn("effort", "max_tokens leaves no room for thinking; it is left out");
                } else {
                    body.thinking = Some(Thinking::Enabled { budget_tokens: budget });
                }
            }
        }
    }

    pub(crate) fn sampling(&mut self, request: &ModelRequest, body: &mut Body<'_>) {
        let sampling = &request.sampling;
        // Only thinking by budget excludes them here. Models that think adaptively and take none of them say
        // so in their profile.
        let thinking = matches!(body.thinking, Some(Thinking::Enabled { .. }));
        let allowed = self.profile.sampling && !thinking;
        let reason = if thinking { "not taken while the model thinks" } else { "not taken by this model" };
        let mut left_out =
            |about: &str, why: &str| self.warn(about, format!("{about} is {why}; it is left out"));
        if allowed {
            // 1 is the most that this vendor takes; others go to 2.
            body.temperature = sampling.temperature.map(|temperature| temperature.min(1.0));
            body.top_k = sampling.top_k;
            // Claude 4 and later refuse the two together.
            if sampling.temperature.is_none() {
                body.top_p = sampling.top_p;
            } else if sampling.top_p.is_some() {
                left_out("top_p", "not taken together with temperature");
            }
            if sampling.temperature.is_some_and(|temperature| temperature > 1.0) {
                self.warn("temperature", "the highest temperature is 1; 1 is sent instead");
            }
        } else {
            let set = [
                ("temperature", sampling.temperature.is_some()),
                ("top_p", sampling.top_p.is_some()),
                ("top_k", sampling.top_k.is_some()),
            ];
            set.iter().filter(|(_, set)| *set).for_each(|(about, _)| left_out(about, reason));
        }
        let never = [
            ("seed", sampling.seed.is_some()),
            ("presence_penalty", sampling.presence_penalty.is_some()),
            ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ];
        for (about, _) in never.iter().filter(|(_, set)| *set) {
            self.warn(about, format!("{about} is not taken by this vendor; it is left out"));
        }
    }
}

/// How many tokens of thinking a level is worth where the vendor takes a number.
fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal => MIN_BUDGET,
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 16_384,
        Effort::XHigh => 24_576,
        _ => 32_768,
    }
}
