//! The vendors whose servers speak the dialect, and what each of them does in its own way, as data.
//!
//! What is not known of a vendor is left out of its row; it then gets what every server takes.

use std::sync::LazyLock;

use forge_core::{
    ErrorKind, ModelId, ModelProvider, ProviderError,
    error::Phase,
    provider::{AdapterSettings, CompatibleVendor},
};
use serde::Deserialize;

use crate::{
    chat::{Field, ThinkTags, TokenLimit},
    outgoing::CallIds,
    usage::Counting,
};

/// One vendor.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) vendor: CompatibleVendor,
    pub(crate) habits: Habits,
}

/// What a vendor does in its own way.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Habits {
    /// Where its API begins on a host of the user's own.
    pub(crate) path: Option<String>,
    /// It serves `OpenAI`'s models as `OpenAI` does, through both APIs.
    pub(crate) own_models: bool,
    /// It would store a chat unless told not to.
    pub(crate) takes_store: bool,
    pub(crate) key_header: KeyHeader,
    /// Fields of a request that it answers with an error.
    pub(crate) refuses: Vec<Field>,
    /// Its field for a seed is `random_seed`.
    pub(crate) random_seed: bool,
    pub(crate) token_limit: Option<TokenLimit>,
    pub(crate) thoughts: Thoughts,
    /// Thoughts may stand in the answer, between tags.
    pub(crate) think_tags: bool,
    /// Which ids of calls it takes.
    pub(crate) ids: CallIds,
    /// The speakers have to take turns.
    pub(crate) alternates: bool,
    pub(crate) counting: Counting,
    /// A server of one's own: it takes more tuning, and no documents.
    pub(crate) local: bool,
    /// It ignores a tool choice.
    pub(crate) ignores_tool_choice: bool,
}

impl Habits {
    /// How thoughts stand in the answers of `model`.
    pub(crate) fn tags(&self, model: &ModelId) -> Option<ThinkTags> {
        match (self.think_tags, self.local) {
            (false, _) => None,
            (true, true) => Some(ThinkTags::local(model)),
            (true, false) => Some(ThinkTags::hosted()),
        }
    }
}

/// The header of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyHeader {
    #[default]
    Bearer,
    ApiKey,
}

/// Whether thoughts go back to the model that had them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Thoughts {
    /// In the field in which they came.
    #[default]
    Returned,
    /// In the field in which they came, and empty ones with calls that others made: the vendor refuses calls without.
    Required,
    /// The vendor refuses that field.
    KeptBack,
}

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../compatible.json")).unwrap_or_default());

/// A server of which nothing is known but that it speaks the dialect.
static UNKNOWN: LazyLock<Row> = LazyLock::new(|| {
    let mut row = Row::default();
    ModelProvider::OpenAI.as_str().clone_into(&mut row.vendor.id);
    row.habits.own_models = true;
    row
});

impl Row {
    /// The vendor that the settings name, else the one at their address; the vendor of the dialect if they have none.
    pub(crate) fn of(settings: &AdapterSettings) -> Result<&'static Self, ProviderError> {
        let own = ModelProvider::OpenAI;
        let named = |id: &str| ROWS.iter().find(|row| row.vendor.id == id);
        match (&settings.dialect, &settings.base_url) {
            // A name that is not known is an error and no guess: a misspelt dialect would send fields that
            // the server refuses.
            (Some(id), _) => named(id).ok_or_else(|| {
                let known: Vec<&str> = ROWS.iter().map(|row| row.vendor.id.as_str()).collect();
                let message = format!("the dialect `{id}` is not known; there are {}", known.join(", "));
                refused(settings, message)
            }),
            (None, None) => Ok(named(own.as_str()).unwrap_or(&UNKNOWN)),
            (None, Some(url)) => Ok(ROWS.iter().find(|row| row.vendor.serves(url)).unwrap_or(&UNKNOWN)),
        }
    }

    /// Whether its models are reached by an adapter of their own, too.
    pub(crate) fn shares_models(&self) -> bool {
        matches!(self.provider(), ModelProvider::Google | ModelProvider::Anthropic)
    }

    /// The family of its models, to which raw fields, thoughts and state belong.
    pub(crate) fn provider(&self) -> ModelProvider {
        ModelProvider::from(self.vendor.id.as_str())
    }
}

/// Settings that cannot be used.
pub(crate) fn refused(settings: &AdapterSettings, message: String) -> ProviderError {
    ProviderError::new(ErrorKind::InvalidRequest, settings.id.as_str(), message)
        .with(|facts| facts.phase = Phase::BeforeSend)
}

/// The vendors, for lists.
pub(crate) fn vendors() -> Vec<CompatibleVendor> {
    ROWS.iter().map(|row| row.vendor.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> &'static str {
        let settings = AdapterSettings { base_url: Some(url.into()), ..AdapterSettings::new("p") };
        &Row::of(&settings).unwrap().vendor.id
    }

    #[test]
    fn every_row_is_read_and_says_where_it_comes_from() {
        let rows: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(include_str!("../compatible.json")).unwrap();
        assert_eq!(ROWS.len(), rows.len());
        let known = ["id", "name", "base_url", "key_variable", "hosts", "source", "checked", "habits"];
        for (row, fields) in ROWS.iter().zip(&rows) {
            let CompatibleVendor { id, name, base_url, source, checked, .. } = &row.vendor;
            assert!(!id.is_empty() && !name.is_empty() && !source.is_empty(), "{row:?}");
            assert!(chrono::NaiveDate::parse_from_str(checked, "%F").is_ok(), "{id}: {checked}");
            assert!(fields.keys().all(|field| known.contains(&field.as_str())), "{id}");
            assert!(base_url.is_some() || row.habits.path.is_some(), "{id}");
            assert_eq!(ROWS.iter().filter(|other| other.vendor.id == *id).count(), 1, "{id}");
            let hosted = base_url.as_deref().filter(|_| !row.habits.local);
            assert!(hosted.is_none_or(|url| row.vendor.serves(url)), "{id}");
        }
    }

    #[test]
    fn a_vendor_is_found_by_name_or_by_host() {
        assert_eq!(at("https://api.deepseek.com/v1"), "deepseek");
        assert_eq!(at("https://me.openai.azure.com"), "azure");
        assert_eq!(at("https://xy12345.snowflakecomputing.com/api/v2/cortex/v1"), "snowflake");
        assert_eq!(at("https://generativelanguage.googleapis.com/v1beta/openai/"), "google");
        assert_eq!(at("http://127.0.0.1:8000"), "openai");
        let mut settings = AdapterSettings::new("p");
        assert!(Row::of(&settings).unwrap().habits.takes_store);
        settings.base_url = Some("http://gateway.corp.test/v1".into());
        assert!(!Row::of(&settings).unwrap().habits.takes_store);
        settings.dialect = Some("groq".into());
        assert_eq!(Row::of(&settings).unwrap().vendor.id, "groq");
        settings.dialect = Some("grok".into());
        let error = Row::of(&settings).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend));
        assert!(error.message.contains("openrouter"), "{error}");
    }
}
