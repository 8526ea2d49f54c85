//! Commands of one's own, from the files of a project and of the user.

use std::path::Path;

use forge_config::{
    ConfigError, KeyPath, Lookup, Place, Problem, Report, ResolveContext, Section, Sections, Trust, code,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    agent::command::{CommandSpec, OwnCommand, OwnFront},
    project_commands::{own, project_commands},
    system::Paths,
};

/// The most bytes of a command's file.
const MOST_BYTES: u64 = 1 << 20;

/// Commands of one's own.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OwnCommands {
    commands: Vec<OwnCommand>,
    /// What is wrong with the files that are not used for it, by file and place.
    pub mistakes: Vec<Report>,
    /// The files of the project that are not used because the user does not stand behind them as they are.
    pub untrusted: Vec<String>,
}

impl OwnCommands {
    /// Those of the project in `workspace` that the user trusts as they are, and those in the folder `commands` of the user's
    /// configuration. Of two with the same name the first holds: `.forge/commands`, the user's, `.claude`.
    pub fn read(workspace: &Path, paths: &Paths) -> Self {
        let mut all = Self::default();
        let (forge, others): (Vec<_>, Vec<_>) = project_commands(workspace)
            .into_iter()
            .partition(|file| file.starts_with(workspace.join(".forge")));
        for file in forge {
            all.add(&file, Some(paths), false);
        }
        if let Some(config) = &paths.config {
            for file in own(&config.join("commands")) {
                all.add(&file, None, false);
            }
        }
        for file in others {
            all.add(&file, Some(paths), true);
        }
        all
    }

    /// Reads a file, which with `paths` has to be trusted; `is_others` if another program made it.
    fn add(&mut self, file: &Path, paths: Option<&Paths>, is_others: bool) {
        let shown = file.display().to_string();
        let text = match read(file) {
            Ok(text) => text,
            Err(why) => return self.mistakes.push(mistake(&shown, 1, why)),
        };
        if paths.is_some_and(|paths| !paths.is_trusted(file, &text).unwrap_or(false)) {
            return self.untrusted.push(shown);
        }
        let stem = if file.ends_with("SKILL.md") {
            file.parent().and_then(Path::file_name)
        } else {
            file.file_stem()
        };
        let name = stem.unwrap_or_default().to_string_lossy().into_owned();
        if !OwnCommand::is_name(&name) {
            let why = format!("`{name}` is no name of a command; write letters, digits, `-`, `_` and `.`");
            return self.mistakes.push(mistake(&shown, 1, why));
        }
        match parsed(&shown, &text.replace("\r\n", "\n"), is_others) {
            Ok((front, body, line)) if self.find(&name).is_none() => {
                self.commands.push(OwnCommand::new(name, front, body).at(shown, line));
            }
            Ok(_) => {}
            Err(reports) => self.mistakes.extend(reports),
        }
    }

    /// The command of this name.
    pub(super) fn find(&self, name: &str) -> Option<&OwnCommand> {
        self.commands.iter().find(|one| one.name == name)
    }

    pub(super) fn specs(&self) -> impl Iterator<Item = CommandSpec> {
        self.commands.iter().map(OwnCommand::spec)
    }
}

fn read(file: &Path) -> Result<String, String> {
    let is_small = std::fs::metadata(file).is_ok_and(|one| one.len() <= MOST_BYTES);
    if !is_small {
        return Err("it is larger than 1 MiB, or not there".to_owned());
    }
    std::fs::read_to_string(file).map_err(|error| format!("it cannot be read: {error}"))
}

fn mistake(file: &str, line: usize, why: impl Into<String>) -> Report {
    Report::new(file, Place { line, column: 1 }, Problem::new(code::WRONG_TYPE, KeyPath::ROOT, why))
}

/// What stands above the prompt, the prompt, and the line at which that begins.
fn parsed(file: &str, text: &str, is_others: bool) -> Result<(OwnFront, String, usize), Vec<Report>> {
    let Some(above) = text.strip_prefix("---\n") else {
        return body(file, OwnFront::default(), text, 1);
    };
    // The front matter may be empty.
    let found = if above.starts_with("---\n") {
        Some((0, 4))
    } else {
        above.find("\n---\n").map(|end| (end + 1, end + 5))
    };
    let Some((end, begin)) = found else {
        let why = "the front matter has no end; write a line `---` below it, and the prompt below that";
        return Err(vec![mistake(file, text.lines().count(), why)]);
    };
    let (yaml, below) = (&above[..end], &above[begin..]);
    let line = yaml.matches('\n').count() + 3;
    let front = if is_others {
        OwnFront::of_others(yaml)
    } else if yaml.trim().is_empty() {
        OwnFront::default()
    } else {
        // With the line that opens it, so that lines are those of the file.
        let loaded =
            Sections::new().with(FrontSection).load(file, &text[..4 + end], &NoLookup, Trust::Trusted);
        loaded.map_err(|ConfigError { reports, .. }| reports)?.take::<OwnFront>().unwrap_or_default()
    };
    body(file, front, below, line)
}

