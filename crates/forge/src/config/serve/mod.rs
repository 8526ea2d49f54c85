//! The section `serve`.

mod admin;
mod plan;
mod spec;

use std::{net::SocketAddr, time::Duration};

use forge_config::{KeyPath, Problem, ResolveContext, Section, code, nearest};
use forge_router::{ProviderPlan, RouterPlan};

pub use self::{
    admin::{AdminPlace, NoAdminPlace},
    plan::{
        AliasModel, AliasTarget, Listen, ModelAlias, ModelNames, Network, NoNetwork, NoPlace, ServePlan,
        TlsFiles,
    },
    spec::{
        AliasSpec, BetasSpec, KeptResponsesSpec, KeyLimitSpec, ServeLimitSpec, ServeLogSpec, ServeSpec,
        TlsSpec,
    },
};
use crate::{AdapterRegistry, storage::access::Allowance};

/// The section `serve`.
#[derive(Debug)]
pub(super) struct ServeSection;

impl Section for ServeSection {
    const KEY: Option<&'static str> = Some("serve");
    type Spec = ServeSpec;
    type Plan = ServePlan;

    fn refused(&self, spec: &ServeSpec) -> Vec<Problem> {
        let root = KeyPath::ROOT.key("serve");
        let sets = [
            ("listen", spec.listen.is_some(), "opens an address of this machine"),
            ("probes", spec.probes.is_some(), "opens an address of this machine"),
            ("admin", spec.admin.is_some(), "opens an address of this machine"),
            ("tls", spec.tls.is_some(), "reads files of this machine"),
            ("hosts", spec.hosts.is_some(), "lets others reach this machine"),
            ("origins", spec.origins.is_some(), "lets pages of browsers ask"),
            ("trusted_proxies", spec.trusted_proxies.is_some(), "believes what others say of their clients"),
            ("responses", spec.responses.is_some(), "keeps what clients send"),
        ];
        let set = sets.into_iter().filter(|(_, is_set, _)| *is_set);
        set.map(|(key, _, does)| Problem::untrusted(root.key(key), does)).collect()
    }

    fn resolve(&self, spec: &ServeSpec, context: &mut ResolveContext<'_>) -> ServePlan {
        let root = context.root.clone();
        let mut plan = ServePlan::default();
        if let Some(places) = &spec.listen {
            plan.listen = listen(places, context, &root.key("listen"));
        }
        plan.probes = spec.probes.as_deref().and_then(|text| address(text, context, &root.key("probes")));
        plan.admin = spec.admin.as_deref().and_then(|text| admin(text, context, &root.key("admin")));
        plan.tls = spec.tls.clone().map(|TlsSpec { cert, key }| TlsFiles { cert, key });
        plan.hosts = spec.hosts.clone().unwrap_or_default();
        plan.origins = spec.origins.clone().unwrap_or_default();
        plan.trusted_proxies = networks(spec.trusted_proxies.as_deref(), context, &root);
        formats(spec.formats.as_deref(), &mut plan, context, &root.key("formats"));
        plan.models = names(spec, context, &root);
        let mut choice = |word: Option<&str>, words: &[(&str, bool)], path: &KeyPath| {
            word.and_then(|word| context.one_of(word, words, "choice", path)).unwrap_or(false)
        };
        let words = [("ignore", false), ("reject", true)];
        plan.rejects_unknown_fields =
            choice(spec.unknown_fields.as_deref(), &words, &root.key("unknown_fields"));
        let words = [("cancel", false), ("finish", true)];
        plan.finishes_alone = choice(spec.on_disconnect.as_deref(), &words, &root.key("on_disconnect"));
        plan.keep_responses = keep_responses(spec.responses.as_ref(), context, &root.key("responses"));
        plan.logs_requests = spec.log.as_ref().and_then(|log| log.requests).unwrap_or_default();
        plan.denied_betas = spec.betas.as_ref().and_then(|betas| betas.deny.clone()).unwrap_or_default();
        plan.relay = spec.relay.unwrap_or(plan.relay);
        limits(spec.limits.as_ref(), &mut plan, context, &root.key("limits"));
        let timeout = context.duration(spec.timeout.as_deref(), &root.key("timeout"));
        plan.timeout = timeout.unwrap_or(plan.timeout);
        let grace = context.duration(spec.grace.as_deref(), &root.key("grace"));
        plan.grace = grace.unwrap_or(plan.grace);
        plan
    }
}

/// Longer than any client comes back.
const LONGEST_KEPT: Duration = Duration::from_secs(3_650 * 24 * 3_600);

fn keep_responses(
    spec: Option<&KeptResponsesSpec>,
    context: &mut ResolveContext<'_>,
    path: &KeyPath,
) -> Option<Duration> {
    let text = spec?.store.as_deref().filter(|text| text.trim() != "off");
    context.duration_up_to(LONGEST_KEPT, text, &path.key("store"))
}

