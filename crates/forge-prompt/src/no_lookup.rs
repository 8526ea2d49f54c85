//! Files that name no variable of the environment and no other file.

use std::io;

use forge_config::Lookup;

/// Finds nothing: a prompt and a test of one are whole in themselves.
#[derive(Debug)]
pub(crate) struct NoLookup;

impl Lookup for NoLookup {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}
