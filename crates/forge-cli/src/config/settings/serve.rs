//! The section `serve` for `config show`.

use forge::config::{AliasModel, AliasTarget, ServePlan};
use serde_json::{Map, Value, json};

use super::duration;

/// Every setting of the server that holds.
pub(super) fn serve(plan: &ServePlan) -> Value {
    let names = &plan.models;
    let kinds = [("roles", names.roles), ("pools", names.pools), ("providers", names.providers)];
    let exposed: Vec<&str> = kinds.into_iter().filter_map(|(kind, is)| is.then_some(kind)).collect();
    let models: Map<String, Value> =
        names.aliases.iter().map(|alias| (alias.name.clone(), target(&alias.target))).collect();
    json!({
        "listen": plan.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "probes": plan.probes,
        "admin": plan.admin.map(|place| place.to_string()),
        "tls": plan.tls.as_ref().map(|files| json!({"cert": files.cert, "key": files.key})),
        "hosts": plan.hosts,
        "origins": plan.origins,
        "trusted_proxies": plan.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "formats": plan.formats,
        "models": models,
        "expose": exposed,
        "default_model": names.default,
        "relay": plan.relay,
        "limits": {
            "body_bytes": plan.body_bytes,
            "all_body_bytes": plan.all_body_bytes,
            "connections": plan.connections,
            "in_flight": plan.in_flight,
            "per_key": {
                "rpm": plan.per_key.requests_per_minute,
                "tpm": plan.per_key.tokens_per_minute,
                "concurrent": plan.per_key.concurrent,
            },
        },
        "unknown_fields": if plan.rejects_unknown_fields { "reject" } else { "ignore" },
        "betas": { "deny": plan.denied_betas },
        "responses": { "store": plan.keep_responses.map_or_else(|| "off".into(), duration) },
        "on_disconnect": if plan.finishes_alone { "finish" } else { "cancel" },
        "log": { "requests": plan.logs_requests },
        "timeout": duration(plan.timeout),
        "grace": duration(plan.grace),
    })
}

fn target(target: &AliasTarget) -> Value {
    match target {
        AliasTarget::Role(role) => json!({"role": role}),
        AliasTarget::Pool(id) => json!({"pool": id}),
        AliasTarget::Provider { id, model } => {
            let model = match model {
                AliasModel::Own => None,
                AliasModel::Same => Some("same"),
                AliasModel::Named(model) => Some(model.as_str()),
            };
            json!({"provider": id, "model": model})
        }
        AliasTarget::Session(options) => json!({"session": options}),
    }
}
