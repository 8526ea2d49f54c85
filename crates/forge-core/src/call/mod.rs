//! The surroundings of a call: who is asked, until when, on whose behalf.

mod attempts;
mod context;

pub use self::{
    attempts::Attempts,
    context::{CallContext, Fallback},
};
pub use crate::id::CallId;
