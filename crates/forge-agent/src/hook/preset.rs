//! Checks that are built in, for what most projects want.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Serialize;

use super::{
    HookInput,
    answer::{Answer, cut},
};
use crate::{
    glob,
    process::{self, Ended, Exit, Limits},
};

/// Lines that are shown of the output of tests.
const SHOWN_LINES: usize = 40;

/// A check that is built in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Preset {
    /// The files concerned are text where they are small, hold no marks of a merge, are JSON where they are called so, and
    /// are none of those that are forbidden.
    ValidateFiles {
        /// The size that no file may have more of, in kB.
        max_kb: u64,
        /// Paths that may not be changed.
        forbid: Vec<String>,
    },
    /// A program ends well, whatever it does otherwise.
    RunTests {
        /// The program and its arguments.
        run: Vec<String>,
    },
    /// The field `message` is a good one: a short first line, then an empty one.
    CheckCommitMessage {
        /// Characters of the first line.
        max_subject: usize,
        /// How it may begin, such as `feat`, before `:` or `(`; anyhow if there are none.
        prefixes: Vec<String>,
    },
    /// Nothing is uncommitted, and the branch is one of those that are deployed.
    DeployCheck {
        /// Patterns of branches; any if there are none.
        branches: Vec<String>,
    },
}

impl Preset {
    /// Its name in a configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ValidateFiles { .. } => "validate_files",
            Self::RunTests { .. } => "run_tests",
            Self::CheckCommitMessage { .. } => "check_commit_message",
            Self::DeployCheck { .. } => "deploy_check",
        }
    }
}

pub(super) async fn run(
    preset: &Preset,
    input: &HookInput,
    env: &BTreeMap<String, String>,
    limits: Limits,
) -> (Option<Exit>, Answer) {
    match preset {
        Preset::ValidateFiles { max_kb, forbid } => {
            let wrong = input.paths.iter().filter_map(|path| file_fault(path, &input.cwd, *max_kb, forbid));
            (None, verdict(&wrong.collect::<Vec<_>>()))
        }
        Preset::CheckCommitMessage { max_subject, prefixes } => {
            let message = input.fields.get("message").and_then(|message| message.as_str());
            (None, verdict(&message_faults(message.unwrap_or_default(), *max_subject, prefixes)))
        }
        Preset::RunTests { run } => match program(run, input, env, limits).await {
            Ok(ended) if ended.exit.is_success() => (Some(ended.exit), Answer::default()),
            Ok(ended) => (Some(ended.exit), tests_failed(run, &ended)),
            Err(failed) => (None, failed),
        },
        Preset::DeployCheck { branches } => match deploy_faults(branches, input, env, limits).await {
            Ok(faults) => (None, verdict(&faults)),
            Err(failed) => (None, failed),
        },
    }
}

fn verdict(faults: &[String]) -> Answer {
    if faults.is_empty() { Answer::default() } else { Answer::deny(cut(faults.join("; "))) }
}

async fn program(
    argv: &[String],
    input: &HookInput,
    env: &BTreeMap<String, String>,
    limits: Limits,
) -> Result<Ended, Answer> {
    let failed = |error| {
        let program = argv.first().map_or("", String::as_str);
        Answer::failed(format!("`{program}` cannot be run: {error}"))
    };
    process::run(argv, &input.cwd, env, b"", limits).await.map_err(failed)
}

fn file_fault(path: &str, cwd: &Path, max_kb: u64, forbid: &[String]) -> Option<String> {
    if let Some(pattern) = forbid.iter().find(|pattern| glob::path_matches(pattern, path)) {
        return Some(format!("{path} may not be changed (`{pattern}`)"));
    }
    let whole = cwd.join(path);
    // A file that is about to be made or has been deleted has nothing to check.
    let size = fs::metadata(&whole).ok().filter(fs::Metadata::is_file)?.len();
    if size > max_kb.saturating_mul(1000) {
        return Some(format!("{path} has {} kB, more than {max_kb}", size.div_ceil(1000)));
    }
    let Ok(bytes) = fs::read(&whole) else { return Some(format!("{path} cannot be read")) };
    // What is no text has no lines to be wrong.
    let text = String::from_utf8(bytes).ok()?;
    let is_mark = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    if let Some(at) = text.lines().position(is_mark) {
        return Some(format!("{path}:{}: a mark of a merge", at + 1));
    }
    let is_json = whole.extension().is_some_and(|it| it == "json");
    let json = is_json.then(|| serde_json::from_str::<serde::de::IgnoredAny>(&text));
    json?.err().map(|error| format!("{path} is no JSON: {error}"))
}

fn message_faults(message: &str, max_subject: usize, prefixes: &[String]) -> Vec<String> {
    let mut lines = message.lines();
    let subject = lines.next().unwrap_or_default();
    let length = subject.chars().count();
    let begins =
        |prefix: &String| subject.strip_prefix(prefix.as_str()).is_some_and(|it| it.starts_with([':', '(']));
    let faults = [
        (subject.trim().is_empty(), "the message has no first line".to_owned()),
        (length > max_subject, format!("its first line has {length} characters, more than {max_subject}")),
        (lines.next().is_some_and(|line| !line.trim().is_empty()), "its second line is not empty".to_owned()),
        (
            !prefixes.is_empty() && !prefixes.iter().any(begins),
            format!("it begins with none of {}, followed by `:`", prefixes.join(", ")),
        ),
    ];
    faults.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, fault)| fault).collect()
}

/// The end of the output: there the failures are.
fn tests_failed(run: &[String], ended: &Ended) -> Answer {
    let (stdout, stderr) = (ended.stdout.text(), ended.stderr.text());
    let lines: Vec<&str> = stdout.lines().chain(stderr.lines()).collect();
    let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
    Answer::deny(cut(format!("`{}` {}:\n{shown}", run.join(" "), ended.exit)))
}

async fn deploy_faults(
    branches: &[String],
    input: &HookInput,
    env: &BTreeMap<String, String>,
    limits: Limits,
) -> Result<Vec<String>, Answer> {
    let git = async |arguments: &str| {
        // Nothing that the repository sets up is run.
        let argv = format!("git -c core.fsmonitor=false -c core.hooksPath=/dev/null {arguments}");
        let argv: Vec<String> = argv.split(' ').map(str::to_owned).collect();
        let ended = program(&argv, input, env, limits).await?;
        let said = ended.stdout.text().trim().to_owned();
        if ended.exit.is_success() {
            Ok(said)
        } else {
            Err(Answer::failed(format!("git {arguments} {}", ended.exit)))
        }
    };
    let mut faults = Vec::new();
    if !git("status --porcelain --untracked-files=normal").await?.is_empty() {
        faults.push("there are changes that are not committed".to_owned());
    }
    let branch = git("rev-parse --abbrev-ref HEAD").await?;
    if !branches.is_empty() && !branches.iter().any(|pattern| glob::word_matches(pattern, &branch)) {
        faults.push(format!("the branch `{branch}` is none of {}", branches.join(", ")));
    }
    Ok(faults)
}
