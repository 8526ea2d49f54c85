//! What the next call of a conversation carries: what was said, and what was put beside it.

use forge_core::Message;

use super::{Exchange, tokens};

/// What is carried, in the order in which it came.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Carried {
    /// Its number, which nothing else in the conversation gets.
    pub number: u64,
    /// Whether it is carried whatever the budget says.
    pub pinned: bool,
    /// What it is.
    pub what: CarriedWhat,
}

/// What can be carried.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CarriedWhat {
    /// A question and its answer.
    Said(Exchange),
    /// Something of the workspace, by the name under which it is found when it is needed.
    Added(String),
}

impl Carried {
    /// The question with its answer, if it is one.
    pub fn said(&self) -> Option<&Exchange> {
        match &self.what {
            CarriedWhat::Said(exchange) => Some(exchange),
            CarriedWhat::Added(_) => None,
        }
    }

    /// The name of what was added, if it was.
    pub fn added(&self) -> Option<&str> {
        match &self.what {
            CarriedWhat::Added(name) => Some(name),
            CarriedWhat::Said(_) => None,
        }
    }
}

/// All that is carried.
#[derive(Debug, Clone, Default)]
pub(super) struct Carrying {
    pub(super) all: Vec<Carried>,
    pub(super) budget: Option<u64>,
    next: u64,
}

impl Carrying {
    pub(super) fn push(&mut self, what: CarriedWhat) {
        self.next += 1;
        self.all.push(Carried { number: self.next, pinned: false, what });
    }

    pub(super) fn drop(&mut self, number: u64) {
        self.all.retain(|one| one.number != number);
    }

    pub(super) fn pin(&mut self, number: u64) {
        for one in self.all.iter_mut().filter(|one| one.number == number) {
            one.pinned = true;
        }
    }

    /// The numbers of the questions that are told to models: all of them, or with a budget the newest that fit into what
    /// `beside` leaves of it. Those that are pinned are told in any case.
    pub(super) fn told(&self, beside: u64) -> Vec<u64> {
        let said = || self.all.iter().filter_map(|one| Some((one, one.said()?)));
        let Some(budget) = self.budget else { return said().map(|(one, _)| one.number).collect() };
        let size = |one: &Exchange| tokens(&one.question) + tokens(&one.answer);
        let pinned: u64 = said().filter(|(one, _)| one.pinned).map(|(_, said)| size(said)).sum();
        let mut left = budget.saturating_sub(beside).saturating_sub(pinned);
        let mut told = Vec::new();
        let mut is_full = false;
        for (one, said) in said().collect::<Vec<_>>().into_iter().rev() {
            if !one.pinned {
                // From the newest on without a gap: a model that misses what is between two others misunderstands both.
                is_full |= size(said) > left;
                if is_full {
                    continue;
                }
                left -= size(said);
            }
            told.push(one.number);
        }
        told.reverse();
        told
    }

    /// The turns of what is told.
    pub(super) fn messages(&self, beside: u64) -> impl Iterator<Item = Message> {
        let told = self.told(beside);
        let said = self.all.iter().filter(move |one| told.contains(&one.number)).filter_map(Carried::said);
        said.flat_map(|one| [Message::user(one.question.clone()), Message::assistant(one.answer.clone())])
    }
}
