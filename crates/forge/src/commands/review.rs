//! `/review`: several models read a change.

use std::path::Path;

use super::{answer::CommandAnswer, call::CommandCall, error::CommandError, slash::SlashCommand};
use crate::{
    agent::{
        command::{Argument, ArgumentKind, CommandSpec, Form, Permission},
        review::{
            Format, GitError, Limits, Panel, Repository, Review, Target, mask, parse, render, rules, split,
        },
    },
    session::{Controls, Mode, Plan, SessionDeps, SessionError, Topic},
    sessions::{SessionRequest, session_name},
    storage::journal::StreamName,
    system::System,
};

/// What critics look for, seat by seat, unless the configuration says.
const LENSES: [&str; 5] = ["correctness", "security", "performance", "tests", "readability"];
/// Tokens of a piece.
const PIECE: u64 = 8_000;
/// The most findings that are shown.
const SHOWN: usize = 20;
/// A larger file of rules is not read.
const MOST_BYTES: usize = 1 << 20;

pub(super) fn command() -> SlashCommand {
    let of = Argument::optional("REVSPEC", ArgumentKind::Word);
    let form = Form::new([of], "have several models read a change");
    SlashCommand::new(CommandSpec::new("review", Permission::Ask, [form]), review)
}

async fn review(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let refused = |error: GitError| CommandError::Usage(format!("{error}; {}", error.next()));
    let repository = Repository::open(&call.workspace).map_err(refused)?;
    let target = call.arguments.text(0).map_or(Target::Worktree, |text| Target::Revision(text.to_owned()));
    let taken = repository.change(&target).map_err(refused)?;
    let mut change = parse(&taken.diff).map_err(|error| CommandError::Failed(error.to_string()))?;
    let mut notes = Vec::new();
    if !mask(&mut change).is_empty() {
        notes.push("what looks like a secret was masked before anybody read it".to_owned());
    }
    let (pieces, unread) = split(&change, PIECE);
    let panel = Reviewers { system: call.system.clone(), deps: deps(&call)? };
    let root = repository.root().to_owned();
    let head = taken.head.clone();
    let read = move |path: &str| text(&repository, head.as_deref(), &root, path);
    let repository = Repository::open(&call.workspace).map_err(refused)?;
    let caps = panel.plan(Topic::default(), String::new()).settings.caps;
    let job = Review {
        target: taken.name.clone(),
        rules: rules(|path| repository.file_at(&taken.base, path, MOST_BYTES)),
        limits: Limits { money: caps.money, tokens: caps.tokens, time: caps.time, calls: None },
        most: SHOWN,
        change,
        pieces,
        unread,
        read: Some(&read),
        ..Review::default()
    };
    let mut report = job.run(&panel).await?;
    (report.base, report.head) = (Some(taken.base), taken.head);
    let data = serde_json::from_str(&report.to_json()).unwrap_or_default();
    Ok(CommandAnswer { notes, ..CommandAnswer::text(render(&report, Format::Text)).with_data(data) })
}

/// The text of a file after the change.
fn text(repository: &Repository, head: Option<&str>, root: &Path, path: &str) -> Option<String> {
    match head {
        Some(head) => repository.file_at(head, path, MOST_BYTES),
        None => std::fs::read_to_string(root.join(path)).ok(),
    }
}

fn deps(call: &CommandCall) -> Result<SessionDeps, CommandError> {
    let deps = call.system.session_deps()?;
    Ok(match &call.observer {
        Some(observer) => deps.with_observer(observer.clone()),
        None => deps,
    })
}

/// The critics of the configuration.
struct Reviewers {
    system: System,
    deps: SessionDeps,
}

impl Reviewers {
    fn plan(&self, topic: Topic, document: String) -> Plan {
        let request = SessionRequest {
            draft: Some(document),
            cycles: Some(1),
            ..SessionRequest::new(topic, Mode::Judge)
        };
        let mut plan = self.system.plan_session(request);
        if plan.lenses.iter().all(String::is_empty) {
            plan.lenses = LENSES.map(str::to_owned).to_vec();
        }
        plan
    }
}

impl Panel for Reviewers {
    fn open(
        &self,
        topic: Topic,
        document: String,
        caps: Limits,
    ) -> Result<(SessionDeps, StreamName, Plan), SessionError> {
        let mut plan = self.plan(topic, document);
        plan.settings.caps = caps.over(plan.settings.caps);
        Ok((self.deps.clone(), session_name()?, plan))
    }

    fn started(&self, _: &StreamName, _: Controls) {}
}
