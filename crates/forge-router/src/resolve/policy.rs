//! `retry`, `breaker`, `cache` and `timeouts`.

use forge_config::{KeyPath, Problem};
use forge_core::provider::Timeouts;
use forge_layers::{BreakerPolicy, CachePolicy, CacheScope, RetryPolicy};

use super::{Resolver, role::is_role_name};
use crate::{
    code,
    spec::{BreakerSpec, CacheSpec, RetrySpec, TimeoutSpec},
};

impl Resolver<'_, '_> {
    /// When failed attempts are made again; what is not set is as usual.
    pub(super) fn retry(&mut self, spec: Option<&RetrySpec>, path: &KeyPath) -> RetryPolicy {
        let usual = RetryPolicy::default();
        let Some(spec) = spec else { return usual };
        let attempts: Option<u32> =
            self.context.integer(spec.max_attempts, 1..=10, &path.key("max_attempts"));
        let initial = self.context.duration(spec.initial_backoff.as_deref(), &path.key("initial_backoff"));
        let max = self.context.duration(spec.max_backoff.as_deref(), &path.key("max_backoff"));
        let patience = self.context.duration(spec.patience.as_deref(), &path.key("patience"));
        let policy = RetryPolicy {
            // The file counts the first attempt as well.
            max_retries: attempts.map_or(usual.max_retries, |attempts| attempts - 1),
            initial_backoff: initial.unwrap_or(usual.initial_backoff),
            max_backoff: max.unwrap_or(usual.max_backoff),
            multiplier: self
                .context
                .number(spec.multiplier, 1.0..=10.0, &path.key("multiplier"))
                .unwrap_or(usual.multiplier),
            longest_hint: usual.longest_hint,
            patience: patience.unwrap_or(usual.patience),
            reconnect: usual.reconnect,
        };
        if policy.initial_backoff > policy.max_backoff {
            let (key, message) = match initial {
                Some(_) => ("initial_backoff", "must not be longer than `max_backoff`"),
                None => ("max_backoff", "must not be shorter than `initial_backoff`"),
            };
            let hint = format!(
                "initial_backoff is {}, max_backoff is {}",
                humantime::format_duration(policy.initial_backoff),
                humantime::format_duration(policy.max_backoff)
            );
            self.report(Problem::new(code::OUT_OF_RANGE, path.key(key), message).with_hint(hint));
        }
        policy
    }

    /// When a circuit opens; what is not set is as usual.
    pub(super) fn breaker(&mut self, spec: Option<&BreakerSpec>, path: &KeyPath) -> BreakerPolicy {
        let usual = BreakerPolicy::default();
        let Some(spec) = spec else { return usual };
        let failures = self.context.integer(
            spec.consecutive_failures,
            1..=i64::from(u32::MAX),
            &path.key("consecutive_failures"),
        );
        let rate_path = path.key("error_rate");
        let rate = self.context.number(spec.error_rate, 0.0..=1.0, &rate_path);
        if rate == Some(0.0) {
            let message = "must be above 0, or the first call opens the circuit";
            self.report(Problem::new(code::OUT_OF_RANGE, rate_path, message));
        }
        let window = self.context.duration(spec.window.as_deref(), &path.key("window"));
        let cooldown =
            self.context.duration(spec.cooldown.as_deref(), &path.key("cooldown")).unwrap_or(usual.cooldown);
        BreakerPolicy {
            consecutive_failures: failures.unwrap_or(usual.consecutive_failures),
            error_rate: rate.unwrap_or(usual.error_rate),
            window: window.unwrap_or(usual.window),
            cooldown,
            // The usual maximum would shorten a first cooldown that is longer.
            max_cooldown: usual.max_cooldown.max(cooldown),
            ..usual
        }
    }

    /// Which replies are given again; `None` unless the file has the key, be it with nothing in it.
    pub(super) fn cache(&mut self, spec: Option<&CacheSpec>, path: &KeyPath) -> Option<CachePolicy> {
        let (spec, usual) = (spec?, CachePolicy::default());
        let mut size = |size: Option<i64>, key: &str| -> Option<usize> {
            self.context.integer(size, 1..=i64::from(u32::MAX), &path.key(key))
        };
        let (entries, bytes) = (size(spec.max_entries, "max_entries"), size(spec.max_bytes, "max_bytes"));
        for (at, role) in spec.roles.iter().enumerate().filter(|(_, role)| !is_role_name(role)) {
            self.bad_role_name(role, &path.key("roles").index(at));
        }
        let good_for = self.context.duration(spec.time_to_live.as_deref(), &path.key("time_to_live"));
        Some(CachePolicy {
            max_entries: entries.unwrap_or(usual.max_entries),
            max_bytes: bytes.unwrap_or(usual.max_bytes),
            time_to_live: good_for.unwrap_or(usual.time_to_live),
            allow_default_temperature: spec
                .allow_default_temperature
                .unwrap_or(usual.allow_default_temperature),
            only: CacheScope {
                roles: spec.roles.iter().map(|role| role.as_str().into()).collect(),
                models: spec.models.clone(),
            },
        })
    }

    /// Clocks that are not set are the usual ones as soon as one of them is set.
    pub(super) fn timeouts(&mut self, spec: Option<&TimeoutSpec>, path: &KeyPath) -> Option<Timeouts> {
        let spec = spec.filter(|spec| **spec != TimeoutSpec::default())?;
        let mut clock =
            |key: &str, text: &Option<String>| self.context.duration(text.as_deref(), &path.key(key));
        let usual = Timeouts::USUAL;
        Some(Timeouts {
            connect: clock("connect", &spec.connect).unwrap_or(usual.connect),
            first_event: clock("first_event", &spec.first_event).unwrap_or(usual.first_event),
            gap: clock("gap", &spec.gap).unwrap_or(usual.gap),
            total: clock("total", &spec.total).unwrap_or(usual.total),
        })
    }
}