fn listen(places: &[String], context: &mut ResolveContext<'_>, path: &KeyPath) -> Vec<Listen> {
    if places.is_empty() {
        let nowhere = Problem::new(code::MISSING, path.clone(), "a server without a place to listen at");
        context.report(nowhere.with_hint("leave `listen` out for 127.0.0.1:4600"));
    }
    let mut listen = Vec::new();
    for (index, text) in places.iter().enumerate() {
        match text.parse() {
            Ok(place) => listen.push(place),
            Err(NoPlace { .. }) => {
                let wrong = format!("`{text}` is no place to listen at");
                let hint = "write `127.0.0.1:4600`, `unix:/path/of/a.sock` or `systemd:`";
                context.report(Problem::new(code::UNKNOWN_WORD, path.index(index), wrong).with_hint(hint));
            }
        }
    }
    listen
}

fn address(text: &str, context: &mut ResolveContext<'_>, path: &KeyPath) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        let wrong =
            Problem::new(code::UNKNOWN_WORD, path.clone(), format!("`{text}` is no address with a port"));
        context.report(wrong.with_hint("write for example `127.0.0.1:4601`"));
    }
    address
}

fn admin(text: &str, context: &mut ResolveContext<'_>, path: &KeyPath) -> Option<AdminPlace> {
    let place = text.parse::<AdminPlace>();
    place
        .map_err(|wrong| context.report(Problem::new(code::UNKNOWN_WORD, path.clone(), wrong.to_string())))
        .ok()
}

fn networks(texts: Option<&[String]>, context: &mut ResolveContext<'_>, root: &KeyPath) -> Vec<Network> {
    let mut networks = Vec::new();
    for (index, text) in texts.unwrap_or_default().iter().enumerate() {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(wrong @ NoNetwork { .. }) => {
                let path = root.key("trusted_proxies").index(index);
                context.report(Problem::new(code::UNKNOWN_WORD, path, wrong.to_string()));
            }
        }
    }
    networks
}

fn formats(words: Option<&[String]>, plan: &mut ServePlan, context: &mut ResolveContext<'_>, path: &KeyPath) {
    let Some(words) = words else { return };
    plan.formats.clear();
    let known = plan::FORMATS.map(|name| (name, name));
    for (index, word) in words.iter().enumerate() {
        plan.formats.extend(context.one_of(word, &known, "format", &path.index(index)));
    }
    if words.is_empty() {
        let nothing = Problem::new(code::MISSING, path.clone(), "a server that speaks to nobody");
        context.report(nothing.with_hint("leave `formats` out for all of them"));
    }
}

fn names(spec: &ServeSpec, context: &mut ResolveContext<'_>, root: &KeyPath) -> ModelNames {
    let mut names = ModelNames { default: spec.default_model.clone(), ..ModelNames::default() };
    if let Some(exposed) = &spec.expose {
        (names.roles, names.pools, names.providers) = (false, false, false);
        for (index, word) in exposed.iter().enumerate() {
            let path = root.key("expose").index(index);
            match context.one_of(word, &[("roles", 0), ("pools", 1), ("providers", 2)], "kind of name", &path)
            {
                Some(0) => names.roles = true,
                Some(1) => names.pools = true,
                Some(_) => names.providers = true,
                None => {}
            }
        }
    }
    for (name, alias) in spec.models.iter().flatten() {
        let path = root.key("models").key(name.clone());
        names
            .aliases
            .extend(target(alias, context, &path).map(|target| ModelAlias::new(name.clone(), target)));
    }
    names
}

fn target(alias: &AliasSpec, context: &mut ResolveContext<'_>, path: &KeyPath) -> Option<AliasTarget> {
    if let AliasSpec { session: Some(session), role: None, pool: None, provider: None, model: None } = alias {
        return Some(AliasTarget::Session(session.options(context, &path.key("session"))));
    }
    let model = alias.model.as_deref().map(|model| match model {
        "same" => AliasModel::Same,
        model => AliasModel::Named(model.into()),
    });
    let target = match (&alias.role, &alias.pool, &alias.provider, &alias.session) {
        (Some(role), None, None, None) => AliasTarget::Role(role.as_str().into()),
        (None, Some(pool), None, None) => AliasTarget::Pool(pool.as_str().into()),
        (None, None, Some(provider), None) => {
            let model = model.clone().unwrap_or_default();
            return Some(AliasTarget::Provider { id: provider.as_str().into(), model });
        }
        _ => {
            let wrong = Problem::new(
                code::MISSING,
                path.clone(),
                "a name leads to one role, pool, provider or session",
            );
            context.report(wrong.with_hint("write for example `{ role: coder }`"));
            return None;
        }
    };
    if model.is_some() {
        let wrong =
            Problem::new(code::UNKNOWN_KEY, path.key("model"), "only a provider can be asked for a model");
        context.report(wrong.with_hint("roles and pools have models of their own"));
    }
    Some(target)
}

