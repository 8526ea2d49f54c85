//! What a server does, one numbered event after the other, for whoever watches it.
//!
//! An [`EventLog`] keeps the newest events in memory and gives each a number. Publishing never waits, least of all for a
//! reader; a reader follows by number, and is told of every event that it comes too late for. Events hold no prompts, no
//! replies and no keys.
//!
//! ```
//! use forge_core::watch::{EventLog, Followed, Reader, ServerDraining};
//!
//! let log = EventLog::default();
//! log.publish(chrono::Utc::now(), ServerDraining {});
//! let mut reader = Reader::new(log, 0)?;
//! let Some(Followed::Events(events)) = reader.take() else { panic!("an event is there") };
//! assert_eq!((events[0].seq, events[0].name), (1, "server.draining"));
//! # Ok::<(), forge_core::watch::Gone>(())
//! ```

mod call;
mod event;
mod limits;
mod log;
mod reader;
mod server;
mod session;
mod workflow;

pub use self::{
    call::{CallEnded, CallFailedOver, CallStarted, CallTags},
    event::{EVENT_VERSION, Event, ServerEvent},
    limits::{BudgetExceeded, BudgetState, BudgetWarned, CircuitChanged, CircuitState},
    log::{EventLog, Gone, Published},
    reader::{Followed, Reader},
    server::{EventsLost, ServerDraining, ServerReloaded, ServerStarted},
    session::{
        FindingCounts, SessionContributed, SessionEnded, SessionFindingCounts, SessionPaused, SessionStage,
        SessionStarted, SessionWaiting, StageProgress,
    },
    workflow::{WorkflowStage, WorkflowStep},
};
