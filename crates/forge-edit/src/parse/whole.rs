//! Fenced blocks with whole files.

use crate::set::Action;

use super::{
    draft::Draft,
    error::{ParseError, Problem},
    fence::Fence,
    names::path_line,
    source::Source,
};

/// A block is a file if the line directly above it is a path and nothing else. One that ends early, because the file holds a
/// fence like its own, leaves a fence without an end behind, so that it is always noticed.
pub(super) fn parse(source: &Source<'_>, draft: &mut Draft<'_, '_>) -> Result<(), ParseError> {
    let (mut line, mut free) = (0, 0);
    while line < source.len() {
        let Some((fence, _)) = Fence::opening(source.line(line)) else {
            line += 1;
            continue;
        };
        let end = source
            .find(line + 1, |text| fence.closes(text))
            .ok_or_else(|| Problem::Unclosed { end: fence.end() }.at(line + 1))?;
        let above = line.checked_sub(1).filter(|above| *above >= free);
        if let Some((above, path)) = above.and_then(|above| Some((above, path_line(source.line(above))?))) {
            let mut content = source.lines(line + 1..end).join("\n");
            if end > line + 1 {
                content.push('\n');
            }
            draft.edit(above..end + 1, path, Action::Write { content });
        }
        (line, free) = (end + 1, end + 1);
    }
    Ok(())
}
