//! Edits that models write: read in four formats, found in the files without guessing, made all together or not at all, with
//! checkpoints in git to go back to.
//!
//! ```
//! use forge_edit::{EditFormat, MatchStep, Workspace, parse, resolve};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let root = std::env::temp_dir().join(format!("forge-edit-example-{}", std::process::id()));
//! # std::fs::create_dir_all(&root)?;
//! std::fs::write(root.join("lib.rs"), "fn two() -> u8 {\n    3\n}\n")?;
//! // What a model has answered: prose, and a block in which the lines are not indented.
//! let answer = "The sum is wrong.\n\nlib.rs\n<<<<<<< SEARCH\n3\n=======\n2\n>>>>>>> REPLACE\n";
//!
//! let set = parse(answer, EditFormat::SearchReplace)?;
//! let workspace = Workspace::open(&root)?;
//! let resolved = resolve(&set, |path| workspace.read(path))?;
//! assert_eq!(resolved.files[0].hunks[0].step, MatchStep::Indentation);
//!
//! // A journal keeps the intent; after a crash, `workspace.recover(&intent)` finishes or undoes it.
//! let intent = workspace.intent("task-1", &resolved)?;
//! workspace.apply(&intent, &resolved)?;
//! assert_eq!(std::fs::read_to_string(root.join("lib.rs"))?, "fn two() -> u8 {\n    2\n}\n");
//!
//! // Lines that are not there are an error with the nearest ones, for the model.
//! let refused = resolve(&set, |path| workspace.read(path)).unwrap_err();
//! assert!(refused.to_string().starts_with("lib.rs, the edit at line 4: its lines are not in the file"));
//! # std::fs::remove_dir_all(&root)?;
//! # Ok(())
//! # }
//! ```
//!
//! | Step | What it does | What it touches |
//! |---|---|---|
//! | [`parse`] | a text to an [`EditSet`]: each byte is prose or part of an edit, and what is begun and not ended is an error | nothing |
//! | [`resolve`] | the place of every hunk, all in the same state of the files; what was forgiven is told ([`MatchStep`]) | reads, by the caller |
//! | [`Workspace::intent`] | what is about to be done, as data for a journal ([`Intent`]) | reads |
//! | [`Checkpoints::take`] | the state of now, kept in git beside everything of the user | objects, one reference |
//! | [`Workspace::apply`] | all files, or none | the files |
//!
//! `parse` and `resolve` work everywhere; what reads and writes files is there on Unix. All calls block, for as long as a disk or git
//! takes: a program with an asynchronous runtime makes them on a thread that may block. Nothing reads the environment or the clock.
//!
//! What a file has beside contents, permissions and owner (extended attributes, further hard links) is not kept when it is replaced.

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
    checkpoint::{ChangedFile, Checkpoint, CheckpointError, Checkpoints, Restored, UserChanges},
    workspace::{Fingerprint, Workspace, WorkspaceError},
};
pub use self::{
    ladder::{Excerpt, MatchStep},
    parse::{EditFormat, ParseError, Problem, UnknownFormat, parse},
    path::{EditPath, PathProblem},
    resolve::{MatchedHunk, Refusal, Refused, Resolved, ResolvedFile, Why, resolve},
    set::{Action, EditSet, FileEdit, FinalNewline, Hunk, HunkLine, Span},
};
