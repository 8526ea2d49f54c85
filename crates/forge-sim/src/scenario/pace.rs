use serde::Deserialize;

use super::{RetryAfter, vendors};
use crate::seed::Rng;
use crate::vendor::Vendor;

/// How long a model takes. Zero where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// Only this vendor.
    #[serde(deserialize_with = "vendors::one")]
    pub vendor: Option<Vendor>,
    /// Only this model, as the client asks for it.
    pub model: Option<String>,
    /// Milliseconds before the first byte, drawn anew for each request.
    pub first_byte_ms: Option<Distribution>,
    /// Pace of the output, thinking included; thinking that is not shown passes in silence.
    pub tokens_per_second: Option<Distribution>,
}

impl Latency {
    pub(crate) fn covers(&self, vendor: Vendor, model: Option<&str>) -> bool {
        covers(self.vendor, self.model.as_deref(), vendor, model)
    }
}

fn covers(
    wanted_vendor: Option<Vendor>,
    wanted_model: Option<&str>,
    vendor: Vendor,
    model: Option<&str>,
) -> bool {
    wanted_vendor.is_none_or(|wanted| wanted == vendor)
        && wanted_model.is_none_or(|wanted| model == Some(wanted))
}

/// A distribution of non-negative numbers.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution {
    /// Always this.
    Fixed(f64),
    /// Anything between the two.
    Uniform(f64, f64),
    /// The usual shape of latencies.
    Lognormal {
        /// Half of the draws are below.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

impl Distribution {
    pub(crate) fn sample(self, rng: &mut Rng) -> f64 {
        let value = match self {
            Self::Fixed(value) => value,
            Self::Uniform(low, high) => low + (high - low) * rng.unit(),
            Self::Lognormal { median, sigma } => median * (sigma * standard_normal(rng)).exp(),
        };
        // A wait without end would hang a test and not fail it.
        if value.is_finite() { value.max(0.0) } else { 0.0 }
    }
}

/// Box and Muller's transform.
fn standard_normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

/// Token buckets for each credential and model, full at the start and refilled continuously. What is left out
/// has no limit.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// Only this vendor.
    #[serde(deserialize_with = "vendors::one")]
    pub vendor: Option<Vendor>,
    /// Only this model, as it is served.
    pub model: Option<String>,
    /// Requests a minute.
    pub requests_per_minute: Option<u64>,
    /// Input and output together, a minute.
    pub tokens_per_minute: Option<u64>,
    /// Input a minute; cache reads do not count.
    pub input_tokens_per_minute: Option<u64>,
    /// Output a minute.
    pub output_tokens_per_minute: Option<u64>,
    /// Requests a day.
    pub requests_per_day: Option<u64>,
    /// The hint of a refusal; without it, the true time in the vendor's usual notation.
    pub retry_after: Option<RetryAfter>,
}

impl Limit {
    pub(crate) fn covers(&self, vendor: Vendor, model: &str) -> bool {
        covers(self.vendor, self.model.as_deref(), vendor, Some(model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_their_distribution() {
        let mut rng = Rng::new(1);
        let uniform = Distribution::Uniform(10.0, 20.0);
        assert!((0..500).all(|_| (10.0..20.0).contains(&uniform.sample(&mut rng))));
        let lognormal = Distribution::Lognormal { median: 20.0, sigma: 0.5 };
        let below = (0..2000).filter(|_| lognormal.sample(&mut rng) < 20.0).count();
        assert!((900..1100).contains(&below), "{below}");
        assert!(Distribution::Fixed(-1.0).sample(&mut rng).abs() < f64::EPSILON);
    }
}
