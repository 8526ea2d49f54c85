//! `forge models`: what can be asked, and what it costs.

use std::process::ExitCode;

use chrono::{NaiveDate, Utc};
use forge::{
    model::{ModelInfo, ModelRow, Rate},
    router::ProviderPlan,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    args::{GlobalArgs, ModelsList},
    error::CliError,
    layout,
    setup::Setup,
    terminal,
};

pub(crate) async fn list(list: ModelsList, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let known = forge::registry();
    if let Some(vendor) = &list.provider
        && known.kind(vendor).is_none()
    {
        return Err(CliError::usage(
            format!("there is no vendor `{vendor}`"),
            format!("choose one of: {}", known.names().join(", ")),
        ));
    }
    let today = Utc::now().date_naive();
    if list.live { live(&list, today, args).await } else { built_in(&list, today, args.json) }
}

fn built_in(list: &ModelsList, today: NaiveDate, as_json: bool) -> Result<ExitCode, CliError> {
    let table = forge::models();
    let is_listed =
        |row: &&ModelRow| list.provider.as_deref().is_none_or(|vendor| vendor == row.provider.as_str());
    // Of those that are gone the table knows no more than that.
    let is_gone = |row: &&ModelRow| row.prices.is_empty() && row.context_tokens.is_none();
    let (gone, rows): (Vec<&ModelRow>, Vec<_>) = table.rows().iter().filter(is_listed).partition(is_gone);
    let shown = if as_json {
        let models: Vec<Value> = rows.iter().map(|row| row_json(row, today)).collect();
        let retired = gone.iter().map(|row| {
            json!({"vendor": row.provider, "model": row.id, "retires": row.retires, "successor": row.successor})
        });
        let retired: Vec<Value> = retired.collect();
        terminal::json(&json!({"simulated": false, "models": models, "retired": retired}))
    } else {
        let cells: Vec<_> = rows.iter().map(|row| cells(row, today)).collect();
        let endings =
            gone.iter().map(|row| vec![row.provider.to_string(), row.id.to_string(), end(row, today)]);
        let mut shown = layout::table(&HEADINGS, &[2, 3, 4, 5], &cells);
        if !gone.is_empty() {
            shown.push('\n');
            shown += &layout::table(&["VENDOR", "MODEL", "END"], &[], &endings.collect::<Vec<_>>());
        }
        terminal::out(&shown)
    };
    shown?;
    Ok(ExitCode::SUCCESS)
}

const HEADINGS: [&str; 7] = ["VENDOR", "MODEL", "CONTEXT", "OUTPUT", "$IN/M", "$OUT/M", "NOTE"];

fn cells(row: &ModelRow, today: NaiveDate) -> Vec<String> {
    let number = |tokens: Option<u64>| tokens.map_or_else(|| "?".into(), |tokens| tokens.to_string());
    let tier = row.price_on(today).and_then(|price| price.tiers.first());
    let price = |rate: Option<Rate>| rate.map_or_else(|| "?".into(), String::from);
    vec![
        row.provider.to_string(),
        row.id.to_string(),
        number(row.context_tokens),
        number(row.max_output_tokens),
        price(tier.map(|tier| tier.input)),
        price(tier.map(|tier| tier.output)),
        note(row, today),
    ]
}

/// When the model ends, and what the vendor names in its place.
pub(crate) fn end(row: &ModelRow, today: NaiveDate) -> String {
    let word = if row.is_retired_on(today) { "retired" } else { "retires" };
    let date = row.retires.map_or_else(String::new, |end| format!(" {end}"));
    let next = row.successor.as_ref().map_or_else(String::new, |next| format!(", use {next}"));
    format!("{word}{date}{next}")
}

