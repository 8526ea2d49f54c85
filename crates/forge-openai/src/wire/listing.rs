//! Replies of the free endpoints.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct ModelList {
    #[serde(default)]
    pub(crate) data: Vec<Model>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) shutdown_date: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TokenTotal {
    pub(crate) input_tokens: u64,
}
