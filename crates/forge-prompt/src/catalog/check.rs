//! What is wrong with a prompt in its set.

use std::collections::{BTreeMap, BTreeSet};

use forge_config::{Report, nearest};

use super::{
    code,
    parse::{Prompt, PromptOrigin, report},
    scan::{self, Tag},
};
use crate::template::names_in;

/// Statements that reach beyond a set, or would put one template into another by other ways than `include`.
const FORBIDDEN: [&str; 6] = ["extends", "import", "from", "block", "macro", "call"];

/// Everything that is wrong with `prompt` among `all`.
pub(crate) fn check(prompt: &Prompt, all: &BTreeMap<String, Prompt>) -> Vec<Report> {
    let names = match names_in(&prompt.name, &prompt.body) {
        Ok(names) => names,
        Err(error) => return vec![unparsed(prompt, &error)],
    };
    let tags = scan::tags(&prompt.body);
    let mut reports = Vec::new();
    for tag in &tags {
        let Some((word, rest)) = tag.statement() else { continue };
        if FORBIDDEN.contains(&word) {
            let hint =
                "put the common part into a prompt of its own and `{% include \"NAME\" %}` it".to_owned();
            let message = format!("a prompt has no `{word}`");
            reports.push(report(&prompt.file, place(prompt, tag.at), code::TEMPLATE, message, Some(hint)));
        } else if word == "include" {
            reports.extend(included(prompt, tag, rest, all));
        }
    }
    if prompt.is_declared {
        reports.extend(undeclared(prompt, &names, &tags));
    }
    // What takes the place of another prompt may use what that one declares, and built-in ones are there to be replaced.
    if prompt.is_own && prompt.origin != PromptOrigin::BuiltIn {
        reports.extend(unused(prompt, &names, all));
    }
    reports
}

fn unparsed(prompt: &Prompt, error: &minijinja::Error) -> Report {
    let line = error.line().unwrap_or(1);
    let text = prompt.body.lines().nth(line - 1).unwrap_or_default();
    // The engine says the line; what is wrong on it stands in a tag.
    let tag = ["{%", "{{", "{#"].iter().filter_map(|open| text.find(open)).min().unwrap_or_default();
    let (line, column) = shifted(prompt, (line, text[..tag].chars().count() + 1));
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    report(&prompt.file, (line, column), code::TEMPLATE, message, None)
}

fn included(prompt: &Prompt, tag: &Tag<'_>, rest: &str, all: &BTreeMap<String, Prompt>) -> Vec<Report> {
    let bad = |message: String, hint: Option<String>| {
        vec![report(&prompt.file, place(prompt, tag.at), code::BAD_INCLUDE, message, hint)]
    };
    let Some(name) = scan::literal(rest) else {
        let hint = "write `{% include \"NAME\" %}`, so that it can be found before anything is sent";
        return bad("an `include` names one prompt in quotation marks".to_owned(), Some(hint.to_owned()));
    };
    let Some(part) = all.get(name) else {
        let near =
            nearest(name, all.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        return bad(format!("there is no prompt `{name}` to include"), near);
    };
    if closure(name, all).contains(prompt.name.as_str()) {
        return bad(format!("`{name}` leads back to this prompt"), None);
    }
    let own: BTreeSet<&str> = prompt.front.names().collect();
    let missing: Vec<&str> = part.front.required().filter(|name| !own.contains(name)).collect();
    if prompt.is_declared && !missing.is_empty() {
        let message = format!("`{name}` needs what this prompt does not declare: {}", missing.join(", "));
        return bad(message, Some("declare it below `variables.properties`".to_owned()));
    }
    Vec::new()
}

/// The prompts that `name` includes, directly or by others, and itself.
pub(crate) fn closure<'a>(name: &'a str, all: &'a BTreeMap<String, Prompt>) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![name]);
    while let Some(name) = open.pop() {
        if let Some(prompt) = all.get(name)
            && found.insert(prompt.name.as_str())
        {
            open.extend(includes_in(&prompt.body));
        }
    }
    found
}

fn includes_in(body: &str) -> impl Iterator<Item = &str> {
    let statements = scan::tags(body).into_iter().filter_map(|tag| tag.statement());
    statements.filter(|(word, _)| *word == "include").filter_map(|(_, rest)| scan::literal(rest))
}

fn undeclared<'a>(
    prompt: &'a Prompt,
    names: &'a BTreeSet<String>,
    tags: &'a [Tag<'a>],
) -> impl Iterator<Item = Report> + 'a {
    let declared: BTreeSet<&str> = prompt.front.names().collect();
    names.iter().filter(move |name| !declared.contains(name.as_str())).map(move |name| {
        let at = scan::place_of(tags, name).unwrap_or_default();
        let hint = nearest(name, prompt.front.names()).map_or_else(
            || "declare it below `variables.properties`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("`{name}` is not declared");
        report(&prompt.file, place(prompt, at), code::UNDECLARED_VARIABLE, message, Some(hint))
    })
}

fn unused<'a>(
    prompt: &'a Prompt,
    names: &'a BTreeSet<String>,
    all: &'a BTreeMap<String, Prompt>,
) -> impl Iterator<Item = Report> + 'a {
    // What a fragment uses comes from whoever includes it.
    let parts = closure(&prompt.name, all);
    let is_passed_on = move |name: &str| {
        let mut others = parts.iter().filter(|part| **part != prompt.name);
        others.any(|part| all.get(*part).is_some_and(|part| part.front.names().any(|one| one == name)))
    };
    let unused = prompt.front.names().filter(move |name| !names.contains(*name) && !is_passed_on(name));
    unused.map(|name| {
        let line = prompt.file.text.lines().position(|line| line.contains(name)).unwrap_or_default();
        let column = prompt.file.text.lines().nth(line).and_then(|line| line.find(name)).unwrap_or_default();
        let message = format!("`{name}` is declared and not used");
        report(&prompt.file, (line + 1, column + 1), code::UNUSED_VARIABLE, message, None)
    })
}

/// The line and the column in the file of a byte of the template.
fn place(prompt: &Prompt, at: usize) -> (usize, usize) {
    shifted(prompt, scan::place(&prompt.body, at))
}

/// A place of the template as a place of its file. In YAML the template is indented.
fn shifted(prompt: &Prompt, (line, column): (usize, usize)) -> (usize, usize) {
    let at = line + prompt.lines_before;
    let (whole, own) = (prompt.file.text.lines().nth(at - 1), prompt.body.lines().nth(line - 1));
    let indent = whole.zip(own).map_or(0, |(whole, own)| whole.len().saturating_sub(own.len()));
    (at, column + indent)
}
