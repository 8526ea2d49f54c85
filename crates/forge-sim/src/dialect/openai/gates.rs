//! Settings that a model refuses, in either call.

use serde_json::Value;

use super::models::{Effort, Model};
use crate::api_error::ApiError;

pub(super) fn unsupported_parameter(param: &str, advice: &str) -> ApiError {
    ApiError::invalid(format!("Unsupported parameter: '{param}' is not supported with this model.{advice}"))
        .with_param(param)
        .with_code("unsupported_parameter")
}

/// Ranges, and sampling settings that do not go with reasoning.
pub(super) fn sampling(body: &Value, model: &Model, effort: &Effort) -> Result<(), ApiError> {
    in_range(body, "temperature", 2.0)?;
    in_range(body, "top_p", 1.0)?;
    if !effort.on {
        return Ok(());
    }
    for name in ["temperature", "top_p"] {
        let given = body.get(name).filter(|value| !value.is_null());
        if let Some(value) = given
            // The default may be written out.
            && value.as_f64() != Some(1.0)
        {
            return Err(ApiError::invalid(format!(
                "Unsupported value: '{name}' does not support {value} with this model. Only the \
                 default (1) value is supported."
            ))
            .with_param(name)
            .with_code("unsupported_value"));
        }
    }
    for name in ["logprobs", "top_logprobs"] {
        let given = body
            .get(name)
            .and_then(|value| value.as_bool().or_else(|| value.as_u64().map(|number| number > 0)));
        if given == Some(true) {
            return Err(unsupported_parameter(name, ""));
        }
    }
    if model.o_series && body.get("stop").is_some_and(|stop| !stop.is_null()) {
        return Err(unsupported_parameter("stop", ""));
    }
    Ok(())
}

fn in_range(body: &Value, name: &str, most: f64) -> Result<(), ApiError> {
    let Some(value) = body.get(name).filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let Some(number) = value.as_f64() else {
        return Err(crate::dialect::chat::wrong_type(name, "a decimal"));
    };
    let (bound, code, limit) = if number > most {
        ("above maximum value", "decimal_above_max_value", format!("<= {most}"))
    } else if number < 0.0 {
        ("below minimum value", "decimal_below_min_value", ">= 0".to_owned())
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(format!(
        "Invalid '{name}': decimal {bound}. Expected a value {limit}, but got {value} instead."
    ))
    .with_param(name)
    .with_code(code))
}

/// A token limit of at least 1 and within the model's own.
pub(super) fn token_limit(body: &Value, name: &str, model: &Model) -> Result<Option<u64>, ApiError> {
    let Some(value) = body.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    match value.as_u64() {
        Some(limit) if limit > model.max_output => Err(ApiError::invalid(format!(
            "{name} is too large: {limit}. This model supports at most {} completion tokens, \
             whereas you provided {limit}.",
            model.max_output
        ))
        .with_param(name)
        .with_code("invalid_value")),
        Some(limit) if limit > 0 => Ok(Some(limit)),
        _ => Err(ApiError::invalid(format!(
            "Invalid '{name}': integer below minimum value. Expected a value >= 1, but got {value} \
             instead."
        ))
        .with_param(name)
        .with_code("integer_below_min_value")),
    }
}

/// The first field that the call does not know.
pub(super) fn stranger<'a>(body: &'a Value, known: &[&str]) -> Option<&'a str> {
    body.as_object()?.keys().map(String::as_str).find(|field| !known.contains(field))
}
