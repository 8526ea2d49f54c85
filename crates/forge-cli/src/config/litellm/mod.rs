//! From the file of LiteLLM's proxy to a configuration.

mod deployment;
mod group;
mod notes;
mod settings;
mod vendor;

use std::collections::{BTreeMap, BTreeSet};

use forge::config::{ConfigError, Key, KeyPath, Tree};
use serde_json::{Map, Value, json};

/// What is not as it was, and where it stands in the other file.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) path: KeyPath,
    pub(super) text: String,
}

/// A configuration, and what its reader should know.
#[derive(Debug)]
pub(super) struct Imported {
    pub(super) settings: Value,
    /// Each as a line with its place, in the order of the file.
    pub(super) notes: Vec<String>,
}

/// An entry of `model_list` that can be reached.
#[derive(Debug)]
struct Deployment {
    index: usize,
    provider: Map<String, Value>,
    /// Its share in its pool.
    weight: Option<u64>,
}

/// What is known so far of the configuration that is written.
#[derive(Debug, Default)]
struct Import {
    providers: Map<String, Value>,
    pools: Map<String, Value>,
    roles: Map<String, Value>,
    others: Map<String, Value>,
    /// The ids of groups by their names.
    groups: BTreeMap<String, String>,
    ids: BTreeSet<String>,
    /// The variables that stand in place of keys which the file holds itself.
    keys: BTreeMap<String, String>,
    strategy: Option<&'static str>,
    /// The clock of deployments that have none of their own.
    timeout: Option<String>,
    notes: Vec<Note>,
}

/// Reads the `text` of the file that reports call `file`.
pub(super) fn import(file: &str, text: &str) -> Result<Imported, ConfigError> {
    let tree = Tree::read(file, text)?;
    let mut import = Import::default();
    import.read(&tree.value);
    let mut notes: Vec<_> =
        import.notes.iter().map(|note| (tree.place(&note.path), &note.path, &note.text)).collect();
    // In the order of the file, whichever section they were found by.
    notes.sort_by_key(|(place, ..)| *place);
    let line = |(place, path, text): &(forge::config::Place, &KeyPath, &String)| {
        format!("{file}:{}:{}: note: {path}: {text}", place.line, place.column)
    };
    let notes = notes.iter().map(line).collect();
    Ok(Imported { settings: import.finish(), notes })
}

impl Import {
    fn read(&mut self, file: &Value) {
        let root = KeyPath::ROOT;
        // First, because deployments take their strategy and their clock from them.
        self.settings(&file["router_settings"], &root.key("router_settings"));
        self.settings(&file["litellm_settings"], &root.key("litellm_settings"));
        self.model_list(&file["model_list"], &root.key("model_list"));
        // Behind the deployments: a fallback may name a group that stands further down.
        for section in ["router_settings", "litellm_settings"] {
            self.fallbacks(&file[section], &root.key(section));
        }
        for (key, value) in file.as_object().into_iter().flatten() {
            let path = root.key(key);
            match key.as_str() {
                "model_list" | "router_settings" | "litellm_settings" => {}
                "general_settings" => {
                    for inner in value.as_object().into_iter().flatten().map(|(inner, _)| inner) {
                        self.note(&path.key(inner), notes::of_gateway(inner));
                    }
                }
                "environment_variables" => {
                    for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                        let text = format!(
                            "not imported: set it where Forge runs, for example with `export {name}=...`"
                        );
                        self.note(&path.key(name), text);
                    }
                }
                other => self.note(&path, notes::of_section(other)),
            }
        }
    }

    fn note(&mut self, path: &KeyPath, text: impl Into<String>) {
        self.notes.push(Note { path: path.clone(), text: text.into() });
    }

    /// A valid id that nobody has yet, as near to `name` as there is one.
    fn id(&mut self, name: &str) -> String {
        let plain: String = name
            .to_ascii_lowercase()
            .chars()
            .map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '-' })
            .collect();
        let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
        let mut plain = parts.join("-");
        if plain.len() < 2 {
            plain = if plain.is_empty() { "model".to_owned() } else { format!("model-{plain}") };
        }
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let free = std::iter::once(plain.clone()).chain(numbered).find(|id| !self.ids.contains(id));
        let id = free.unwrap_or(plain);
        self.ids.insert(id.clone());
        id
    }

    fn finish(self) -> Value {
        let mut settings = Map::new();
        settings.insert("schema_version".into(), json!("1.0"));
        for (key, section) in [("providers", self.providers), ("pools", self.pools), ("roles", self.roles)] {
            if !section.is_empty() {
                settings.insert(key.into(), section.into());
            }
        }
        settings.extend(self.others);
        settings.into()
    }
}

/// Where a list of notes stands: `path` and an index.
fn at(path: &KeyPath, index: usize) -> KeyPath {
    path.steps().iter().cloned().chain([Key::Index(index)]).collect()
}

/// A number, also one that is written as a text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

/// A whole number, also one that is written as a text.
fn whole(value: &Value) -> Option<u64> {
    let number = number(value).filter(|number| number.fract() == 0.0)?;
    format!("{number:.0}").parse().ok()
}

/// Seconds as a duration of ours.
fn seconds(value: &Value) -> Option<String> {
    let seconds = number(value).filter(|seconds| *seconds > 0.0 && *seconds <= 86_400.0)?;
    let whole = seconds.fract() == 0.0;
    Some(if whole { format!("{seconds}s") } else { format!("{}ms", (seconds * 1000.0).round().max(1.0)) })
}

/// `${NAME}` for the value `os.environ/NAME`.
fn reference(text: &str) -> Option<String> {
    if text.starts_with("${") && text.ends_with('}') {
        return Some(text.to_owned());
    }
    Some(format!("${{{}}}", text.strip_prefix("os.environ/")?))
}
