//! From what a query has found to facts: what stands inside what, what a name is qualified by, what a binding hides.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    facts::{Def, Facts, Qualifier, Ref},
    kind::Kind,
    language::Language,
};

use super::{
    around::{After, Before, after, before},
    captures::{Above, Captures, Found, Leaf, Span},
    docs, imports,
};

pub(super) struct Builder<'t> {
    language: Language,
    text: &'t str,
    facts: Facts,
    found: Vec<Found>,
    parents: Vec<Option<usize>>,
    /// For each definition, the names that are bound in it, and from where on.
    locals: HashMap<usize, HashMap<&'t str, usize>>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(language: Language, text: &'t str) -> Self {
        let (found, parents, locals) = (Vec::new(), Vec::new(), HashMap::new());
        Self { language, text, facts: Facts::default(), found, parents, locals }
    }

    pub(super) fn build(mut self, mut captures: Captures) -> Facts {
        self.found = in_order(std::mem::take(&mut captures.defs));
        self.parents = parents(&self.found);
        self.add_defs(&captures);
        self.add_locals(&captures);
        self.add_imports(&captures.imports);
        self.add_refs(&captures);
        let docs = captures.file_docs.iter().map(|span| span.text(self.text).trim_end());
        self.facts.doc = docs::paragraph(&docs.collect::<Vec<_>>().join("\n"));
        self.facts.refs.sort_unstable();
        self.facts.refs.dedup();
        self.facts
    }

    fn add_defs(&mut self, captures: &Captures) {
        let above: HashMap<u32, Above> = captures.above.iter().map(|one| (one.span.last, *one)).collect();
        for at in 0..self.found.len() {
            let one = self.found[at];
            let parent = self.parents[at]
                .and_then(|parent| self.facts.defs.get(parent))
                .map(|parent| (parent.kind, parent.name, parent.is_test));
            let own = parent.filter(|(kind, ..)| kind.has_members()).map(|(_, name, _)| name);
            let owner = match one.owner {
                Some(owner) => Some(self.facts.name(owner.text(self.text))),
                None => own,
            };
            let is_method = one.kind == Kind::Function && owner.is_some();
            let around = self.parents[at].map(|parent| self.found[parent].whole.first);
            // What stands above a line belongs to what begins it.
            let begins = around != Some(one.whole.first);
            let (doc, attributes) = if begins { self.above(&above, &one) } else { Default::default() };
            let name = one.name.text(self.text);
            let head = self.text.get(one.whole.start..one.body.unwrap_or(one.whole.end)).unwrap_or_default();
            let signature = docs::head(head, one.body.is_some());
            let is_test = parent.is_some_and(|(.., is_test)| is_test)
                || is_test(self.language, name, &signature, &attributes);
            let doc = if doc.is_empty() { self.inner_doc(captures, at) } else { doc };
            let def = Def {
                name: self.facts.name(name),
                kind: if is_method { Kind::Method } else { one.kind },
                lines: (one.whole.first, one.whole.last),
                parent: self.parents[at].and_then(|parent| parent.try_into().ok()),
                owner,
                is_test,
                signature,
                doc: docs::paragraph(&doc),
            };
            self.facts.defs.push(def);
        }
    }

    /// The comments and the attributes that stand directly above.
    fn above(&self, above: &HashMap<u32, Above>, one: &Found) -> (String, String) {
        let (mut doc, mut attributes) = (Vec::new(), Vec::new());
        let (mut line, mut start) = (one.whole.first, one.whole.start);
        // What ends behind the beginning stands inside.
        let before = |line: u32, start: usize| above.get(&line).filter(|one| one.span.end <= start);
        while let Some(next) = before(line, start).or_else(|| before(line.saturating_sub(1), start)) {
            let text = next.span.text(self.text).trim_end();
            if next.is_doc {
                doc.push(text);
            } else {
                attributes.push(text);
            }
            (line, start) = (next.span.first, next.span.start);
        }
        doc.reverse();
        (doc.join("\n"), attributes.join("\n"))
    }

    /// The text that stands first in a body, as Python documents.
    fn inner_doc(&self, captures: &Captures, at: usize) -> String {
        let Some(body) = self.found[at].body else { return String::new() };
        // The body of Python begins with it.
        let found = captures.inner_docs.iter().find(|span| span.start == body);
        found.map(|span| span.text(self.text).to_owned()).unwrap_or_default()
    }

    fn add_locals(&mut self, captures: &Captures) {
        let names: HashSet<usize> = self.found.iter().map(|one| one.name.start).collect();
        let mut locals: Vec<_> =
            captures.locals.iter().filter(|one| !names.contains(&one.name.start)).collect();
        locals.sort_by_key(|one| one.name.start);
        let mut sweep = Sweep::default();
        for local in locals {
            let Some(inside) = sweep.at(&self.found, local.name.start) else { continue };
            let name = local.name.text(self.text);
            // In a pattern of Rust a name with a capital is a variant or a constant; what is bound in a class or a module is
            // a definition.
            let is_constant = self.language == Language::Rust
                && name.starts_with(char::is_uppercase)
                && captures.refs.get(&local.name.start).is_some_and(|(_, leaf)| *leaf != Leaf::Type);
            if is_constant || matches!(self.found[inside].kind, Kind::Class | Kind::Module) {
                continue;
            }
            let from = self.locals.entry(inside).or_default().entry(name).or_insert(local.from);
            *from = local.from.min(*from);
        }
    }

    fn add_imports(&mut self, spans: &[Span]) {
        for span in spans {
            for import in imports::read(self.language, span.text(self.text), span.first) {
                let is_named = !matches!(import.name.as_str(), "" | "*" | "default");
                let shown = if is_named { &import.name } else { &import.alias };
                if !shown.is_empty() {
                    let name = self.facts.name(shown);
                    let path = self.facts.name(&import.path);
                    let qualifier = Qualifier::Path(path);
                    let kind = Kind::Import;
                    self.facts.refs.push(Ref { line: import.line, name, kind, qualifier, inside: None });
                }
                // So that a file which only calls it something else is found by that name as well.
                self.facts.name(&import.alias);
                self.facts.imports.push(import);
            }
        }
    }

    fn add_refs(&mut self, captures: &Captures) {
        // The head of an `impl` uses the type that it names.
        let defs = self.found.iter().filter(|one| one.kind != Kind::Impl);
        let mut taken: HashSet<usize> = defs.map(|one| one.name.start).collect();
        taken.extend(
            captures
                .locals
                .iter()
                .map(|one| one.name.start)
                .filter(|start| !self.is_constant(captures, *start)),
        );
        taken.extend(&captures.skipped);
        let ordered: BTreeMap<usize, (Span, Leaf)> = captures
            .refs
            .iter()
            .filter(|(start, _)| !taken.contains(start))
            .map(|(at, one)| (*at, *one))
            .collect();
        let mut imports = captures.imports.clone();
        imports.sort_by_key(|span| span.start);
        let mut imports = imports.into_iter().peekable();
        let mut sweep = Sweep::default();
        for (start, (span, leaf)) in ordered {
            while imports.next_if(|import| import.end <= start).is_some() {}
            if imports.peek().is_some_and(|import| import.start <= start) {
                continue;
            }
            let inside = sweep.at(&self.found, start);
            if let Some(one) = self.reference(span, leaf, inside) {
                self.facts.refs.push(one);
            }
        }
    }

    /// Whether the name of a pattern is the use of a constant.
    fn is_constant(&self, captures: &Captures, start: usize) -> bool {
        self.language == Language::Rust
            && captures.refs.get(&start).is_some_and(|(span, leaf)| {
                *leaf == Leaf::Name && span.text(self.text).starts_with(char::is_uppercase)
            })
    }

    fn reference(&mut self, span: Span, leaf: Leaf, inside: Option<usize>) -> Option<Ref> {
        let name = span.text(self.text);
        let before = before(self.text, span.start);
        let qualifier = match before {
            Before::Mark => return None,
            Before::Nothing if leaf == Leaf::Member => Qualifier::Member,
            Before::Nothing if name == "_" || self.is_hidden(name, span.start, inside) => return None,
            Before::Nothing => Qualifier::Plain,
            Before::Value => Qualifier::Member,
            Before::Path(path) => self.qualifier(&path, span.start, inside),
        };
        let kind = match (after(self.text, span.end), leaf) {
            (After::Bang, _) if self.language == Language::Rust => Kind::MacroCall,
            (After::Arguments, _) => Kind::Call,
            (_, Leaf::Type) => Kind::TypeUse,
            _ => Kind::NameUse,
        };
        let name = self.facts.name(name);
        let inside = inside.and_then(|inside| inside.try_into().ok());
        Some(Ref { line: span.first, name, kind, qualifier, inside })
    }

    fn qualifier(&mut self, path: &str, start: usize, inside: Option<usize>) -> Qualifier {
        let first = path.split(['.', ':']).next().unwrap_or_default();
        let is_whole = first.len() == path.len();
        let is_own = match self.language {
            Language::Rust => first == "Self" || (first == "self" && !path.contains("::") && is_whole),
            Language::Python => matches!(first, "self" | "cls"),
            Language::Go => self.chain(inside).any(|one| {
                self.found[one].receiver.is_some_and(|receiver| receiver.text(self.text) == first)
            }),
            _ => first == "this",
        };
        if is_own && is_whole && self.is_value_path(start, first) {
            return self.own(inside).map_or(Qualifier::Member, Qualifier::Own);
        }
        let is_value = self.language == Language::Rust && !self.text[..start].trim_end().ends_with("::");
        if is_own || is_value || self.is_hidden(first, start, inside) {
            return Qualifier::Member;
        }
        Qualifier::Path(self.facts.name(path))
    }

    /// In Rust `self.x` is a member and `self::x` a name of the module.
    fn is_value_path(&self, start: usize, first: &str) -> bool {
        self.language != Language::Rust || first != "self" || !self.text[..start].trim_end().ends_with("::")
    }

    /// The definitions around, from the innermost outwards.
    fn chain(&self, inside: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(inside, |one| self.parents[*one])
    }

    /// The name of the type around.
    fn own(&self, inside: Option<usize>) -> Option<u32> {
        self.chain(inside).find_map(|one| {
            let def = &self.facts.defs[one];
            if def.kind.has_members() { Some(def.name) } else { def.owner }
        })
    }

    /// Whether the name is bound around here, so that it means no definition.
    fn is_hidden(&self, name: &str, start: usize, inside: Option<usize>) -> bool {
        self.chain(inside).any(|one| {
            self.locals.get(&one).and_then(|locals| locals.get(name)).is_some_and(|from| *from <= start)
        })
    }
}

