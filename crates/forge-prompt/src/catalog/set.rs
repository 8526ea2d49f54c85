//! Prompts by name, of which later ones take the place of earlier ones.

use std::{collections::BTreeMap, error::Error, fmt};

use forge_config::{Report, Severity};
use forge_core::storage::prompts::PromptText;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    built_in, check, code,
    folder::PromptFile,
    parse::{self, Prompt, PromptOrigin, report},
};
use crate::template::{PromptError, Templates};

/// Prompts cannot be used: at least one report is an error. `Display` gives a report a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptMistakes {
    /// Every mistake and every warning, by file and place.
    pub reports: Vec<Report>,
}

impl fmt::Display for PromptMistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.reports.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Error for PromptMistakes {}

impl From<PromptMistakes> for PromptError {
    fn from(mistakes: PromptMistakes) -> Self {
        let first = mistakes.reports.iter().find(|report| report.severity == Severity::Error);
        let name = first.map_or_else(String::new, |report| report.file.clone());
        PromptError::mistaken(name, mistakes.to_string())
    }
}

/// Prompts by name. All of them are checked: what they use is declared, and what they include is there.
#[derive(Debug, Clone)]
pub struct PromptSet {
    prompts: BTreeMap<String, Prompt>,
    templates: Templates,
    warnings: Vec<Report>,
}

impl PromptSet {
    /// The prompts that ship with Forge.
    ///
    /// # Errors
    /// None in practice: they are tested.
    pub fn built_in() -> Result<Self, PromptMistakes> {
        Self::with([])
    }

    /// The prompts that ship with Forge, and these sets over them. Of two with one name, the later counts.
    ///
    /// # Errors
    /// Every mistake in all of the files.
    pub fn with(
        sets: impl IntoIterator<Item = (PromptOrigin, Vec<PromptFile>)>,
    ) -> Result<Self, PromptMistakes> {
        let built_in = (PromptOrigin::BuiltIn, built_in::files());
        Self::on(BTreeMap::new(), [built_in].into_iter().chain(sets))
    }

    /// The same prompts with those of another set over them.
    ///
    /// # Errors
    /// Every mistake in all of the files.
    pub fn and(&self, origin: PromptOrigin, files: Vec<PromptFile>) -> Result<Self, PromptMistakes> {
        Self::on(self.prompts.clone(), [(origin, files)])
    }

    fn on(
        mut prompts: BTreeMap<String, Prompt>,
        sets: impl IntoIterator<Item = (PromptOrigin, Vec<PromptFile>)>,
    ) -> Result<Self, PromptMistakes> {
        let mut reports = Vec::new();
        for (origin, files) in sets {
            reports.extend(add(&mut prompts, origin, files));
        }
        reports.extend(prompts.values().flat_map(|prompt| check::check(prompt, &prompts)));
        reports.sort_by(|one, other| {
            (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column))
        });
        if reports.iter().any(|report| report.severity == Severity::Error) {
            return Err(PromptMistakes { reports });
        }
        versioned(&mut prompts);
        let texts = prompts.values().map(|prompt| (prompt.name.clone(), prompt.body.clone()));
        // Each of them has parsed already.
        let templates = Templates::new(texts).map_err(|error| {
            let file = PromptFile::new(error.name.clone(), "");
            PromptMistakes {
                reports: vec![report(&file, (1, 1), code::TEMPLATE, error.source.to_string(), None)],
            }
        })?;
        Ok(Self { prompts, templates, warnings: reports })
    }

    /// The prompts by name.
    pub fn iter(&self) -> impl Iterator<Item = &Prompt> {
        self.prompts.values()
    }

    /// The prompt of this name; `None` if there is none.
    pub fn get(&self, name: &str) -> Option<&Prompt> {
        self.prompts.get(name)
    }

    /// A prompt of this set as it is kept, with what it includes.
    pub fn text(&self, prompt: &Prompt) -> PromptText {
        let file = &prompt.file;
        let text = PromptText::new(&*prompt.name, &*prompt.version, &*file.name, &*file.text);
        let parts = prompt.includes.iter().filter_map(|name| self.get(name)).map(|part| &part.file);
        text.with_parts(parts.map(|file| (file.name.clone(), file.text.clone())).collect())
    }

    /// What the authors of the files should know.
    pub fn warnings(&self) -> &[Report] {
        &self.warnings
    }

    /// The prompt with values that fit what it declares.
    ///
    /// # Errors
    /// No such prompt, values that do not fit, too many steps, too much text.
    pub fn render(&self, name: &str, values: &Map<String, Value>) -> Result<String, PromptError> {
        let prompt = self.get(name).ok_or_else(|| PromptError::unknown(name, "there is no such prompt"))?;
        prompt.accepts(values)?;
        self.render_as_is(name, values)
    }

    /// The prompt with the values of a caller who knows its form, without a look at what it declares.
    ///
    /// # Errors
    /// No such prompt, a value that it does not have, too many steps, too much text.
    pub fn render_as_is(&self, name: &str, values: &impl Serialize) -> Result<String, PromptError> {
        self.templates.render(name, values).map_err(|error| match self.get(name) {
            // Whoever has to correct it looks for its file.
            Some(prompt) => PromptError { name: prompt.file.path.clone(), ..error },
            None => error,
        })
    }
}

