//! Why something cannot be done with a queue, and what to do next. Nothing that is said here loses work.

use forge::{config::nearest, storage::StorageError};
use forge_worker::{
    BeadId, TaskQueueError,
    queue::Snapshot,
    source::{BeadFileError, FolderError},
};

use crate::{access, error::CliError};

pub(crate) fn refused(error: TaskQueueError, snapshot: Option<&Snapshot>) -> CliError {
    let what = error.to_string();
    match error {
        TaskQueueError::Unknown(id) => unknown(&id, snapshot),
        TaskQueueError::Storage(error) => storage(&error),
        TaskQueueError::Folder(error) => CliError::usage(what, folder(&error)),
        TaskQueueError::Exists(id) => {
            CliError::usage(what, format!("choose another id, or see `forge bead show {id}`"))
        }
        TaskQueueError::Done(id) | TaskQueueError::NotHeld(id) => {
            CliError::usage(what, format!("see `forge bead show {id}`"))
        }
        TaskQueueError::Cycle { .. } => CliError::usage(what, "leave one of these dependencies out"),
        TaskQueueError::NotReady { .. } => CliError::failed("the bead was not claimed", &error)
            .with_next("`forge bead ready` lists those that can be"),
        TaskQueueError::Stale(_) => CliError::failed("nothing was changed", &error).with_next(
            "keep the work: commit it on a branch of its own and name the branch to whoever has the bead now",
        ),
        TaskQueueError::Busy(_) => CliError::failed("nothing was changed", &error).with_next("try again"),
        error => CliError::failed("the queue cannot be used", &error).with_next("see `forge doctor`"),
    }
}

fn folder(error: &FolderError) -> &'static str {
    match error {
        FolderError::Content { source: BeadFileError::Conflict { .. }, .. } => {
            "finish the merge, and try again"
        }
        FolderError::Content { source: BeadFileError::Half { .. }, .. } | FolderError::Exclusive { .. } => {
            "try again when the other program has ended"
        }
        FolderError::Content { .. } => "correct the line",
        FolderError::Link { .. } => "name the folder that the link leads to: `--workspace DIR`",
        FolderError::TooLarge { .. } => "keep closed beads in another file",
        _ => "check the folder and its permissions",
    }
}

fn storage(error: &StorageError) -> CliError {
    access::storage(error)
}

fn unknown(id: &BeadId, snapshot: Option<&Snapshot>) -> CliError {
    let known =
        snapshot.into_iter().flat_map(|snapshot| snapshot.beads().iter().map(|bead| bead.id.as_str()));
    let next = nearest(id.as_str(), known)
        .map_or_else(|| "see `forge bead list --all`".to_owned(), |near| format!("did you mean `{near}`?"));
    CliError::usage(format!("there is no bead {id}"), next)
}
