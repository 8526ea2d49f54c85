//! What clients may call a model, and who answers under that name.

use chrono::NaiveDate;
use forge::{
    ModelId, ModelTable, Participant, ParticipantRole,
    model::ModelRow,
    router::{ProviderPlan, Router, RouterPlan},
};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

/// Who answers under a name.
///
/// A name is, in this order: a role, a pool or a provider with its kind before it (`role:coder`, `pool:fast`,
/// `provider:claude`); the same without, where only one of them has it; a model that a provider of the configuration is
/// set up for; a model that the vendor of one has.
pub(crate) fn find(plan: &RouterPlan, table: &ModelTable, name: &str) -> Option<Participant> {
    let role = |name: &str| {
        let (role, _) = plan.roles.iter().find(|(role, _)| role.as_str() == name)?;
        Some(Router::participant(role.clone()))
    };
    let pool = |name: &str| {
        let pool = plan.pools.iter().find(|pool| pool.id == name)?;
        Some(Router::participant(ParticipantRole::default()).with_provider_id(pool.id.clone()))
    };
    let provider = |name: &str| {
        let provider = plan.providers.iter().find(|provider| provider.id == name)?;
        Some(asking(provider, provider.model.clone()))
    };
    match name.split_once(':') {
        Some(("role", name)) => return role(name),
        Some(("pool", name)) => return pool(name),
        Some(("provider", name)) => return provider(name),
        _ => {}
    }
    let mut named = [role(name), pool(name), provider(name)].into_iter().flatten();
    if let Some(first) = named.next() {
        // Two of them under one name: which is meant, nobody knows.
        return named.next().is_none().then_some(first);
    }
    let model = ModelId::from(name);
    let set_up = plan.providers.iter().find(|provider| provider.model == model);
    let known = |provider: &&ProviderPlan| {
        let own = provider.models.find_id(&model).is_some();
        own || table.find(&provider.vendor(), &model).is_some_and(|row| row.id != "*")
    };
    let provider = set_up.or_else(|| plan.providers.iter().find(known))?;
    Some(asking(provider, model))
}

/// The participant that asks a provider for a model.
fn asking(provider: &ProviderPlan, model: ModelId) -> Participant {
    Participant::new(provider.vendor(), model).with_provider_id(provider.id.clone())
}

/// Every name that is listed: roles, pools, providers, and the models of the providers.
fn names(plan: &RouterPlan) -> Vec<String> {
    let roles = plan.roles.keys().map(|role| format!("role:{role}"));
    let pools = plan.pools.iter().map(|pool| format!("pool:{}", pool.id));
    let providers = plan.providers.iter().map(|provider| format!("provider:{}", provider.id));
    let models = plan.providers.iter().map(|provider| provider.model.to_string());
    let mut names: Vec<String> = Vec::new();
    for name in roles.chain(pools).chain(providers).chain(models).filter(|name| !name.is_empty()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Which vendor's list of models a client expects: several have theirs at the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    Anthropic,
    Google,
    OpenAi,
}

impl Listing {
    fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let has = |name: &str| headers.contains_key(name);
        let has_key =
            || uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("key=")));
        if has("anthropic-version") {
            Self::Anthropic
        } else if has("x-goog-api-key") || has("x-goog-api-client") || is_googles(uri) || has_key() {
            Self::Google
        } else {
            Self::OpenAi
        }
    }
}

/// Only this vendor's addresses begin so.
fn is_googles(uri: &Uri) -> bool {
    uri.path().starts_with("/v1beta/")
}

/// What Gemini's clients may ask of every model.
const METHODS: [&str; 2] = ["generateContent", "countTokens"];

/// A model in Google's form, in which limits that are not known are left out.
fn google(name: &str, row: Option<&ModelRow>) -> Value {
    let mut model = json!({"name": format!("models/{name}"), "displayName": name});
    let limits = [
        ("inputTokenLimit", row.and_then(|row| row.context_tokens)),
        ("outputTokenLimit", row.and_then(|row| row.max_output_tokens)),
    ];
    for (field, limit) in limits {
        if let Some(limit) = limit {
            model[field] = limit.into();
        }
    }
    model["supportedGenerationMethods"] = json!(METHODS);
    model
}