/// Adds the files of a set; what cannot be read is reported.
fn add(prompts: &mut BTreeMap<String, Prompt>, origin: PromptOrigin, files: Vec<PromptFile>) -> Vec<Report> {
    let mut reports = Vec::new();
    let mut own: BTreeMap<String, Prompt> = BTreeMap::new();
    for file in files {
        match parse::parse(file, origin, |name| prompts.get(name).map(|one| one.front.clone())) {
            Ok(prompt) => {
                if let Some(other) = own.get(&prompt.name) {
                    let message = format!("`{}` is the prompt `{}` already", other.file.path, prompt.name);
                    reports.push(report(&prompt.file, (1, 1), code::BAD_PROMPT_NAME, message, None));
                } else {
                    own.insert(prompt.name.clone(), prompt);
                }
            }
            Err(found) => reports.extend(found),
        }
    }
    prompts.extend(own);
    reports
}

/// Sets what each prompt includes, and the versions that follow from it.
fn versioned(prompts: &mut BTreeMap<String, Prompt>) {
    let included: Vec<(String, Vec<String>)> = prompts
        .keys()
        .map(|name| {
            let parts = check::closure(name, prompts).into_iter().filter(|part| part != name);
            (name.clone(), parts.map(str::to_owned).collect())
        })
        .collect();
    for (name, parts) in included.into_iter().filter(|(_, parts)| !parts.is_empty()) {
        let texts =
            parts.iter().filter_map(|part| Some((part.as_str(), prompts.get(part)?.file.text.as_str())));
        let version = prompts.get(&name).map(|prompt| parse::version(&prompt.file.text, texts));
        if let (Some(prompt), Some(version)) = (prompts.get_mut(&name), version) {
            (prompt.version, prompt.includes) = (version, parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn project(files: &[(&str, &str)]) -> Result<PromptSet, PromptMistakes> {
        let files = files.iter().map(|(name, text)| PromptFile::new(*name, *text)).collect();
        PromptSet::with([(PromptOrigin::Project, files)])
    }

    fn values(value: impl Into<Value>) -> Map<String, Value> {
        match value.into() {
            Value::Object(values) => values,
            other => panic!("{other} is no object"),
        }
    }

    const GREETING: &str = "---
description: Greets somebody
variables: { type: object, properties: { name: { type: string }, tone: { enum: [warm, cool] } }, required: [name] }
---
{% if tone is defined %}
Be {{ tone }}.
{% endif %}
Greet {{ name }}.
";

    #[test]
    fn a_prompt_is_rendered_with_values_that_fit_what_it_declares() {
        let set = project(&[("hello/greeting.md.jinja", GREETING)]).unwrap();
        let render = |given| set.render("hello/greeting", &values(given));
        assert_eq!(render(json!({"name": "{{ tone }}"})).unwrap(), "Greet {{ tone }}.");
        assert_eq!(render(json!({"name": "Ann", "tone": "warm"})).unwrap(), "Be warm.\nGreet Ann.");
        let error = render(json!({"nam": "Ann", "tone": "hot"})).unwrap_err();
        let said = error.source.to_string();
        for word in ["`name` is missing", "no variable `nam`; did you mean `name`?", "`tone`: "] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert_eq!(set.render("nowhere", &Map::new()).unwrap_err().name, "nowhere");
    }

    #[test]
    fn every_mistake_of_every_file_is_told_at_its_place() {
        let mistakes = project(&[
            ("a.md.jinja", "---\ndescription: x\nvariables: { type: object, properties: { name: {} } }\n---\nHello {{ naem }}\n{{ other }}\n"),
            ("b.md.jinja", "---\ndescription: x\n---\nx\n {% if %}\n"),
            ("c.md.jinja", "no front matter"),
            ("d.yaml", "description: x\ntemplate: |\n  one\n  two {{ three }}\n"),
            ("e.md.jinja", "---\n---\n{% include 'nowhere' %}{% include x %}{% extends 'a' %}"),
            ("f.md.jinja", "---\n---\n{% include 'g' %}"),
            ("g.md.jinja", "---\n---\n{% include 'f' %}"),
            ("h .md.jinja", ""),
            ("i.md.jinja", "---\ndescription: x\n"),
            ("j.jinja", "x"),
            ("j.yaml", "template: x"),
            ("draft.user.jinja", "{{ toppic }}"),
            ("k.yaml", "description: x"),
        ])
        .unwrap_err();
        let said: Vec<String> = mistakes.reports.iter().map(ToString::to_string).collect();
        for (place, words) in [
            ("a.md.jinja:5:10: error[E142]", "`naem` is not declared; did you mean `name`?"),
            ("a.md.jinja:6:4: error[E142]", "`other` is not declared"),
            ("a.md.jinja:3:42: warning[W141]", "`name` is declared and not used"),
            ("b.md.jinja:5:2: error[E141]", ""),
            ("c.md.jinja:1:1: error[E145]", "there is no front matter"),
            ("d.yaml:4:10: error[E142]", "`three` is not declared"),
            ("e.md.jinja:3:3: error[E143]", "there is no prompt `nowhere`"),
            ("e.md.jinja:3:26: error[E143]", "one prompt in quotation marks"),
            ("e.md.jinja:3:41: error[E141]", "a prompt has no `extends`"),
            ("f.md.jinja:3:3: error[E143]", "`g` leads back"),
            ("g.md.jinja:3:3: error[E143]", "`f` leads back"),
            ("h .md.jinja:1:1: error[E144]", "no name of a prompt"),
            ("i.md.jinja:2:1: error[E145]", "has no end"),
            ("j.yaml:1:1: error[E144]", "`j.jinja` is the prompt `j` already"),
            ("draft.user.jinja:1:4: error[E142]", "did you mean `topic`?"),
            ("k.yaml:1:1: error[E113]", "there is no `template`"),
        ] {
            assert!(
                said.iter().any(|line| line.starts_with(place) && line.contains(words)),
                "{place} {words}: {said:#?}"
            );
        }
        assert_eq!(said.len(), 16, "{said:#?}");
    }

    #[test]
    fn a_later_set_takes_the_place_of_an_earlier_one_by_name() {
        let file = |text: &str| vec![PromptFile::new("form.jinja", text)];
        let sets =
            [(PromptOrigin::Configured, file("one")), (PromptOrigin::Project, file("two {{ stage }}"))];
        let set = PromptSet::with(sets).unwrap();
        let form = set.get("form").unwrap();
        assert_eq!((form.origin, form.body.as_str()), (PromptOrigin::Project, "two {{ stage }}\n"));
        assert_eq!(set.get("draft.user").unwrap().origin, PromptOrigin::BuiltIn);
        // It has the declarations of the one whose place it takes.
        assert!(set.render("form", &values(json!({"sage": "x"}))).is_err());
    }

    #[test]
    fn a_fragment_is_a_part_of_whoever_includes_it() {
        let whole =
            "---\nvariables: { type: object, properties: { name: {} } }\n---\n{% include \"part\" %}!";
        let part = |text: &str| {
            format!(
                "---\nvariables: {{ type: object, properties: {{ name: {{}} }}, required: [name] }}\n---\n{text} {{{{ name }}}}"
            )
        };
        let set = |text: &str| project(&[("whole.md.jinja", whole), ("part.md.jinja", &part(text))]).unwrap();
        let (one, other) = (set("Dear"), set("Hi"));
        assert_eq!(one.render("whole", &values(json!({"name": "{% raw %}"}))).unwrap(), "Dear {% raw %}!");
        let version = |set: &PromptSet, name: &str| set.get(name).unwrap().version.clone();
        assert_ne!(version(&one, "whole"), version(&other, "whole"));
        assert_eq!(version(&one, "draft.user"), version(&other, "draft.user"));
        assert_eq!(one.get("whole").unwrap().includes, ["part"]);
        let undeclared =
            project(&[("whole.md.jinja", "---\n---\n{% include 'part' %}"), ("part.md.jinja", &part(""))]);
        assert!(
            undeclared
                .unwrap_err()
                .to_string()
                .contains("`part` needs what this prompt does not declare: name")
        );
    }

    #[test]
    fn a_version_is_that_of_the_text_whatever_ends_its_lines() {
        let version = |text: &str| project(&[("x.jinja", text)]).unwrap().get("x").unwrap().version.clone();
        // The first digits that `printf 'a\nb\n' | sha256sum` prints.
        assert_eq!(version("\u{feff}a\r\nb\r\n\r\n"), "911169ddaaf1");
        assert_eq!(version("a\nb"), version("a\nb\n"));
        assert_ne!(version("a\nb"), version("a\n b"));
    }
}
