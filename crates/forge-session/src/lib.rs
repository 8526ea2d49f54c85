//! Ask several models, get one answer that can be checked.
//!
//! A [`Session`] drafts a document, has it reviewed by several critics who do not know of each other, revises it with a
//! decision on every finding, and checks the revision. If something serious stays open, it runs another cycle. It runs
//! over any [`Provider`](forge_core::Provider): one bare adapter, several, or a router.
//!
//! - A [`Plan`] is a [`Topic`], a [`Cast`] and [`Settings`]; [`Session::estimate`] tells what it will use.
//! - [`SessionDeps`] are its dependencies. A [`Journal`](forge_core::storage::journal::Journal) gets every intent before the call and every
//!   answer before its use, so that [`Session::resume`] repeats nothing that was paid for. `forge-store` keeps it in
//!   a database or in plain files.
//! - [`Controls`] steer it while it runs, an [`Observer`] is notified, an [`Approver`] decides between cycles.
//! - The [`SessionResult`] has the document, what is less than planned ([`SessionResult::banners`]), every
//!   finding with its outcome, dissents, costs and times, as Markdown, JSON, or one HTML page.
//!
//! [`CritiqueCall`] is the critique stage by itself, for whoever measures critics.
//!
//! A failing model is never an error of the session: fallbacks are asked, the panel continues with those who answer,
//! and the result begins with what is missing. [`SessionError`] is about the plan and the journal.
//!
//! Over one provider, whichever it is:
//!
//! ```
//! use std::{error::Error, sync::Arc};
//! use forge_core::{
//!     Participant, Provider, storage::{journal::StreamName, memory::MemoryJournal}, time::Timer,
//! };
//! use forge_session::{Cast, Plan, Session, SessionDeps, Topic};
//!
//! async fn document(provider: Arc<dyn Provider>, timer: Arc<dyn Timer>) -> Result<String, Box<dyn Error>> {
//!     let cast = Cast {
//!         drafter: vec![Participant::claude_opus()],
//!         critics: vec![vec![Participant::gpt()], vec![Participant::gemini_pro()], vec![Participant::gpt_luna()]],
//!         // A chain: the second is asked if the first fails.
//!         synthesizer: vec![Participant::claude_opus(), Participant::claude_sonnet()],
//!         checker: vec![Participant::gemini_pro()],
//!     };
//!     let mut plan = Plan::new(Topic::new("A rate limiter for a public HTTP API"), cast);
//!     plan.settings.cycles = 1;
//!
//!     let deps = SessionDeps::new(provider, Arc::new(MemoryJournal::default()), timer, "this program")?;
//!     println!("{} tokens or so", Session::estimate(&deps, &plan)?.likely.tokens);
//!     let session = Session::start(deps, StreamName::new("limiter-1")?, plan).await?;
//!     Ok(session.run().await?.to_markdown())
//! }
//! ```
//!
//! `tests/it/example.rs` shows how to test code that runs sessions: a scripted provider, one
//! [`MemoryJournal`](forge_core::storage::memory::MemoryJournal), and a [`ManualTimer`](forge_core::time::ManualTimer).

mod answer;
mod approver;
mod budget;
mod call;
mod capture_recapture;
mod contribution;
mod controls;
mod critique;
mod decision;
mod deps;
mod engine;
mod error;
mod estimate;
mod event;
mod finding;
mod ledger;
mod notice;
mod passage;
mod plan;
mod planner;
mod profile;
mod prompt;
mod quorum;
mod read;
mod render;
mod result;
mod revise;
mod seed;
mod stage;
mod state;
mod stop;
mod summary;
mod topic;

pub use answer::{
    Category, Conflict, Disposition, DispositionKind, Edit, FindingId, Issue, Severity, Strength, Verdict,
};
pub use approver::Approver;
pub use budget::{BudgetHold, Prices, no_prices};
pub use capture_recapture::undetected_lower_bound;
pub use contribution::{Contribution, Deed};
pub use controls::{Controls, Receipt};
pub use critique::{CritiqueAnswer, CritiqueCall};
pub use decision::{ConflictResolution, Decision, Resolution};
pub use deps::{Providers, SessionDeps};
pub use engine::Session;
pub use error::{CommandError, PlanError, SessionError};
pub use estimate::{Estimate, EstimatedCall};
pub use event::{Answer, Attempt, DropReason, Event, Failure, Intent, Record};
pub use finding::{Finding, FindingState, Raised};
pub use forge_prompt::PromptError;
pub use ledger::Ledger;
pub use notice::{Notice, Observer};
pub use passage::QuoteIndex;
pub use plan::{Caps, Cast, Plan, Settings};
pub use profile::{CallSettings, Configured, nothing_configured};
pub use prompt::Prompts;
pub use result::{
    AttributedStrength, CallSummary, Comparison, Degradation, Dissent, DocumentLabel, Participation,
    SessionResult, Tally, TopicSummary, Usage,
};
pub use stage::{CallKey, Label, Mode, PerStage, Purpose, Stage};
pub use state::{Call, Outcome, Panel, State, Version};
pub use stop::{PanelQuality, SessionStatus, Stop};
pub use summary::SessionSummary;
pub use topic::{OutputType, Reference, ReferenceKind, Topic};
