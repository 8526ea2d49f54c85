//! What becomes of a call.

#![allow(
    clippy::exhaustive_structs,
    reason = "whoever publishes an event says something about each of its facts"
)]

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{
    call::CallId,
    error_kind::ErrorKind,
    id::{ModelId, ProviderId},
    participant::ParticipantRole,
    storage::accounts::CallStatus,
    tags::Tags,
    usage::{Money, TokenCount},
};

/// A call has come to the router.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the router, for each call, also of a session")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who shows what is under way, until its `call.ended`")))]
pub struct CallStarted {
    /// The call.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub call: CallId,
    /// The provider or pool that it asks for; `router` where the role alone decides.
    pub provider: ProviderId,
    /// The model that it asks for; empty where the route decides.
    pub model: ModelId,
    /// Its role.
    pub role: ParticipantRole,
    /// On whose behalf it is made.
    pub tags: CallTags,
}

/// A route has failed, and the call goes on to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the router, when it asks the next route")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who watches the health of providers")))]
pub struct CallFailedOver {
    /// The call.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub call: CallId,
    /// The provider that failed.
    pub from: ProviderId,
    /// Why.
    pub error: ErrorKind,
    /// The provider that is asked now.
    pub to: ProviderId,
}

/// A call is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-written-by" = "the router, once for each `call.started`")))]
#[cfg_attr(feature = "schema", schemars(extend("x-read-by" = "who counts calls, tokens, money and time")))]
pub struct CallEnded {
    /// The call.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub call: CallId,
    /// How: `success`, `failure`, or `cancelled` where its caller went away.
    pub outcome: CallStatus,
    /// What went wrong, if anything.
    pub error: Option<ErrorKind>,
    /// The provider that answered or was asked last; null if nobody was asked.
    pub provider: Option<ProviderId>,
    /// The model that the vendor says has answered, else the one that was asked for; null if nobody was asked.
    pub model: Option<ModelId>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Tokens of the reply, by class; null is unknown, not zero. Those of a session are told with its calls, and so is its cost.
    pub tokens: TokenCount,
    /// What all its attempts cost.
    #[serde(flatten, with = "crate::usage::cost")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::usage::cost::Cost"))]
    pub cost: Option<Money>,
    /// Milliseconds from its beginning to its end.
    pub duration_ms: u64,
    /// Milliseconds until the first piece of the reply; null if there was none.
    pub first_token_ms: Option<u64>,
    /// Its role.
    pub role: ParticipantRole,
    /// On whose behalf it was made.
    pub tags: CallTags,
}

/// On whose behalf a call is made, of its tags those that Forge sets: the name of the key, the team, the program that
/// calls, the name by which it calls the model, the session, the workflow and the worker.
#[derive(Debug, Clone, PartialEq)]
pub struct CallTags(pub Tags);

impl CallTags {
    fn shown(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = ["key", "team", "client", "alias", "session", "workflow", "worker"];
        names.into_iter().filter_map(|name| Some((name, self.0.get(name)?)))
    }
}

impl Serialize for CallTags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.shown().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for CallTags {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CallTags".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "On whose behalf a call is made: `key`, `team`, `client`, `alias` (the name by which the client calls the model), `session`, `workflow`, `worker`, as far as they are known.",
            "type": "object",
            "additionalProperties": { "type": "string" },
        })
    }
}
