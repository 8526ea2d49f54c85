//! What a worker is told of a bead.

use std::{fmt::Write as _, path::Path};

use crate::{bead::Bead, id::WorkerId, launch::quoted};

/// The task as a worker reads it, with the command lines by which it ends. `program` is the command `forge`, `workspace` the folder
/// whose queue it is.
#[must_use]
pub fn prompt(bead: &Bead, worker: &WorkerId, generation: u64, program: &Path, workspace: &Path) -> String {
    let (id, program) = (&bead.id, quoted(&program.to_string_lossy()));
    let workspace = format!("--workspace {}", quoted(&workspace.to_string_lossy()));
    let mut text = format!("You are worker {worker}. Your task is {id}: {}\n", bead.title);
    if !bead.description.is_empty() {
        let _ = write!(text, "\n{}\n", bead.description.trim_end());
    }
    if !bead.acceptance.is_empty() {
        let _ = write!(text, "\nIt is done when: {}\n", bead.acceptance.trim_end());
    }
    let _ = write!(
        text,
        "\nWork in the current folder and commit what you change. Then run one of these, or the task goes to somebody else:
  done: {program} bead close {id} --generation {generation} --commit HASH {workspace}
  nothing to do: {program} bead close {id} --generation {generation} --nothing-to-do REASON {workspace}
  another task comes first: {program} bead dep {id} --on OTHER --reason TEXT {workspace}
  you cannot do it: {program} bead release {id} --generation {generation} --reason TEXT {workspace}\n"
    );
    text
}
