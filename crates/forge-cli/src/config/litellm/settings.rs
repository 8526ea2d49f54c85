//! `router_settings` and `litellm_settings`.

use forge::config::KeyPath;
use serde_json::{Map, Value, json};

use super::{Import, notes, number, seconds, whole};

/// Strategies of routing, and what does it here.
const STRATEGIES: [(&str, &str); 7] = [
    ("simple-shuffle", "weighted"),
    ("least-busy", "least_connections"),
    ("usage-based-routing", "least_connections"),
    ("usage-based-routing-v2", "least_connections"),
    ("latency-based-routing", "lowest_latency"),
    ("cost-based-routing", "lowest_cost"),
    ("lowest-cost", "lowest_cost"),
];

/// Attempts that a configuration allows.
const MOST_ATTEMPTS: u64 = 10;

impl Import {
    pub(super) fn settings(&mut self, section: &Value, path: &KeyPath) {
        for (key, value) in section.as_object().into_iter().flatten() {
            let at = path.key(key);
            let is_taken = match key.as_str() {
                "routing_strategy" => self.strategy_of(value, &at),
                "num_retries" => self.attempts(value, &at),
                "timeout" | "request_timeout" => {
                    let timeout = seconds(value);
                    self.timeout = timeout.or_else(|| self.timeout.take());
                    self.timeout.is_some()
                }
                "allowed_fails" => {
                    // There, so many failures are allowed; here, the one beyond them opens the circuit.
                    let fails = whole(value).map(|fails| json!(fails.saturating_add(1)));
                    self.put("breaker", "consecutive_failures", fails)
                }
                "cooldown_time" => self.put("breaker", "cooldown", seconds(value).map(Value::from)),
                "max_budget" => self.budget_of(section, value),
                // Looked at beside `max_budget`, or where the groups are known.
                "budget_duration"
                | "fallbacks"
                | "context_window_fallbacks"
                | "content_policy_fallbacks"
                | "default_fallbacks"
                | "model_group_alias" => true,
                _ => false,
            };
            if !is_taken {
                self.note(&at, notes::of_setting(key));
            }
        }
    }

    fn strategy_of(&mut self, value: &Value, path: &KeyPath) -> bool {
        let known = STRATEGIES.iter().find(|(name, _)| value.as_str() == Some(name));
        self.strategy = known.map(|(_, strategy)| *strategy);
        if let Some((name, strategy)) = known.filter(|(name, _)| name.starts_with("usage")) {
            self.note(path, format!("`{name}` is `{strategy}` here, which counts calls and not tokens"));
        }
        known.is_some()
    }

    fn attempts(&mut self, value: &Value, path: &KeyPath) -> bool {
        // There, what comes after the first attempt is counted; here, the first one too.
        let Some(attempts) = whole(value).map(|retries| retries.saturating_add(1)) else { return false };
        if attempts > MOST_ATTEMPTS {
            self.note(path, format!("{MOST_ATTEMPTS} attempts are the most that there are"));
        }
        self.put("retry", "max_attempts", Some(json!(attempts.min(MOST_ATTEMPTS))))
    }

    fn budget_of(&mut self, section: &Value, value: &Value) -> bool {
        let Some(key) = budget_key(&section["budget_duration"]) else { return false };
        self.put("budget", key, number(value).map(|money| json!(money)))
    }

    fn put(&mut self, section: &str, key: &str, value: Option<Value>) -> bool {
        let Some(value) = value else { return false };
        let inner = self.others.entry(section).or_insert_with(|| Map::new().into());
        inner[key] = value;
        true
    }
}

/// The cap that holds for as long as `duration` says.
pub(super) fn budget_key(duration: &Value) -> Option<&'static str> {
    match duration.as_str() {
        None if duration.is_null() => Some("total_usd"),
        Some("1d" | "24h") => Some("per_day_usd"),
        Some("30d" | "1mo" | "31d") => Some("per_month_usd"),
        // A cap of another length would allow more or less than was meant, and so none is made.
        _ => None,
    }
}
