//! The list of the models, in the form of whichever vendor's client asks.

use chrono::NaiveDate;
use forge::{ModelTable, config::ModelNames, model::ModelRow, router::RouterPlan};
use http::{HeaderMap, Uri, request::Parts};
use serde_json::{Value, json};

use crate::models;

/// Every name that is listed: aliases, roles, pools, providers, and the models of the providers.
fn listed(plan: &RouterPlan, names: &ModelNames) -> Vec<String> {
    let aliases = names.aliases.iter().filter(|alias| !alias.is_pattern()).map(|alias| alias.name.clone());
    let roles = plan.roles.keys().filter(|_| names.roles).map(|role| format!("role:{role}"));
    let pools = plan.pools.iter().filter(|_| names.pools).map(|pool| format!("pool:{}", pool.id));
    let providers = plan.providers.iter().filter(|_| names.providers);
    let models = providers.clone().map(|provider| provider.model.to_string());
    let providers = providers.map(|provider| format!("provider:{}", provider.id));
    let mut listed: Vec<String> = Vec::new();
    for name in
        aliases.chain(roles).chain(pools).chain(providers).chain(models).filter(|name| !name.is_empty())
    {
        if !listed.contains(&name) {
            listed.push(name);
        }
    }
    listed
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

/// The list of the models that the caller may use, or the one of this id, in the form that the client's headers and address
/// ask for; `None` if there is no such model.
pub(crate) fn list(
    plan: &RouterPlan,
    table: &ModelTable,
    names: &ModelNames,
    may_use: impl Fn(&str) -> bool,
    head: &Parts,
    id: Option<&str>,
    today: NaiveDate,
) -> Option<Value> {
    let listing = Listing::of(&head.uri, &head.headers);
    let object = |name: &str| {
        let participant = models::find(plan, table, names, name);
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
        return models::find(plan, table, names, id).filter(|_| may_use(id)).map(|_| object(id));
    }
    let mut names = listed(plan, names);
    names.retain(|name| may_use(name));
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
    use forge::config::{AliasTarget, ModelAlias};

    use super::*;

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
    fn aliases_are_listed_first_and_what_is_not_exposed_is_left_out() {
        let mut provider = forge::provider_plan("anthropic", "claude-opus-5");
        provider.id = "claude".into();
        let plan = RouterPlan { providers: vec![provider], ..RouterPlan::default() };
        let mut names = ModelNames::default();
        let alias = |name: &str| ModelAlias::new(name, AliasTarget::Role("coder".into()));
        names.aliases = vec![alias("claude-*"), alias("fast"), alias("claude-opus-5")];
        assert_eq!(listed(&plan, &names), ["fast", "claude-opus-5", "provider:claude"]);
        names.providers = false;
        assert_eq!(listed(&plan, &names), ["fast", "claude-opus-5"]);
    }
}
