//! `forge review`: several models read a change or a document.

#[cfg(unix)]
mod apply;
mod deliver;
mod panel;
mod prepare;
mod rounds;
mod target;

use std::{process::ExitCode, time::Duration};

use forge::agent::review::Review as Job;
use tokio::task::JoinHandle;

use self::{
    panel::Reviewers,
    prepare::Prepared,
    target::{Target, refuse_for_change, refuse_for_document},
};
use crate::{
    args::{GlobalArgs, Review},
    error::CliError,
    files,
    session::{self, progress::Progress},
    setup::Setup,
    signals::Interrupts,
    terminal::note,
};

pub(crate) async fn run(review: Review, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    #[cfg(unix)]
    if let Some(id) = &review.change.apply {
        return apply::run(id, &review, args);
    }
    match target::of(&review)? {
        Target::Document(path) => {
            refuse_for_document(&review)?;
            Box::pin(session::review(&path, &review, args)).await
        }
        target => {
            refuse_for_change(&review)?;
            Box::pin(change(target, &review, args)).await
        }
    }
}

async fn change(target: Target, review: &Review, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    // Before anything is sent: a result is paid for whether or not it can be written.
    review.session.output.as_deref().map(files::check_output).transpose()?;
    let mut prepared = prepare::prepare(target, review)?;
    let system = Setup::open(args).await?;
    let progress = Progress::new(args.quiet, false);
    let reviewers = Reviewers::new(&system, review, &progress)?;
    prepared.job.limits = reviewers.limits(review);
    if review.topic.dry {
        return deliver::dry(&prepared, &reviewers, args.json || review.is_in_json());
    }
    for notice in &prepared.notices {
        note(args.quiet, &format!("note: {notice}"));
    }
    let watch = interrupts(&reviewers, &progress)?;
    let read = |path: &str| prepared.file(path);
    let report = Job { read: Some(&read), ..prepared.job.clone() }.run(&reviewers).await;
    // Before the result is written, so that the accounts are whole whatever becomes of stdout.
    system.close(Duration::from_secs(1)).await;
    watch.abort();
    let mut report = report.map_err(|error| CliError::session(&error))?;
    let Prepared { notices, base, head, .. } = &prepared;
    report.notices.splice(0..0, notices.iter().cloned());
    (report.base, report.head) = (base.clone(), head.clone());
    prepared.rounds.keep(&report, args.quiet);
    #[cfg(unix)]
    if let Some(repository) = &prepared.repository {
        apply::keep(repository, &report, review, args.quiet);
    }
    deliver::deliver(&report, review, args)?;
    Ok(deliver::exit_code(&report, review, reviewers.is_interrupted()))
}

/// The first interrupt ends the session under way cleanly, the second ends the program at once.
fn interrupts(reviewers: &Reviewers<'_>, progress: &Progress) -> Result<JoinHandle<()>, CliError> {
    let (mut interrupts, current, progress) = (Interrupts::new()?, reviewers.current(), progress.clone());
    Ok(tokio::spawn(async move {
        interrupts.next().await;
        progress.note("ending the review; interrupt again to stop at once");
        current.abort();
        interrupts.next().await;
        std::process::exit(130);
    }))
}
