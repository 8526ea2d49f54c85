//! Routes calls to LLMs: from a configuration to calls that arrive.

mod affinity;
mod call;
pub mod code;
mod drain;
mod explain;
mod health;
mod hedge;
mod latency;
mod manager;
mod plan;
mod problem;
mod quota;
mod resolve;
mod route;
mod router;
mod running;
mod spec;
mod strip;
mod task;
mod walk;

pub use health::{HealthStatus, ProviderHealth};
pub use manager::ParticipantManager;
pub use plan::{
    Budget, Cap, Member, Needs, Parameters, PoolPlan, ProviderPlan, RolePlan, RouterPlan, Strategy, Target,
};
pub use problem::{About, Key, KeyPath, Problem, nearest};
pub use resolve::{Known, Lookup, is_reference};
pub use route::Parts;
pub use router::Router;
pub use spec::{
    BreakerSpec, BudgetSpec, LimitSpec, MemberSpec, ParameterSpec, PoolSpec, PriceSpec, ProviderSpec,
    RetrySpec, RoleSpec, RouterSpec, TimeoutSpec,
};
pub use task::{IllegalTransition, TaskContext, TaskState};
