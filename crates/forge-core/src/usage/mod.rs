//! What a call has used: tokens by class, and money.

mod money;
mod tokens;

pub use self::{
    money::{Money, ParseMoneyError, cost},
    tokens::{ServerTools, TokenCount},
};
