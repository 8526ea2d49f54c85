//! From the text of a file to its facts.

mod around;
mod build;
mod captures;
mod docs;
mod imports;
mod manifest;

use std::{collections::HashMap, ops::ControlFlow};

use tree_sitter::{ParseOptions, Parser, Query, QueryCursor, StreamingIterator as _, Tree};

use crate::{facts::Facts, language::Language};

use self::{build::Builder, captures::Captures};

/// Steps of the parser before a text counts as one that cannot be parsed: a thousand times what a text of the largest size
/// takes. Steps and not seconds, so that the same text has the same facts on every machine.
const MOST_STEPS: u64 = 20_000_000;

/// Matches under way in a query; more of them are dropped.
const MOST_MATCHES: u32 = 4_096;

/// Parsers and queries, each made when the first file of its language comes.
#[derive(Default)]
pub(crate) struct Extractor(HashMap<Language, Option<Reading>>);

struct Reading {
    parser: Parser,
    query: Query,
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
        // That every query fits its grammar is held by a test.
        let query = Query::new(&grammar, language.query()).ok()?;
        Some(Self { parser, query })
    }

    fn parse(&mut self, text: &str) -> Option<Tree> {
        let mut steps = 0_u64;
        let mut count = |_: &tree_sitter::ParseState| {
            steps += 1;
            if steps < MOST_STEPS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut count);
        let bytes = text.as_bytes();
        let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
        let tree = self.parser.parse_with_options(&mut read, None, Some(options));
        if tree.is_none() {
            // Else the next text would be taken for the rest of this one.
            self.parser.reset();
        }
        tree
    }

    fn read(&self, language: Language, text: &str, tree: &Tree) -> Facts {
        let mut captures = Captures::default();
        let mut cursor = QueryCursor::new();
        cursor.set_match_limit(MOST_MATCHES);
        let names = self.query.capture_names();
        let mut matches = cursor.matches(&self.query, tree.root_node(), text.as_bytes());
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
