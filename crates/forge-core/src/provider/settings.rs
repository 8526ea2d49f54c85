//! How an adapter reaches its vendor.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{
    error::ProviderError,
    id::{ModelId, ProviderId},
    model::{Capabilities, ModelRow, ModelTable},
    request::ModelRequest,
};

/// How to reach a vendor. `None` means the adapter's default.
#[derive(Clone)]
#[allow(clippy::exhaustive_structs, reason = "every adapter has to heed each of them")]
pub struct AdapterSettings {
    /// The name under which the provider is configured.
    pub id: ProviderId,
    /// The credential.
    pub api_key: Option<SecretString>,
    /// Where the vendor's API begins, as the vendor's own SDK would take it.
    pub base_url: Option<String>,
    /// Headers sent with every request, beside the adapter's own.
    pub headers: Vec<(String, SecretString)>,
    /// The HTTP proxy to go through. Its address may hold a password.
    pub proxy: Option<String>,
    /// Certificates in PEM of authorities that are trusted beside those of the system.
    pub ca_certificates: Option<String>,
    /// The clocks of a call.
    pub timeouts: Option<Timeouts>,
    /// What the configuration says about models, over what the adapter knows of them.
    pub models: Arc<ModelTable>,
    /// The vendor whose habits hold, of those that the kind knows; `None` leaves it to the address.
    pub dialect: Option<String>,
    /// Settings that only this kind of adapter has.
    pub options: Map<String, Value>,
}

impl fmt::Debug for AdapterSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Each by name, so that of a new setting somebody has to say whether it may be shown.
        let Self {
            id,
            api_key,
            base_url,
            headers,
            proxy,
            ca_certificates,
            timeouts,
            models,
            dialect,
            options,
        } = self;
        let proxy = proxy.as_ref().map(|_| "[redacted]");
        f.debug_struct("AdapterSettings")
            .field("id", id)
            .field("api_key", api_key)
            .field("base_url", base_url)
            .field("headers", headers)
            .field("proxy", &proxy)
            .field("ca_certificates", &ca_certificates.is_some())
            .field("timeouts", timeouts)
            .field("models", models)
            .field("dialect", dialect)
            .field("options", options)
            .finish()
    }
}

impl AdapterSettings {
    /// Settings with nothing but a name.
    pub fn new(id: impl Into<ProviderId>) -> Self {
        Self {
            id: id.into(),
            api_key: None,
            base_url: None,
            headers: Vec::new(),
            proxy: None,
            ca_certificates: None,
            timeouts: None,
            models: Arc::default(),
            dialect: None,
            options: Map::new(),
        }
    }

    /// What the configuration says about `model`.
    pub fn said_of(&self, model: &ModelId) -> Option<&ModelRow> {
        self.models.find_id(model)
    }

    /// The model as which the vendor's dialect treats `model`, usually itself.
    pub fn like<'a>(&'a self, model: &'a ModelId) -> &'a ModelId {
        self.said_of(model).and_then(|row| row.like.as_ref()).unwrap_or(model)
    }

    /// What `model` can do if `assume` knows what the vendor's own models can.
    pub fn capabilities(
        &self,
        model: &ModelId,
        assume: impl FnOnce(&ModelId) -> Capabilities,
    ) -> Capabilities {
        let assumed = assume(self.like(model));
        self.said_of(model).map_or(assumed, |row| row.capabilities_over(assumed))
    }

    /// Refuses a request that needs what the configuration says `model` cannot do.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn check(&self, model: &ModelId, request: &ModelRequest) -> Result<(), ProviderError> {
        match self.said_of(model).and_then(|row| row.abilities.lacking(request)) {
            Some(what) => Err(ProviderError::unsupported(self.id.as_str(), model, what)),
            None => Ok(()),
        }
    }
}

/// The clocks of a call; the deadline of the whole call stands in the
/// [`CallContext`](crate::CallContext) and holds beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "every adapter has to keep each of the clocks")]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From sending the request to the first content event of a stream.
    pub first_event: Duration,
    /// Between content events of a stream. Keep-alives do not count, and neither does time in which
    /// the caller does not read.
    pub gap: Duration,
    /// From sending the request to the end of the reply. A reply in one piece has this one only.
    pub total: Duration,
}

impl Timeouts {
    /// 5 s, 120 s, 45 s and 600 s: for vendors that answer as fast as they can.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(5),
        first_event: Duration::from_secs(120),
        gap: Duration::from_secs(45),
        total: Duration::from_secs(600),
    };
}

impl Default for Timeouts {
    /// The [usual ones](Self::USUAL).
    fn default() -> Self {
        Self::USUAL
    }
}
