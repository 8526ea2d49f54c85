//! The parts of a file, each owned by a crate.

use std::{
    any::{Any, TypeId, type_name},
    collections::BTreeSet,
};

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use crate::{
    code,
    context::ResolveContext,
    expand::Lookup,
    path::KeyPath,
    problem::Problem,
    trust::{Trust, WithoutFiles},
    yaml,
};

/// A part of a file that one crate owns: what may be written there, and what it means.
///
/// The value that implements it holds whatever else the section is checked against.
pub trait Section {
    /// The key under which it stands; `None` if its keys are keys of the file itself.
    const KEY: Option<&'static str>;

    /// The section as written. Fields that it does not have are mistakes.
    type Spec: Default + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// The section as resolved. No other section of the file has the same type.
    type Plan: Send + Sync + 'static;

    /// Resolves `spec`. Whatever is wrong is reported to `context` and stands in the plan as an empty value, so that
    /// everything is looked at; the plan is used only if nothing is wrong.
    fn resolve(&self, spec: &Self::Spec, context: &mut ResolveContext<'_>) -> Self::Plan;

    /// What `spec` sets that only a trusted file may set; see [`Problem::untrusted`].
    fn refused(&self, _spec: &Self::Spec) -> Vec<Problem> {
        Vec::new()
    }

    /// Completes the schema of the whole file by what is known at run time only.
    fn complete_schema(&self, _schema: &mut Json) {}

    /// What to say of the unknown key at `path` if it belongs somewhere else; by default it is just unknown.
    fn misplaced(&self, _path: &KeyPath) -> Option<Problem> {
        None
    }

    /// Whether `problem` would not be there without what is `cut` out because of another one.
    fn follows_from(&self, _problem: &Problem, _cut: &BTreeSet<KeyPath>) -> bool {
        false
    }
}

/// A value of any type.
pub(crate) type Boxed = Box<dyn Any + Send + Sync>;

/// What a section makes of its part of the file.
pub(crate) struct Part {
    pub(crate) spec: (TypeId, Boxed),
    pub(crate) plan: (TypeId, Boxed),
    pub(crate) refused: Vec<Problem>,
    pub(crate) problems: Vec<Problem>,
}

/// A [`Section`] of any type.
pub(crate) trait AnySection {
    fn add_schema(&self, generator: &mut SchemaGenerator, properties: &mut Map<String, Json>);
    fn complete_schema(&self, schema: &mut Json);
    fn misplaced(&self, path: &KeyPath) -> Option<Problem>;
    fn follows_from(&self, problem: &Problem, cut: &BTreeSet<KeyPath>) -> bool;
    fn take_from(&self, file: &mut yaml::Mapping) -> yaml::Value;
    fn read(&self, value: yaml::Value, lookup: &dyn Lookup, trust: Trust) -> Part;
}

impl<S: Section> AnySection for S {
    fn add_schema(&self, generator: &mut SchemaGenerator, properties: &mut Map<String, Json>) {
        let Some(key) = S::KEY else {
            return properties.extend(own_keys::<S>(generator));
        };
        let about = S::Spec::json_schema(generator).get("description").cloned();
        // Optional, because a key with nothing below it is null.
        let mut schema = generator.subschema_for::<Option<S::Spec>>().to_value();
        if let Some(about) = about {
            schema["description"] = about;
        }
        properties.insert(key.to_owned(), schema);
    }

    fn complete_schema(&self, schema: &mut Json) {
        Section::complete_schema(self, schema);
    }

    fn misplaced(&self, path: &KeyPath) -> Option<Problem> {
        Section::misplaced(self, path)
    }

    fn follows_from(&self, problem: &Problem, cut: &BTreeSet<KeyPath>) -> bool {
        Section::follows_from(self, problem, cut)
    }

    fn take_from(&self, file: &mut yaml::Mapping) -> yaml::Value {
        if let Some(key) = S::KEY {
            return file.remove(key).unwrap_or_default();
        }
        let keys = own_keys::<S>(&mut SchemaGenerator::default()).into_iter();
        let own = keys.filter_map(|(key, _)| file.remove_entry(key.as_str()));
        yaml::Value::Mapping(own.collect())
    }

    fn read(&self, value: yaml::Value, lookup: &dyn Lookup, trust: Trust) -> Part {
        let root = S::KEY.map_or(KeyPath::ROOT, |key| KeyPath::ROOT.key(key));
        let empty = || yaml::Value::Mapping(yaml::Mapping::new());
        // `session:` with nothing below it is null in YAML and means the same as no section.
        let value = if value.is_null() { empty() } else { value };
        let mut problems = Vec::new();
        // What the schema lets through and the type does not is reported without being shown.
        let spec: S::Spec = serde_yaml::from_value(value).unwrap_or_else(|_| {
            problems.push(Problem::new(code::WRONG_TYPE, root.clone(), "a value is of the wrong type"));
            S::Spec::default()
        });
        let (without_files, refused) = (WithoutFiles(lookup), || self.refused(&spec));
        let (lookup, refused): (&dyn Lookup, _) = match trust {
            Trust::Trusted => (lookup, Vec::new()),
            // A file is what a section cannot refuse by its keys: any text may name one.
            Trust::Project => (&without_files, refused()),
        };
        let mut context = ResolveContext { problems, ..ResolveContext::new(lookup).with_root(root) };
        let plan = self.resolve(&spec, &mut context);
        Part {
            spec: (TypeId::of::<S::Spec>(), Box::new(spec)),
            plan: (TypeId::of::<S::Plan>(), Box::new(plan)),
            refused,
            problems: context.problems,
        }
    }
}

/// The keys of a section whose keys are those of the file, with their schemas.
fn own_keys<S: Section>(generator: &mut SchemaGenerator) -> Map<String, Json> {
    let mut schema = S::Spec::json_schema(generator).to_value();
    match schema["properties"].take() {
        Json::Object(properties) => properties,
        _ => Map::new(),
    }
}

/// The sections that a file may have.
#[derive(Default)]
pub struct Sections<'a> {
    all: Vec<Box<dyn AnySection + 'a>>,
    names: Vec<&'static str>,
    title: &'static str,
    about: &'static str,
}

impl<'a> Sections<'a> {
    /// No section yet. A file of no sections may hold no key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same sections of a file that is called `title` in its schema; `about` says what it is for.
    pub fn with_title(mut self, title: &'static str, about: &'static str) -> Self {
        (self.title, self.about) = (title, about);
        self
    }

    /// The same sections and this one. Sections are resolved in the order in which they are added; of two
    /// with the same type of plan, the later one is found.
    pub fn with<S: Section + 'a>(mut self, section: S) -> Self {
        self.names.push(type_name::<S>());
        self.all.push(Box::new(section));
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(dyn AnySection + 'a)> {
        self.all.iter().map(|section| &**section)
    }

    /// The JSON Schema (2020-12) of the whole file, for editors. Files are checked against the same value, so
    /// that an editor and a reader agree.
    pub fn schema(&self) -> Json {
        let mut generator = SchemaGenerator::default();
        let mut properties = Map::new();
        for section in self.iter() {
            section.add_schema(&mut generator, &mut properties);
        }
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.title,
            "description": self.about,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "$defs": generator.take_definitions(true),
        });
        for section in self.iter() {
            // Once all are there: what a section completes may stand in any of the definitions.
            section.complete_schema(&mut schema);
        }
        schema
    }
}

impl std::fmt::Debug for Sections<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}
