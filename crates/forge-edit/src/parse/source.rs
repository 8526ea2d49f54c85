//! A text by its lines.

/// A text by its lines, each counted from 0; reports count from 1.
#[derive(Debug)]
pub(super) struct Source<'t> {
    text: &'t str,
    /// Where each line begins, and the end of the text.
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1).filter(|at| *at < text.len()));
        if !text.is_empty() {
            starts.push(text.len());
        }
        Self { text, starts }
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where the line begins; for the number of lines, the end of the text.
    pub(super) fn start(&self, line: usize) -> usize {
        self.starts[line]
    }

    /// A line without its line feed; empty behind the last one.
    pub(super) fn line(&self, line: usize) -> &'t str {
        if line >= self.len() {
            return "";
        }
        let text = &self.text[self.starts[line]..self.starts[line + 1]];
        text.strip_suffix('\n').unwrap_or(text)
    }

    /// The first line at or behind `from` that is as wanted.
    pub(super) fn find(&self, from: usize, mut wanted: impl FnMut(&'t str) -> bool) -> Option<usize> {
        (from..self.len()).find(|line| wanted(self.line(*line)))
    }

    /// The lines as texts.
    pub(super) fn lines(&self, range: std::ops::Range<usize>) -> Vec<&'t str> {
        range.map(|line| self.line(line)).collect()
    }
}
