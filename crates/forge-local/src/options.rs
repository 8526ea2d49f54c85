//! The settings that only this kind of adapter has.

use forge_core::{ErrorKind, ProviderError, error::Phase, provider::AdapterSettings};
use serde_json::Value;

use crate::ServerKind;

/// What may stand in the options of the settings.
const KNOWN: &str = "`api` (`native` or `compatible`), `num_ctx`, `keep_alive` and `think`";

/// How Ollama is asked, where the configuration says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Options {
    /// Its own API is called: it alone heeds the rest.
    pub(crate) native: bool,
    /// The context window.
    pub(crate) num_ctx: Option<u64>,
    /// How long the model stays in memory: a duration such as `10m`, or seconds.
    pub(crate) keep_alive: Option<Value>,
    /// Whether the model thinks unless a request says otherwise: yes, no, or a level.
    pub(crate) think: Option<Value>,
}

impl Options {
    /// Reads the settings' options.
    pub(crate) fn of(settings: &AdapterSettings) -> Result<Self, ProviderError> {
        let mut options = Self::default();
        let mut api = None;
        for (name, value) in &settings.options {
            let wrong = |what: &str| refused(settings, format!("`{name}` has to be {what}"));
            match (name.as_str(), value) {
                (_, Value::Null) if is_known(name) => {}
                ("api", Value::String(word)) if word == "native" => api = Some(true),
                ("api", Value::String(word)) if word == "compatible" => api = Some(false),
                ("api", _) => return Err(wrong("`native` or `compatible`")),
                ("num_ctx", value) => {
                    let window = value.as_u64().filter(|window| *window > 0);
                    options.num_ctx = Some(window.ok_or_else(|| wrong("a number of tokens above 0"))?);
                }
                ("keep_alive", Value::String(_) | Value::Number(_)) => {
                    options.keep_alive = Some(value.clone());
                }
                ("keep_alive", _) => return Err(wrong("a duration such as `10m`, or a number of seconds")),
                ("think", Value::Bool(_)) => options.think = Some(value.clone()),
                ("think", Value::String(level)) if ["low", "medium", "high"].contains(&level.as_str()) => {
                    options.think = Some(value.clone());
                }
                ("think", _) => return Err(wrong("`true`, `false`, `low`, `medium` or `high`")),
                _ => {
                    let message = format!("`{name}` is no option of a local server; there are {KNOWN}");
                    return Err(refused(settings, message));
                }
            }
        }
        let needs_native =
            options.num_ctx.is_some() || options.keep_alive.is_some() || options.think.is_some();
        // An error and no warning: a window that is ignored shows only in answers that forget the beginning
        // of the prompt.
        if api == Some(false) && needs_native {
            let message =
                "`num_ctx`, `keep_alive` and `think` need `api: native`: the other API ignores them";
            return Err(refused(settings, message.to_owned()));
        }
        options.native = api == Some(true) || needs_native;
        Ok(options)
    }
}

fn is_known(name: &str) -> bool {
    ["api", "num_ctx", "keep_alive", "think"].contains(&name)
}

/// The server that the settings name.
pub(crate) fn kind(settings: &AdapterSettings) -> Result<ServerKind, ProviderError> {
    let Some(name) = settings.dialect.as_deref() else { return Ok(ServerKind::Unknown) };
    ServerKind::NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind).ok_or_else(|| {
        let known: Vec<&str> = ServerKind::NAMED.iter().map(|(name, _)| *name).collect();
        refused(settings, format!("the dialect `{name}` is not known; there are {}", known.join(", ")))
    })
}

fn refused(settings: &AdapterSettings, message: String) -> ProviderError {
    ProviderError::new(ErrorKind::InvalidRequest, settings.id.as_str(), message)
        .with(|facts| facts.phase = Phase::BeforeSend)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(options: &Value) -> Result<Options, String> {
        let options = options.as_object().unwrap().clone();
        let settings = AdapterSettings { options, ..AdapterSettings::new("local") };
        Options::of(&settings).map_err(|error| {
            assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend));
            error.message.clone()
        })
    }

    #[test]
    fn each_of_the_servers_own_options_turns_its_own_api_on() {
        assert_eq!(read(&json!({})).unwrap(), Options::default());
        assert!(!read(&json!({"api": "compatible", "think": null})).unwrap().native);
        for options in [
            json!({"api": "native"}),
            json!({"num_ctx": 32_768}),
            json!({"keep_alive": "30m"}),
            json!({"keep_alive": -1}),
            json!({"think": false}),
            json!({"think": "low"}),
        ] {
            assert!(read(&options).unwrap().native, "{options}");
        }
        let all = read(&json!({"num_ctx": 8_192, "keep_alive": 0, "think": true})).unwrap();
        assert_eq!(
            (all.num_ctx, all.keep_alive, all.think),
            (Some(8_192), Some(json!(0)), Some(json!(true)))
        );
    }

    #[test]
    fn what_cannot_be_an_option_is_refused_with_what_can() {
        for (options, said) in [
            (json!({"num_ctxt": 1}), "`num_ctx`, `keep_alive` and `think`"),
            (json!({"num_ctx": 0}), "above 0"),
            (json!({"num_ctx": "many"}), "number of tokens"),
            (json!({"keep_alive": true}), "`10m`"),
            (json!({"think": "hard"}), "`medium`"),
            (json!({"api": "chat"}), "`native` or `compatible`"),
            (json!({"api": "compatible", "num_ctx": 1}), "`api: native`"),
        ] {
            let message = read(&options).unwrap_err();
            assert!(message.contains(said), "{options}: {message}");
        }
    }

    #[test]
    fn the_server_is_named_by_its_dialect() {
        let of =
            |name: &str| kind(&AdapterSettings { dialect: Some(name.into()), ..AdapterSettings::new("p") });
        assert_eq!(of("llamacpp").unwrap(), ServerKind::LlamaCpp);
        assert!(of("llama").unwrap_err().message.contains("llamacpp"));
        assert_eq!(kind(&AdapterSettings::new("p")).unwrap(), ServerKind::Unknown);
    }
}
