//! Fences of Markdown.

/// A fence of Markdown: its character and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    mark: char,
    width: usize,
}

impl Fence {
    /// The fence that a line opens, with what stands behind it. Fences inside of lists are indented.
    pub(super) fn opening(line: &str) -> Option<(Self, &str)> {
        let line = line.trim();
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = line.trim_start_matches(mark);
        let width = line.len() - info.len();
        (width >= 3 && !info.contains(mark)).then_some((Self { mark, width }, info.trim()))
    }

    /// Whether a line closes this fence: the same characters, as many or more, and nothing else.
    pub(super) fn closes(self, line: &str) -> bool {
        matches!(Self::opening(line), Some((fence, "")) if fence.mark == self.mark && fence.width >= self.width)
    }

    /// The line that closes it.
    pub(super) fn end(self) -> String {
        self.mark.to_string().repeat(self.width)
    }
}
