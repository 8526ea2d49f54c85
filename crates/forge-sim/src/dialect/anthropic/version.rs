//! The versions of the public API. Replies are the same in all of them; requests are not.

use serde_json::{Map, Value};

use super::blocks::{Role, Side};
use crate::api_error::ApiError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    June2023,
    October2026,
}

/// Every date that stands for a version; no other does, be it later or between.
const VERSIONS: &[(&str, Version)] =
    &[("2023-06-01", Version::June2023), ("2026-10-21", Version::October2026)];

/// Settings that the newer version has no place for.
const SAMPLING: &[&str] = &["temperature", "top_k", "top_p"];

impl Version {
    pub(super) fn read(header: Option<&str>) -> Result<Self, ApiError> {
        let given = header.ok_or_else(|| ApiError::invalid("anthropic-version: header is required"))?;
        VERSIONS.iter().find(|(date, _)| *date == given).map(|(_, version)| *version).ok_or_else(|| {
            ApiError::invalid(format!("anthropic-version: \"{given}\" is not a valid version"))
        })
    }

    pub(super) fn check_settings(self, body: &Map<String, Value>) -> Result<(), ApiError> {
        if self == Self::June2023 {
            return Ok(());
        }
        let given = |name: &&&str| body.get(**name).is_some_and(|value| !value.is_null());
        match SAMPLING.iter().find(given) {
            Some(name) => Err(ApiError::invalid(format!("{name}: Extra inputs are not permitted"))),
            None => Ok(()),
        }
    }

    pub(super) fn check_sides(self, sides: &[Side<'_>]) -> Result<(), ApiError> {
        if self == Self::June2023 {
            return Ok(());
        }
        for side in sides {
            for block in &side.blocks {
                match (side.role, block.kind) {
                    (Role::Assistant, "document") => {
                        return Err(ApiError::invalid(format!(
                            "{}: `document` blocks are not permitted in `assistant` messages",
                            block.path
                        )));
                    }
                    (Role::User, "text") if cites(block.value) => {
                        return Err(ApiError::invalid(format!(
                            "{}.text.citations: Extra inputs are not permitted",
                            block.path
                        )));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// An empty list of citations is as good as none.
fn cites(block: &Value) -> bool {
    block.get("citations").and_then(Value::as_array).is_some_and(|citations| !citations.is_empty())
}
