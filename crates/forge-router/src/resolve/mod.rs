//! From the configuration as written to one that can be run.

use std::{fmt, io};

use chrono::NaiveDate;
use forge_core::{AdapterRegistry, ModelTable};

use crate::{Problem, RouterPlan, RouterSpec};

/// Where `${NAME}` and `${file:PATH}` find their values. Libraries never look by themselves.
pub trait Lookup: fmt::Debug {
    /// The variable called `name`; an empty one counts as unset.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of the file at `path`.
    fn file(&self, path: &str) -> io::Result<String>;
}

/// What a configuration is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The kinds of providers that there are, and what their models can do.
    pub registry: &'a AdapterRegistry,
    /// Models with their limits, dates and prices.
    pub models: &'a ModelTable,
    /// The day for which models and prices are checked.
    pub today: NaiveDate,
    /// Variables and files.
    pub lookup: &'a dyn Lookup,
}

impl RouterPlan {
    /// Resolves `spec`. All problems are collected, mistakes and warnings alike, in the order of the file's
    /// sections; there is a plan if and only if none of them is a mistake.
    pub fn resolve(_spec: &RouterSpec, _known: &Known<'_>) -> (Option<Self>, Vec<Problem>) {
        (None, Vec::new())
    }
}