/// The list of the models, or the one of this id, in the form that the client's headers and address ask for; `None` if
/// there is no such model.
pub(crate) fn list(
    plan: &RouterPlan,
    table: &ModelTable,
    uri: &Uri,
    headers: &HeaderMap,
    id: Option<&str>,
    today: NaiveDate,
) -> Option<Value> {
    let listing = Listing::of(uri, headers);
    let object = |name: &str| {
        let participant = find(plan, table, name);
        let row = participant.as_ref().and_then(|one| table.serving(&one.provider, &one.model_id, today));
        match listing {
            Listing::OpenAi => json!({"id": name, "object": "model", "created": 0, "owned_by": "forge"}),
            Listing::Anthropic => json!({
                "id": name, "type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z",
                "lifecycle": "active",
                "max_input_tokens": row.and_then(|row| row.context_tokens),
                "max_tokens": row.and_then(|row| row.max_output_tokens),
            }),
            Listing::Google => google(name, row),
        }
    };
    if let Some(id) = id {
        let id = id.strip_prefix("models/").filter(|_| listing == Listing::Google).unwrap_or(id);
        return find(plan, table, id).map(|_| object(id));
    }
    let names = names(plan);
    let data: Vec<Value> = names.iter().map(|name| object(name)).collect();
    Some(match listing {
        Listing::OpenAi => json!({"object": "list", "data": data}),
        Listing::Anthropic => {
            json!({"data": data, "has_more": false, "first_id": names.first(), "last_id": names.last()})
        }
        Listing::Google => json!({"models": data}),
    })
}

#[cfg(test)]
mod tests {
    use forge::router::{Member, PoolPlan, RolePlan, Strategy, Target};

    use super::*;

    fn plan() -> RouterPlan {
        let provider = |id: &str, kind: &str, model: &str| {
            let mut plan = forge::provider_plan(kind, model);
            plan.id = id.into();
            plan
        };
        let mut plan = RouterPlan {
            providers: vec![
                provider("claude", "anthropic", "claude-opus-5"),
                provider("gpt", "openai", "gpt-5.6-sol"),
            ],
            ..RouterPlan::default()
        };
        let members = vec![Member { target: Target::Provider(0), weight: 1 }];
        plan.pools.push(PoolPlan { id: "fast".into(), strategy: Strategy::Priority, members });
        let primary = vec![Target::Provider(1)];
        plan.roles.insert("coder".into(), RolePlan { primary: primary.clone(), ..RolePlan::default() });
        plan.roles.insert("fast".into(), RolePlan { primary, ..RolePlan::default() });
        plan
    }

    #[test]
    fn a_list_has_the_form_of_the_vendor_whose_client_asks() {
        let listed = |uri: &'static str, header: &'static str| {
            let mut headers = HeaderMap::new();
            if !header.is_empty() {
                headers.insert(header, "x".parse().unwrap());
            }
            Listing::of(&Uri::from_static(uri), &headers)
        };
        for (uri, header, expected) in [
            ("/v1/models", "", Listing::OpenAi),
            ("/v1/models?limit=1000", "authorization", Listing::OpenAi),
            ("/v1/models", "anthropic-version", Listing::Anthropic),
            ("/v1beta/models", "anthropic-version", Listing::Anthropic),
            ("/v1/models", "x-goog-api-key", Listing::Google),
            ("/v1/models", "x-goog-api-client", Listing::Google),
            ("/v1beta/models", "", Listing::Google),
            ("/v1beta/models/x", "", Listing::Google),
            ("/v1/models?pageSize=1&key=k", "", Listing::Google),
        ] {
            assert_eq!(listed(uri, header), expected, "{uri} {header}");
        }
    }

    #[test]
    fn a_name_is_a_role_a_pool_a_provider_or_a_model_and_never_two_of_them() {
        let (plan, table) = (plan(), forge::models());
        let found = |name: &str| {
            let one = find(&plan, &table, name)?;
            Some(format!("{}/{}/{}", one.role, one.provider_id, one.model_id))
        };
        for (name, expected) in [
            ("role:coder", Some("coder/router/")),
            ("coder", Some("coder/router/")),
            ("pool:fast", Some("generalist/fast/")),
            ("fast", None),
            ("provider:claude", Some("generalist/claude/claude-opus-5")),
            ("gpt", Some("generalist/gpt/gpt-5.6-sol")),
            ("gpt-5.6-sol", Some("generalist/gpt/gpt-5.6-sol")),
            ("claude-sonnet-5-5", Some("generalist/claude/claude-sonnet-5-5")),
            ("claude-sonnet-5-5-20260928", Some("generalist/claude/claude-sonnet-5-5-20260928")),
            ("gemini-3-pro", None),
            ("role:nobody", None),
            ("", None),
        ] {
            assert_eq!(found(name).as_deref(), expected, "{name}");
        }
    }
}