/// What a user must know before choosing the model: its end first, then tiers, then the rest.
fn note(row: &ModelRow, today: NaiveDate) -> String {
    let mut notes = Vec::new();
    if row.retires.is_some() {
        notes.push(end(row, today));
    }
    if let Some(routed) = &row.routed {
        notes.push(format!("answered by {} from {}", routed.to, routed.since));
    }
    let tiers = row.price_on(today).map(|price| price.tiers.as_slice()).unwrap_or_default();
    notes.extend(tiers.iter().skip(1).map(|tier| {
        format!(
            "above {} tokens of prompt {}/{}",
            tier.above_input_tokens,
            String::from(tier.input),
            String::from(tier.output)
        )
    }));
    let next = row.prices.iter().filter_map(|price| price.effective_from.filter(|from| *from > today)).min();
    notes.extend(next.map(|from| format!("price changes {from}")));
    notes.join("; ")
}

fn row_json(row: &ModelRow, today: NaiveDate) -> Value {
    json!({
        "vendor": row.provider,
        "model": row.id,
        "context_tokens": row.context_tokens,
        "max_input_tokens": row.max_input_tokens,
        "max_output_tokens": row.max_output_tokens,
        "released": row.released,
        "retires": row.retires,
        "successor": row.successor,
        "routed": row.routed,
        "price": row.price_on(today),
        "served": row.served,
        "note": row.note,
        "source": row.source,
        "checked": row.checked,
    })
}

/// Asks every provider side by side; one that fails is named and does not hide the others.
async fn live(list: &ModelsList, today: NaiveDate, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let system = Setup::open(args).await?;
    let asked: Vec<_> = system
        .adapters()
        .filter(|(one, _)| list.provider.as_deref().is_none_or(|vendor| vendor == one.kind))
        .collect();
    let answers = join_all(asked.iter().map(|(_, adapter)| adapter.models())).await;
    let mut cells = Vec::new();
    let mut models = Vec::new();
    let mut failures = Vec::new();
    for ((one, _), answer) in asked.iter().zip(answers) {
        match answer {
            Ok(found) => {
                models.extend(found.iter().map(|model| live_json(one, model)));
                cells.extend(found.iter().map(|model| live_cells(one.id.as_str(), &one.kind, model, today)));
            }
            Err(error) => failures.push(CliError::provider(&error)),
        }
    }
    let shown = if args.json {
        let errors: Vec<Value> = failures.iter().map(CliError::summary).collect();
        let simulated = system.is_simulated();
        terminal::json(&json!({"simulated": simulated, "models": models, "errors": errors}))
    } else {
        terminal::out(&layout::table(&HEADINGS, &[2, 3, 4, 5], &cells))
    };
    shown?;
    // Also to those who want quiet: the table does not show what is missing in it.
    for failure in &failures {
        terminal::note(false, failure.to_string().trim_end());
    }
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else if failures.len() == asked.len() {
        // The same codes as for calls: 3 where nobody could answer.
        3.into()
    } else {
        ExitCode::FAILURE
    })
}

fn live_json(one: &ProviderPlan, model: &ModelInfo) -> Value {
    json!({
        "provider": one.id,
        "vendor": one.vendor(),
        "model": model.id,
        "display_name": model.display_name,
        "context_tokens": model.context_tokens,
        "max_output_tokens": model.max_output_tokens,
        "retires": model.retires,
    })
}

/// What the vendor says, with the table's prices beside it.
fn live_cells(id: &str, kind: &str, model: &ModelInfo, today: NaiveDate) -> Vec<String> {
    let table = forge::models();
    let mut row = table.find(&kind.into(), &model.id).map_or_else(
        || {
            vec![
                String::new(),
                String::new(),
                "?".into(),
                "?".into(),
                "?".into(),
                "?".into(),
                "not in the table".into(),
            ]
        },
        |row| cells(row, today),
    );
    id.clone_into(&mut row[0]);
    model.id.as_str().clone_into(&mut row[1]);
    for (cell, live) in [(2, model.context_tokens), (3, model.max_output_tokens)] {
        if let Some(tokens) = live {
            row[cell] = tokens.to_string();
        }
    }
    row
}
