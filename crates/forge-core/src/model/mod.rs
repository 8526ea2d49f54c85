//! What is known of models: windows, abilities, dates, prices.

mod abilities;
mod capabilities;
mod table;

pub use self::{
    abilities::Abilities,
    capabilities::{Capabilities, Efforts},
    table::{ModelInfo, ModelRow, ModelTable, Routed},
};
pub use crate::price::{Factor, Price, Rate, ServedPrice, Tier};
