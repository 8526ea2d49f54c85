//! The form of an event.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    call::{CallEnded, CallFailedOver, CallStarted},
    limits::{BudgetExceeded, BudgetWarned, CircuitChanged},
    server::{EventsLost, ServerDraining, ServerReloaded, ServerStarted},
    session::{
        SessionContributed, SessionEnded, SessionFindingCounts, SessionPaused, SessionStage, SessionStarted,
        SessionWaiting,
    },
    workflow::{WorkflowStage, WorkflowStep},
};

/// The version of the form. A field or a type that is only added does not change it, so that readers pass over what they
/// do not know.
pub const EVENT_VERSION: u32 = 1;

/// An event of a server, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Event {
    /// The version of the form: 1.
    pub v: u32,
    /// Its number, from 1 in each life of a server. `events.lost` has that of the last event that is lost.
    pub seq: u64,
    /// When it happened (RFC 3339).
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub at: DateTime<Utc>,
    /// What happened.
    #[serde(flatten)]
    pub what: ServerEvent,
}

impl Event {
    /// An event with its number.
    pub fn new(seq: u64, at: DateTime<Utc>, what: impl Into<ServerEvent>) -> Self {
        Self { v: EVENT_VERSION, seq, at, what: what.into() }
    }
}

macro_rules! events {
    ($($name:literal $what:ident,)*) => {
        /// What happened, by its `type`.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "type")]
        #[non_exhaustive]
        pub enum ServerEvent {
            $(
                #[doc = concat!("`", $name, "`")]
                #[serde(rename = $name)]
                $what($what),
            )*
        }

        impl ServerEvent {
            /// The name of every type.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The name of its type, such as `call.ended`.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$what(_) => $name,)*
                }
            }
        }

        $(
            impl From<$what> for ServerEvent {
                fn from(what: $what) -> Self {
                    Self::$what(what)
                }
            }
        )*
    };
}

events! {
    "call.started" CallStarted,
    "call.failed_over" CallFailedOver,
    "call.ended" CallEnded,
    "circuit.changed" CircuitChanged,
    "budget.warned" BudgetWarned,
    "budget.exceeded" BudgetExceeded,
    "session.started" SessionStarted,
    "session.stage" SessionStage,
    "session.finding_counts" SessionFindingCounts,
    "session.paused" SessionPaused,
    "session.waiting" SessionWaiting,
    "session.contributed" SessionContributed,
    "session.ended" SessionEnded,
    "workflow.stage" WorkflowStage,
    "workflow.step" WorkflowStep,
    "server.started" ServerStarted,
    "server.reloaded" ServerReloaded,
    "server.draining" ServerDraining,
    "events.lost" EventsLost,
}
