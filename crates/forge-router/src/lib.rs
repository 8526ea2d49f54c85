//! Routes calls to LLMs: from a configuration to calls that arrive.

mod plan;
mod problem;
mod resolve;
mod spec;

pub use plan::{
    Budget, Cap, Member, Needs, Parameters, PoolPlan, ProviderPlan, RolePlan, RouterPlan, Strategy, Target,
};
pub use problem::{About, Key, KeyPath, Problem, nearest};
pub use resolve::{Known, Lookup};
pub use spec::{
    BreakerSpec, BudgetSpec, LimitSpec, MemberSpec, ParameterSpec, PoolSpec, PriceSpec, ProviderSpec,
    RetrySpec, RoleSpec, RouterSpec, TimeoutSpec,
};
