//! What is wrong with one file, each mistake at its line.

use super::error::CorpusProblem;

/// The problems of one file.
pub(super) struct Problems<'a> {
    pub(super) file: &'a str,
    head: &'a str,
    pub(super) found: Vec<CorpusProblem>,
}

impl<'a> Problems<'a> {
    pub(super) const fn new(file: &'a str, head: &'a str) -> Self {
        Self { file, head, found: Vec::new() }
    }

    pub(super) fn at(&mut self, line: usize, what: impl Into<String>, next: impl Into<String>) {
        let (what, next) = (what.into(), next.into());
        self.found.push(CorpusProblem { file: self.file.to_owned(), line, what, next });
    }

    /// A problem with the fault at this place of the list.
    pub(super) fn of(&mut self, fault: usize, id: &str, what: impl AsRef<str>, next: impl Into<String>) {
        self.at(self.line(fault), format!("fault {id}: {}", what.as_ref()), next);
    }

    /// The line of the fault at this place: the items of the list are those lines that begin with a dash and a key.
    fn line(&self, fault: usize) -> usize {
        let lines =
            self.head.lines().enumerate().skip_while(|(_, line)| !line.starts_with("faults:")).skip(1);
        let mut depth = None;
        let mut items = lines.filter(|(_, line)| {
            let indent = line.len() - line.trim_start().len();
            let is_item = line.trim_start().starts_with("- ") && *depth.get_or_insert(indent) == indent;
            is_item && line.contains(':')
        });
        // The head begins at the second line.
        items.nth(fault).map_or(2, |(at, _)| at + 2)
    }
}
