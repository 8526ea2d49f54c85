//! The page, as it is before any script runs.

use std::time::Duration;

use forge::{prompt::html::Safe, router::RouteStatus};
use forge_core::{
    Money,
    storage::{
        access::{KeyState, UsedBudget},
        budget::Period,
    },
};
use serde_json::Value;

use super::{
    chart::chart,
    view::{Accounts, KeyRow, View},
};

/// Columns of numbers.
const NUMBERS: [&str; 5] = ["Tokens", "Cost", "Took", "Calls", "Under way"];

/// The whole page.
pub(super) fn page(view: &View) -> String {
    let state = format!(
        "<h1>Forge</h1>\n<p id=\"state\" class=\"quiet\" role=\"status\">as of {} UTC</p>",
        view.now.format("%F %T")
    );
    document("Forge", &state, &sections(view), "")
}

/// A page of its own, which follows what happens.
pub(super) fn document(title: &str, header: &str, main: &str, scripts: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n<script src=\"/page.js\" defer></script>{scripts}</head>\n\
         <body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n<header>{header}</header>\n<main id=\"main\">\n{main}</main>\n\
         </body></html>\n"
    )
}

fn sections(view: &View) -> String {
    let empty = Accounts::default();
    let accounts = view.accounts.as_ref().unwrap_or(&empty);
    [
        section("figures", "Now", &figures(view, accounts)),
        section("charts", "By hour", &charts(accounts)),
        section("sessions", "Sessions", &sessions(accounts, &view.running)),
        section("calls", "Last calls", &calls(accounts)),
        section("models", "Models", &models(&view.routes)),
        section("keys", "Keys", &keys(&view.keys)),
    ]
    .concat()
}

/// A part of the page that is replaced when something happens.
pub(super) fn section(id: &str, title: &str, content: &str) -> String {
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}</h2>\n{content}</section>\n"
    )
}

fn figures(view: &View, accounts: &Accounts) -> String {
    let sum = |figure: fn(&forge::store::Figures) -> u64| -> u64 {
        accounts.hours.iter().map(|point| figure(&point.figures)).sum()
    };
    let (answered, failed) = (sum(|figures| figures.successes), sum(|figures| figures.failures));
    let cost = Money::from_nanos(sum(|figures| figures.cost.nanos()));
    let rate = if answered + failed == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} %", answered as f64 / (answered + failed) as f64 * 100.0)
    };
    let hits = view.cache.hits + view.cache.shared;
    let rows = [
        (view.under_way.to_string(), "calls under way"),
        (sum(|figures| figures.calls).to_string(), "calls in a day"),
        (rate, "of them answered"),
        (cents(cost), "spent in a day"),
        (sum(|figures| figures.fallbacks).to_string(), "answered by another"),
        (hits.to_string(), "given again"),
    ];
    let rows = rows.map(|(figure, name)| format!("<div><dt>{name}</dt><dd>{figure}</dd></div>"));
    let note =
        if view.accounts.is_some() { "" } else { "<p class=\"note\">The accounts cannot be read now.</p>\n" };
    format!("{note}<dl class=\"figures\">{}</dl>\n", rows.concat())
}

fn charts(accounts: &Accounts) -> String {
    let hours = &accounts.hours;
    let total = |figure: &dyn Fn(&forge::store::Figures) -> f64| {
        hours.iter().map(|point| figure(&point.figures)).sum::<f64>()
    };
    let dollars = |figures: &forge::store::Figures| figures.cost.dollars();
    let failed = |figures: &forge::store::Figures| figures.failures as f64;
    let slow = |figures: &forge::store::Figures| figures.latency.p50.map_or(0.0, |time| time.as_secs_f64());
    format!(
        "<div class=\"charts\">{}{}{}{}</div>\n",
        chart(
            "Cost",
            hours,
            dollars,
            |most| format!("${most:.4}"),
            &format!("${:.4} in a day", total(&dollars))
        ),
        chart(
            "Calls",
            hours,
            |figures| figures.calls as f64,
            |most| format!("{most:.0}"),
            &format!("{:.0} in a day", total(&|figures| figures.calls as f64))
        ),
        chart(
            "Failures",
            hours,
            failed,
            |most| format!("{most:.0}"),
            &format!("{:.0} in a day", total(&failed))
        ),
        chart("Latency, median", hours, slow, |most| format!("{most:.2} s"), "of each hour"),
    )
}

fn calls(accounts: &Accounts) -> String {
    let row = |row: &Vec<Value>| {
        let cell = |at: usize| row.get(at).map(text).unwrap_or_default();
        let outcome = cell(4);
        let class = if outcome == "success" { "" } else { " class=\"bad\"" };
        // Whom it stood in for, and what was wrong there.
        let by = row.get(10).and_then(Value::as_str).map(|first| format!(" (stood in for {})", Safe(first)));
        let by = by.unwrap_or_default();
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}{by}</td><td{class}>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>\n",
            Safe(cell(0).get(11..19).unwrap_or_default()),
            Safe(&cell(1)),
            Safe(&format!("{}/{}", cell(2), cell(3))),
            Safe(&outcome),
            cell(5),
            row.get(6).map(money).unwrap_or_default(),
            row.get(7)
                .and_then(Value::as_f64)
                .map(|ms| seconds(Duration::from_secs_f64(ms.max(0.0) / 1_000.0)))
                .unwrap_or_default(),
            Safe(&cell(8)),
            Safe(&cell(9)),
        )
    };
    let heads = ["Time", "Asked for", "Answered by", "Outcome", "Tokens", "Cost", "Took", "Key", "Session"];
    table(
        "The last attempts, the newest first",
        &heads,
        &accounts.calls.iter().map(row).collect::<String>(),
        "no call yet",
    )
}

