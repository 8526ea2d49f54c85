//! What a query has found, as places in the text.

use std::collections::{HashMap, HashSet};

use tree_sitter::Node;

use crate::kind::Kind;

/// A place in the text. Lines are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Span {
    fn of(node: Node<'_>) -> Self {
        let line = |row: usize| u32::try_from(row).unwrap_or(u32::MAX).saturating_add(1);
        let (first, end) = (line(node.start_position().row), node.end_position());
        // A comment may hold the end of its line, and would reach into the next.
        let last = if end.column == 0 { line(end.row.saturating_sub(1)) } else { line(end.row) };
        Self { start: node.start_byte(), end: node.end_byte(), first, last: last.max(first) }
    }

    pub(super) fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// A definition as it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) whole: Span,
    pub(super) name: Span,
    pub(super) kind: Kind,
    /// Where its head ends.
    pub(super) body: Option<usize>,
    /// The type that its head names.
    pub(super) owner: Option<Span>,
    /// What its head calls the value of that type.
    pub(super) receiver: Option<Span>,
}

/// What stands above a definition and belongs to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Above {
    pub(super) span: Span,
    pub(super) is_doc: bool,
}

/// A name that is bound, and from where on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local {
    pub(super) name: Span,
    pub(super) from: usize,
}

/// Everything that a query has found.
#[derive(Debug, Default)]
pub(super) struct Captures {
    pub(super) defs: Vec<Found>,
    pub(super) above: Vec<Above>,
    pub(super) file_docs: Vec<Span>,
    pub(super) inner_docs: Vec<Span>,
    pub(super) imports: Vec<Span>,
    pub(super) locals: Vec<Local>,
    /// Names by where they begin; a kind that is narrower than "name" wins.
    pub(super) refs: HashMap<usize, (Span, Leaf)>,
    pub(super) skipped: HashSet<usize>,
}

/// What the grammar calls a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaf {
    Name,
    Member,
    Type,
}

impl Captures {
    /// Adds one match: nodes by the names of the query.
    pub(super) fn add(&mut self, found: &[(&str, Node<'_>)]) {
        let get =
            |wanted: &str| found.iter().find(|(name, _)| *name == wanted).map(|(_, node)| Span::of(*node));
        for (name, node) in found {
            let span = Span::of(*node);
            match *name {
                "attr" => self.above.push(Above { span, is_doc: false }),
                "doc" => self.above.push(Above { span, is_doc: true }),
                "doc.file" => self.file_docs.push(span),
                "doc.inside" => self.inner_docs.push(span),
                "import" => self.imports.push(span),
                "skip" => {
                    self.skipped.insert(span.start);
                }
                "local" => {
                    let from = get("after").map_or(span.end, |after| after.end);
                    self.locals.push(Local { name: span, from });
                }
                "ref.name" => self.add_ref(span, Leaf::Name),
                "ref.member" => self.add_ref(span, Leaf::Member),
                "ref.type" => self.add_ref(span, Leaf::Type),
                other => {
                    let kind = other.strip_prefix("def.").and_then(|kind| kind.parse().ok());
                    if let Some((kind, name)) = kind.zip(get("name")) {
                        let body = get("body").map(|body| body.start);
                        let (owner, receiver) = (get("owner"), get("self"));
                        self.defs.push(Found { whole: span, name, kind, body, owner, receiver });
                    }
                }
            }
        }
    }

    fn add_ref(&mut self, span: Span, leaf: Leaf) {
        let known = self.refs.entry(span.start).or_insert((span, leaf));
        known.1 = known.1.max(leaf);
    }
}
