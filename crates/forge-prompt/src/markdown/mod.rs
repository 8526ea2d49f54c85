//! Markdown out of answers: lines that know where they stand, fences, quotations.

mod blocks;
mod document;
mod fences;
mod line;
mod quotes;

pub use self::{
    blocks::{Block, blocks, code},
    document::document,
    fences::{fence, fenced_alone, fenced_lines, offsets},
    line::{Line, split_field},
    quotes::{passage, unquoted},
};
