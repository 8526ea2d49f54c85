//! One call, and what speaks for and against asking a route.
//!
//! Reasons have an order. First comes what a route can never do for the call, then what may pass: only a
//! route that the latter keeps back can be a last resort.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use chrono::NaiveDate;
use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, model::Price, request::Outline,
    storage::budget::BudgetError,
};

use crate::{
    affinity::Prefix,
    route::{Bound, Headroom, HealthStatus, Route},
    snapshot::{RoleConfig, Snapshot},
};

/// One call, as far as the choice of a route depends on it.
#[derive(Debug)]
pub(crate) struct CallProfile<'a> {
    pub(crate) cx: &'a CallContext,
    pub(crate) request: &'a Arc<ModelRequest>,
    pub(crate) role: &'a RoleConfig,
    pub(crate) outline: Cow<'a, Outline>,
    pub(crate) prefix: Prefix,
    pub(crate) day: NaiveDate,
}

impl<'a> CallProfile<'a> {
    /// The profile of a call that is about to be routed.
    pub(crate) fn new(snapshot: &'a Snapshot, cx: &'a CallContext, request: &'a Arc<ModelRequest>) -> Self {
        let (role, outline) = (snapshot.role(&cx.participant.role), request.outline());
        let day = cx.timer.now().date_naive();
        Self { cx, request, role, prefix: Prefix(outline.prefix), outline, day }
    }

    /// The most that the call can take on `route`.
    pub(crate) fn bound(&self, route: &Route) -> Bound {
        let model = route.model_for(&self.cx.participant);
        Bound::of(
            self.max_tokens(route),
            self.outline.size,
            route.capabilities(model),
            self.price(route, model).as_deref(),
        )
    }

    /// The first budget that has no room for the call on `route`.
    pub(crate) async fn without_room(&self, route: &Route) -> Result<Option<String>, BudgetError> {
        let model = route.model_for(&self.cx.participant);
        let (size, able) = (self.outline.size, route.capabilities(model));
        let price = self.price(route, model);
        let headroom = Headroom { size, able, price: price.as_deref() };
        route.quota.without_room(self.cx, headroom, self.max_tokens(route)).await
    }

    /// What `model` costs at most if it is served as it is asked to be.
    fn price(&self, route: &Route, model: &ModelId) -> Option<Arc<Price>> {
        route.price_asked(model, self.day, self.request.extra.fields(&route.vendor))
    }

    /// The most that the answer may have: as the request says, else the role, else the provider.
    fn max_tokens(&self, route: &Route) -> Option<u32> {
        self.max_tokens_by_role().or(route.plan.parameters.max_tokens)
    }

    /// The most that the answer may have, whoever gives it: as the request says, else the role.
    pub(super) fn max_tokens_by_role(&self) -> Option<u32> {
        self.outline.max_tokens.or(self.role.parameters.max_tokens)
    }

    /// What speaks against asking `route` now: first what it can never do, then what may pass.
    pub(crate) fn ineligible_because(&self, route: &Route) -> Option<SkipReason> {
        let model = route.model_for(&self.cx.participant);
        // What will never work goes before what passes: nobody should be told to wait in vain.
        if self.cx.excludes(&route.vendor, model) {
            return Some(SkipReason::Author);
        }
        let able = route.capabilities(model);
        if let Some(what) = lacking(able, &self.outline) {
            return Some(SkipReason::Lacks(what));
        }
        // Only what fits by no count: an estimate must not keep a call from a model that might take it.
        if let Some(window) = able.context_tokens.filter(|window| self.outline.size.least_input() > *window) {
            return Some(SkipReason::TooSmall(window));
        }
        // A budget of money cannot hold what nobody can count. The calls within one of several are counted one by one.
        let is_one = !route.plan.is_composite;
        if is_one && route.quota.limits_money(self.cx) && self.price(route, model).is_none() {
            return Some(SkipReason::Unpriced);
        }
        // Read anew: attempts before this one may have taken long.
        let now = self.cx.timer.instant();
        if let Some(status) = route.ineligible_because(now) {
            return Some(SkipReason::Unhealthy(status));
        }
        if let Some((until, cause)) = route.open(now) {
            return Some(SkipReason::Open { left: until.saturating_duration_since(now), cause });
        }
        let left = self.cx.deadline?.saturating_duration_since(now);
        // Without a wait there is nothing to refuse: that the time is over, the deadline itself says.
        let wait = route.expected_wait(self.request, now);
        (wait >= left && !wait.is_zero()).then(|| SkipReason::Late { wait, refused: route.is_paused(now) })
    }
}

