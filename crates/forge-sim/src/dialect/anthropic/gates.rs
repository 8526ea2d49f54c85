//! Settings that a model refuses.

use serde_json::{Map, Value};

use super::models::Model;
use crate::api_error::ApiError;
use crate::turn::{Format, ToolChoice, Turn};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thinking {
    pub(super) on: bool,
    pub(super) shown: bool,
    /// With a budget (`type: enabled`), which brings rules of its own.
    pub(super) budgeted: bool,
}

/// The smallest `budget_tokens`.
const MIN_BUDGET: u64 = 1024;

pub(super) fn thinking(
    body: &Map<String, Value>,
    model: &Model,
    max_tokens: Option<u64>,
) -> Result<Thinking, ApiError> {
    let setting = body.get("thinking").filter(|setting| !setting.is_null());
    // Recent models leave the text of thoughts empty unless `summarized` is asked for.
    let off = Thinking { on: model.always_thinks, shown: !model.modern, budgeted: false };
    let Some(setting) = setting else {
        return Ok(off);
    };
    let shown = match setting.get("display").and_then(Value::as_str) {
        None => !model.modern,
        Some("summarized") => true,
        Some("omitted") => false,
        Some(_) => {
            return Err(ApiError::invalid("thinking.display: Input should be 'summarized' or 'omitted'"));
        }
    };
    let on = Thinking { on: true, shown, budgeted: false };
    match setting.get("type").and_then(Value::as_str) {
        Some("disabled") if model.always_thinks => {
            Err(ApiError::invalid(format!("thinking.type: \"disabled\" is not supported for {}", model.id)))
        }
        Some("disabled") => Ok(off),
        Some("adaptive") if model.adaptive => Ok(on),
        Some("adaptive") => Err(ApiError::invalid("adaptive thinking is not supported on this model")),
        Some("between_tools") if model.between_tools => Ok(on),
        Some("enabled") if model.modern => Err(ApiError::invalid(
            "\"thinking.type.enabled\" is not supported for this model. Use \
             \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
        )),
        Some("enabled") => {
            budget(setting, max_tokens)?;
            Ok(Thinking { budgeted: true, ..on })
        }
        _ => Err(ApiError::invalid("thinking.type: Input should be 'adaptive', 'disabled' or 'enabled'")),
    }
}

fn budget(setting: &Value, max_tokens: Option<u64>) -> Result<(), ApiError> {
    let budget = setting
        .get("budget_tokens")
        .ok_or_else(|| ApiError::invalid("thinking.enabled.budget_tokens: Field required"))?;
    let budget = budget.as_u64().filter(|budget| *budget >= MIN_BUDGET);
    let Some(budget) = budget else {
        return Err(ApiError::invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ));
    };
    if max_tokens.is_some_and(|limit| limit <= budget) {
        return Err(ApiError::invalid("`max_tokens` must be greater than `thinking.budget_tokens`."));
    }
    Ok(())
}

pub(super) fn sampling(body: &Map<String, Value>, model: &Model, thinking: Thinking) -> Result<(), ApiError> {
    let number = |name: &str, most: f64| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|value| (0.0..=most).contains(value))
            .map(Some)
            .ok_or_else(|| ApiError::invalid(format!("{name}: range: 0..{most}"))),
    };
    let temperature = number("temperature", 1.0)?;
    let top_p = number("top_p", 1.0)?;
    let top_k = number("top_k", 1_000_000.0)?;
    // Clients write the default out; the vendor refuses only what differs from it.
    let is_default = |value: Option<f64>| value.is_none_or(|value| (value - 1.0).abs() < 1e-9);
    if model.modern {
        let refused = [
            ("temperature", !is_default(temperature)),
            ("top_p", !is_default(top_p)),
            // It has no default that a client could write out.
            ("top_k", top_k.is_some()),
        ];
        if let Some((name, _)) = refused.into_iter().find(|(_, refused)| *refused) {
            return Err(ApiError::invalid(format!("`{name}` is deprecated for this model.")));
        }
    }
    if temperature.is_some() && top_p.is_some() {
        return Err(ApiError::invalid(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only \
             one.",
        ));
    }
    if thinking.budgeted && !is_default(temperature) {
        return Err(ApiError::invalid("`temperature` may only be set to 1 when thinking is enabled."));
    }
    Ok(())
}

pub(super) fn effort(body: &Map<String, Value>, model: &Model) -> Result<(), ApiError> {
    let effort = body.get("output_config").and_then(|config| config.get("effort"));
    let Some(effort) = effort.filter(|effort| !effort.is_null()) else {
        return Ok(());
    };
    let level = effort.as_str().unwrap_or_default();
    if !["low", "medium", "high", "xhigh", "max"].contains(&level) {
        return Err(ApiError::invalid(
            "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
        ));
    }
    if model.efforts.is_empty() {
        return Err(ApiError::invalid("This model does not support the effort parameter."));
    }
    if !model.efforts.contains(&level) {
        return Err(ApiError::invalid(format!(
            "This model does not support effort level '{level}'. Supported levels: {}.",
            model.efforts.join(", ")
        )));
    }
    Ok(())
}

pub(super) fn forced_tools(choice: &ToolChoice, model: &Model, thinking: Thinking) -> Result<(), ApiError> {
    if !forces_a_call(choice) {
        return Ok(());
    }
    if !model.forced_tools {
        return Err(ApiError::invalid(format!(
            "tool_choice: type \"any\" and \"tool\" are not supported for {}",
            model.id
        )));
    }
    // Thinking without a budget steps back where a call is forced.
    if thinking.budgeted {
        return Err(ApiError::invalid("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

fn forces_a_call(choice: &ToolChoice) -> bool {
    matches!(choice, ToolChoice::Any | ToolChoice::Named(_))
}

/// `max_tokens: 0` only fills the prompt cache and goes with nothing that asks for an answer.
pub(super) fn warm_up(turn: &Turn, stream: bool) -> Result<(), ApiError> {
    if turn.max_tokens != Some(0) {
        return Ok(());
    }
    let asks = stream || turn.thinks || turn.format != Format::Text || forces_a_call(&turn.tool_choice);
    if asks {
        return Err(ApiError::invalid(
            "max_tokens: 0 cannot be combined with stream, thinking, output_config.format or a \
             forced tool_choice",
        ));
    }
    Ok(())
}
