//! Agents as data: how each is started, and what it tells of itself.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use crate::{home::WorkerHome, state::Reported};

/// The definitions that come with Forge, by name.
const BUILT_IN: [(&str, &str); 7] = [
    ("aider", include_str!("aider.toml")),
    ("claude", include_str!("claude.toml")),
    ("codex", include_str!("codex.toml")),
    ("gemini", include_str!("gemini.toml")),
    ("generic", include_str!("generic.toml")),
    ("opencode", include_str!("opencode.toml")),
    ("sim", include_str!("sim.toml")),
];

/// A definition is larger only by mistake.
#[cfg(target_os = "linux")]
const MOST: u64 = 64 * 1024;

/// How an agent is started, and how what it tells is read. One TOML file each; `agents/NAME.toml` in the home comes before those
/// that are built in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AgentDefinition {
    /// Its name.
    pub name: String,
    /// The versions whose reports are known, as beginnings: `0.171` means each 0.171.x. Of another version only what the kernel
    /// and the screen tell is believed.
    #[serde(default)]
    pub versions: Vec<String>,
    /// The command that prints the version.
    #[serde(default)]
    pub version_argv: Vec<String>,
    /// The command line. `{model}`, `{forge}` (this command), `{folder}` (of the worker) are filled in.
    #[serde(default)]
    pub argv: Vec<String>,
    /// What is added where a model is named.
    #[serde(default)]
    pub model_argv: Vec<String>,
    /// What is added for the first prompt, as `{prompt}`.
    #[serde(default)]
    pub prompt_argv: Vec<String>,
    /// What is added when the agent is started again.
    #[serde(default)]
    pub resume_argv: Vec<String>,
    /// Variables to set.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Variables that go on from whoever launches, beside `HOME PATH LANG`.
    #[serde(default)]
    pub inherit: Vec<String>,
    /// Files to write into the folder of the worker, by name; filled in like the command line.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What a running agent is taken for as long as nothing else is known.
    #[serde(default)]
    pub running: Reported,
    /// What its events mean, by the name of the event.
    #[serde(default)]
    pub hooks: BTreeMap<String, Reported>,
    /// What its title means; the first that matches counts.
    #[serde(default)]
    pub titles: Vec<ScreenPattern>,
    /// What the last lines of its screen mean; the first that matches counts.
    #[serde(default)]
    pub panes: Vec<ScreenPattern>,
    /// How text reaches it.
    #[serde(default)]
    pub delivery: DeliveryWay,
}

/// A pattern on the screen, and what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScreenPattern {
    /// A regular expression.
    pub pattern: String,
    /// What it means.
    pub state: Reported,
}

/// How text reaches an agent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DeliveryWay {
    /// The event that carries a prompt as the agent has understood it, in the field `prompt`. Without one a delivery stays
    /// unconfirmed.
    #[serde(default)]
    pub record: Option<String>,
}

/// Why there is no definition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// Nothing has this name.
    #[error("there is no agent `{0}`; known are {1}")]
    Unknown(String, String),
    /// A definition cannot be read.
    #[error("the definition of the agent `{name}` cannot be used: {message}")]
    Invalid {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl AgentDefinition {
    /// Reads a definition.
    pub fn parse(name: &str, text: &str) -> Result<Self, AgentError> {
        let invalid = |message: String| AgentError::Invalid { name: name.to_owned(), message };
        let definition: Self = toml_edit::de::from_str(text).map_err(|error| invalid(error.to_string()))?;
        for one in definition.titles.iter().chain(&definition.panes) {
            Regex::new(&one.pattern).map_err(|error| invalid(error.to_string()))?;
        }
        Ok(definition)
    }

    /// The definition of this name: the user's, else the one that is built in.
    pub fn find(home: &WorkerHome, name: &str) -> Result<Self, AgentError> {
        if let Some(text) = own(home, name)? {
            return Self::parse(name, &text);
        }
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        let unknown = || AgentError::Unknown(name.to_owned(), Self::names().collect::<Vec<_>>().join(", "));
        Self::parse(name, built_in.ok_or_else(unknown)?.1)
    }

    /// The names of those that are built in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Whether what this version reports is known; a definition without versions takes each.
    #[must_use]
    pub fn knows(&self, version: Option<&str>) -> bool {
        let begins = |known: &String| {
            version.and_then(|version| version.strip_prefix(known.as_str())).is_some_and(|rest| {
                // 0.17 is not the beginning of 0.171.
                rest.is_empty() || rest.starts_with('.')
            })
        };
        self.versions.is_empty() || self.versions.iter().any(begins)
    }

    /// The same without what an unknown version may report otherwise.
    #[must_use]
    pub fn without_reports(mut self) -> Self {
        self.hooks.clear();
        self.titles.clear();
        self
    }

    /// What the title means.
    #[must_use]
    pub fn of_title(&self, title: &str) -> Option<(Reported, &str)> {
        first_match(&self.titles, title)
    }

    /// What the end of the screen means.
    #[must_use]
    pub fn of_pane(&self, text: &str) -> Option<(Reported, &str)> {
        first_match(&self.panes, text)
    }
}

fn first_match<'a>(patterns: &'a [ScreenPattern], text: &str) -> Option<(Reported, &'a str)> {
    let matches = |one: &&ScreenPattern| Regex::new(&one.pattern).is_ok_and(|pattern| pattern.is_match(text));
    patterns.iter().find(matches).map(|one| (one.state, one.pattern.as_str()))
}

/// The user's definition of this name.
fn own(home: &WorkerHome, name: &str) -> Result<Option<String>, AgentError> {
    // A name that could lead elsewhere is no file of ours.
    if crate::id::WorkerId::new(name).is_err() {
        return Ok(None);
    }
    let path = home.root().join("agents").join(format!("{name}.toml"));
    let invalid = |message: String| AgentError::Invalid { name: name.to_owned(), message };
    let bytes = crate::private::read(&path, MOST).map_err(|error| invalid(error.to_string()))?;
    bytes.map(|bytes| String::from_utf8(bytes).map_err(|error| invalid(error.to_string()))).transpose()
}

#[cfg(test)]
mod tests;
