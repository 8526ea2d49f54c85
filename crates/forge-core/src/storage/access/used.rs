//! What is gone of the budgets of a key.

use chrono::{DateTime, Utc};

use super::{AccessList, Allowance, ClientKey, KeyBudget};
use crate::{
    id::ProviderId,
    participant::ParticipantRole,
    storage::budget::{BudgetError, BudgetRule, BudgetStore, Spent, caps, renewed_at},
    tags::Tags,
};

/// A budget of a key or of its team, and what is gone of it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct UsedBudget {
    /// Whose it is: `key` or `team`.
    pub owner: &'static str,
    /// The budget.
    pub budget: KeyBudget,
    /// What is booked and set aside in the period of the moment.
    pub spent: Spent,
    /// When the next period begins; `None` if this one is for ever.
    pub renewed_at: Option<DateTime<Utc>>,
}

impl AccessList {
    /// What is gone at `now` of the budgets of `key`, and behind them of those of its team, as `store` has it.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn used_budgets(
        &self,
        key: &ClientKey,
        store: &dyn BudgetStore,
        now: DateTime<Utc>,
    ) -> Result<Vec<UsedBudget>, BudgetError> {
        let mut tags = Tags::default().with_key(&*key.name);
        let mut used = of("key", &key.allowance, key.budget_rules().collect(), &tags, store, now).await?;
        let team = key.team.as_deref().and_then(|name| self.teams.iter().find(|team| *team.name == *name));
        if let Some(team) = team {
            tags = tags.with_team(&*team.name);
            used.extend(of("team", &team.allowance, team.budget_rules().collect(), &tags, store, now).await?);
        }
        Ok(used)
    }
}

/// Those of the rules, in their order.
async fn of(
    owner: &'static str,
    allowance: &Allowance,
    rules: Vec<BudgetRule>,
    tags: &Tags,
    store: &dyn BudgetStore,
    now: DateTime<Utc>,
) -> Result<Vec<UsedBudget>, BudgetError> {
    // The budgets of a key hold for every provider and role.
    let caps = caps(&rules, &ProviderId::from("any"), &ParticipantRole::from("any"), tags, now);
    let mut used = Vec::with_capacity(caps.len());
    for (budget, cap) in allowance.budgets.iter().zip(caps) {
        let spent = store.spent(&cap.key).await?;
        used.push(UsedBudget { owner, budget: *budget, spent, renewed_at: renewed_at(&cap.key) });
    }
    Ok(used)
}
