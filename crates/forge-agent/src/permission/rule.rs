//! One rule, and how exactly it means an action.

use std::fmt;

use super::{Access, Action, Effect};
use crate::glob;

/// A rule. What it leaves open it means all of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// What it says.
    pub effect: Effect,
    /// The tools it is for; `*` and `?` are wildcards, `|` stands between alternatives.
    pub tool: Option<String>,
    /// The paths it is for, with `**` for any number of folders; one without `/` is a name anywhere.
    pub path: Option<String>,
    /// How the commands begin that it is for, word by word.
    pub command: Option<Vec<String>>,
    /// Where it is written, for people.
    pub origin: String,
}

/// How exactly a rule means an action: by what is reached, then by the tool. More is more exact.
type Rank = (Option<usize>, Option<usize>);

impl Rule {
    /// A rule for everything, written at `origin`.
    pub fn new(effect: Effect, origin: impl Into<String>) -> Self {
        Self { effect, tool: None, path: None, command: None, origin: origin.into() }
    }

    /// `None` if it does not mean the action.
    fn rank(&self, action: &Action) -> Option<Rank> {
        let tool = match &self.tool {
            None => None,
            Some(pattern) => Some(glob::word_rank(pattern, &action.tool)?),
        };
        let target = match (&self.path, &self.command, &action.access) {
            (None, None, _) => None,
            (Some(pattern), None, Access::Read(path) | Access::Write(path)) => {
                Some(self.path_rank(pattern, path)?)
            }
            (None, Some(words), Access::Run(argv)) => Some(self.command_rank(words, argv)?),
            _ => return None,
        };
        Some((target, tool))
    }

    /// Where a file system takes `.ENV` for `.env`, what is strict has to hold for both.
    fn path_rank(&self, pattern: &str, path: &str) -> Option<usize> {
        match self.effect {
            Effect::Allow => glob::path_rank(pattern, path),
            Effect::Ask | Effect::Deny => glob::path_rank(&pattern.to_lowercase(), &path.to_lowercase()),
        }
    }

    /// `rm` stands for `/bin/rm` as well in what is strict. What is allowed is what is written.
    fn command_rank(&self, words: &[String], argv: &[String]) -> Option<usize> {
        let (program, arguments) = words.split_first()?;
        let (run, given) = argv.split_first()?;
        let name = run.rsplit(['/', '\\']).next().filter(|_| self.effect != Effect::Allow);
        let is_meant = program == run || name == Some(program);
        (is_meant && given.starts_with(arguments)).then_some(words.len())
    }
}

/// The rule that means the action most exactly, the strictest among those that mean it equally.
pub(super) fn most_specific<'r>(rules: &'r [Rule], action: &Action) -> Option<&'r Rule> {
    let ranked = rules.iter().filter_map(|rule| Some((rule.rank(action)?, rule.effect, rule)));
    ranked.max_by_key(|(rank, effect, _)| (*rank, *effect)).map(|(_, _, rule)| rule)
}

/// As people say it: `deny tool write_file path *.pem`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.effect)?;
        if let Some(tool) = &self.tool {
            write!(f, " tool {tool}")?;
        }
        if let Some(path) = &self.path {
            write!(f, " path {path}")?;
        }
        if let Some(command) = &self.command {
            write!(f, " command {}", command.join(" "))?;
        }
        Ok(())
    }
}