fn limits(
    spec: Option<&ServeLimitSpec>,
    plan: &mut ServePlan,
    context: &mut ResolveContext<'_>,
    path: &KeyPath,
) {
    let Some(spec) = spec else { return };
    let mut size = |key: &str, value, least, most, usual: usize| {
        context.integer::<usize>(value, least..=most, &path.key(key)).unwrap_or(usual)
    };
    plan.body_bytes = size("body_bytes", spec.body_bytes, 1_024, 1 << 30, plan.body_bytes);
    plan.all_body_bytes = size("all_body_bytes", spec.all_body_bytes, 1_024, 1 << 40, plan.all_body_bytes);
    plan.connections = size("connections", spec.connections, 1, 1_000_000, plan.connections);
    plan.in_flight = size("in_flight", spec.in_flight, 1, 1_000_000, plan.in_flight);
    if plan.all_body_bytes < plan.body_bytes {
        let message =
            format!("{} bytes are less than the {} of one request", plan.all_body_bytes, plan.body_bytes);
        context.report(Problem::new(code::OUT_OF_RANGE, path.key("all_body_bytes"), message));
    }
    if let Some(per_key) = &spec.per_key {
        let path = path.key("per_key");
        let mut allowance = Allowance::default();
        allowance.requests_per_minute = context.integer(per_key.rpm, 1..=1_000_000, &path.key("rpm"));
        allowance.tokens_per_minute = context.integer(per_key.tpm, 1..=1_000_000_000_000, &path.key("tpm"));
        allowance.concurrent = context.integer(per_key.concurrent, 1..=1_000_000, &path.key("concurrent"));
        plan.per_key = allowance;
    }
}

/// The providers that the aliases for sessions stand for. A name that the file gives to somebody else, or that stands for
/// many, is a mistake.
pub(super) fn sessions(
    plan: &ServePlan,
    router: &RouterPlan,
    registry: &AdapterRegistry,
) -> (Vec<ProviderPlan>, Vec<Problem>) {
    let (mut providers, mut problems) = (Vec::new(), Vec::new());
    let Some(kind) = registry.kind("session") else { return (providers, problems) };
    for alias in &plan.models.aliases {
        let AliasTarget::Session(options) = &alias.target else { continue };
        let name = alias.name.as_str();
        let path = || KeyPath::ROOT.key("serve").key("models").key(name);
        let is_taken = router.providers.iter().any(|one| one.id == name)
            || router.pools.iter().any(|one| one.id == name)
            || router.roles.keys().any(|role| role.as_str() == name);
        if alias.is_pattern() {
            let message = "a session has one name, and this stands for many";
            problems.push(Problem::new(code::UNKNOWN_WORD, path(), message).about_key());
        } else if is_taken {
            let message = format!("there is a provider, pool or role `{name}` already, which it would hide");
            problems.push(Problem::new(forge_router::code::CONFLICT, path(), message).about_key());
        } else {
            let own = ProviderPlan { options: options.clone(), ..ProviderPlan::of_kind(kind, name) };
            providers.push(ProviderPlan { id: name.into(), display_name: name.to_owned(), ..own });
        }
    }
    (providers, problems)
}

/// The aliases that lead to nobody, and the names that are no aliases.
pub(super) fn unknown_targets(plan: &ServePlan, router: &RouterPlan) -> Vec<Problem> {
    let roles: Vec<&str> = router.roles.keys().map(crate::ParticipantRole::as_str).collect();
    let pools: Vec<&str> = router.pools.iter().map(|pool| pool.id.as_str()).collect();
    let providers: Vec<&str> = router.providers.iter().map(|provider| provider.id.as_str()).collect();
    let unknown = |alias: &ModelAlias| {
        let (kind, name, known) = match &alias.target {
            AliasTarget::Role(role) => ("role", role.as_str(), &roles),
            AliasTarget::Pool(id) => ("pool", id.as_str(), &pools),
            AliasTarget::Provider { id, .. } => ("provider", id.as_str(), &providers),
            AliasTarget::Session(_) => return None,
        };
        if known.contains(&name) {
            return None;
        }
        let path = KeyPath::ROOT.key("serve").key("models").key(alias.name.clone()).key(kind);
        let problem =
            Problem::new(forge_router::code::UNKNOWN_NAME, path, format!("there is no {kind} `{name}`"));
        Some(match nearest(name, known.iter().copied()) {
            Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
            None => problem,
        })
    };
    let kept = router.cache.iter().flat_map(|cache| cache.only.models.iter().enumerate());
    let unnamed = kept.filter(|(_, name)| plan.models.aliases.iter().all(|alias| alias.name != **name));
    let unnamed = unnamed.map(|(at, name)| {
        let path = KeyPath::ROOT.key("cache").key("models").index(at);
        Problem::new(forge_router::code::UNKNOWN_NAME, path, format!("`serve.models` has no name `{name}`"))
    });
    plan.models.aliases.iter().filter_map(unknown).chain(unnamed).collect()
}
