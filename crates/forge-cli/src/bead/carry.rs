//! `forge bead add`, `dep`, `import` and `export`.

use std::{io::Read as _, path::Path, process::ExitCode};

use forge_worker::{
    BeadKind, DependencyKind, NewBead,
    source::{BeadFile, LARGEST_FILE},
};
use serde_json::json;

use super::desk::{self, Desk};
use crate::{
    args::{BeadAdd, BeadDep, BeadImport},
    error::CliError,
    terminal::{self, note},
};

pub(super) async fn add(desk: &Desk, args: &BeadAdd) -> Result<ExitCode, CliError> {
    let title = args.title.trim();
    if title.is_empty() {
        return Err(CliError::usage("the title is empty", "say in one line what it is about"));
    }
    let mut new = NewBead::new(title);
    new.id = args.id.as_deref().map(desk::id).transpose()?;
    (new.description, new.acceptance) = (args.description.clone(), args.acceptance.clone());
    (new.kind, new.priority) = (BeadKind::from(args.kind.as_str()), args.priority);
    new.labels.clone_from(&args.label);
    new.blocked_by = args.blocked_by.iter().map(|on| desk::id(on)).collect::<Result<_, _>>()?;
    new.parent = args.parent.as_deref().map(desk::id).transpose()?;
    let added = match desk.queue.add(&new, desk.now).await {
        Ok(added) => added,
        Err(error) => return Err(desk.refused(error).await),
    };
    if !desk.json {
        terminal::out(&format!("{}\n", added.id))?;
    }
    desk.tell(&added.id, &format!("added to {}", desk.queue)).await
}

pub(super) async fn dep(desk: &Desk, args: &BeadDep) -> Result<ExitCode, CliError> {
    let (id, on, worker) = (desk::id(&args.id)?, desk::id(&args.on)?, desk::worker(&args.worker)?);
    let kind = DependencyKind::from(args.kind.as_str());
    match desk.queue.depend(&id, (&on, &kind), (worker.as_ref(), &args.reason), desk.now).await {
        Ok(Some(lease)) => {
            desk.tell(&id, &format!("{id} waits for {on}, and is no longer {}'s", lease.owner)).await
        }
        Ok(None) => desk.tell(&id, &format!("{id} depends on {on} ({kind})")).await,
        Err(error) => Err(desk.refused(error).await),
    }
}

pub(super) async fn import(desk: &Desk, args: &BeadImport) -> Result<ExitCode, CliError> {
    let bytes = read(&args.file).map_err(|error| CliError::file(&args.file, &error))?;
    let from =
        BeadFile::parse(&bytes).map_err(|error| CliError::content(&args.file, "a file of beads", &error))?;
    for twice in from.duplicates() {
        note(desk.quiet, &format!("{} stands in {} lines; the newest counts", twice.id, twice.lines.len()));
    }
    let merged = match desk.queue.import(&from).await {
        Ok(merged) => merged,
        Err(error) => return Err(desk.refused(error).await),
    };
    if desk.json {
        terminal::json(&json!({
            "added": merged.added, "updated": merged.updated, "kept": merged.kept,
            "same": merged.same, "other_records": merged.others,
        }))?;
    }
    let (added, updated, kept) = (merged.added.len(), merged.updated.len(), merged.kept.len());
    note(
        desk.quiet,
        &format!(
            "{added} added, {updated} updated, {} the same, {kept} kept because theirs are not newer",
            merged.same
        ),
    );
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = LARGEST_FILE + 1;
    if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 == most {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    Ok(bytes)
}

pub(super) async fn export(desk: &Desk) -> Result<ExitCode, CliError> {
    match desk.queue.export().await {
        Ok(text) => terminal::out(&text).map(|()| ExitCode::SUCCESS),
        Err(error) => Err(desk.refused(error).await),
    }
}
