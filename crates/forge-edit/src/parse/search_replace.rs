//! Blocks of lines to find and their replacement.

use crate::set::{Action, Hunk};

use super::{
    draft::Draft,
    error::{ParseError, Problem},
    fence::Fence,
    names::path_line,
    source::Source,
};

/// The fewest characters of a mark.
const NARROWEST: usize = 5;

pub(super) fn parse(source: &Source<'_>, draft: &mut Draft<'_, '_>) -> Result<(), ParseError> {
    let mut path = None;
    let (mut line, mut free) = (0, 0);
    while line < source.len() {
        let text = source.line(line);
        if let Some(width) = mark(text, '<', "SEARCH") {
            let above = above(source, free, line)?;
            let named = above.map(|(at, path)| (at, path.to_owned()));
            let (start, name) = named
                .or_else(|| path.clone().map(|path| (line, path)))
                .ok_or_else(|| Problem::NoPath.at(line + 1))?;
            let block = Block::at(source, line, width)?;
            let (action, end) = block.action(source);
            draft.edit(start..end, &name, action);
            path = Some(name);
            (line, free) = (end, end);
            continue;
        }
        if mark(text, '>', "REPLACE").is_some() {
            return Err(Problem::Stray(text.trim().to_owned()).at(line + 1));
        }
        line += 1;
    }
    Ok(())
}

/// The line above a block that names its file. A fence or an empty line may stand between; where nothing else stands between two
/// blocks, the second is of the same file.
fn above<'t>(source: &Source<'t>, free: usize, block: usize) -> Result<Option<(usize, &'t str)>, ParseError> {
    let named = (free..block)
        .rev()
        .find(|line| !source.line(*line).trim().is_empty() && Fence::opening(source.line(*line)).is_none());
    let Some(line) = named else { return Ok(None) };
    let text = source.line(line).trim();
    let path =
        path_line(text.strip_suffix(':').unwrap_or(text)).ok_or_else(|| Problem::NoPath.at(block + 1))?;
    Ok(Some((line, path)))
}

/// How wide a mark is, if the line is one.
fn mark(line: &str, character: char, word: &str) -> Option<usize> {
    let rest = line.trim_end().trim_start_matches(character);
    let width = line.trim_end().len() - rest.len();
    (width >= NARROWEST && rest.trim_start() == word).then_some(width)
}

/// The lines of the three marks.
#[derive(Debug)]
struct Block {
    search: usize,
    divider: usize,
    replace: usize,
}

impl Block {
    /// All marks of a block are equally wide, so that narrower or wider ones may be part of the file.
    fn at(source: &Source<'_>, search: usize, width: usize) -> Result<Self, ParseError> {
        let divider = "=".repeat(width);
        let unclosed = || Problem::Unclosed { end: format!("{} REPLACE", ">".repeat(width)) }.at(search + 1);
        let mut middle = None;
        for line in search + 1..source.len() {
            let text = source.line(line);
            if mark(text, '<', "SEARCH") == Some(width) {
                break;
            }
            if mark(text, '>', "REPLACE") == Some(width) {
                let divider = middle.ok_or_else(|| Problem::NoDivider(divider.clone()).at(search + 1))?;
                return Ok(Self { search, divider, replace: line });
            }
            if text.trim_end() == divider {
                if middle.is_some() {
                    return Err(Problem::SecondDivider(divider).at(line + 1));
                }
                middle = Some(line);
            }
        }
        Err(unclosed())
    }

    /// What the block asks for, and the line behind it. Nothing to find is a new file.
    fn action(&self, source: &Source<'_>) -> (Action, usize) {
        let old = source.lines(self.search + 1..self.divider);
        let new = source.lines(self.divider + 1..self.replace);
        let hunk = Hunk::replacing(self.search + 1, &old, &new);
        let action = if old.is_empty() {
            Action::Create { content: hunk.added_text() }
        } else {
            Action::Update { hunks: vec![hunk] }
        };
        (action, self.replace + 1)
    }
}
