//! `/metrics`: what the calls of a conversation took and cost.

use serde_json::json;

use super::{
    answer::CommandAnswer, call::CommandCall, error::CommandError, slash::SlashCommand, table::table,
};
use crate::{
    agent::command::{Argument, ArgumentKind, CommandSpec, Form, Permission},
    storage::accounts::UsageSink as _,
    store::{Figures, Filter, GroupBy, Tokens},
};

pub(super) fn command() -> SlashCommand {
    let by = Argument::optional("role|provider", ArgumentKind::OneOf(&["role", "provider"]));
    let form = Form::new([by], "show what its calls took and cost");
    SlashCommand::new(CommandSpec::new("metrics", Permission::Read, [form]), metrics)
}

async fn metrics(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let name = call.conversation().await?.name().to_string();
    let store =
        call.system.store().ok_or_else(|| CommandError::Failed("calls are not recorded here".to_owned()))?;
    let by: &[GroupBy] = match call.arguments.text(0) {
        None => &[GroupBy::Provider, GroupBy::Model],
        Some("role") => &[GroupBy::Role],
        Some(_) => &[GroupBy::Provider],
    };
    let filter = Filter { sessions: vec![name], ..Filter::default() };
    let failed = |error: crate::store::StoreError| CommandError::Failed(error.to_string());
    // The last call may still be on its way into the accounts.
    store.flush().await.map_err(|error| CommandError::Failed(error.to_string()))?;
    let rows = store.summary(&filter, by).map_err(failed)?;
    let all = store.summary(&filter, &[]).map_err(failed)?;
    let all = all.into_iter().next().map(|row| row.figures).unwrap_or_default();
    let named = |key: &crate::store::Key| {
        let parts = [
            key.provider.as_ref().map(ToString::to_string),
            key.model.as_ref().map(ToString::to_string),
            key.role.as_ref().map(ToString::to_string),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    };
    let mut all_rows: Vec<(String, Figures)> =
        rows.iter().map(|row| (named(&row.key), row.figures.clone())).collect();
    all_rows.push(("in all".to_owned(), all));
    let shown = all_rows.iter().map(|(name, one)| {
        let median =
            one.latency.p50.map_or_else(|| "?".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
        let (input, output) = sides(&one.tokens);
        let counts = [one.calls, one.failures, input, output].map(|count| count.to_string());
        [name.clone()].into_iter().chain(counts).chain([median, one.cost.to_string()]).collect()
    });
    let heads = ["", "CALLS", "FAILED", "TOKENS IN", "OUT", "P50", "COST"];
    let text = table(&heads, &[1, 2, 3, 4, 5, 6], shown.collect());
    let data = all_rows.iter().map(|(name, one)| {
        json!({
            "name": name, "calls": one.calls, "failures": one.failures,
            "input_tokens": sides(&one.tokens).0, "output_tokens": sides(&one.tokens).1,
            "cost_nano_usd": one.cost.nanos(), "cost_usd": one.cost.dollars(),
        })
    });
    let data = json!({"metrics": data.collect::<Vec<_>>()});
    Ok(CommandAnswer::text(text).with_data(data))
}

/// The tokens of all classes of input, and of output.
fn sides(tokens: &Tokens) -> (u64, u64) {
    let output = tokens.output + tokens.reasoning;
    (tokens.total() - output, output)
}
