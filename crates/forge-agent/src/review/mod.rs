//! Reviews of changes: several models read a diff, and the host keeps what it can place.
//!
//! ```
//! use forge_agent::review::{parse, split};
//!
//! let diff = "--- a/f.rs\n+++ b/f.rs\n@@ -1 +1 @@\n-let a = 1;\n+let a = 2;\n";
//! let change = parse(diff)?;
//! let (pieces, unread) = split(&change, 8_000);
//! assert_eq!((pieces.len(), unread.len()), (1, 0));
//! # Ok::<(), forge_agent::review::DiffError>(())
//! ```
//!
//! | Step | What it does |
//! |---|---|
//! | [`Repository::change`] | the text of a diff, with everything off in git that runs programs of the repository |
//! | [`parse`] | the text to files, hunks and lines |
//! | [`mask`] | key-like secrets go before anybody reads it |
//! | [`split`] | pieces that fit into the smallest window, what matters most first |
//! | [`Review::run`] | a session of mode `judge` for each piece, within the caps of all of them together |
//! | [`Report`] | what was confirmed, at its lines; what was not, apart |
//! | [`render`] | the report for a reader: people, a build server, a code host |

mod anchor;
mod baseline;
mod change;
mod context;
mod finding;
mod fingerprint;
mod format;
mod git;
mod parse;
mod pieces;
mod placed;
mod report;
mod rounds;
mod rules;
mod run;
mod scanned;
mod secrets;
mod suggestion;

#[cfg(unix)]
pub(crate) use self::anchor::{Anchored, Said, anchor};
pub use self::{
    baseline::read as read_baseline,
    change::{Change, Content, FileChange, Hunk, Line, Mark},
    context::around,
    finding::{Anchor, Finding, Fix, Open, Outcome, Place, Side, Source},
    fingerprint::name_of,
    format::{Format, render},
    git::{GitError, Repository, Taken, Target},
    parse::{DiffError, parse},
    pieces::{Piece, Unread, split, tokens},
    placed::ReadFile,
    report::{Coverage, Report, Spent, Status},
    rounds::{Round, lines, only_since},
    rules::references as rules,
    run::{Limits, Panel, Review},
    scanned::read as read_sarif,
    secrets::mask,
};
