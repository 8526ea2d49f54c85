//! From a file to a prompt.

use std::fmt;

use forge_config::{KeyPath, Place, Problem, Report};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    code,
    folder::PromptFile,
    front::{self, FrontMatter},
};

/// Digits of a version.
const DIGITS: usize = 12;

/// Where a prompt comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PromptOrigin {
    /// It ships with Forge.
    BuiltIn,
    /// A folder that the configuration names.
    Configured,
    /// The folder `.forge/prompts` of a project that the user trusts.
    Project,
    /// It is kept as an earlier version.
    Stored,
}

impl PromptOrigin {
    /// The origin as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Configured => "configured",
            Self::Project => "project",
            Self::Stored => "stored",
        }
    }
}

impl fmt::Display for PromptOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A prompt.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Prompt {
    /// Its name, such as `role/critic`.
    pub name: String,
    /// Where it comes from.
    pub origin: PromptOrigin,
    /// Its file.
    pub file: PromptFile,
    /// Its version: the first 12 hexadecimal digits of the SHA-256 over its [normalised](normalise) file. What it includes
    /// counts as a part of it, so that two prompts of one version render alike.
    pub version: String,
    /// What it says of itself.
    pub front: FrontMatter,
    /// Its template.
    pub body: String,
    /// The prompts that it includes, directly or by others, by name.
    pub includes: Vec<String>,
    /// Whether its names are declared: by itself, or by the prompt whose place it takes.
    pub(crate) is_declared: bool,
    /// Whether it declares for itself alone: neither as a bare template, nor in the place of another prompt.
    pub(crate) is_own: bool,
    /// Lines of the file before the template.
    pub(crate) lines_before: usize,
}

/// The text as it is hashed and kept: without a byte order mark, lines end with `\n`, and one of them ends the text.
pub fn normalise(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    format!("{}\n", text.trim_end())
}

/// The version of a normalised text, and of what it includes.
pub(crate) fn version<'a>(text: &str, parts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut digest = Sha256::new_with_prefix(text);
    for (name, text) in parts {
        // A file holds no such sign, so that no two lists of parts have the same bytes.
        for piece in ["\0", name, "\0", text] {
            digest.update(piece);
        }
    }
    let digits = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    digits[..DIGITS].to_owned()
}

/// A report of something that is wrong at a line and a column of a file.
pub(crate) fn report(
    file: &PromptFile,
    (line, column): (usize, usize),
    code: &'static str,
    message: impl Into<String>,
    hint: Option<String>,
) -> Report {
    let problem = Problem { hint, ..Problem::new(code, KeyPath::ROOT, message) };
    Report::new(&file.path, Place { line, column }, problem)
}

/// How a file says what it declares.
enum Form {
    /// `NAME.md.jinja`: front matter above the template.
    Front,
    /// `NAME.jinja`: the template alone.
    Bare,
    /// `NAME.yaml`: the template among the keys.
    Yaml,
}

/// The prompt of a file; `replaced` is the one of its name in an earlier set, whose declarations a bare template has.
pub(crate) fn parse(
    mut file: PromptFile,
    origin: PromptOrigin,
    replaced: impl Fn(&str) -> Option<FrontMatter>,
) -> Result<Prompt, Vec<Report>> {
    file.text = normalise(&file.text);
    let endings = [(".md.jinja", Form::Front), (".jinja", Form::Bare), (".yaml", Form::Yaml)];
    let named = endings.into_iter().find_map(|(ending, form)| Some((file.name.strip_suffix(ending)?, form)));
    let (name, form) = named.unwrap_or((&file.name, Form::Bare));
    let name = name.to_owned();
    if !is_name(&name) {
        let hint = "write letters (a to z), digits, `-`, `_` and `.`, and `/` between folders".to_owned();
        let message = format!("`{name}` is no name of a prompt");
        return Err(vec![report(&file, (1, 1), code::BAD_PROMPT_NAME, message, Some(hint))]);
    }
    let is_own = !matches!(form, Form::Bare) && replaced(&name).is_none();
    let (front, body, lines_before, is_declared) = match form {
        Form::Bare => {
            let front = replaced(&name);
            let is_declared = front.is_some();
            (front.unwrap_or_default(), file.text.clone(), 0, is_declared)
        }
        Form::Yaml => {
            let (mut front, line) =
                front::read(&file.path, &file.text, true).map_err(|error| error.reports)?;
            let body = front.template.take().unwrap_or_default();
            let lines = lines_before_block(&file.text, line.unwrap_or(1), &body);
            (front, body, lines, true)
        }
        Form::Front => {
            let (yaml, body) = split(&file)?;
            let (front, _) = front::read(&file.path, yaml, false).map_err(|error| error.reports)?;
            // The line that closes the front matter stands between them.
            (front, body.to_owned(), yaml.matches('\n').count() + 1, true)
        }
    };
    let version = version(&file.text, [].into_iter());
    Ok(Prompt {
        name,
        origin,
        version,
        front,
        body,
        includes: Vec::new(),
        is_declared,
        is_own,
        lines_before,
        file,
    })
}

/// Names are paths that lead down.
fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(is_letter)
            && !part.ends_with('.')
    };
    name.len() <= 100 && name.split('/').all(is_part)
}

/// The front matter with the line that opens it, and what stands below it.
fn split(file: &PromptFile) -> Result<(&str, &str), Vec<Report>> {
    let missing = |line, message: &str| {
        let hint = "begin the file with a line `---`, keys such as `description:`, and another line `---`";
        Err(vec![report(file, (line, 1), code::NO_FRONT_MATTER, message, Some(hint.to_owned()))])
    };
    if !file.text.starts_with("---\n") {
        return missing(1, "there is no front matter");
    }
    match file.text.find("\n---\n") {
        Some(end) => Ok((&file.text[..=end], &file.text[end + "\n---\n".len()..])),
        // A template may be empty.
        None if file.text.ends_with("\n---\n") => Ok((&file.text[..file.text.len() - "---\n".len()], "")),
        None => missing(file.text.lines().count(), "the front matter has no end"),
    }
}

/// How many lines stand before a template that is written as a block of YAML from `line` on.
fn lines_before_block(text: &str, line: usize, body: &str) -> usize {
    let first = body.lines().next().unwrap_or_default();
    let below = text.lines().skip(line - 1).position(|line| line.trim_start() == first.trim_start());
    line - 1 + below.unwrap_or_default()
}