/// The feature that the request needs and the model does not have.
fn lacking(able: Capabilities, outline: &Outline) -> Option<&'static str> {
    [
        (outline.tools && !able.tools, "cannot call tools"),
        (outline.forced_tool && !able.forced_tool_choice, "cannot be required to call a tool"),
        (outline.schema && !able.structured_output, "cannot follow a schema in its answer"),
        (outline.images && !able.images, "accepts no pictures"),
        (outline.documents && !able.documents, "accepts no documents"),
        (outline.audio && !able.audio, "accepts no recordings"),
    ]
    .into_iter()
    .find_map(|(lacks, what)| lacks.then_some(what))
}

/// Why a route is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SkipReason {
    /// It wrote the text that the call is about.
    Author,
    Unhealthy(HealthStatus),
    Open {
        left: Duration,
        cause: Option<ErrorKind>,
    },
    /// Its turn comes after the deadline, because the vendor refused calls for so long or by its limits.
    Late {
        wait: Duration,
        refused: bool,
    },
    Lacks(&'static str),
    TooSmall(u64),
    NotLarger(u64),
    UnknownWindow(u64),
    /// Its vendor has refused the request already.
    SameVendor,
    Unpriced,
    /// A budget has no room for it; the text says which.
    NoRoom(String),
}

impl SkipReason {
    /// The kind of the error when nothing else is left.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            // Whoever waits for it waits for somebody to mend the credential.
            Self::Open {
                cause:
                    Some(
                        cause @ (ErrorKind::Authentication
                        | ErrorKind::Permission
                        | ErrorKind::QuotaExhausted),
                    ),
                ..
            } => *cause,
            Self::Open { .. } => ErrorKind::CircuitOpen,
            Self::Late { .. } => ErrorKind::RateLimited,
            Self::Author | Self::SameVendor => ErrorKind::InvalidRequest,
            Self::Lacks(_) => ErrorKind::Unsupported,
            Self::TooSmall(_) | Self::NotLarger(_) | Self::UnknownWindow(_) => ErrorKind::ContextTooLong,
            Self::Unpriced | Self::NoRoom(_) => ErrorKind::BudgetExceeded,
            Self::Unhealthy(HealthStatus::Refused) => ErrorKind::Authentication,
            Self::Unhealthy(HealthStatus::Loading) => ErrorKind::Overloaded,
            Self::Unhealthy(HealthStatus::Empty) => ErrorKind::ModelNotFound,
            Self::Unhealthy(HealthStatus::Failed | HealthStatus::Ready) => ErrorKind::Transport,
        }
    }

    /// How long the reason lasts, where that is known.
    pub(crate) fn lasts(&self) -> Option<Duration> {
        match self {
            Self::Open { left, .. } | Self::Late { wait: left, .. } => Some(*left),
            _ => None,
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unhealthy(HealthStatus::Loading) => f.write_str("its model is still loading"),
            Self::Unhealthy(HealthStatus::Empty) => f.write_str("its server has no model loaded"),
            Self::Unhealthy(HealthStatus::Refused) => {
                f.write_str("its credential was refused at the last check")
            }
            Self::Unhealthy(_) => f.write_str("it did not answer the last check"),
            Self::Open { left, cause } => {
                let cause = cause.map_or("failures", ErrorKind::describe);
                write!(f, "circuit open for {:.0} s after: {cause}", left.as_secs_f64().ceil())
            }
            Self::Late { wait, refused: true } => {
                let wait = wait.as_secs_f64().ceil();
                write!(
                    f,
                    "the vendor accepts no calls for {wait:.0} s (rate limited), which is longer than the call may take"
                )
            }
            Self::Late { wait, refused: false } => {
                let wait = wait.as_secs_f64().ceil();
                write!(
                    f,
                    "its rate limits would hold the call for {wait:.0} s, which is longer than it may take"
                )
            }
            Self::Author => f.write_str("it wrote the text to be judged"),
            Self::Lacks(what) => f.write_str(what),
            Self::TooSmall(window) => {
                write!(f, "the prompt does not fit into its context window of {window} tokens")
            }
            Self::NotLarger(window) => {
                write!(f, "its context window is no larger than the {window} tokens that were too few")
            }
            Self::UnknownWindow(window) => {
                write!(f, "its context window is unknown, and {window} tokens were too few")
            }
            Self::NoRoom(why) => f.write_str(why),
            Self::SameVendor => f.write_str("its vendor has already refused the request"),
            Self::Unpriced => f.write_str("its price is unknown and a money budget applies; set `price`"),
        }
    }
}
