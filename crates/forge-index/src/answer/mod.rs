//! The five answers.

mod diff;
mod find;
mod graph;
mod impact;
mod map;
mod outline;
mod owners;
mod refs;
mod rows;

pub use self::{
    diff::{Change, Changes},
    impact::{Impact, Owned, Reached},
    map::{Map, MapFile},
    outline::{Item, Outline},
};
