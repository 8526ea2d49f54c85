//! Replies of the free endpoints.

use forge_http::lenient::{self, Count};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ModelList {
    #[serde(deserialize_with = "lenient::objects")]
    pub(crate) data: Vec<Model>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Model {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) shutdown_date: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TokenTotal {
    #[serde(default)]
    pub(crate) input_tokens: Count,
}
