//! What models may do on the user's machine.
//!
//! ```
//! use forge_agent::permission::{Access, Action, Effect, Permissions, Rule};
//!
//! let mut rule = Rule::new(Effect::Deny, "forge.yaml:7:5");
//! rule.path = Some("*.pem".to_owned());
//! let permissions = Permissions::new(vec![rule]).with_checks([vec!["cargo".to_owned(), "test".to_owned()]]);
//! let read = |path: &str| permissions.decide(&Action::new("read_file", Access::Read(path.to_owned())));
//! assert_eq!(read("src/lib.rs").decision, Effect::Allow);
//! assert_eq!(read("keys/a.pem").rule, "denied by `deny path *.pem` (forge.yaml:7:5)");
//! ```

mod rule;

use std::{
    fmt,
    path::{Component, Path},
};

use serde::Serialize;

pub use self::rule::Rule;

/// What a rule says, from the most lenient to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "every caller tells them apart")]
pub enum Effect {
    /// It happens.
    Allow,
    /// It happens if a person agrees. Where nobody can be asked it does not.
    Ask,
    /// It does not happen.
    Deny,
}

impl Effect {
    /// The word in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a tool reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "each has a rule of its own where nothing else decides")]
pub enum Access {
    /// Reads the file or folder at a path, with `/` between names, seen from the folder in which the work is done.
    Read(String),
    /// Changes, makes or deletes the file at such a path.
    Write(String),
    /// Runs a program with arguments.
    Run(Vec<String>),
    /// Something that only the tool knows, for example one of a server that speaks MCP.
    Other,
}

/// What a model wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Action {
    /// The tool that does it.
    pub tool: String,
    /// What it reaches.
    pub access: Access,
}

impl Action {
    /// What `tool` does.
    pub fn new(tool: impl Into<String>, access: Access) -> Self {
        Self { tool: tool.into(), access }
    }
}

/// What holds for an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decided {
    /// Whether it happens.
    pub decision: Effect,
    /// Which rule says so and where it stands, for people and for the model.
    pub rule: String,
}

/// The rules that are set up, over those that always hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    rules: Vec<Rule>,
    own: Vec<Rule>,
    checks: Vec<Vec<String>>,
}

impl Permissions {
    /// These rules. Their order does not count.
    pub const fn new(rules: Vec<Rule>) -> Self {
        Self { rules, own: Vec::new(), checks: Vec::new() }
    }

    /// These rules beside the others: the stricter of both sides holds. They are the user's, where the others are a project's.
    pub fn with_own(mut self, rules: Vec<Rule>) -> Self {
        self.own = rules;
        self
    }

    /// These commands, as they are, may run where no rule says anything else: the checks of the configuration.
    pub fn with_checks(mut self, checks: impl IntoIterator<Item = Vec<String>>) -> Self {
        self.checks.extend(checks);
        self
    }

    /// All rules.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.own.iter().chain(&self.rules)
    }

    /// The commands that may run where no stricter rule says otherwise, for people and models: the checks as they are, and how
    /// others may begin, with ` ...` behind.
    pub fn commands(&self) -> Vec<String> {
        let checks = self.checks.iter().map(|check| check.join(" "));
        let allowed = self.rules().filter(|rule| rule.effect == Effect::Allow);
        let beginnings = allowed.filter_map(|rule| Some(format!("{} ...", rule.command.as_ref()?.join(" "))));
        checks.chain(beginnings).collect()
    }

    /// What holds for the `action`: what its most specific rule says, the strictest among those that are equally specific.
    ///
    /// A rule for a command or a path is more specific than one for a tool alone, by its words or its characters that are no
    /// wildcards; between two of the same length the one that names its tool better is. Without a rule reading is allowed,
    /// writing too, checks may run and nothing else, and a person is asked for the rest. What lies outside of the folder in
    /// which the work is done is denied, whatever the rules say.
    pub fn decide(&self, action: &Action) -> Decided {
        if let Access::Read(path) | Access::Write(path) = &action.access
            && !is_inside(path)
        {
            let rule = format!("denied, because `{path}` is outside of the folder of this work");
            return Decided { decision: Effect::Deny, rule };
        }
        let sides =
            [&self.own, &self.rules].into_iter().filter_map(|rules| rule::most_specific(rules, action));
        match sides.max_by_key(|rule| rule.effect) {
            Some(rule) => decided(rule.effect, &format!("`{rule}` ({})", rule.origin)),
            None => self.usual(action),
        }
    }

    fn usual(&self, action: &Action) -> Decided {
        match &action.access {
            Access::Read(_) => decided(Effect::Allow, "the usual rule: reading is allowed"),
            Access::Write(_) => {
                decided(Effect::Allow, "the usual rule: changes in the folder of this work are allowed")
            }
            Access::Run(argv) if self.checks.contains(argv) => {
                decided(Effect::Allow, "the usual rule: the configured checks may run")
            }
            Access::Run(_) => {
                decided(Effect::Deny, "the usual rule: of commands only the configured checks may run")
            }
            Access::Other => decided(Effect::Ask, "the usual rule: a person decides on other tools"),
        }
    }
}

fn decided(decision: Effect, why: &str) -> Decided {
    let done = match decision {
        Effect::Allow => "allowed",
        Effect::Ask => "a person is asked",
        Effect::Deny => "denied",
    };
    Decided { decision, rule: format!("{done} by {why}") }
}

fn is_inside(path: &str) -> bool {
    let parts = Path::new(path).components();
    !path.contains('\0') && { parts }.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests;
