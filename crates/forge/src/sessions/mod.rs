//! Sessions over the providers of a router: what they are called, from what is said of one to its plan, and what they run on.

mod host;
mod name;
mod request;

pub(crate) use self::host::SessionHost;
pub use self::{name::session_name, request::SessionRequest};
