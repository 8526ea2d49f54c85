//! Where beads come from: lines of JSON, each kept byte for byte where it is not changed.

mod disk;
mod edit;
mod file;
mod merge;

pub(crate) use self::edit::written;
pub use self::{
    disk::{BeadFolder, FolderError, LARGEST_FILE, LockedFolder},
    edit::LineEdit,
    file::{BeadFile, BeadFileError, Duplicate},
    merge::{Merged, merge},
};
