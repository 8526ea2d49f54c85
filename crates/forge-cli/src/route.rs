//! `forge route`: who would be asked, and why.

use std::{process::ExitCode, sync::Arc};

use forge::{
    CallContext, ModelRequest, ParticipantRole,
    route::{Candidate, RouteTrace, Verdict},
    router::Router,
    storage::access::AccessStore,
    watch::EventLog,
};
use forge_gateway::{ClientRequest, Refused};
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
    let text = match &explain.file {
        None => String::new(),
        Some(path) => files::read(path)?,
    };
    let role = ParticipantRole::from(explain.role.as_deref().unwrap_or_default());
    let system = match explain.format {
        Some(_) => Setup::of_server(args, EventLog::default()).await?,
        None => Setup::open(args).await?,
    };
    let (cx, request) = match explain.format.as_deref() {
        None => {
            let request = ModelRequest::new("").with_user_message(text);
            (CallContext::new(Router::participant(role)), Arc::new(request))
        }
        Some(format) => {
            let (model, key) = (explain.model.as_deref(), explain.key.as_deref());
            let request = ClientRequest { format, body: text.into(), model, key };
            let keys = system.store().map(|store| &**store as &dyn AccessStore);
            let call = forge_gateway::explain(system.router(), system.serve_plan(), keys, request).await;
            call.map_err(|error| refused(&error))?
        }
    };
    let role = cx.participant.role.clone();
    let trace = system.router().explain(&cx, &request).await;
    let shown = if args.json {
        terminal::json(&json!({
            "simulated": system.is_simulated(),
            "role": role,
            "chosen": trace.participant,
            "candidates": trace.candidates,
        }))
    } else {
        let known = explain.format.is_some() || system.plan().roles.contains_key(&role);
        terminal::out(&table(&role, known, &trace))
    };
    shown?;
    Ok(if trace.participant.is_some() { ExitCode::SUCCESS } else { 3.into() })
}

/// What a client would be told.
fn refused(error: &Refused) -> CliError {
    let next = match error {
        Refused::Format(_) => {
            "choose one of chat, responses, messages and gemini that the section `serve` has"
        }
        Refused::Body(_) => "give the body that a client sends, as JSON",
        Refused::NoModel => "say with `--model` which model the client names",
        Refused::Key(_) => "`forge keys list` has the ids of the keys",
        Refused::Closed(_) => "`forge keys show` says why",
        Refused::Model(_) => {
            "`forge config show` has the names of roles, pools, providers and of `serve.models`"
        }
        Refused::Denied(_) => "`forge keys show` says which models the key and its team may use",
        _ => "`forge doctor` looks at the accounts",
    };
    CliError::usage(error.to_string(), next)
}

/// `known` is a role of the configuration, or none that matters.
fn table(role: &ParticipantRole, known: bool, trace: &RouteTrace) -> String {
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
