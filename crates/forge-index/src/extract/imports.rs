//! Imports, one name each, from the text of a statement.

use crate::{facts::Import, language::Language};

/// How deep imports of Rust may be nested; deeper ones are no code.
const DEEPEST: usize = 32;

/// The names that a statement imports, which begins at `line`.
pub(super) fn read(language: Language, text: &str, line: u32) -> Vec<Import<String>> {
    let mut found = Vec::new();
    let text = &without_comments(language, text);
    match language {
        Language::Rust => rust(text, &mut found),
        Language::Python => python(text, &mut found),
        Language::TypeScript | Language::Tsx | Language::JavaScript => ecmascript(text, &mut found),
        Language::Go => go(text, &mut found),
        Language::Manifest => {}
    }
    let import = |(path, name, alias, at): Raw| {
        let above = text.get(..at).unwrap_or_default().matches('\n').count();
        Import { path, name, alias, line: line.saturating_add(u32::try_from(above).unwrap_or(0)) }
    };
    found.into_iter().map(import).collect()
}

/// Path, name there, name here, place in the text.
type Raw = (String, String, String, usize);

/// The text with blanks in the place of comments.
fn without_comments(language: Language, text: &str) -> String {
    let sign = if language == Language::Python { "#" } else { "//" };
    let lines = text.split('\n').map(|line| {
        // An address holds the sign of a comment as well.
        let at = line.match_indices(sign).map(|(at, _)| at).find(|at| !line[..*at].contains(['"', '\'']));
        at.map_or(line, |at| &line[..at])
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn rust(text: &str, found: &mut Vec<Raw>) {
    if let Some((_, rest)) = text.split_once("extern crate ") {
        let name = rest.trim_end_matches(';').trim();
        let (name, alias) = aliased(name);
        found.push((String::new(), name.into(), alias.into(), 0));
    } else if let Some((before, _)) = text.split_once("use ") {
        let start = before.len() + 4;
        let end = text.rfind(';').unwrap_or(text.len()).max(start);
        tree(text, (start, end), "", 0, found);
    }
}

/// One tree of names: `a::b`, `a::{b, c as d}`, `a::*`.
fn tree(text: &str, (start, end): (usize, usize), prefix: &str, depth: usize, found: &mut Vec<Raw>) {
    let part = &text[start..end];
    let join = |rest: &str| match (prefix.is_empty(), rest.is_empty()) {
        (true, _) => rest.trim_start_matches("::").to_owned(),
        (_, true) => prefix.to_owned(),
        _ => format!("{prefix}::{rest}"),
    };
    if let Some(open) = part.find('{') {
        let path: String = part[..open].split_whitespace().collect();
        let path = join(path.trim_end_matches("::"));
        let close = part.rfind('}').unwrap_or(part.len());
        if depth < DEEPEST && open < close {
            for (from, to) in items(part, open + 1, close) {
                tree(text, (start + from, start + to), &path, depth + 1, found);
            }
        }
        return;
    }
    let (whole, alias) = aliased(part.trim());
    let whole: String = whole.split_whitespace().collect();
    if whole.is_empty() {
        return;
    }
    let at = start + (part.len() - part.trim_start().len());
    let (path, name) = whole.rsplit_once("::").unwrap_or(("", &whole));
    let (mut path, mut name) = (join(path), name.to_owned());
    if name == "self" && !path.is_empty() {
        let (above, last) = path
            .rsplit_once("::")
            .map_or((String::new(), path.clone()), |(above, last)| (above.to_owned(), last.to_owned()));
        (path, name) = (above, last);
    }
    let alias = match (alias == part.trim(), name.as_str()) {
        (_, "*") => String::new(),
        (true, _) => name.clone(),
        (false, _) => alias.to_owned(),
    };
    found.push((path, name, alias, at));
}

/// `a as b` is `a` and `b`, `a` is `a` twice.
fn aliased(text: &str) -> (&str, &str) {
    let (name, alias) = text.split_once(" as ").unwrap_or((text, text));
    (name.trim(), alias.trim())
}

/// The places between commas of the outermost level.
fn items(text: &str, start: usize, end: usize) -> Vec<(usize, usize)> {
    let (mut depth, mut from, mut found) = (0_usize, start, Vec::new());
    for (at, c) in text[start..end].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push((from, start + at));
                from = start + at + 1;
            }
            _ => {}
        }
    }
    found.push((from, end));
    found
}

fn python(text: &str, found: &mut Vec<Raw>) {
    let from = text.trim_start().strip_prefix("from ").and_then(|rest| rest.split_once(" import"));
    if let Some((path, names)) = from {
        let start = text.len() - names.len();
        for (from, to) in items(text, start, text.len()) {
            let name = text[from..to].trim().trim_start_matches('(').trim_end_matches(')').trim();
            let (name, alias) = aliased(name);
            let alias = if name == "*" { "" } else { alias };
            let at = from + text[from..to].find(name).unwrap_or(0);
            if !name.is_empty() {
                found.push((path.split_whitespace().collect(), name.into(), alias.into(), at));
            }
        }
    } else if let Some(names) = text.trim_start().strip_prefix("import ") {
        for name in names.split(',') {
            let (name, alias) = aliased(name);
            found.push((name.into(), String::new(), alias.into(), 0));
        }
    }
}

