//! An index of source code, for programs that read code: where something is defined, what uses it, what a file holds, what a
//! change reaches, and which parts of a tree matter most.
//!
//! ```
//! use forge_index::{Index, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let root = std::env::temp_dir().join(format!("forge-index-example-{}", std::process::id()));
//! # std::fs::create_dir_all(&root)?;
//! std::fs::write(root.join("lib.rs"), "/// Adds.\npub fn add(a: u8, b: u8) -> u8 { a + b }\nfn two() -> u8 { add(1, 1) }\n")?;
//! let mut index = Index::open(&root, Options::default())?;
//! let found = index.find("add", None)?;
//! assert_eq!((found.rows[0].line, found.rows[0].doc.as_str()), (2, "Adds."));
//! let used = index.refs("add", None)?;
//! assert_eq!(used.rows[0].enclosing.as_deref(), Some("two"));
//! # std::fs::remove_dir_all(&root)?;
//! # Ok(())
//! # }
//! ```
//!
//! Rust, Python, TypeScript, JavaScript and Go are read, each behind a feature. Nothing is compiled or run, and types are not
//! inferred: every use has a [`Confidence`]. Files are looked at again at every answer, and what is below the root is all that
//! is read. What is known of a file depends on the file alone, and what its names mean is found when it is asked for, so that an
//! index that has seen a thousand edits answers like one that was just made.

mod answer;
mod bind;
mod cache;
mod codec;
mod content;
mod error;
mod extract;
mod facts;
mod index;
mod kind;
mod language;
mod options;
mod private;
mod row;
mod stat;
mod symbol;
mod tree;
mod walk;

pub use self::{
    answer::{Change, Changes, Impact, Item, Map, MapFile, Outline, Owned, Reached},
    error::IndexError,
    index::Index,
    kind::{Confidence, Kind, UnknownKind},
    language::Language,
    options::Options,
    private::{holds_secrets, is_ignored},
    row::{Row, Rows, Skipped, Status},
};
