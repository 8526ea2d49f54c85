//! When a worker is well, when a person should look, and when it is started again.

use std::collections::VecDeque;

use chrono::{DateTime, Duration, Utc};

/// The first pause before a worker is started again, in seconds. It doubles each time.
const FIRST_PAUSE: i64 = 5;

/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 300;

/// So many crashes within [`CRASH_WINDOW`] are no accident any more.
const CRASHES: usize = 3;

/// In seconds.
const CRASH_WINDOW: i64 = 600;

/// What is looked at, and how strictly.
///
/// ```
/// use forge_worker::{HealthMonitor, HealthMonitorConfig};
///
/// let config = HealthMonitorConfig {
///     check_interval_secs: 30,
///     stale_threshold_secs: 300,
///     max_recovery_attempts: 3,
///     memory_limit_mb: 4096,
/// };
///
/// let monitor = HealthMonitor::new(config);
/// # assert_eq!(monitor.config(), HealthMonitorConfig::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is written as a literal, with `Default` for what comes later"
)]
pub struct HealthMonitorConfig {
    /// Seconds between two checks.
    pub check_interval_secs: u64,
    /// Seconds without news after which a status is stale.
    pub stale_threshold_secs: u64,
    /// How often a worker is started again.
    pub max_recovery_attempts: u32,
    /// How much memory all processes of a worker may hold together, in MiB.
    pub memory_limit_mb: u64,
}

impl Default for HealthMonitorConfig {
    fn default() -> Self {
        Self {
            check_interval_secs: 30,
            stale_threshold_secs: 300,
            max_recovery_attempts: 3,
            memory_limit_mb: 4096,
        }
    }
}

/// What is known of a worker. A check that was not made is `None`, and never passed.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct HealthFacts {
    /// Whether its agent runs.
    pub is_alive: Option<bool>,
    /// Whether it has ended because it was asked to, or by itself without an error.
    pub ended_well: bool,
    /// Whether it has a session.
    pub has_session: Option<bool>,
    /// When its status was last written.
    pub last_update: Option<DateTime<Utc>>,
    /// What all its processes hold, in bytes.
    pub memory: Option<u64>,
}

impl HealthFacts {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with whether its agent runs.
    #[must_use]
    pub fn with_alive(self, is_alive: bool) -> Self {
        Self { is_alive: Some(is_alive), ..self }
    }

    /// The same of a worker that has ended as it should.
    #[must_use]
    pub fn with_good_end(self) -> Self {
        Self { ended_well: true, ..self }
    }

    /// The same with whether there is a session.
    #[must_use]
    pub fn with_session(self, has_session: bool) -> Self {
        Self { has_session: Some(has_session), ..self }
    }

    /// The same with the time of the last status.
    #[must_use]
    pub fn with_last_update(self, at: Option<DateTime<Utc>>) -> Self {
        Self { last_update: at, ..self }
    }

    /// The same with what its processes hold, in bytes.
    #[must_use]
    pub fn with_memory(self, memory: Option<u64>) -> Self {
        Self { memory, ..self }
    }
}

/// How well a worker is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "each level has its own action")]
pub enum HealthLevel {
    /// Nothing is to be done.
    Healthy,
    /// A person should know.
    Degraded,
    /// It is started again where that is wanted.
    Critical,
    /// Starting it again has not helped: a person must look.
    Failed,
}

impl HealthLevel {
    /// The word of files and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
            Self::Failed => "failed",
        }
    }
}

/// How well a worker is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// How well.
    pub level: HealthLevel,
    /// What is wrong, one line each.
    pub reasons: Vec<String>,
    /// Checks that were not made.
    pub unknown: Vec<&'static str>,
}

/// Judges facts; it holds none.
#[derive(Clone, Copy, Debug, Default)]
pub struct HealthMonitor {
    config: HealthMonitorConfig,
}

impl HealthMonitor {
    /// A monitor with these limits.
    #[must_use]
    pub const fn new(config: HealthMonitorConfig) -> Self {
        Self { config }
    }

    /// Its limits.
    #[must_use]
    pub const fn config(&self) -> HealthMonitorConfig {
        self.config
    }

