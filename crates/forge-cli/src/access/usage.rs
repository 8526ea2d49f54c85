//! `forge keys usage`: what a key has used of each budget, and its calls.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use forge::{
    Money,
    storage::{
        access::{ClientKey, UsedBudget},
        budget::{Amount, Spent},
    },
    store::{Figures, Filter, GroupBy, SummaryRow},
    tags::Tags,
};
use serde_json::{Value, json};

use super::{
    Desk,
    allowance::{self, period, when},
    find, form,
};
use crate::{args::KeysOne, error::CliError, layout, terminal};

pub(super) async fn run(desk: &Desk, args: &KeysOne) -> Result<ExitCode, CliError> {
    let (list, now) = (desk.list().await?, Utc::now());
    let key = find(&list, &args.key)?;
    let used = list.used_budgets(key, &desk.store, now).await;
    let used = used.map_err(|error| CliError::failed("the budgets cannot be read", &error))?;
    // The name alone: calls of before the key had its team are its own as well.
    let filter = Filter { tags: Tags::default().with_key(&*key.name), ..Filter::default() };
    let failed = |error| CliError::store(&error);
    let rows = desk.store.summary(&filter, &[GroupBy::Provider, GroupBy::Model]).map_err(failed)?;
    let total = desk.store.summary(&filter, &[]).map_err(failed)?;
    let total = total.into_iter().next().map(|row| row.figures).unwrap_or_default();
    if desk.json {
        terminal::json(&json!({
            "simulated": desk.simulated,
            "key": form::to_json(key, now),
            "budgets": used.iter().map(used_json).collect::<Vec<_>>(),
            "total": figures(&total),
            "models": rows.iter().map(model_json).collect::<Vec<_>>(),
        }))?;
    } else {
        terminal::out(&text(key, &used, &rows, &total, now))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(
    key: &ClientKey,
    used: &[UsedBudget],
    rows: &[SummaryRow],
    total: &Figures,
    now: DateTime<Utc>,
) -> String {
    let mut text = format!("{} ({}), {}\n\n", key.name, key.id, form::state(key, now));
    let mut budgets: Vec<Vec<String>> = Vec::new();
    for one in used {
        let again = one.renewed_at.map_or_else(|| "never".to_owned(), when);
        let name = format!("{}, {}", one.owner, period(one.budget.period));
        let Amount { money, tokens } = one.spent.booked;
        let open = one.spent.reserved;
        if let Some(limit) = one.budget.money {
            let cells = [money.to_string(), open.money.to_string(), limit.to_string()];
            budgets.push([vec![name.clone()], cells.to_vec(), vec![again.clone()]].concat());
        }
        if let Some(limit) = one.budget.tokens {
            let cells = [tokens, open.tokens, limit].map(|tokens| format!("{tokens} tokens"));
            budgets.push([vec![name], cells.to_vec(), vec![again]].concat());
        }
    }
    if budgets.is_empty() {
        text += "no budgets\n";
    } else {
        let headings = ["BUDGET", "SPENT", "SET ASIDE", "LIMIT", "NEW AT (UTC)"];
        text += &layout::table(&headings, &[1, 2, 3], &budgets);
    }
    let line = |name: String, figures: &Figures| {
        let more = if figures.unknown_cost > 0 { "+?" } else { "" };
        let cost = format!("${:.4}{more}", figures.cost.dollars());
        vec![name, figures.calls.to_string(), tokens(figures).to_string(), cost]
    };
    let mut calls: Vec<_> = rows.iter().map(|row| line(model(row).join("/"), &row.figures)).collect();
    calls.push(line("all".to_owned(), total));
    text + "\n" + &layout::table(&["CALLS OF", "CALLS", "TOKENS", "COST"], &[1, 2, 3], &calls)
}

fn model(row: &SummaryRow) -> [String; 2] {
    let name = |name: Option<&str>| name.unwrap_or("?").to_owned();
    let (provider, model) = (row.key.provider.as_ref(), row.key.model.as_ref());
    [name(provider.map(AsRef::as_ref)), name(model.map(AsRef::as_ref))]
}

fn tokens(figures: &Figures) -> u64 {
    let one = &figures.tokens;
    let classes = [
        one.input,
        one.cache_read,
        one.cache_write_5m,
        one.cache_write_1h,
        one.other_input,
        one.output,
        one.reasoning,
    ];
    classes.into_iter().fold(0, u64::saturating_add)
}

fn used_json(used: &UsedBudget) -> Value {
    let mut object = allowance::limit(&used.budget);
    let Spent { booked, reserved } = used.spent;
    object["of"] = used.owner.into();
    object["spent_nano_usd"] = booked.money.nanos().into();
    object["spent_usd"] = Money::dollars(booked.money).into();
    object["spent_tokens"] = booked.tokens.into();
    object["reserved_nano_usd"] = reserved.money.nanos().into();
    object["reserved_tokens"] = reserved.tokens.into();
    object["renewed_at"] = json!(used.renewed_at);
    object
}

fn model_json(row: &SummaryRow) -> Value {
    let [provider, model] = model(row);
    let mut object = figures(&row.figures);
    object["provider"] = provider.into();
    object["model"] = model.into();
    object
}

fn figures(figures: &Figures) -> Value {
    let object = json!({
        "calls": figures.calls,
        "tokens": figures.tokens,
        "unknown_tokens": figures.unknown_tokens,
        "unknown_cost": figures.unknown_cost,
    });
    terminal::with_cost(object, Some(figures.cost))
}
