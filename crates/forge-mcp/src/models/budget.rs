//! What calls over MCP may spend. Their arguments come from models, so that no argument raises it.

use forge::{
    CallContext, Money, ParticipantRole, ProviderId, System,
    session::Estimate,
    storage::budget::{self, BudgetCap, BudgetRule, BudgetStore as _, Period, Scope},
};

use crate::failure::Failure;

/// The tag of calls over MCP, by which their day is summed up.
const TAG: (&str, &str) = ("via", "mcp");

/// The context of calls on behalf of `caller`: with its own tags and budgets, and those of MCP.
pub(super) fn context(system: &System, caller: &CallContext) -> CallContext {
    let plan = system.mcp_plan();
    let mut tags = caller.tags.clone();
    // Both words fit; a caller with as many tags as there may be has its own budgets.
    let _ = tags.set(TAG.0, TAG.1);
    if tags.get("client").is_none() {
        tags = tags.with_client(TAG.1);
    }
    let mut caps = caller.caps.to_vec();
    caps.extend(day(system, caller));
    caps.push(BudgetCap::new("mcp:call").with_money(plan.per_call).for_each_call());
    let fresh = CallContext::with_timer(caller.participant.clone(), system.router().timer());
    fresh.with_tags(tags).with_caps(caps)
}

/// The budget of the day.
fn day(system: &System, caller: &CallContext) -> Option<BudgetCap> {
    let scope = Scope::Tag { key: TAG.0.into(), value: Some(TAG.1.into()) };
    let rule = BudgetRule::new(scope, Period::Day).with_money(system.mcp_plan().per_day);
    let tags = forge::tags::Tags::default().with(TAG.0, TAG.1).ok()?;
    let now = caller.timer.now();
    budget::caps(&[rule], &ProviderId::new(""), &ParticipantRole::default(), &tags, now).into_iter().next()
}

/// What one council may cost: what it was given, at most what the configuration allows.
pub(super) fn cap(system: &System, given_usd: Option<f64>) -> Result<Money, Failure> {
    let most = system.mcp_plan().per_call;
    let Some(given) = given_usd else { return Ok(most) };
    if !given.is_finite() || given < 0.0 {
        return Err(Failure::arguments("`budget_usd` is an amount of dollars"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is too large is cut to the most"
    )]
    let given = Money::from_nanos((given * 1e9) as u64);
    Ok(given.min(most))
}

/// Refuses what is likely to cost more than there is, before anything is sent. What is sent is reserved call by call in any case.
pub(super) async fn check(
    system: &System,
    caller: &CallContext,
    estimate: &Estimate,
    cap: Money,
) -> Result<(), Failure> {
    let likely = estimate.likely.money;
    let over = |budget: String| {
        let most = estimate.most.money.dollars();
        let message = format!(
            "the council is likely to cost ${:.4} (at most ${most:.4}), and {budget}",
            likely.dollars()
        );
        Failure::new(
            "over_budget",
            message,
            "ask one model with `ask`, or have the user raise the section `mcp` of forge.yaml",
        )
    };
    if likely > cap {
        return Err(over(format!("its budget is ${:.4}", cap.dollars())));
    }
    let Some((day, store)) = day(system, caller).zip(system.store().filter(|_| system.is_durable())) else {
        return Ok(());
    };
    // A store that cannot be read refuses each call by itself.
    let Ok(spent) = store.spent(&day.key).await else { return Ok(()) };
    let left = day
        .money
        .unwrap_or_default()
        .checked_sub(spent.booked.money + spent.reserved.money)
        .unwrap_or_default();
    if likely > left {
        Err(over(format!("${:.4} of the day's budget are left", left.dollars())))
    } else {
        Ok(())
    }
}
