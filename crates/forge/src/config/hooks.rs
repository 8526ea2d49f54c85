//! The section `hooks`.

mod preset;

use std::time::Duration;

use forge_config::{KeyPath, Problem, ResolveContext, Section, code};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::preset::{HookOptionsSpec, HookPreset};

/// How long a hook may take unless the file says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the matcher of an event is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matches {
    Tool,
    Paths,
    Nothing,
}

/// The events, in the order of the work. The crate that runs hooks has the same; a test holds them together.
const EVENTS: [(&str, (&str, Matches)); 19] = {
    use Matches::{Nothing, Paths, Tool};
    [
        ("SessionStart", ("SessionStart", Nothing)),
        ("SessionEnd", ("SessionEnd", Nothing)),
        ("UserPromptSubmit", ("UserPromptSubmit", Nothing)),
        ("PrePlan", ("PrePlan", Nothing)),
        ("PostPlan", ("PostPlan", Nothing)),
        ("PreToolUse", ("PreToolUse", Tool)),
        ("PostToolUse", ("PostToolUse", Tool)),
        ("PreEdit", ("PreEdit", Paths)),
        ("PostEdit", ("PostEdit", Paths)),
        ("PreCheck", ("PreCheck", Paths)),
        ("PostCheck", ("PostCheck", Paths)),
        ("PreReview", ("PreReview", Paths)),
        ("PostReview", ("PostReview", Paths)),
        ("PreCommit", ("PreCommit", Paths)),
        ("PreApply", ("PreApply", Paths)),
        ("PreDeploy", ("PreDeploy", Paths)),
        ("Notification", ("Notification", Nothing)),
        ("Stop", ("Stop", Nothing)),
        ("StopFailure", ("StopFailure", Nothing)),
    ]
};

/// A program that is asked, or told, at a point of the work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HookSpec {
    /// When it runs: `SessionStart`, `SessionEnd`, `UserPromptSubmit`, `PrePlan`, `PostPlan`, `PreToolUse`, `PostToolUse`, `PreEdit`, `PostEdit`, `PreCheck`, `PostCheck`, `PreReview`, `PostReview`, `PreCommit`, `PreApply`, `PreDeploy`, `Notification`, `Stop` or `StopFailure`.
    pub event: String,
    /// For which tools (`PreToolUse`, `PostToolUse`) or paths (where files are concerned) it runs, such as `run` or `*.sql`; all if unset. `*` and `?` are wildcards, `**` any number of folders, and alternatives stand with a bar between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<String>,
    /// The program and its arguments; with `shell`, the one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    /// Whether `run` is a line for `sh -c`; no if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<bool>,
    /// A check that is built in, in place of `run`: `validate_files`, `run_tests`, `check_commit_message` or `deploy_check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// What the check that is built in goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<HookOptionsSpec>,
    /// It is ended, with everything that it started, after this time; `60s` if unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Whether what it stands in front of does not happen where it fails; no if unset, and its failure is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}

/// Programs that are asked or told at points of the work, by name. Those of an event run in this order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct HooksSpec(pub IndexMap<String, HookSpec>);

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HookPlan {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub event: String,
    /// For which tools or paths; all if there is none.
    pub matcher: Option<String>,
    /// What is run.
    pub action: HookActionPlan,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether its failure is a denial.
    pub required: bool,
    /// Where it is written: file, line and column.
    pub origin: String,
}

/// What a hook runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HookActionPlan {
    /// A program and its arguments.
    Program(Vec<String>),
    /// A line for `sh -c`.
    Shell(String),
    /// A check that is built in.
    Preset(HookPreset),
}

/// The hooks in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct Hooks(pub(super) Vec<HookPlan>);

/// The section `hooks`.
#[derive(Debug)]
pub(super) struct HooksSection;

impl Section for HooksSection {
    const KEY: Option<&'static str> = Some("hooks");
    type Spec = HooksSpec;
    type Plan = Hooks;

    fn refused(&self, spec: &HooksSpec) -> Vec<Problem> {
        let root = KeyPath::ROOT.key("hooks");
        let problem = |name: &String| Problem::untrusted(root.key(name), "runs programs on this machine");
        spec.0.keys().map(problem).collect()
    }

    fn resolve(&self, spec: &HooksSpec, context: &mut ResolveContext<'_>) -> Hooks {
        let root = context.root.clone();
        Hooks(spec.0.iter().filter_map(|(name, one)| hook(name, one, &root.key(name), context)).collect())
    }
}

