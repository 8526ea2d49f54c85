//! What the configuration says of a session that answers like a model.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Money, session::Mode};

/// What becomes of a request with tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tools {
    #[default]
    Refuse,
    Ignore,
    Direct,
}

/// What is told while the session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    #[default]
    Thinking,
    None,
}

/// What the configuration says of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct SessionOptions {
    pub(super) mode: Mode,
    pub(super) max_cost: Option<Money>,
    pub(super) progress: Progress,
    pub(super) tools: Tools,
    pub(super) critics: Option<u32>,
    pub(super) cycles: Option<u32>,
    /// How long a decision of somebody who attends is waited for after each cycle; nobody is asked without it.
    pub(super) attended: Option<Duration>,
}

impl SessionOptions {
    /// The options as the configuration's check has left them; what it does not have is as usual.
    pub(super) fn of(options: &Map<String, Value>) -> Self {
        fn read<'a, T: Deserialize<'a>>(options: &'a Map<String, Value>, name: &str) -> Option<T> {
            T::deserialize(options.get(name)?).ok()
        }
        Self {
            mode: read(options, "mode").unwrap_or_default(),
            max_cost: read::<&str>(options, "max_cost_usd").and_then(|text| text.parse().ok()),
            progress: read(options, "progress").unwrap_or_default(),
            tools: read(options, "tools").unwrap_or_default(),
            critics: read(options, "critics"),
            cycles: read(options, "cycles"),
            attended: read(options, "attended").map(Duration::from_millis),
        }
    }
}
