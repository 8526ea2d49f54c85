//! What a prompt says of itself.

use std::{collections::BTreeMap, sync::LazyLock};

use forge_config::{ConfigError, KeyPath, Problem, ResolveContext, Section, Sections, Trust, code, schemars};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::no_lookup::NoLookup;

/// The front matter of a prompt.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
#[non_exhaustive]
pub struct FrontMatter {
    /// What it is for, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The role in which its calls are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its variables, as a JSON Schema of an object.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// The JSON Schema of its answers; free text without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Map<String, Value>>,
    /// Settings of its calls.
    pub parameters: PromptParameters,
    /// What its caller fills in by name, beside the variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, ContextSource>,
    /// The template, in a file that is YAML as a whole.
    #[serde(skip_serializing)]
    pub(crate) template: Option<String>,
}

/// Settings of a prompt's calls. What is not set is the caller's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
#[non_exhaustive]
pub struct PromptParameters {
    /// How free the choice of words is, 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The share of likely words that are chosen from, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The most tokens of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<i64>,
}

/// Something of the project that a prompt is given, which its caller finds and fits into its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
#[non_exhaustive]
pub struct ContextSource {
    /// What it is.
    pub from: SourceKind,
    /// Of what: a range of revisions, a path, a symbol, or the words of a command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// The most tokens that it may take.
    #[serde(default = "usual_tokens")]
    pub max_tokens: i64,
}

/// Tokens of a source that says nothing of them.
fn usual_tokens() -> i64 {
    4_000
}

/// What a source of context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(crate = "schemars")]
#[non_exhaustive]
pub enum SourceKind {
    /// What `git diff` says.
    GitDiff,
    /// A file.
    File,
    /// Definitions by their names.
    Symbols,
    /// The definitions that matter most.
    RepoMap,
    /// What a command writes that the user has allowed.
    CommandOutput,
}

impl FrontMatter {
    /// The names that its template may use: its variables, and its sources of context.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties().map(|(name, _)| name).chain(self.context.keys().map(String::as_str))
    }

    /// The variables with their schemas.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Value)> {
        let properties = self.variables.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema))
    }

    /// The variables without which it cannot be rendered.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        let required = self.variables.get("required").and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str)
    }
}

/// Front matter as a file; `is_whole` if the template stands in it.
struct FrontSection {
    is_whole: bool,
}

impl Section for FrontSection {
    const KEY: Option<&'static str> = None;
    type Spec = FrontMatter;
    type Plan = ();

    fn resolve(&self, spec: &FrontMatter, context: &mut ResolveContext<'_>) {
        let root = context.root.clone();
        match (&spec.template, self.is_whole) {
            (None, true) => {
                context.report(Problem::new(code::MISSING, root.clone(), "there is no `template`"));
            }
            (Some(_), false) => {
                let message = "the template stands below the front matter";
                context.report(Problem::new(code::UNKNOWN_KEY, root.key("template"), message));
            }
            _ => {}
        }
        if spec.role.as_ref().is_some_and(|role| role.trim().is_empty()) {
            context.report(Problem::new(code::MISSING, root.key("role"), "the role has no name"));
        }
        let parameters = root.key("parameters");
        let own = &spec.parameters;
        context.number(own.temperature, 0.0..=2.0, &parameters.key("temperature"));
        context.number(own.top_p, 0.0..=1.0, &parameters.key("top_p"));
        let most = i64::from(u32::MAX);
        context.integer::<u32>(own.max_tokens, 1..=most, &parameters.key("max_tokens"));
        variables(spec, &root.key("variables"), context);
        for (name, source) in &spec.context {
            let path = root.key("context").key(name);
            check_name(name, &path, context);
            if spec.properties().any(|(variable, _)| variable == name) {
                let message = format!("`{name}` is a variable already");
                context.report(Problem::new(code::BAD_KEY, path.clone(), message).about_key());
            }
            context.integer::<u32>(Some(source.max_tokens), 1..=1_000_000, &path.key("max_tokens"));
            sourced(source, &path, context);
        }
    }
}

/// What a source is of has to be there where it means something.
fn sourced(source: &ContextSource, path: &KeyPath, context: &mut ResolveContext<'_>) {
    let needs = match source.from {
        SourceKind::GitDiff | SourceKind::RepoMap => return,
        SourceKind::File => "the path of the file, from the project's folder",
        SourceKind::Symbols => "the names of the definitions",
        SourceKind::CommandOutput => "the words of the command",
    };
    if source.of.is_empty() {
        let problem = Problem::new(code::MISSING, path.clone(), "it does not say of what");
        context.report(problem.with_hint(format!("write `of: [...]` with {needs}")));
    }
}

