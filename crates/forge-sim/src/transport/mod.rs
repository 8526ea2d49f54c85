//! From a reply to bytes on a socket, with every fault of a network in between.

mod body;
mod connection;
mod encode;
mod oddity;
mod pieces;
mod plan;

pub(crate) use body::{PlannedBody, Severed};
pub(crate) use connection::{Connection, Socket};
pub(crate) use oddity::sign;
pub(crate) use plan::{Pace, Plan, Step, plan};
