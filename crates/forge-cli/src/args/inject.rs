//! `--inject`: accidents on purpose.

use std::str::FromStr;

use forge_sim::{Scenario, Vendor};
use serde_json::json;

/// An error whenever a vendor is asked, or somebody in a role of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Injection {
    /// What the error is called in scenarios.
    kind: String,
    who: Who,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Vendor(Vendor),
    /// What the prompts of the role begin with.
    Role(&'static str),
}

/// The roles of a session by the beginning of their prompts.
const ROLES: [(&str, &str); 4] = [
    ("drafter", "# Draft\n"),
    ("critic", "# Critique\n"),
    ("synthesizer", "# Synthesis\n"),
    ("reviewer", "# Check\n"),
];

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
        let (kind, who) =
            text.split_once('@').ok_or("write it as KIND@WHO, such as `529@anthropic` or `429@critic`")?;
        let known = STATUSES.iter().find(|(status, _)| *status == kind);
        let kind = known.map_or(kind, |(_, kind)| kind).to_owned();
        let vendor = VENDORS.iter().find(|(id, _)| *id == who).map(|(_, vendor)| Who::Vendor(*vendor));
        let role = ROLES.iter().find(|(id, _)| *id == who).map(|(_, prompt)| Who::Role(prompt));
        let who = vendor.or(role).ok_or_else(|| {
            let ids = VENDORS.iter().map(|(id, _)| *id).chain(ROLES.iter().map(|(id, _)| *id));
            let ids: Vec<_> = ids.collect();
            format!("there is no simulated vendor and no role `{who}`; choose one of: {}", ids.join(", "))
        })?;
        let injection = Self { kind, who };
        // Asked of the simulator itself, so that no second list of its kinds can go stale.
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
    let who = || VENDORS.iter().map(|(id, _)| *id).chain(ROLES.iter().map(|(id, _)| *id));
    STATUSES.iter().flat_map(move |(status, _)| who().map(move |id| format!("{status}@{id}")))
}

/// What simulated vendors play then.
pub(crate) fn scenario(injected: &[Injection]) -> String {
    let rule = |one: &Injection| {
        let rule = match one.who {
            Who::Vendor(vendor) => json!({"vendor": vendor.id(), "error": {"kind": one.kind}}),
            Who::Role(prompt) => json!({"contains": prompt, "error": {"kind": one.kind}}),
        };
        rule.to_string()
    };
    format!("{{\"rules\": [{}]}}", injected.iter().map(rule).collect::<Vec<_>>().join(","))
}
