//! `forge route`: who would be asked, and why.

use std::{process::ExitCode, sync::Arc};

use forge::{
    CallContext, ModelRequest, ParticipantRole,
    route::{Candidate, RouteTrace, Verdict},
    router::Router,
};
use serde_json::json;

use crate::{
    args::{GlobalArgs, RouteExplain},
    error::CliError,
    files, layout,
    setup::Setup,
    terminal,
};

/// Exit code 0 if somebody would be asked, 3 if nobody can be.
pub(crate) async fn explain(explain: RouteExplain, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let prompt = match &explain.file {
        None => String::new(),
        Some(path) => files::read(path)?,
    };
    let request = Arc::new(ModelRequest::new("").with_user_message(prompt));
    let role = ParticipantRole::from(explain.role.as_str());
    let system = Setup::open(args).await?;
    let cx = CallContext::new(Router::participant(role.clone()));
    let trace = system.router().explain(&cx, &request).await;
    let shown = if args.json {
        terminal::json(&json!({
            "simulated": system.is_simulated(),
            "role": role,
            "chosen": trace.participant,
            "candidates": trace.candidates,
        }))
    } else {
        terminal::out(&text(&role, &system, &trace))
    };
    shown?;
    Ok(if trace.participant.is_some() { ExitCode::SUCCESS } else { 3.into() })
}

fn text(role: &ParticipantRole, system: &Setup, trace: &RouteTrace) -> String {
    let known = system.plan().roles.contains_key(role);
    let head = match &trace.participant {
        Some(one) => format!("{role}: {}/{} would be asked first.", one.provider_id, one.model_id),
        None => format!("{role}: no provider can be asked."),
    };
    let unknown = if known {
        ""
    } else {
        " The configuration does not name this role: providers that prefer it come first, then the default, then all others."
    };
    let mut next = 0;
    let rows: Vec<_> = trace
        .candidates
        .iter()
        .map(|one| {
            let (place, verdict) = match &one.verdict {
                Verdict::Passed(why) => ("-".into(), format!("not asked: {why}")),
                Verdict::Chosen | Verdict::Next | Verdict::Failed(_) => {
                    next += 1;
                    let verdict =
                        if next == 1 { "asked first" } else { "asked if those above cannot answer" };
                    (next.to_string(), verdict.into())
                }
            };
            row(one, place, verdict)
        })
        .collect();
    let headings = ["", "PROVIDER", "MODEL", "CHOSEN AS", "VERDICT", "TOKENS IN", "COST AT MOST", "WAIT"];
    format!("{head}{unknown}\n\n{}", layout::table(&headings, &[5, 6, 7], &rows))
}

fn row(one: &Candidate, place: String, verdict: String) -> Vec<String> {
    vec![
        place,
        one.provider.to_string(),
        one.model.to_string(),
        one.origin.to_string(),
        verdict,
        format!("about {}", one.input_tokens),
        one.cost.map_or_else(|| "unknown".into(), |cost| cost.to_string()),
        format!("{:.1} s", one.wait.as_secs_f64()),
    ]
}
