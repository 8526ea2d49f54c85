//! The folder that a workflow works in.

use std::fs;

use forge_core::storage::journal::StreamName;
use forge_edit::Checkpoints;

use super::Place;
use crate::workflow::{brief::Brief, deps::WorkflowDeps, event::Outcome};

/// The user's folder itself, or a working tree beside it with all that is not committed.
pub(super) fn prepare(
    deps: &WorkflowDeps,
    name: &StreamName,
    brief: Option<&Brief>,
) -> Result<Outcome, String> {
    let brief = brief.ok_or("nothing was asked")?;
    let folder = deps.folder(name);
    let state = folder.join("checkpoints");
    fs::create_dir_all(&state).map_err(|why| format!("{}: {why}", state.display()))?;
    let open = |root: &std::path::Path| {
        Checkpoints::open(root, &state, |name| (deps.variable)(name)).map_err(|why| why.to_string())
    };
    let (root, dirty) = if brief.here {
        (brief.workspace.clone(), Vec::new())
    } else {
        let user = open(&brief.workspace)?;
        if user.is_shadow() {
            let folder = brief.workspace.display();
            return Err(format!("{folder} is no git repository; `--here` works in the folder itself"));
        }
        let tree = folder.join("tree");
        let dirty = user.add_worktree(&tree).map_err(|why| why.to_string())?;
        (tree, dirty.iter().map(|path| path.display().to_string()).collect())
    };
    let root = root.canonicalize().map_err(|why| format!("{}: {why}", root.display()))?;
    let place =
        Place { root: root.clone(), state, variable: deps.variable.clone(), run: name.as_str().to_owned() };
    let base = place.take().map_err(|why| why.to_string())?;
    Ok(Outcome::Prepared { root, base, dirty })
}
