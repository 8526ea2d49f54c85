//! `forge bead claim`, `renew`, `release` and `close`.

use std::process::{Command, ExitCode, Stdio};

use forge_worker::{Claim, Evidence, queue::Release};
use serde_json::json;

use super::{
    desk::{self, Desk},
    form, show,
};
use crate::{
    access,
    args::{BeadClaim, BeadClose, BeadRelease, BeadRenew},
    error::CliError,
    layout,
    terminal::{self, note},
};

/// Digits of the shortest hash of a commit, and of the longest.
const HASH: std::ops::RangeInclusive<usize> = 7..=64;

pub(super) async fn claim(desk: &Desk, args: &BeadClaim) -> Result<ExitCode, CliError> {
    let worker = desk::worker(&args.worker)?.ok_or_else(|| {
        CliError::usage(
            "nobody is named who takes the bead",
            "name the worker: `--worker NAME`, or FORGE_WORKER_ID",
        )
    })?;
    let mut claim = Claim::new(worker).with_ttl(args.ttl);
    if let Some(id) = &args.id {
        claim = claim.with_only(desk::id(id)?);
    }
    let claimed = match desk.queue.claim(&claim, desk.now).await {
        Ok(claimed) => claimed,
        Err(error) => return Err(desk.refused(error).await),
    };
    let snapshot = desk.snapshot().await?;
    let Some(claimed) = claimed else {
        if desk.json {
            terminal::json(&json!({ "bead": null }))?;
        }
        note(desk.quiet, &show::nothing(&snapshot));
        return Ok(ExitCode::SUCCESS);
    };
    let (id, generation) = (&claimed.bead.id, claimed.lease.generation);
    if desk.json {
        let mut bead = desk.bead(&snapshot, id);
        // The lease that was given, whatever has become of it since.
        bead["lease"] = form::lease(&claimed.lease, desk.now);
        terminal::json(&json!({ "bead": bead }))?;
    } else {
        let title = claimed.bead.title.replace(['\n', '\t'], " ");
        show::out(&format!("{id}\t{generation}\t{title}\n"))?;
    }
    let until = claimed.lease.expires_at.format("%F %T UTC");
    note(
        desk.quiet,
        &format!(
            "{id} is yours until {until}; close it: `forge bead close {id} --generation {generation} --commit HASH`"
        ),
    );
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn renew(desk: &Desk, args: &BeadRenew) -> Result<ExitCode, CliError> {
    let id = desk::id(&args.id)?;
    match desk.queue.renew(&id, args.generation, args.ttl, desk.now).await {
        Ok(lease) => {
            let until = lease.expires_at.format("%F %T UTC");
            desk.tell(&id, &format!("{id} is {}'s until {until}", lease.owner)).await
        }
        Err(error) => Err(desk.refused(error).await),
    }
}

pub(super) async fn release(desk: &Desk, args: &BeadRelease) -> Result<ExitCode, CliError> {
    let id = desk::id(&args.id)?;
    let release = match args.generation {
        Some(generation) => Release::Own(generation),
        None => Release::Forced { by: access::by() },
    };
    match desk.queue.release(&id, release, &args.reason, desk.now).await {
        Ok(lease) => desk.tell(&id, &format!("{id} is no longer {}'s", lease.owner)).await,
        Err(error) => Err(desk.refused(error).await),
    }
}

pub(super) async fn close(desk: &Desk, args: &BeadClose) -> Result<ExitCode, CliError> {
    let id = desk::id(&args.id)?;
    let evidence = match (&args.commit, &args.nothing_to_do) {
        (Some(commit), _) => {
            check_commit(desk, commit)?;
            Evidence::Commit(commit.clone())
        }
        (None, reason) => {
            let reason = reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
            let why = || CliError::usage("the reason is empty", "say why nothing had to be done");
            Evidence::NothingToDo(reason.ok_or_else(why)?.to_owned())
        }
    };
    match desk.queue.close(&id, args.generation, &evidence, desk.now).await {
        Ok(_) => desk.tell(&id, &format!("{id} is closed")).await,
        Err(error) => Err(desk.refused(error).await),
    }
}

/// A commit that is not there shows nothing. Where git cannot say so, its form alone is checked.
fn check_commit(desk: &Desk, commit: &str) -> Result<(), CliError> {
    let is_hash = HASH.contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash {
        let what = format!("`{}` is no hash of a commit", layout::cut(commit, 80));
        return Err(CliError::usage(
            what,
            "write 7 to 64 hexadecimal digits, such as `git rev-parse HEAD` prints",
        ));
    }
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(desk.queue.name()).args(words);
        let ended = git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        ended.is_ok_and(|ended| ended.success())
    };
    let object = format!("{commit}^{{commit}}");
    if git(&["rev-parse", "--git-dir"]) && !git(&["cat-file", "-e", &object]) {
        let what = format!("{} holds no commit {commit}", desk.queue.name());
        return Err(CliError::usage(what, "commit the work in this repository first, and name that commit"));
    }
    Ok(())
}
