//! A critic whose rates are known, so that what is measured of it can be compared with the truth.

use std::time::Duration;

use fastrand::Rng;
use forge_core::{Money, async_trait};
use forge_session::{Issue, SessionError, Severity};

use super::{Assignment, Critic, Expected, Outcome, Reading};
use crate::corpus::{Document, Fault};

/// A critic that finds faults by chance, at declared rates.
///
/// Critics of one seed are correlated through a *shared component*: each fault has one draw for all of them and each critic one
/// of its own, and a critic goes by the shared one with the probability √c. Two critics then go by it together with the
/// probability c, so that c is the correlation (phi) of two critics of one rate at every rate; of two rates it is c times the
/// largest that these rates allow. Rates stay what they are, which a copula of normals would need quantiles for.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedCritic {
    name: String,
    rates: [f64; 3],
    false_claims: f64,
    correlation: f64,
    seed: u64,
}

impl SimulatedCritic {
    /// A critic that finds critical, major and minor faults at these rates, each from 0 to 1, and makes so many false claims in
    /// the mean of texts, with and without faults.
    pub fn new(name: impl Into<String>, rates: [f64; 3], false_claims: f64) -> Self {
        Self { name: name.into(), rates, false_claims, correlation: 0.0, seed: 0 }
    }

    /// The same with a correlation with others of the same seed, from 0 to 1.
    pub fn with_correlation(mut self, correlation: f64) -> Self {
        self.correlation = correlation;
        self
    }

    /// The same by another seed.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The rate at which it finds faults of this severity.
    pub const fn rate(&self, severity: Severity) -> f64 {
        let [critical, major, minor] = self.rates;
        match severity {
            Severity::Critical => critical,
            Severity::Major => major,
            Severity::Minor | Severity::Nit => minor,
        }
    }

    /// Whether it finds a fault, by its severity and by whatever tells it from every other one.
    pub fn finds(&self, severity: Severity, fault: &str, run: u32) -> bool {
        let run = run.to_string();
        let mut own = self.rng(&[fault, &run, &self.name]);
        let goes_along = own.f64() < self.correlation.sqrt();
        let draw = if goes_along { self.rng(&[fault, &run]).f64() } else { own.f64() };
        draw < self.rate(severity)
    }

    /// A generator for one use.
    fn rng(&self, uses: &[&str]) -> Rng {
        // FNV-1a with a mark between the parts; the same in every version, which the hashes of the standard library are not.
        let bytes = uses.iter().flat_map(|part| part.bytes().chain([0xff]));
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Rng::with_seed(self.seed.to_le_bytes().into_iter().chain(bytes).fold(0xcbf2_9ce4_8422_2325, hash))
    }

    /// How many false claims it makes about a text: a Poisson number (Knuth 1969, section 3.4.1).
    fn mistakes(&self, rng: &mut Rng) -> usize {
        let (limit, mut product, mut count) = ((-self.false_claims).exp(), rng.f64(), 0);
        while product > limit {
            product *= rng.f64();
            count += 1;
        }
        count
    }
}

/// What is said of a fault that was found: its passage, and the first of its claims.
fn true_claim(document: &Document, fault: &Fault) -> Issue {
    let quote = document.text.get(fault.span.clone()).unwrap_or_default().to_owned();
    let claim = fault.claims.first().map(|words| words.join(" ")).unwrap_or_default();
    Issue { severity: Some(fault.severity), quote, claim, ..Issue::default() }
}

/// A claim that is true of nothing, about some line.
fn false_claim(text: &str, rng: &mut Rng) -> Issue {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let quote = rng.choice(lines).unwrap_or_default().to_owned();
    Issue { severity: Some(Severity::Major), quote, claim: "zzz".to_owned(), ..Issue::default() }
}

#[async_trait]
impl Critic for SimulatedCritic {
    fn name(&self) -> &str {
        &self.name
    }

    fn expected(&self, _: Assignment<'_>) -> Result<Expected, SessionError> {
        Ok(Expected { priced: true, ..Expected::default() })
    }

    async fn read(&self, assignment: Assignment<'_>) -> Reading {
        let Assignment { document, clean, run } = assignment;
        let found = document.faults.iter().filter(|fault| {
            let name = format!("{}/{}", document.id, fault.id);
            !clean && self.finds(fault.severity, &name, run)
        });
        let mut findings: Vec<Issue> = found.map(|fault| true_claim(document, fault)).collect();
        let text = if clean { "clean" } else { "faults" };
        let mut rng = self.rng(&["mistakes", text, &document.id, &run.to_string(), &self.name]);
        let mistakes = self.mistakes(&mut rng);
        findings.extend((0..mistakes).map(|_| false_claim(assignment.text(), &mut rng)));
        let outcome = Outcome::Findings(findings);
        Reading { outcome, cost: Some(Money::ZERO), charged: Money::ZERO, took: Duration::ZERO }
    }
}
