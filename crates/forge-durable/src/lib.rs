//! Work that survives its process.
//!
//! A piece of work is a [`Machine`]: a state folded from the entries of a journal, and a planner that derives the next
//! step from that state alone. [`Run`] does the rest. It claims the journal so that nobody else runs the same work,
//! writes the intent of every model call and other effect before it starts and the result before it is used, renews its
//! claim, handles the commands of [`Controls`], and releases the journal.
//!
//! Guarantees, wherever the process is killed:
//!
//! - An effect whose result is in the journal never happens again.
//! - For an effect in flight, the machine decides ([`Machine::relaunch`]): start it again, abandon it, or leave it
//!   because it must happen at most once. No other effect is ever in doubt.
//! - Of several runs that resume at once, exactly one continues, and a live run is never taken over.
//! - Each model call that died with its run has a row in the accounts, as
//!   [killed](forge_core::storage::accounts::CallStatus::Killed) and of unknown cost, and its reservations are settled.
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! use forge_core::{CallContext, storage::{journal::StreamName, memory::MemoryJournal}, time::ManualTimer};
//! use forge_durable::{Machine, ModelCall, Next, PendingEffect, Run, RunDeps, RunError};
//! use futures_util::future::{BoxFuture, FutureExt as _};
//! use serde::{Deserialize, Serialize};
//!
//! /// Counts to three, one effect at a time.
//! #[derive(Debug, Default)]
//! struct Counter { done: u32, open: Option<u32> }
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! enum Event { Begun { at: u32 }, Done { at: u32 } }
//!
//! impl Machine for Counter {
//!     type Event = Event;
//!     type Key = u32;
//!     type Effect = ();
//!     type Outcome = ();
//!     type Command = ();
//!     type Error = RunError;
//!
//!     fn apply(&mut self, _: Duration, event: &Event) {
//!         match *event {
//!             Event::Begun { at } => self.open = Some(at),
//!             Event::Done { at } => (self.done, self.open) = (at, None),
//!         }
//!     }
//!     fn next(&self, _: Duration) -> Result<Next<Self>, RunError> {
//!         Ok(match (self.open, self.done) {
//!             (Some(_), _) => Next::Wait { until: None },
//!             (None, 3) => Next::Done,
//!             (None, done) => Next::Act { key: done + 1, effect: () },
//!         })
//!     }
//!     fn intended(&self, at: &u32, _: &(), _: Option<&ModelCall>) -> Vec<Event> {
//!         vec![Event::Begun { at: *at }]
//!     }
//!     fn perform(&self, at: &u32, _: (), _: Option<CallContext>) -> BoxFuture<'static, ()> {
//!         println!("{at}");
//!         async {}.boxed()
//!     }
//!     fn ended(&self, at: &u32, _: ()) -> Vec<Event> {
//!         vec![Event::Done { at: *at }]
//!     }
//!     fn pending(&self) -> Vec<PendingEffect<u32>> {
//!         self.open.into_iter().map(PendingEffect::act).collect()
//!     }
//!     fn relaunch(&self, at: &u32, _: Duration) -> Result<Next<Self>, RunError> {
//!         Ok(Next::Act { key: *at, effect: () }) // Printed twice rather than never.
//!     }
//! }
//!
//! # futures_util::future::FutureExt::now_or_never(async {
//! let deps = RunDeps::new(Arc::new(MemoryJournal::default()), Arc::new(ManualTimer::new()), "this program");
//! let run = Run::open(deps, StreamName::new("count-1")?, Counter::default()).await?;
//! assert_eq!(run.run().await?.done, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap().unwrap();
//! ```

mod claim;
mod controls;
mod deps;
mod error;
mod locks;
mod machine;
mod recovery;
mod run;

pub use controls::Controls;
pub use deps::RunDeps;
pub use error::RunError;
pub use locks::{LocalLocks, Lock, LockAttempt, Locks};
pub use machine::{Machine, ModelCall, Next, PendingEffect};
pub use run::Run;
