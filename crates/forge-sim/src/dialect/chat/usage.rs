use serde_json::{Value, json};

use super::UsageStyle;
use crate::usage::Usage;

/// `prompt_tokens` holds everything, cached or not; `completion_tokens` holds reasoning too.
pub(super) fn usage(usage: &Usage, style: UsageStyle) -> Value {
    let mut value = json!({
        "prompt_tokens": usage.total_input(),
        "completion_tokens": usage.total_output(),
        "total_tokens": usage.total(),
    });
    match style {
        UsageStyle::Totals => {}
        UsageStyle::Shaped(shape) => {
            if shape.reasoning_apart {
                value["completion_tokens"] = usage.output.into();
            }
            let classes = [
                (shape.cached, usage.cache_read),
                (shape.fresh, usage.total_input() - usage.cache_read),
                (shape.reasoning, usage.reasoning),
            ];
            for (names, tokens) in classes {
                for name in names {
                    *at(&mut value, name) = tokens.into();
                }
            }
        }
        UsageStyle::Timings => {
            value["prompt_tokens_details"] = json!({"cached_tokens": usage.cache_read});
        }
        UsageStyle::Detailed { cache_writes } => {
            value["prompt_tokens_details"] = json!({"cached_tokens": usage.cache_read, "audio_tokens": 0});
            if cache_writes {
                value["prompt_tokens_details"]["cache_write_tokens"] = usage.cache_write().into();
            }
            value["completion_tokens_details"] = json!({
                "reasoning_tokens": usage.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            });
        }
    }
    value
}

fn at<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    name.split('.').fold(value, |value, step| {
        if !value.is_object() {
            *value = json!({});
        }
        &mut value[step]
    })
}
