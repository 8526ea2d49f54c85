//! From the text of a file to its facts.

mod around;
mod build;
mod captures;
mod docs;
mod imports;
mod manifest;

use std::{collections::HashMap, ops::ControlFlow, sync::OnceLock};

use tree_sitter::{ParseOptions, Parser, Query, QueryCursor, StreamingIterator as _, Tree};

use crate::{facts::Facts, language::Language};

use self::{build::Builder, captures::Captures};

/// Steps of the parser that a text may take, and bytes for each further one: three times what code takes. Steps and not seconds, so
/// that the same text has the same facts on every machine.
const STEPS: u64 = 1_000;
const BYTES_A_STEP: u64 = 32;

/// Matches under way in a query; more of them are dropped.
const MOST_MATCHES: u32 = 4_096;

/// Looks of a query along its siblings that a tree may take. Code takes few; a hundred thousand brackets in a row take the square
/// of their number.
const MOST_LOOKS: usize = 20_000_000;

/// The queries, each made when the first file of its language comes: that takes as long as reading a hundred files.
static QUERIES: [OnceLock<Option<Query>>; Language::ALL.len()] =
    [const { OnceLock::new() }; Language::ALL.len()];

/// Parsers, each made when the first file of its language comes.
#[derive(Default)]
pub(crate) struct Extractor(HashMap<Language, Option<Reading>>);

struct Reading {
    parser: Parser,
    query: &'static Query,
}

impl std::fmt::Debug for Extractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Extractor {
    /// The facts of a text; `None` if it cannot be parsed in the steps that it may take.
    pub(crate) fn extract(&mut self, language: Language, text: &str) -> Option<Facts> {
        if language == Language::Manifest {
            return Some(manifest::facts(text));
        }
        let reading = self.0.entry(language).or_insert_with(|| Reading::new(language)).as_mut()?;
        let tree = reading.parse(text)?;
        Some(reading.read(language, text, &tree))
    }
}

impl Reading {
    fn new(language: Language) -> Option<Self> {
        let grammar = language.grammar()?;
        let mut parser = Parser::new();
        parser.set_language(&grammar).ok()?;
        let place = QUERIES.get(usize::try_from(language.code()).ok()?)?;
        // That every query fits its grammar is held by a test.
        let query = place.get_or_init(|| Query::new(&grammar, language.query()).ok()).as_ref()?;
        Some(Self { parser, query })
    }

    /// The tree of a text; `None` if it, or a query in it, would take too long.
    fn parse(&mut self, text: &str) -> Option<Tree> {
        let mut left = STEPS + text.len() as u64 / BYTES_A_STEP;
        let mut count = |_: &tree_sitter::ParseState| {
            left = left.saturating_sub(1);
            if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut count);
        let bytes = text.as_bytes();
        let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
        let tree = self.parser.parse_with_options(&mut read, None, Some(options));
        if tree.is_none() {
            // Else the next text would be taken for the rest of this one.
            self.parser.reset();
        }
        tree.filter(|tree| looks(tree) <= MOST_LOOKS)
    }

    fn read(&self, language: Language, text: &str, tree: &Tree) -> Facts {
        let mut captures = Captures::default();
        let mut cursor = QueryCursor::new();
        cursor.set_match_limit(MOST_MATCHES);
        let names = self.query.capture_names();
        let mut matches = cursor.matches(self.query, tree.root_node(), text.as_bytes());
        while let Some(found) = matches.next() {
            let named = found.captures().iter().filter_map(|capture| {
                let name = names.get(usize::try_from(capture.index).ok()?)?;
                Some((*name, capture.node))
            });
            captures.add(&named.collect::<Vec<_>>());
        }
        Builder::new(language, text).build(captures)
    }
}

/// How often a query looks at a sibling of a tree: from each node that is a mere sign, along all that follow up to a name.
fn looks(tree: &Tree) -> usize {
    let (mut looks, mut runs) = (0_usize, vec![0_usize]);
    let mut cursor = tree.walk();
    loop {
        if let Some(run) = runs.last_mut() {
            *run = if cursor.node().is_named() { 0 } else { *run + 1 };
            looks += *run;
        }
        if looks > MOST_LOOKS {
            return looks;
        }
        if cursor.goto_first_child() {
            runs.push(0);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return looks;
            }
            runs.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_fits_its_grammar() {
        for language in Language::ALL {
            let Some(grammar) = language.grammar() else { continue };
            if let Err(error) = Query::new(&grammar, language.query()) {
                panic!("{language}: {error}");
            }
        }
    }
}
