//! What others have to know of this adapter.

use std::sync::Arc;

use forge_core::{AdapterKind, Participant};

use crate::{GoogleProvider, capabilities, models, provider::DIALECT};

/// The adapter as files name it (`type: google`), with all that is known before one is built: the variables
/// of key and base URL, the models and what they can do. To be put into an
/// [`AdapterRegistry`](forge_core::AdapterRegistry).
pub fn kind() -> AdapterKind {
    AdapterKind::new("google", |settings| Ok(Arc::new(GoogleProvider::from_settings(settings)?)))
        // Both names are the vendor's own; its SDKs take the first where both are set.
        .with_key(&["GOOGLE_API_KEY", "GEMINI_API_KEY"])
        .with_base_url(DIALECT.base_url, &["GEMINI_BASE_URL"])
        // A configured header of this name would take the place of the key.
        .with_owned_headers(&[DIALECT.credential.0])
        .with_brands(&["Google", "Gemini"])
        .with_usual(Participant::gemini_flash())
        .with_models(models().clone())
        .with_capabilities(capabilities)
}
