//! Whose file it is.

use std::io;

use crate::expand::Lookup;

/// Whether the user stands behind a file. There is nothing between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The user named the file, owns it or trusted it.
    Trusted,
    /// The file came with somebody else's project. What could send or read something that its user does not mean to
    /// is a mistake in it: `${file:...}`, and what each section refuses.
    Project,
}

/// Variables only.
#[derive(Debug)]
pub(crate) struct WithoutFiles<'a>(pub(crate) &'a dyn Lookup);

impl Lookup for WithoutFiles<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.variable(name)
    }

    fn file(&self, _: &str) -> io::Result<String> {
        // Whether the file is there is nothing that an untrusted one may find out.
        Err(io::ErrorKind::PermissionDenied.into())
    }
}
