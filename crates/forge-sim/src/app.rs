//! What all connections of one simulator share.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::compatible::Server;
use crate::context::{Memory, lock};
use crate::journal::Journal;
use crate::responder::Responder;
use crate::scenario::{Rule, Scenario, Selected};
use crate::vendor::Vendor;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) seed: u64,
    pub(crate) responder: Arc<dyn Responder>,
    /// Servers that the program has added.
    pub(crate) servers: Vec<&'static Server>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) memory: Memory,
    active: Mutex<Arc<Active>>,
}

impl App {
    pub(crate) fn new(
        seed: u64,
        responder: Arc<dyn Responder>,
        scenario: Scenario,
        servers: Vec<&'static Server>,
        journal_capacity: usize,
    ) -> Self {
        Self {
            seed,
            responder,
            servers,
            journal: Arc::new(Journal::new(journal_capacity)),
            memory: Memory::default(),
            active: Mutex::new(Arc::new(Active::new(scenario))),
        }
    }

    /// The scenario with its counters, as it stands at the start of a request.
    pub(crate) fn active(&self) -> Arc<Active> {
        // A request keeps the scenario that it began with, also where another one is set in between.
        Arc::clone(&lock(&self.active))
    }

    pub(crate) fn set_scenario(&self, scenario: Scenario) {
        *lock(&self.active) = Arc::new(Active::new(scenario));
        // The buckets have the sizes of the limits before; caches and kept conversations belong to no
        // scenario.
        lock(&self.memory.limits).clear();
    }

    /// Forgets requests, caches, limits and counters; the scenario stays and starts anew.
    pub(crate) fn reset(&self) {
        let scenario = self.active().scenario.clone();
        self.set_scenario(scenario);
        self.memory.reset();
        self.journal.reset();
    }
}

/// A scenario that is being played.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) scenario: Scenario,
    counters: Mutex<Vec<Counter>>,
}

#[derive(Debug, Clone, Default)]
struct Counter {
    requests: u64,
    first: Option<Instant>,
}

impl Active {
    fn new(scenario: Scenario) -> Self {
        Self { counters: Mutex::new(vec![Counter::default(); scenario.rules.len()]), scenario }
    }

    /// Counts the request with every rule that selects it and gives the first one that fires.
    pub(crate) fn rule(
        &self,
        vendor: Vendor,
        path: &str,
        model: Option<&str>,
        generates: bool,
        body: &Value,
    ) -> Option<&Rule> {
        let call = Selected { vendor, path, model, generates, body };
        // One lock for all rules, so that two requests at once never get the same number.
        let mut counters = lock(&self.counters);
        let mut fired = None;
        for (rule, counter) in self.scenario.rules.iter().zip(counters.iter_mut()) {
            if !rule.selects(&call) {
                continue;
            }
            // Counted also where an earlier rule fires: the number of a request does not hang on what other
            // rules do.
            counter.requests += 1;
            // Loading begins with the first request and not with the scenario, whenever a client comes.
            let first = *counter.first.get_or_insert_with(Instant::now);
            let due = rule.nth.is_none_or(|nth| nth.includes(counter.requests))
                && rule.loading_ms.is_none_or(|millis| first.elapsed() < Duration::from_millis(millis));
            if due && fired.is_none() {
                fired = Some(rule);
            }
        }
        fired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_counts_for_itself_and_the_first_one_fires() {
        let scenario = Scenario::from_yaml(
            "rules:
               - { nth: 2, status: 201 }
               - { vendor: openai, nth: \"1..2\", status: 202 }",
        )
        .unwrap();
        let active = Active::new(scenario);
        let fired: Vec<Option<u16>> = (0..3)
            .map(|_| active.rule(Vendor::OpenAi, "/v1/responses", None, true, &Value::Null))
            .map(|rule| rule.and_then(|rule| rule.status))
            .collect();
        assert_eq!(fired, [Some(202), Some(201), None]);
    }
}
