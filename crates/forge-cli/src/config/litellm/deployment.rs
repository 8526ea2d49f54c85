//! One entry of `model_list`.

use forge::config::KeyPath;
use serde_json::{Map, Value, json};

use super::{Deployment, Import, notes, number, reference, seconds, settings::budget_key, vendor, whole};

/// Keys that are read where others are looked at, or say nothing that is needed.
const READ: [&str; 8] = [
    "model",
    "custom_llm_provider",
    "api_key",
    "api_base",
    "base_url",
    "budget_duration",
    "use_in_pass_through",
    "region_name",
];

/// Settings of requests, and what they are called here.
const PARAMETERS: [(&str, &str); 10] = [
    ("max_tokens", "max_tokens"),
    ("max_completion_tokens", "max_tokens"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("seed", "seed"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
    ("reasoning_effort", "effort"),
    ("stop", "stop_sequences"),
];

impl Import {
    /// The deployment, if it can be reached.
    pub(super) fn deployment(
        &mut self,
        name: &str,
        index: usize,
        entry: &Value,
        path: &KeyPath,
    ) -> Option<Deployment> {
        let (params, at) = (&entry["litellm_params"], path.key("litellm_params"));
        let address = ["api_base", "base_url"].iter().find(|key| params[**key].is_string());
        let (reached, model) = self.reached(entry, params, path, address.is_some())?;
        let mut provider = Map::new();
        provider.insert("type".into(), reached.kind.into());
        if let Some(dialect) = reached.dialect {
            provider.insert("dialect".into(), dialect.into());
        }
        provider.insert("model".into(), model.into());
        let key = self.key(name, params, reached.key, &at);
        if let Some(key) = key {
            provider.insert("api_key".into(), key.into());
        }
        if let Some(key) = address {
            self.endpoint(name, &params[*key], &at.key(*key), &mut provider);
        }
        let mut weight = None;
        for (key, value) in params.as_object().into_iter().flatten() {
            if READ.contains(&key.as_str()) {
                continue;
            }
            if key == "weight" {
                weight = value.as_u64();
            } else if !put_parameter(key, value, params, &mut provider) {
                self.note(&at.key(key), notes::of_parameter(key));
            }
        }
        self.beside(entry, path, &mut provider);
        if let Some(total) =
            self.timeout.clone().filter(|_| provider.get("timeouts").is_none_or(|own| own["total"].is_null()))
        {
            inner(&mut provider, "timeouts")["total"] = total.into();
        }
        Some(Deployment { index, provider, weight })
    }

    /// How the model is reached and its name; else why not, which is noted.
    fn reached(
        &mut self,
        entry: &Value,
        params: &Value,
        path: &KeyPath,
        has_address: bool,
    ) -> Option<(vendor::Reached, String)> {
        let at = path.key("litellm_params").key("model");
        let Some(model) = params["model"].as_str() else {
            self.note(path, "left out: it names no `model`");
            return None;
        };
        let mode = entry["model_info"]["mode"].as_str().unwrap_or("chat");
        if !matches!(mode, "chat" | "completion" | "responses") {
            self.note(path, format!("left out: Forge has no use for a model of the mode `{mode}`"));
            return None;
        }
        // There, a star stands for every model of a vendor.
        if model.contains('*') {
            self.note(&at, "left out: a provider has one model; write one for each model");
            return None;
        }
        let named = params["custom_llm_provider"].as_str();
        match vendor::of(model, named, has_address) {
            Ok(found) => Some(found),
            Err(Some(prefix)) => {
                let text = format!(
                    "left out: `{prefix}` cannot be reached; a gateway that speaks OpenAI's API can be named with \
                     `type: openai` and `endpoint`"
                );
                self.note(&at, text);
                None
            }
            Err(None) => {
                self.note(&at, "left out: it does not say whose model it is");
                None
            }
        }
    }

    /// The reference to the key. A key that stands in the file is not copied.
    fn key(&mut self, name: &str, params: &Value, usual: Option<&str>, path: &KeyPath) -> Option<String> {
        let Some(written) = params["api_key"].as_str() else {
            return usual.map(|name| format!("${{{name}}}"));
        };
        if let Some(reference) = reference(written) {
            return Some(reference);
        }
        // One variable for one key: two deployments with the same key share it, those with different ones do
        // not.
        let taken = |variable: &String| self.keys.values().any(|other| other == variable);
        let plain = variable(name, "API_KEY");
        let numbered = (2..).map(|number| format!("{plain}_{number}"));
        let variable = match self.keys.get(written) {
            Some(known) => known.clone(),
            None => std::iter::once(plain.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(plain),
        };
        self.keys.insert(written.to_owned(), variable.clone());
        let text = format!("the key is not copied: put it into the variable `{variable}`");
        self.note(&path.key("api_key"), text);
        Some(format!("${{{variable}}}"))
    }

    /// The address. One with a password is not copied, and the key is sent nowhere else for all that.
    fn endpoint(&mut self, name: &str, value: &Value, path: &KeyPath, provider: &mut Map<String, Value>) {
        let written = value.as_str().unwrap_or_default().trim_end_matches('/');
        let endpoint = if written.contains(['@', '?']) {
            let variable = variable(name, "BASE_URL");
            let text = format!(
                "not copied, since an address here has no password and no query: put the rest of it into the \
                 variable `{variable}`"
            );
            self.note(path, text);
            format!("${{{variable}}}")
        } else {
            reference(written).unwrap_or_else(|| written.to_owned())
        };
        provider.insert("endpoint".into(), endpoint.into());
    }

    /// What stands beside `litellm_params`.
    fn beside(&mut self, entry: &Value, path: &KeyPath, provider: &mut Map<String, Value>) {
        for (key, value) in entry.as_object().into_iter().flatten() {
            let is_read = matches!(key.as_str(), "model_name" | "litellm_params" | "model_info");
            if !is_read && !put_parameter(key, value, entry, provider) {
                self.note(&path.key(key), notes::of_parameter(key));
            }
        }
        let info = &entry["model_info"];
        for (key, value) in info.as_object().into_iter().flatten() {
            let is_read = matches!(key.as_str(), "id" | "mode") || put_parameter(key, value, info, provider);
            if !is_read {
                let text = "not imported: what a model can do is set under `models: { NAME: { ... } }`";
                self.note(&path.key("model_info").key(key), text);
            }
        }
    }
}

/// The name of a variable for something of the deployment.
fn variable(name: &str, end: &str) -> String {
    let sign = |sign: char| if sign.is_ascii_alphanumeric() { sign.to_ascii_uppercase() } else { '_' };
    let plain = name.chars().map(sign).collect::<String>();
    let begin = if plain.starts_with(|sign: char| sign.is_ascii_digit()) { "MODEL_" } else { "" };
    format!("{begin}{}_{end}", plain.trim_matches('_'))
}

/// Puts a setting where it stands here; whether there is such a place.
fn put_parameter(key: &str, value: &Value, beside: &Value, provider: &mut Map<String, Value>) -> bool {
    let whole = || whole(value).filter(|number| *number > 0).map(Value::from);
    let (section, name, value) = match key {
        "rpm" => ("limits", "requests_per_minute", whole()),
        "tpm" => ("limits", "input_tokens_per_minute", whole()),
        "max_parallel_requests" => ("limits", "concurrent", whole()),
        "timeout" => ("timeouts", "total", seconds(value).map(Value::from)),
        "stream_timeout" => ("timeouts", "first_event", seconds(value).map(Value::from)),
        "input_cost_per_token" | "output_cost_per_token" => return put_price(beside, provider),
        "max_budget" => {
            let Some(cap) = budget_key(&beside["budget_duration"]) else { return false };
            ("budget", cap, number(value).map(|money| json!(money)))
        }
        "stop" => {
            // There, a single sequence may stand without a list.
            let one = value.as_str().map(|text| json!([text]));
            ("parameters", "stop_sequences", one.or_else(|| value.is_array().then(|| value.clone())))
        }
        _ => match PARAMETERS.iter().find(|(other, _)| *other == key) {
            Some((_, name @ ("effort" | "stop_sequences"))) => {
                ("parameters", *name, value.is_string().then(|| value.clone()))
            }
            Some((_, name @ ("max_tokens" | "top_k" | "seed"))) => ("parameters", *name, whole()),
            Some((_, name)) => ("parameters", *name, number(value).map(|number| json!(number))),
            None => return false,
        },
    };
    let Some(value) = value else { return false };
    inner(provider, section)[name] = value;
    true
}

/// Prices per token as dollars per million, if both are there.
fn put_price(beside: &Value, provider: &mut Map<String, Value>) -> bool {
    // Rounded, because a price for one token is no exact binary number: 1e-7 would become
    // 0.09999999999999999.
    let per_million = |key: &str| number(&beside[key]).map(|price| (price * 1e12).round() / 1e6);
    let (input, output) = (per_million("input_cost_per_token"), per_million("output_cost_per_token"));
    let (Some(input), Some(output)) = (input, output) else { return false };
    provider.insert("price".into(), json!({"input": input, "output": output}));
    true
}

fn inner<'a>(provider: &'a mut Map<String, Value>, section: &str) -> &'a mut Value {
    provider.entry(section).or_insert_with(|| Map::new().into())
}
