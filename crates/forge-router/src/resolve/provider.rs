//! One provider.

use std::num::{NonZeroU32, NonZeroU64};

use forge_config::{KeyPath, Problem};
use forge_core::{
    AdapterKind, ModelId, ModelProvider, SecretString,
    provider::CompatibleVendor,
    request::{CacheTtl, Effort, Sampling},
};
use forge_layers::RateLimits;
use serde_json::{Map, Value};

use super::{Resolver, model::Offer, role::is_role_name, url};
use crate::{
    address::is_loopback,
    code,
    plan::{Parameters, ProviderPlan},
    spec::{LimitSpec, LocalSpec, ParameterSpec, ProviderSpec},
};

/// Headers that the transport sets, or that hold a credential.
const OWNED_HEADERS: [&str; 5] =
    ["authorization", "host", "content-length", "content-type", "transfer-encoding"];

/// How addresses end that were copied from a vendor's examples of requests.
const OPERATIONS: [&str; 5] = ["/chat/completions", "/completions", "/responses", "/messages", "/api/chat"];

/// How long a prompt may be kept.
const TTLS: [(&str, CacheTtl); 2] = [("5m", CacheTtl::FiveMinutes), ("1h", CacheTtl::OneHour)];

/// A number where the text is one.
fn seconds_or_text(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}