fn sessions(accounts: &Accounts, running: &[String]) -> String {
    let row = |row: &Vec<Value>| {
        let cell = |at: usize| row.get(at).map(text).unwrap_or_default();
        let title: String = cell(1).chars().take(80).collect();
        let (name, link) = (cell(0), running.contains(&cell(0)));
        let name = Safe(&name).to_string();
        // One that runs can be attended.
        let shown = if link { format!("<a href=\"/sessions/{name}\">{name}</a>") } else { name.clone() };
        format!(
            "<tr data-session=\"{name}\"><td>{shown}</td><td>{0}</td><td class=\"stage\">{1}</td><td class=\"n\">{2}</td><td class=\"n\">{3}</td></tr>\n",
            Safe(&title),
            Safe(&cell(2)),
            cell(3),
            row.get(4).map(money).unwrap_or_default(),
        )
    };
    let rows = accounts.sessions.iter().map(row).collect::<String>();
    table(
        "Sessions, the newest first",
        &["Session", "Title", "State", "Calls", "Cost"],
        &rows,
        "no session yet",
    )
}

fn models(routes: &[RouteStatus]) -> String {
    let row = |route: &RouteStatus| {
        let state = match (route.open_for, route.health) {
            (Some(wait), _) => format!("<span class=\"bad\">circuit open for {}</span>", seconds(wait)),
            (None, Some(health)) => health.to_string(),
            (None, None) => "not asked lately".to_owned(),
        };
        let limit = |limit: Option<u64>, unit: &str| limit.map(|limit| format!("{limit} {unit}"));
        let rate = route.rate;
        let limits = [
            limit(route.concurrent.map(u64::from), "at once"),
            limit(rate.requests_per_minute.map(|limit| limit.get().into()), "requests a minute"),
            limit(rate.input_tokens_per_minute.map(Into::into), "tokens in a minute"),
            limit(rate.output_tokens_per_minute.map(Into::into), "tokens out a minute"),
        ];
        let limits: Vec<String> = limits.into_iter().flatten().collect();
        format!(
            "<tr><td>{}</td><td>{}</td><td>{state}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
            Safe(route.provider.as_str()),
            Safe(route.model.as_str()),
            route.in_flight,
            Safe(&limits.join(", ")),
        )
    };
    let rows = routes.iter().map(row).collect::<String>();
    table(
        "Providers in the order of the configuration",
        &["Provider", "Model", "State", "Under way", "Limits"],
        &rows,
        "nobody",
    )
}

fn keys(keys: &[KeyRow]) -> String {
    let row = |key: &KeyRow| {
        let state = match key.state {
            KeyState::Active => "active",
            KeyState::Disabled => "disabled",
            KeyState::Revoked => "revoked",
        };
        let budgets = key.budgets.iter().map(budget).collect::<String>();
        format!(
            "<tr><td>{}</td><td>{}</td><td>{state}</td><td>{budgets}</td></tr>\n",
            Safe(&key.name),
            Safe(key.team.as_deref().unwrap_or_default()),
        )
    };
    let rows = keys.iter().map(row).collect::<String>();
    table(
        "Keys and what is gone of their money",
        &["Key", "Team", "State", "Spent of its cap"],
        &rows,
        "no keys",
    )
}

/// What is gone of a budget of money, with what is set aside; empty for one of tokens.
fn budget(used: &UsedBudget) -> String {
    let Some(cap) = used.budget.money else { return String::new() };
    let period = match used.budget.period {
        Period::Day => "a day",
        Period::Month => "a month",
        Period::Ever => "in all",
        _ => "each",
    };
    let gone = used.spent.booked.money + used.spent.reserved.money;
    format!(
        "<div class=\"budget\"><span>{}, {period}: {} of {}</span><meter max=\"{}\" high=\"{}\" value=\"{}\">{}</meter></div>",
        used.owner,
        cents(gone),
        cents(cap),
        cap.nanos(),
        cap.nanos() / 10 * 9,
        gone.nanos(),
        cents(gone),
    )
}

/// A table that scrolls inside itself where the screen is narrow.
pub(super) fn table(caption: &str, heads: &[&str], rows: &str, nothing: &str) -> String {
    if rows.is_empty() {
        return format!("<p class=\"quiet\">{nothing}</p>\n");
    }
    let head = |head: &&str| {
        // Numbers stand at the right, and so do their names.
        let class = if NUMBERS.contains(head) { " class=\"n\"" } else { "" };
        format!("<th scope=\"col\"{class}>{head}</th>")
    };
    let heads: Vec<String> = heads.iter().map(head).collect();
    let heads = heads.concat();
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><caption>{caption}</caption>\n\
         <thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn money(nanos: &Value) -> String {
    nanos.as_u64().map_or_else(|| "?".to_owned(), |nanos| cents(Money::from_nanos(nanos)))
}

fn cents(money: Money) -> String {
    format!("${:.4}", money.dollars())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