/// One definition for each name, from the outermost in.
fn in_order(mut found: Vec<Found>) -> Vec<Found> {
    // What a narrower pattern found comes first of those that share a name.
    found.sort_by_key(|one| (one.name.start, matches!(one.kind, Kind::Type | Kind::Variable)));
    found.dedup_by_key(|one| one.name.start);
    found.sort_by_key(|one| (one.whole.start, usize::MAX - one.whole.end));
    found
}

fn parents(found: &[Found]) -> Vec<Option<usize>> {
    let mut sweep = Sweep::default();
    // Just before its beginning a definition is not yet inside of itself.
    found.iter().enumerate().map(|(at, one)| sweep.before(found, at, one.whole.start)).collect()
}

/// The innermost definition at places that come in the order of the text.
#[derive(Debug, Default)]
struct Sweep {
    open: Vec<usize>,
    next: usize,
}

impl Sweep {
    fn at(&mut self, found: &[Found], start: usize) -> Option<usize> {
        while found.get(self.next).is_some_and(|one| one.whole.start <= start) {
            self.open.push(self.next);
            self.next += 1;
        }
        self.close(found, start)
    }

    /// The one around the definition `at`, which is opened.
    fn before(&mut self, found: &[Found], at: usize, start: usize) -> Option<usize> {
        self.close(found, start);
        // `a, b int` is the whole of both.
        while self.open.last().is_some_and(|last| found[*last].whole == found[at].whole) {
            self.open.pop();
        }
        let parent = self.open.last().copied();
        self.open.push(at);
        parent
    }

    fn close(&mut self, found: &[Found], start: usize) -> Option<usize> {
        while self.open.last().is_some_and(|last| found[*last].whole.end <= start) {
            self.open.pop();
        }
        self.open.last().copied()
    }
}

fn is_test(language: Language, name: &str, signature: &str, attributes: &str) -> bool {
    match language {
        Language::Rust => ["test]", "test(", "(test)"].iter().any(|sign| attributes.contains(sign)),
        Language::Python => name.starts_with("test_"),
        Language::Go => name.starts_with("Test") && signature.contains("testing."),
        _ => false,
    }
}