    /// How well a worker is that has been started again so often.
    #[must_use]
    pub fn check(&self, facts: &HealthFacts, attempts: u32, now: DateTime<Utc>) -> Health {
        let mut health = Health { level: HealthLevel::Healthy, reasons: Vec::new(), unknown: Vec::new() };
        if facts.ended_well {
            return health;
        }
        let mut note = |level: HealthLevel, reason: String| {
            health.level = health.level.max(level);
            health.reasons.push(reason);
        };
        if facts.is_alive == Some(false) {
            note(HealthLevel::Critical, "its agent does not run".to_owned());
        }
        if facts.has_session == Some(false) {
            note(HealthLevel::Critical, "its session is gone".to_owned());
        }
        let stale = i64::try_from(self.config.stale_threshold_secs).unwrap_or(i64::MAX);
        if let Some(age) = facts.last_update.map(|at| (now - at).num_seconds()).filter(|age| *age > stale) {
            note(HealthLevel::Degraded, format!("no news for {age} s"));
        }
        let mib = facts.memory.map(|bytes| bytes / 1024 / 1024);
        if let Some(mib) = mib.filter(|mib| *mib > self.config.memory_limit_mb) {
            note(HealthLevel::Degraded, format!("it holds {mib} MiB"));
        }
        if health.level == HealthLevel::Critical && attempts >= self.config.max_recovery_attempts {
            health.level = HealthLevel::Failed;
            health.reasons.push(format!("it was started again {attempts} times"));
        }
        let checks = [
            ("process", facts.is_alive.is_none()),
            ("session", facts.has_session.is_none()),
            ("status", facts.last_update.is_none()),
            ("memory", facts.memory.is_none()),
        ];
        health.unknown = checks.into_iter().filter(|(_, unknown)| *unknown).map(|(name, _)| name).collect();
        health
    }
}

/// What comes next for a worker that has crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "each step has its own action")]
pub enum RecoveryStep {
    /// It is started again at this time.
    At(DateTime<Utc>),
    /// It stays down, and a person is told.
    GiveUp,
}

/// The crashes of one worker, and how often it was started again. A crash is told once, by whoever sees the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    attempts: u32,
    crashes: VecDeque<DateTime<Utc>>,
}

impl Recovery {
    /// A worker that has never crashed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often it was started again.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Takes a crash into account: 5 s of pause, doubled each time to at most 5 min, and an end after 3 crashes within 10 min or
    /// the attempts that the configuration allows.
    pub fn crashed(&mut self, config: HealthMonitorConfig, at: DateTime<Utc>) -> RecoveryStep {
        self.crashes.push_back(at);
        // A clock that was set back leaves crashes in the future; they count.
        self.crashes.retain(|crash| at - *crash < Duration::seconds(CRASH_WINDOW));
        if self.crashes.len() >= CRASHES || self.attempts >= config.max_recovery_attempts {
            return RecoveryStep::GiveUp;
        }
        let doubled = FIRST_PAUSE.saturating_mul(1_i64.checked_shl(self.attempts).unwrap_or(i64::MAX));
        self.attempts += 1;
        RecoveryStep::At(at + Duration::seconds(doubled.clamp(FIRST_PAUSE, LONGEST_PAUSE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    #[test]
    fn pauses_double_and_end_at_the_third_crash_in_ten_minutes() {
        let config = HealthMonitorConfig { max_recovery_attempts: 100, ..HealthMonitorConfig::default() };
        let mut recovery = Recovery::new();
        assert_eq!(recovery.crashed(config, at(0)), RecoveryStep::At(at(5)));
        assert_eq!(recovery.crashed(config, at(10)), RecoveryStep::At(at(20)));
        assert_eq!(recovery.crashed(config, at(599)), RecoveryStep::GiveUp);
        let mut recovery = Recovery::new();
        let mut pauses = Vec::new();
        for crash in 0..9 {
            let now = at(crash * 700);
            let RecoveryStep::At(next) = recovery.crashed(config, now) else { panic!("{crash}") };
            pauses.push((next - now).num_seconds());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn attempts_are_used_up() {
        let mut recovery = Recovery::new();
        let config = HealthMonitorConfig::default();
        for crash in 0..3 {
            assert!(matches!(recovery.crashed(config, at(crash * 1_000)), RecoveryStep::At(_)));
        }
        assert_eq!(recovery.crashed(config, at(9_000)), RecoveryStep::GiveUp);
        assert_eq!(recovery.attempts(), 3);
    }

    #[test]
    fn each_level_has_its_facts() {
        let monitor = HealthMonitor::default();
        let well = HealthFacts::new()
            .with_alive(true)
            .with_session(true)
            .with_last_update(Some(at(0)))
            .with_memory(Some(1));
        let level = |facts: HealthFacts, attempts, now| monitor.check(&facts, attempts, at(now)).level;
        assert_eq!(level(well, 0, 300), HealthLevel::Healthy);
        assert_eq!(level(well, 0, 301), HealthLevel::Degraded);
        assert_eq!(level(well.with_memory(Some(4_097 << 20)), 0, 0), HealthLevel::Degraded);
        assert_eq!(level(well.with_alive(false), 0, 0), HealthLevel::Critical);
        assert_eq!(level(well.with_session(false), 2, 0), HealthLevel::Critical);
        assert_eq!(level(well.with_session(false), 3, 0), HealthLevel::Failed);
        assert_eq!(level(well.with_alive(false).with_good_end(), 3, 0), HealthLevel::Healthy);
    }

    #[test]
    fn a_check_that_was_not_made_is_named() {
        let health = HealthMonitor::default().check(&HealthFacts::new().with_alive(true), 0, at(0));
        assert_eq!(health.unknown, ["session", "status", "memory"]);
    }
}
