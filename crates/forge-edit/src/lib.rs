//! Edits
#[cfg(unix)]
mod apply;
#[cfg(unix)]
mod checkpoint;
mod ladder;
mod parse;
mod path;
mod resolve;
mod set;
mod text;
#[cfg(unix)]
mod workspace;

#[cfg(unix)]
pub use self::{
    apply::{ApplyError, ApplyStep, Intent, IntentFile, Recovered},
    checkpoint::{Checkpoint, CheckpointError, Checkpoints, Restored, UserChanges},
    workspace::{Fingerprint, Workspace, WorkspaceError},
};
pub use self::{
    ladder::{Excerpt, MatchStep},
    parse::{EditFormat, ParseError, Problem, UnknownFormat, parse},
    path::{EditPath, PathProblem},
    resolve::{MatchedHunk, Refusal, Refused, Resolved, ResolvedFile, Why, resolve},
    set::{Action, EditSet, FileEdit, FinalNewline, Hunk, HunkLine, Span},
};