fn body(
    file: &str,
    front: OwnFront,
    text: &str,
    line: usize,
) -> Result<(OwnFront, String, usize), Vec<Report>> {
    if text.trim().is_empty() {
        return Err(vec![mistake(file, line, "there is no prompt")]);
    }
    Ok((front, text.to_owned(), line))
}

/// The front matter as it is written. What may be a list or a text is told apart later.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct FrontSpec {
    description: Option<String>,
    argument_hint: Option<Value>,
    allowed_tools: Option<Value>,
    model: Option<String>,
}

#[derive(Debug)]
struct FrontSection;

impl Section for FrontSection {
    const KEY: Option<&'static str> = None;
    type Spec = FrontSpec;
    type Plan = OwnFront;

    fn resolve(&self, spec: &FrontSpec, context: &mut ResolveContext<'_>) -> OwnFront {
        let root = context.root.clone();
        let mut listed = |value: &Option<Value>, key: &str| {
            let words = value.as_ref().map(words)?;
            if words.is_none() {
                let message = format!("`{key}` is a text or a list of texts");
                context.report(Problem::new(code::WRONG_TYPE, root.key(key), message));
            }
            words
        };
        let hint = listed(&spec.argument_hint, "argument-hint");
        // For YAML, a hint in brackets is a list.
        let hint = hint.map(|words| match &spec.argument_hint {
            Some(Value::Array(_)) => format!("[{}]", words.join(", ")),
            _ => words.concat(),
        });
        let tools = listed(&spec.allowed_tools, "allowed-tools");
        let tools = tools.map(|tools| tools.iter().flat_map(|one| OwnFront::tools(one)).collect());
        let (description, model) = (spec.description.clone(), spec.model.clone());
        OwnFront { description, argument_hint: hint, allowed_tools: tools, model }
    }
}

fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Finds nothing: a command names no variable of the environment and no other file.
#[derive(Debug)]
struct NoLookup;

impl Lookup for NoLookup {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_a_file_is_told_at_its_place() {
        let text = "---\ndescripton: x\nallowed-tools: 7\nmodel: [a]\n---\nFix $1.\n";
        let reports = parsed("fix.md", text, false).unwrap_err();
        let said: Vec<_> = reports.iter().map(ToString::to_string).collect();
        for (at, word) in [
            ("fix.md:2:1:", "did you mean `description`?"),
            ("fix.md:3:", "a text or a list of texts"),
            ("fix.md:4:", "model"),
        ] {
            assert!(said.iter().any(|line| line.starts_with(at) && line.contains(word)), "{at}: {said:#?}");
        }
        let open = parsed("fix.md", "---\nmodel: x\n", false).unwrap_err();
        assert!(open[0].to_string().starts_with("fix.md:2:1:"), "{open:?}");
        assert!(parsed("fix.md", "---\n---\n\n", true).is_err(), "there is no prompt");
    }

    #[test]
    fn a_file_is_a_prompt_with_or_without_front_matter() {
        assert_eq!(
            parsed("x", "Fix it.\n", false).unwrap(),
            (OwnFront::default(), "Fix it.\n".to_owned(), 1)
        );
        let text = "---\nargument-hint: [number]\nallowed-tools: Bash(git:*), Read\n---\nFix it.\n";
        let (front, body, line) = parsed("x", text, false).unwrap();
        assert_eq!((&*body, line), ("Fix it.\n", 5));
        assert_eq!(front.argument_hint.as_deref(), Some("[number]"));
        assert_eq!(front.allowed_tools.unwrap(), ["Bash(git:*)", "Read"]);
        // What others write is no YAML at all, at times.
        let text = "---\nargument-hint: [a] [b]\nunknown: x\n---\nFix it.\n";
        assert_eq!(parsed("x", text, true).unwrap().0.argument_hint.as_deref(), Some("[a] [b]"));
    }
}