/// The variables are the schema of an object whose properties are known.
fn variables(spec: &FrontMatter, path: &KeyPath, context: &mut ResolveContext<'_>) {
    if spec.variables.is_empty() {
        return;
    }
    if spec.variables.get("type").is_none_or(|kind| kind != "object") {
        let problem =
            Problem::new(code::UNKNOWN_WORD, path.clone(), "the variables are no schema of an object");
        context.report(problem.with_hint("write `type: object`, and the variables below `properties`"));
    }
    if spec.variables.get("properties").is_some_and(|properties| !properties.is_object()) {
        let path = path.key("properties");
        context.report(Problem::new(code::WRONG_TYPE, path, "the variables are listed by their names"));
    }
    for (name, schema) in spec.properties() {
        let path = path.key("properties").key(name);
        check_name(name, &path, context);
        if !schema.is_object() && !schema.is_boolean() {
            context.report(Problem::new(code::WRONG_TYPE, path, "the schema of a variable is a mapping"));
        }
    }
    let known: Vec<&str> = spec.properties().map(|(name, _)| name).collect();
    for (at, name) in spec.required().enumerate().filter(|(_, name)| !known.contains(name)) {
        let message = format!("`{name}` is required and not declared");
        let problem = Problem::new(code::UNKNOWN_WORD, path.key("required").index(at), message);
        let hint =
            forge_config::nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        context.report(match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }
}

/// A name that a template can use.
fn check_name(name: &str, path: &KeyPath, context: &mut ResolveContext<'_>) {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let problem = Problem::new(code::BAD_KEY, path.clone(), format!("`{name}` is no name of a variable"));
        context.report(problem.about_key().with_hint("write letters (a to z), digits and `_`"));
    }
}

/// Front matter with the line at which its template begins, if it stands in it.
pub(crate) fn read(
    file: &str,
    yaml: &str,
    is_whole: bool,
) -> Result<(FrontMatter, Option<usize>), ConfigError> {
    static SCHEMA: LazyLock<Value> =
        LazyLock::new(|| Sections::new().with(FrontSection { is_whole: false }).schema());
    // For YAML, nothing below the line is no mapping.
    if !is_whole && yaml.trim() == "---" {
        return Ok((FrontMatter::default(), None));
    }
    let sections = Sections::new().with(FrontSection { is_whole });
    let mut loaded = sections.load_by(&SCHEMA, file, yaml, &NoLookup, Trust::Trusted)?;
    let line = loaded.place(&KeyPath::ROOT.key("template")).map(|place| place.line);
    Ok((loaded.take().unwrap_or_default(), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(yaml: &str) -> Vec<String> {
        read("x.md.jinja", yaml, false).unwrap_err().reports.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_mistake_of_front_matter_is_told_at_its_place() {
        let yaml = "---
descripton: x
variables:
  type: object
  properties: { first-name: { type: string }, age: 7 }
  required: [ages]
parameters: { temperature: 3 }
context:
  age: { from: file }
  diff: { from: git_diff, max_tokens: 0 }
";
        let said = said(yaml);
        for (at, word) in [
            ("x.md.jinja:2:1:", "did you mean `description`?"),
            ("x.md.jinja:5:17:", "`first-name` is no name of a variable"),
            ("x.md.jinja:5:52:", "the schema of a variable is a mapping"),
            ("x.md.jinja:6:14:", "did you mean `age`?"),
            ("x.md.jinja:7:28:", "must be between 0 and 2, not 3"),
            ("x.md.jinja:9:3:", "`age` is a variable already"),
            ("x.md.jinja:9:8:", "it does not say of what"),
            ("x.md.jinja:10:39:", "must be between 1 and 1000000, not 0"),
        ] {
            assert!(
                said.iter().any(|line| line.starts_with(at) && line.contains(word)),
                "{at} {word}: {said:#?}"
            );
        }
        assert_eq!(said.len(), 8, "{said:#?}");
    }

    #[test]
    fn front_matter_says_what_it_declares() {
        let yaml = "---
description: A greeting costs ${nothing}
variables: { type: object, properties: { name: { type: string }, tone: {} }, required: [name] }
context: { change: { from: git_diff, of: [HEAD~1] } }
";
        let (front, _) = read("x", yaml, false).unwrap();
        assert_eq!(front.names().collect::<Vec<_>>(), ["name", "tone", "change"]);
        assert_eq!(front.required().collect::<Vec<_>>(), ["name"]);
        assert_eq!(front.context["change"].max_tokens, 4_000);
        assert_eq!(front.description.as_deref(), Some("A greeting costs ${nothing}"));
        assert!(read("x", "---\n", false).is_ok(), "it may say nothing");
    }
}
