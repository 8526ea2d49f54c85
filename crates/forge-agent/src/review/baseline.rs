//! Findings that are known already, by their fingerprints.

use std::collections::BTreeSet;

use serde_json::Value;

/// The name of our fingerprints in SARIF, with the version of how they are made.
pub(crate) const KEY: &str = "forgeReview/v1";

/// The fingerprints in a file: a review in JSON or SARIF, or one fingerprint a line, with `#` before remarks.
///
/// # Errors
/// JSON that cannot be read, or that holds no review.
pub fn read(text: &str) -> Result<BTreeSet<String>, String> {
    if !text.trim_start().starts_with(['{', '[']) {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        return Ok(lines.filter(|line| !line.is_empty()).map(str::to_owned).collect());
    }
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let is_review = value.get("findings").is_some_and(Value::is_array);
    let is_sarif = value.get("runs").is_some_and(Value::is_array);
    if !is_review && !is_sarif {
        return Err(
            "it has neither `findings` nor `runs`: it is no review of `forge review --format json|sarif`"
                .into(),
        );
    }
    let mut found = BTreeSet::new();
    collect(&value, &mut found);
    Ok(found)
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "fingerprint" || name == KEY => {
                        found.insert(text.clone());
                    }
                    value => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_review_is_a_baseline() {
        let of = |text: &str| read(text).map(|set| set.into_iter().collect::<Vec<_>>());
        assert_eq!(of("# known\nab12\n cd34 # why\n\n").unwrap(), ["ab12", "cd34"]);
        assert_eq!(
            of(r#"{"findings": [{"fingerprint": "ab"}], "folded": [{"fingerprint": "cd"}]}"#).unwrap(),
            ["ab", "cd"]
        );
        let sarif =
            r#"{"runs": [{"results": [{"partialFingerprints": {"forgeReview/v1": "ef", "other": "x"}}]}]}"#;
        assert_eq!(of(sarif).unwrap(), ["ef"]);
        assert!(of("{\"a\": 1}").unwrap_err().contains("no review"));
        assert!(of("{").is_err());
    }
}