fn hook(name: &str, spec: &HookSpec, path: &KeyPath, context: &mut ResolveContext<'_>) -> Option<HookPlan> {
    let event = if spec.event.is_empty() {
        let problem = Problem::new(code::MISSING, path.clone(), "it does not say at which `event` it runs");
        context.report(problem.with_hint("write for example `event: PreEdit`"));
        None
    } else {
        context.one_of(&spec.event, &EVENTS, "event", &path.key("event"))
    };
    if let (Some(matcher), Some((event, matches))) = (&spec.matcher, event) {
        check_matcher(matcher, event, matches, &path.key("matcher"), context);
    }
    let action = action(spec, path, context);
    let timeout = context.duration(spec.timeout.as_deref(), &path.key("timeout")).unwrap_or(TIMEOUT);
    Some(HookPlan {
        name: name.to_owned(),
        event: event?.0.to_owned(),
        matcher: spec.matcher.clone(),
        action: action?,
        timeout,
        required: spec.required.unwrap_or(false),
        origin: String::new(),
    })
}

fn check_matcher(
    matcher: &str,
    event: &str,
    matches: Matches,
    path: &KeyPath,
    context: &mut ResolveContext<'_>,
) {
    match matches {
        Matches::Nothing => {
            let message = format!("`{event}` is about no tool and no file, so nothing can be matched");
            context.report(Problem::new(code::UNKNOWN_KEY, path.clone(), message).with_hint("leave it out"));
        }
        Matches::Tool | Matches::Paths => check_pattern(matcher, path, context),
    }
}

/// A pattern of somebody who thinks of another notation means something else than is written.
pub(super) fn check_pattern(pattern: &str, path: &KeyPath, context: &mut ResolveContext<'_>) {
    let wrong = if pattern.trim().is_empty() {
        Some(("nothing is meant by an empty pattern", "leave it out, or write `*`"))
    } else if pattern.contains(".*") && !pattern.contains('/') && !pattern.starts_with('*') {
        Some(("this looks like a regular expression, and is none", "`*` alone stands for any characters"))
    } else if pattern.contains(['{', '[', '^', '$', '(', '\\']) {
        Some(("only `*`, `?`, `**` and `|` have a meaning here", "write alternatives as `*.js|*.ts`"))
    } else if pattern.split('|').any(|one| one.trim().starts_with('/') || one.split('/').any(|it| it == ".."))
    {
        Some(("paths are seen from the project's folder, and inside of it", "write for example `src/**`"))
    } else {
        None
    };
    if let Some((wrong, hint)) = wrong {
        let message = format!("`{pattern}`: {wrong}");
        context.report(Problem::new(code::UNKNOWN_WORD, path.clone(), message).with_hint(hint));
    }
}

fn action(spec: &HookSpec, path: &KeyPath, context: &mut ResolveContext<'_>) -> Option<HookActionPlan> {
    let run = match (&spec.run, &spec.preset) {
        (Some(run), None) => run,
        (None, Some(preset)) => {
            return preset::resolve(preset, spec.options.as_ref(), path, context).map(HookActionPlan::Preset);
        }
        (Some(_), Some(_)) => {
            let message = "it has `run` and a `preset`, and can do one of them";
            let hint = "the program of `run_tests` stands in `options: { run: [...] }`";
            context.report(Problem::new(code::BAD_KEY, path.key("preset"), message).with_hint(hint));
            return None;
        }
        (None, None) => {
            let problem = Problem::new(code::MISSING, path.clone(), "there is nothing to run");
            context.report(problem.with_hint("write `run: [PROGRAM, ARGUMENT]` or `preset:`"));
            return None;
        }
    };
    if spec.options.is_some() {
        let message = "options are for a `preset`";
        context.report(Problem::new(code::BAD_KEY, path.key("options"), message));
    }
    let path = path.key("run");
    check_argv(run, &path, context)?;
    match run.as_slice() {
        [line] if spec.shell == Some(true) => Some(HookActionPlan::Shell(line.clone())),
        _ if spec.shell == Some(true) => {
            let message = "with `shell: true` it is one line, not a list of arguments";
            context
                .report(Problem::new(code::WRONG_TYPE, path, message).with_hint("write `run: [\"LINE\"]`"));
            None
        }
        // Whoever writes a line means a shell; it would be a program with blanks in its name.
        [line] if line.contains(' ') => {
            let problem =
                Problem::new(code::WRONG_TYPE, path, "this is a line, and no program has that name");
            context.report(problem.with_hint("write each argument on its own, or add `shell: true`"));
            None
        }
        argv => Some(HookActionPlan::Program(argv.to_vec())),
    }
}

/// Whether there is a program to run; reports it otherwise.
fn check_argv(argv: &[String], path: &KeyPath, context: &mut ResolveContext<'_>) -> Option<()> {
    let wrong = if argv.first().is_none_or(|program| program.trim().is_empty()) {
        Problem::new(code::MISSING, path.clone(), "no program is named")
    } else if let Some(at) = argv.iter().position(|one| one.contains('\0')) {
        Problem::new(code::CONTROL_CHARACTER, path.index(at), "it contains a control character")
    } else {
        return Some(());
    };
    context.report(wrong);
    None
}

#[cfg(all(test, feature = "agents"))]
mod tests;