fn ecmascript(text: &str, found: &mut Vec<Raw>) {
    let quotes = ['"', '\'', '`'];
    // The path stands last, in quotation marks.
    let mut parts = text.rsplitn(3, quotes);
    let (_, path, names) = (parts.next(), parts.next(), parts.next());
    let Some((path, names)) = path.zip(names) else { return };
    let is_export = text.trim_start().starts_with("export");
    let names = names.trim_start().trim_start_matches(['i', 'e']);
    let names = names.strip_prefix("mport").or_else(|| names.strip_prefix("xport")).unwrap_or(names);
    let shift = text.find(names).unwrap_or(0);
    let is_require = names.contains("require");
    let cut = if is_require { names.split_once('=') } else { names.rsplit_once("from") };
    let names = cut.map_or("", |(names, _)| names);
    let braces = names.find('{').zip(names.rfind('}'));
    let outside = braces.map_or(names, |(open, _)| &names[..open]);
    for word in outside.split(',') {
        let word = word.trim().trim_start_matches("type ").trim_start_matches("typeof ");
        let word =
            ["const ", "let ", "var "].into_iter().fold(word, |word, sign| word.trim_start_matches(sign));
        let (name, alias) = aliased(word.trim());
        match name {
            "" | "type" | "const" | "let" | "var" => {}
            // `export * from` hands on all names, `import * as x from` is the module.
            "*" if is_export && alias == "*" => found.push((path.into(), "*".into(), String::new(), 0)),
            "*" => found.push((path.into(), String::new(), alias.into(), 0)),
            name if is_require => {
                found.push((path.into(), String::new(), name.into(), 0));
            }
            name => found.push((path.into(), "default".into(), name.into(), 0)),
        }
    }
    let Some((open, close)) = braces.filter(|(open, close)| open < close) else { return };
    for (from, to) in items(names, open + 1, close) {
        let word = names[from..to].trim().trim_start_matches("type ").trim();
        // Of `require` a name is renamed by a colon.
        let (name, alias) = word.split_once(':').map_or_else(|| aliased(word), |(a, b)| (a.trim(), b.trim()));
        let at = shift + from + names[from..to].find(name).unwrap_or(0);
        if !name.is_empty() {
            found.push((path.into(), name.into(), alias.into(), at));
        }
    }
}

fn go(text: &str, found: &mut Vec<Raw>) {
    let mut parts = text.split(['"', '`']);
    let (alias, path) = (parts.next().unwrap_or_default().trim(), parts.next().unwrap_or_default());
    let last = path.rsplit('/').next().unwrap_or_default();
    match alias {
        "_" => {}
        "." => found.push((path.into(), "*".into(), String::new(), 0)),
        "" => found.push((path.into(), String::new(), last.into(), 0)),
        alias => found.push((path.into(), String::new(), alias.into(), 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(language: Language, text: &str) -> Vec<String> {
        let all = read(language, text, 1);
        all.iter().map(|one| format!("{} {} {} {}", one.path, one.name, one.alias, one.line)).collect()
    }

    #[test]
    fn imports_of_rust_are_taken_apart() {
        for (text, expected) in [
            ("use std::fmt;", &["std fmt fmt 1"][..]),
            ("pub(crate) use self::a::B as C;", &["self::a B C 1"]),
            (
                "use crate::{\n    a::{self, B},\n    c::*, // all\n};",
                &["crate a a 2", "crate::a B B 2", "crate::c *  3"],
            ),
            ("use anyhow;", &[" anyhow anyhow 1"]),
            ("extern crate alloc;", &[" alloc alloc 1"]),
            ("use {a::b, c};", &["a b b 1", " c c 1"]),
        ] {
            assert_eq!(shown(Language::Rust, text), expected, "{text}");
        }
    }

    #[test]
    fn imports_of_python_are_taken_apart() {
        for (text, expected) in [
            ("from a.b import c as d, e", &["a.b c d 1", "a.b e e 1"][..]),
            ("from . import (\n    x,  # one\n    y,\n)", &[". x x 2", ". y y 3"]),
            ("from ..a import *", &["..a *  1"]),
            ("import a.b, c as d", &["a.b  a.b 1", "c  d 1"]),
        ] {
            assert_eq!(shown(Language::Python, text), expected, "{text}");
        }
    }

    #[test]
    fn imports_of_javascript_and_typescript_are_taken_apart() {
        for (text, expected) in [
            ("import d, { x as y, z } from './m';", &["./m default d 1", "./m x y 1", "./m z z 1"][..]),
            ("import * as ns from \"m\"", &["m  ns 1"]),
            ("import type {\n  A,\n  type B,\n} from './t.js'", &["./t.js A A 2", "./t.js B B 3"]),
            ("import './effect'", &[]),
            ("export * from './m'", &["./m *  1"]),
            ("export * as ns from './m'", &["./m  ns 1"]),
            ("export { a as b } from './m'", &["./m a b 1"]),
            ("const fs = require('fs');", &["fs  fs 1"]),
            ("const { a, b: c } = require('./m');", &["./m a a 1", "./m b c 1"]),
        ] {
            assert_eq!(shown(Language::TypeScript, text), expected, "{text}");
        }
    }

    #[test]
    fn imports_of_go_are_taken_apart() {
        for (text, expected) in [
            ("\"example.com/app/store\"", &["example.com/app/store  store 1"][..]),
            ("s \"example.com/app/store\"", &["example.com/app/store  s 1"]),
            (". \"fmt\"", &["fmt *  1"]),
            ("_ \"embed\"", &[]),
        ] {
            assert_eq!(shown(Language::Go, text), expected, "{text}");
        }
    }

    #[test]
    fn a_statement_that_is_cut_off_gives_what_can_be_read() {
        for language in Language::ALL {
            for text in [
                "use a::{b",
                "use ",
                "from x import",
                "import {",
                "import",
                "export",
                "\"",
                "use }{",
                "use {{{{",
            ] {
                read(language, text, 1);
            }
        }
    }
}
