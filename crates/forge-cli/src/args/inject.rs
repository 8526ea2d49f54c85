//! `--inject`: accidents on purpose.

use std::str::FromStr;

use forge_sim::{Scenario, Vendor};

/// An error whenever a vendor is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Injection {
    /// What the error is called in scenarios.
    kind: String,
    vendor: Vendor,
}

/// What statuses are called in scenarios.
const STATUSES: [(&str, &str); 12] = [
    ("400", "invalid_request"),
    ("401", "authentication"),
    ("402", "billing"),
    ("403", "permission"),
    ("404", "model_not_found"),
    ("413", "too_large"),
    ("429", "rate_limited"),
    ("500", "server"),
    ("502", "bad_gateway"),
    ("503", "overloaded"),
    ("504", "timeout"),
    ("529", "overloaded"),
];

/// The vendors of the simulation under the ids that their providers have.
const VENDORS: [(&str, Vendor); 4] = [
    ("anthropic", Vendor::Anthropic),
    ("openai", Vendor::OpenAi),
    ("google", Vendor::Google),
    ("local", Vendor::Ollama),
];

impl FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, who) = text.split_once('@').ok_or("write it as KIND@VENDOR, such as `529@anthropic`")?;
        let known = STATUSES.iter().find(|(status, _)| *status == kind);
        let kind = known.map_or(kind, |(_, kind)| kind).to_owned();
        let vendor = VENDORS.iter().find(|(id, _)| *id == who).map(|(_, vendor)| *vendor);
        let vendor = vendor.ok_or_else(|| {
            let ids: Vec<_> = VENDORS.iter().map(|(id, _)| *id).collect();
            format!("there is no simulated vendor `{who}`; choose one of: {}", ids.join(", "))
        })?;
        let injection = Self { kind, vendor };
        match Scenario::from_yaml(&scenario(std::slice::from_ref(&injection))) {
            Ok(_) => Ok(injection),
            Err(_) => {
                let statuses: Vec<_> = STATUSES.iter().map(|(status, _)| *status).collect();
                Err(format!(
                    "`{}` is no kind of error; choose one of: {}",
                    injection.kind,
                    statuses.join(", ")
                ))
            }
        }
    }
}

/// Every accident as it is typed.
pub(crate) fn injections() -> impl Iterator<Item = String> {
    STATUSES.iter().flat_map(|(status, _)| VENDORS.iter().map(move |(id, _)| format!("{status}@{id}")))
}

/// What simulated vendors play then.
pub(crate) fn scenario(injected: &[Injection]) -> String {
    let rule = |one: &Injection| {
        serde_json::json!({"vendor": one.vendor.id(), "error": {"kind": one.kind}}).to_string()
    };
    format!("{{\"rules\": [{}]}}", injected.iter().map(rule).collect::<Vec<_>>().join(","))
}
