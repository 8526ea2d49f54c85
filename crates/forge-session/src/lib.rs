//! Ask several models, get one answer that can be checked.
//!
//! A [`Session`] drafts, has the draft judged by several critics who do not know of each other, merges their
//! findings into a new version with a decision on each, and has that checked, in at most three cycles. It runs
//! over any [`Provider`](forge_core::Provider): one bare adapter, several, or a router.

mod attend;
mod budget;
mod call;
mod engine;
mod error;
mod estimate;
mod event;
mod finding;
mod jsonl;
mod ledger;
mod notice;
mod parse;
mod parts;
mod plan;
mod planner;
mod prompt;
mod quorum;
mod read;
mod render;
mod result;
mod seed;
mod state;
mod stop;
mod topic;

pub use attend::{Attendant, Choice, Controls, Decree, Resolution};
pub use budget::{Prices, no_prices};
pub use engine::Session;
pub use error::{PlanError, PromptError, SessionError};
pub use estimate::{Estimate, EstimatedCall};
pub use event::{Answer, Attempt, CallKey, DropReason, Event, Failure, Intent, Label, Purpose, Record};
pub use finding::{
    Category, Conflict, Decision, Disposition, Finding, FindingId, FindingState, Raised, Remark, Severity,
    Verdict,
};
pub use jsonl::JsonlJournal;
pub use ledger::Ledger;
pub use notice::{Notice, Observer};
pub use parts::{Parts, Providers};
pub use plan::{Caps, Cast, Mode, PerStage, Plan, Settings, Stage};
pub use prompt::Prompts;
pub use result::{CallSummary, Comparison, Degradation, Dissent, DocumentLabel, Part, SessionResult, Usage};
pub use state::{Call, Outcome, Panel, State, Version};
pub use stop::{SessionStatus, Stop};
pub use topic::{OutputType, Reference, ReferenceKind, Topic};

use planner::{Planned, Planner};