impl<'a> Resolver<'a, '_> {
    /// The provider. The name of its kind is empty if it is not known.
    pub(super) fn provider(&mut self, id: &str, spec: &ProviderSpec, path: &KeyPath) -> ProviderPlan {
        let kind = self.kind(spec.kind.as_deref(), &path.key("type"));
        if let Some(kind) = kind.filter(|kind| kind.is_composite) {
            return self.composite(id, spec, kind, path);
        }
        self.check_session(spec, path);
        let model = self.model(spec.model.as_deref(), &path.key("model"));
        // Before the key: the vendor whose dialect it is has a variable of its own for it.
        let compatible = self.dialect(spec, kind, path);
        let variable = compatible.and_then(|vendor| vendor.key_variable.as_deref());
        let (api_key, more_keys) = self.keys(spec, kind, variable, path);
        if let Some(kind) = kind {
            self.check_owner(spec, kind, path);
        }
        let endpoint = self.endpoint(spec.endpoint.as_deref(), kind, &path.key("endpoint"));
        let endpoint = endpoint.or_else(|| compatible?.base_url.clone());
        // Where the file does not say whose habits hold, the endpoint may.
        let compatible = compatible.or_else(|| kind?.compatible(None, endpoint.as_deref()));
        let (proxy, ca_certificates) = self.transport(spec, path);
        let options = self.options(spec.local.as_ref(), &path.key("local"));
        if spec.display_name.as_ref().is_some_and(|name| name.contains(char::is_control)) {
            let message = "contains a line break or another control character";
            self.report(Problem::new(code::CONTROL_CHARACTER, path.key("display_name"), message));
        }
        let parameters = self.parameters(spec.parameters.as_ref(), &path.key("parameters"));
        self.check_local_fields(kind, &parameters, &options, &path.key("parameters").key("extra"));
        let limits = path.key("limits");
        let (rate, concurrent) = self.limits(spec.limits.as_ref(), &limits);
        let budget = self.budget(spec.budget.as_ref(), &path.key("budget"));
        for (at, role) in spec.preferred_roles.iter().enumerate() {
            if !is_role_name(role) {
                self.bad_role_name(role, &path.key("preferred_roles").index(at));
            }
        }
        let price = spec.price.as_ref().and_then(|price| self.price(price, &path.key("price")));
        let headers = self.headers(spec, &path.key("headers"));
        let timeouts = self.timeouts(spec.timeouts.as_ref(), &path.key("timeouts"));
        let plan = match kind {
            Some(kind) => {
                let plan = ProviderPlan::of_kind(kind, model).with_models(kind, self.models_of(id, kind));
                if !plan.model.as_str().is_empty() {
                    let other = compatible.map(|vendor| ModelProvider::from(vendor.id.as_str()));
                    let other = other.filter(|vendor| *vendor != kind.vendor);
                    let served = Offer {
                        gateway: other.is_some() || spec.endpoint.is_some(),
                        vendor: other.unwrap_or_else(|| plan.vendor()),
                        priced: price.is_some(),
                    };
                    self.check_model(&plan, &served, &path.key("model"));
                }
                if compatible.is_none() && endpoint.as_ref().is_some_and(|url| !is_loopback(url)) {
                    self.check_gateway(kind, &plan.model, &path.key("endpoint"));
                }
                plan
            }
            None => ProviderPlan::new(id, "", model),
        };
        let plan = ProviderPlan {
            id: id.into(),
            display_name: spec.display_name.clone().unwrap_or_else(|| id.to_owned()),
            api_key,
            more_keys,
            endpoint,
            dialect: compatible.map(|vendor| vendor.id.clone()),
            vendor: compatible.map(|vendor| vendor.id.as_str().into()).or(plan.vendor),
            options,
            proxy,
            ca_certificates,
            headers,
            timeouts,
            parameters,
            rate,
            concurrent,
            budget,
            preferred_roles: spec.preferred_roles.iter().map(|role| role.as_str().into()).collect(),
            price,
            ..plan
        };
        if plan.shows_key() {
            let message =
                "the key is sent to another machine over plain HTTP, where anyone in between can read it";
            let problem = Problem::new(code::PLAIN_KEY, path.key("endpoint"), message);
            self.report(problem.with_hint("write `https://`, or remove the key"));
        }
        plan
    }

    /// The vendor that the file names as the one whose habits hold.
    fn dialect(
        &mut self,
        spec: &ProviderSpec,
        kind: Option<&'a AdapterKind>,
        path: &KeyPath,
    ) -> Option<&'a CompatibleVendor> {
        let (written, kind) = (spec.dialect.as_deref()?, kind?);
        if kind.compatible.is_empty() {
            let kinds = self.section.registry.kinds().iter().filter(|kind| !kind.compatible.is_empty());
            let names: Vec<_> = kinds.map(|kind| format!("`type: {}`", kind.name)).collect();
            let message = format!("only the vendor itself speaks the dialect of `{}`", kind.name);
            let problem = Problem::new(code::CONFLICT, path.key("dialect"), message).about_key();
            self.report(problem.with_hint(format!("leave it out, or write {}", names.join(" or "))));
            return None;
        }
        let known: Vec<_> = kind.compatible.iter().map(|vendor| (vendor.id.as_str(), vendor)).collect();
        let vendor = self.context.one_of(written, &known, "dialect", &path.key("dialect"))?;
        if vendor.base_url.is_none() && spec.endpoint.is_none() {
            let message = format!("{} has no default endpoint", vendor.name);
            let problem = Problem::new(code::MISSING, path.key("dialect"), message);
            self.report(problem.with_hint("set `endpoint` to the address the vendor gave you"));
        }
        Some(vendor)
    }

    /// The proxy and the certificates of an own authority.
    fn transport(&mut self, spec: &ProviderSpec, path: &KeyPath) -> (Option<String>, Option<String>) {
        let at = path.key("proxy");
        let proxy = spec.proxy.as_deref().filter(|proxy| *proxy != "none");
        let proxy = proxy.and_then(|proxy| self.context.expand(proxy, &at));
        if proxy
            .as_deref()
            .is_some_and(|proxy| !proxy.starts_with("http://") && !proxy.starts_with("https://"))
        {
            let problem = Problem::new(code::BAD_ENDPOINT, at, "is not the URL of an HTTP proxy");
            self.report(problem.with_hint("write for example `http://proxy.example.com:3128`, or `none`"));
        }
        let at = path.key("ca_file");
        let certificates = spec.ca_file.as_deref().and_then(|file| self.context.read_file(file, &at));
        if certificates.as_deref().is_some_and(|text| !text.contains("-----BEGIN CERTIFICATE-----")) {
            let problem = Problem::new(code::OUT_OF_RANGE, at, "the file contains no certificate in PEM");
            self.report(problem.with_hint("it needs a line `-----BEGIN CERTIFICATE-----`"));
        }
        (proxy, certificates)
    }

    /// The options that only local servers take.
    fn options(&mut self, spec: Option<&LocalSpec>, path: &KeyPath) -> Map<String, Value> {
        let mut options = Map::new();
        let Some(spec) = spec else { return options };
        let apis = [("native", "native"), ("compatible", "compatible")];
        let api =
            spec.api.as_deref().and_then(|word| self.context.one_of(word, &apis, "api", &path.key("api")));
        let window: Option<u32> =
            self.context.integer(spec.num_ctx, 1..=i64::from(u32::MAX), &path.key("num_ctx"));
        let values = [
            ("api", api.map(Value::from)),
            ("num_ctx", window.map(Value::from)),
            // A number of seconds, or a duration with a unit.
            ("keep_alive", spec.keep_alive.as_deref().map(seconds_or_text)),
            ("think", spec.think.map(Value::from)),
        ];
        options.extend(values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        options
    }

    /// Local servers take these fields in their native API alone, and ignore them silently elsewhere.
    fn check_local_fields(
        &mut self,
        kind: Option<&AdapterKind>,
        parameters: &Parameters,
        options: &Map<String, Value>,
        path: &KeyPath,
    ) {
        let speaks_native = match options.get("api").and_then(Value::as_str) {
            Some(api) => api == "native",
            None => !options.is_empty(),
        };
        if kind.is_none_or(|kind| kind.name != "local") || speaks_native {
            return;
        }
        for (field, instead) in
            [("options", "num_ctx: 32768"), ("keep_alive", "keep_alive: 30m"), ("think", "think: false")]
        {
            if parameters.extra.contains_key(field) {
                let message = format!("local servers ignore `{field}` in their compatible API");
                let problem = Problem::new(code::IGNORED_FIELD, path.key(field), message).about_key();
                self.report(
                    problem.with_hint(format!("write `local: {{ {instead} }}` beside `type: local`")),
                );
            }
        }
    }

    /// A gateway may stand in front of the kind's own vendor, whose own fields it would take.
    fn check_gateway(&mut self, kind: &AdapterKind, model: &ModelId, path: &KeyPath) {
        let begins = |brand: &&str| {
            model.as_str().get(..brand.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(brand))
        };
        let own = kind.compatible.iter().find(|vendor| vendor.id == kind.name);
        if let Some(own) = own.filter(|_| kind.brands.iter().any(begins)) {
            let message =
                format!("the vendor behind it is unknown, so fields that only {} has are left out", own.name);
            let hint = format!("write `dialect: {}` if it is a gateway in front of {}", own.id, own.name);
            self.report(Problem::new(code::UNKNOWN_GATEWAY, path.clone(), message).with_hint(hint));
        }
    }

    /// The kind of adapter. A brand or a compatible vendor in its place is a mistake, with what to write
    /// instead.
    fn kind(&mut self, written: Option<&str>, path: &KeyPath) -> Option<&'a AdapterKind> {
        let registry = self.section.registry;
        let kinds: Vec<_> = registry.names().into_iter().map(|name| (name, registry.kind(name))).collect();
        let Some(written) = written else {
            let names: Vec<_> = kinds.iter().map(|(kind, _)| *kind).collect();
            let problem = Problem::new(code::MISSING, path.clone(), "the provider has no `type`");
            self.report(problem.with_hint(format!("choose one of: {}", names.join(", "))));
            return None;
        };
        let known = self.section.registry.kinds();
        let is_brand =
            |kind: &&AdapterKind| kind.brands.iter().any(|brand| brand.eq_ignore_ascii_case(written));
        let lower = written.to_ascii_lowercase();
        // The name of a kind in other letters is left to the search for the nearest word.
        let instead = if registry.names().contains(&lower.as_str()) {
            None
        } else if let Some(kind) = known.iter().find(is_brand) {
            Some(format!("write `type: {}`", kind.name))
        } else {
            known.iter().find_map(|kind| {
                let vendor = kind.compatible.iter().find(|vendor| vendor.id == lower)?;
                let is_own = vendor.base_url.as_deref().is_some_and(is_loopback);
                let keyless = known.iter().find(|kind| is_own && !kind.needs_key);
                Some(keyless.map_or_else(
                    || format!("write `type: {}, dialect: {lower}`", kind.name),
                    |kind| format!("write `type: {}`", kind.name),
                ))
            })
        };
        if let Some(instead) = instead {
            let problem =
                Problem::new(code::UNKNOWN_WORD, path.clone(), format!("there is no type `{written}`"));
            self.report(problem.with_hint(instead));
            return None;
        }
        self.context.one_of(written, &kinds, "type", path).flatten()
    }

    /// The model's name; empty if there is none, so that the rest of the provider is still looked at.
    fn model(&mut self, written: Option<&str>, path: &KeyPath) -> ModelId {
        let Some(written) = written else {
            self.report(Problem::new(code::MISSING, path.clone(), "the provider has no `model`"));
            return "".into();
        };
        if self.is_foreign(written, path) {
            return "".into();
        }
        let model = self.context.expand_public(written, path);
        if model.as_deref().is_some_and(|model| model.trim().is_empty()) {
            self.report(Problem::new(code::MISSING, path.clone(), "the model's name is empty"));
        }
        model.unwrap_or_default().into()
    }

    /// The address of the API; `None` for the usual one, and for one that cannot be called.
    fn endpoint(
        &mut self,
        written: Option<&str>,
        kind: Option<&AdapterKind>,
        path: &KeyPath,
    ) -> Option<String> {
        let Some(written) = written else {
            if kind.is_some_and(|kind| kind.needs_endpoint) {
                let message = "the provider has no `endpoint`, and its vendor has no default one";
                self.report(Problem::new(code::MISSING, path.clone(), message));
            }
            return None;
        };
        if self.is_foreign(written, path) {
            return None;
        }
        let url = self.context.expand_public(written, path)?;
        if let Some(message) = url::fault(&url) {
            let hint = url::meant(&url).map_or_else(
                || "write a URL such as `http://127.0.0.1:11434` or `https://example.com/v1`".to_owned(),
                |meant| format!("write `{meant}`"),
            );
            self.report(Problem::new(code::BAD_ENDPOINT, path.clone(), message).with_hint(hint));
            return None;
        }
        if let Some(once) = url::without_repetition(&url) {
            let problem = Problem::new(code::LONG_ENDPOINT, path.clone(), "part of its path is repeated");
            self.report(problem.with_hint(format!("write `endpoint: \"{once}\"`")));
        } else if let Some((place, operation)) =
            OPERATIONS.iter().find_map(|end| Some((url.strip_suffix(end)?, end)))
        {
            let message = format!("`{operation}` is one operation of the API, which the adapter adds itself");
            let hint = format!("write `endpoint: \"{place}\"`");
            self.report(Problem::new(code::LONG_ENDPOINT, path.clone(), message).with_hint(hint));
        }
        Some(url)
    }

    /// Settings of requests, each within its range.
    pub(super) fn parameters(&mut self, spec: Option<&ParameterSpec>, path: &KeyPath) -> Parameters {
        let Some(spec) = spec else { return Parameters::default() };
        let levels = Effort::ALL.map(|level| (level.as_str(), level));
        let at = |key: &str| path.key(key);
        let mut sampling = Sampling::default();
        sampling.temperature = self.context.number(spec.temperature, 0.0..=2.0, &at("temperature"));
        sampling.top_p = self.context.number(spec.top_p, 0.0..=1.0, &at("top_p"));
        sampling.top_k = self.context.integer(spec.top_k, 1..=i64::from(u32::MAX), &at("top_k"));
        sampling.seed = spec.seed;
        sampling.presence_penalty =
            self.context.number(spec.presence_penalty, -2.0..=2.0, &at("presence_penalty"));
        sampling.frequency_penalty =
            self.context.number(spec.frequency_penalty, -2.0..=2.0, &at("frequency_penalty"));
        for (place, text) in spec.stop_sequences.iter().enumerate() {
            if text.is_empty() {
                let path = at("stop_sequences").index(place);
                self.report(Problem::new(code::OUT_OF_RANGE, path, "a stop sequence must not be empty"));
            }
        }
        Parameters {
            max_tokens: self.context.integer(spec.max_tokens, 1..=i64::from(u32::MAX), &at("max_tokens")),
            sampling,
            effort: spec
                .effort
                .as_deref()
                .and_then(|word| self.context.one_of(word, &levels, "effort", &at("effort"))),
            stop_sequences: spec.stop_sequences.clone(),
            prompt_cache: spec
                .prompt_cache
                .as_deref()
                .and_then(|word| self.context.one_of(word, &TTLS, "time", &at("prompt_cache"))),
            extra: spec.extra.clone(),
        }
    }

    /// The limits per minute, and the most calls at once.
    pub(super) fn limits(&mut self, spec: Option<&LimitSpec>, path: &KeyPath) -> (RateLimits, Option<u32>) {
        let Some(spec) = spec else { return (RateLimits::default(), None) };
        let small = 1..=i64::from(u32::MAX);
        let requests: Option<u32> =
            self.context.integer(spec.requests_per_minute, small.clone(), &path.key("requests_per_minute"));
        let burst: Option<u32> = self.context.integer(spec.burst, small.clone(), &path.key("burst"));
        if burst.is_some() && spec.requests_per_minute.is_none() {
            let problem = Problem::new(code::MISSING, path.key("burst"), "`burst` has no limit to exceed");
            self.report(problem.with_hint("set `requests_per_minute` as well"));
        }
        let mut tokens =
            |key: &str, value| -> Option<u64> { self.context.integer(value, 1..=i64::MAX, &path.key(key)) };
        let rate = RateLimits {
            requests_per_minute: requests.and_then(NonZeroU32::new),
            burst: burst.and_then(NonZeroU32::new),
            input_tokens_per_minute: tokens("input_tokens_per_minute", spec.input_tokens_per_minute)
                .and_then(NonZeroU64::new),
            output_tokens_per_minute: tokens("output_tokens_per_minute", spec.output_tokens_per_minute)
                .and_then(NonZeroU64::new),
        };
        (rate, self.context.integer(spec.concurrent, small, &path.key("concurrent")))
    }

    /// Headers of one's own. Those of the transport and of any vendor's credential are refused: they could
    /// send one vendor's key to another.
    fn headers(&mut self, spec: &ProviderSpec, path: &KeyPath) -> Vec<(String, SecretString)> {
        let mut headers = Vec::new();
        for (name, value) in &spec.headers {
            let path = path.key(name);
            let lower = name.to_ascii_lowercase();
            let fault = if !is_token(name) {
                Some("is not the name of a header")
            } else if self.is_owned(&lower) {
                Some("is a header that Forge sets itself")
            } else {
                None
            };
            if let Some(fault) = fault {
                let problem = Problem::new(code::BAD_HEADER, path.clone(), format!("`{name}` {fault}"));
                self.report(problem.about_key());
            }
            // Looked at all the same, so that a wrong reference in the value shows as well.
            if !self.is_foreign(value, &path)
                && let Some(value) = self.context.expand(value, &path)
            {
                headers.push((name.clone(), SecretString::from(value)));
            }
        }
        headers
    }

    /// Whether a header, in lower case, is set by the transport or by any adapter: what is a credential with one vendor
    /// has no business with another.
    fn is_owned(&self, header: &str) -> bool {
        let kinds = self.section.registry.kinds().iter();
        OWNED_HEADERS.iter().chain(kinds.flat_map(|kind| kind.owned_headers)).any(|owned| *owned == header)
    }

    /// Warns about a model that the table does not know or whose time is over.
    fn check_model(&mut self, plan: &ProviderPlan, offer: &Offer, path: &KeyPath) {
        let (vendor, model) = (&offer.vendor, &plan.model);
        let said = plan.models.find_id(model);
        if let Some(said) = said {
            self.check_like(vendor, said);
        }
        let today = self.section.today;
        let Some(row) = self.section.models.find(vendor, model) else {
            // What the file says itself of a model needs no table.
            if said.is_none() {
                let problem = self.unknown_model(model, offer, path);
                self.report(problem);
            }
            return;
        };
        if let Some(end) = row.retires.filter(|_| row.is_retired_on(today)) {
            let message = format!("model `{model}` was retired on {end}; requests to it fail");
            let problem = Problem::new(code::RETIRED_MODEL, path.clone(), message);
            self.report(match &row.successor {
                Some(next) => {
                    problem.with_hint(format!("write `{next}`, the replacement that the vendor names"))
                }
                None => problem,
            });
        }
        if let Some(routed) = row.routed.as_ref().filter(|routed| routed.since <= today) {
            let message = format!("`{}` answers for `{model}` since {}", routed.to, routed.since);
            self.report(Problem::new(code::ROUTED_MODEL, path.clone(), message));
        }
    }
}

/// Whether `name` is a token (RFC 9110, section 5.6.2).
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
