//! What a text rests on.

use forge_core::request::Citation;
use serde_json::value::RawValue;

use crate::wire::reply::{Candidate, Chunk, Findings, Place, Support};

/// The citations of one reply, each once. Frames of a stream repeat what earlier ones said.
#[derive(Debug, Default)]
pub(crate) struct Citations(Vec<Citation>);

impl Citations {
    pub(crate) fn take(&mut self, candidate: &Candidate<'_>) {
        self.grounding(&candidate.grounding_metadata);
        let repeated = &candidate.citation_metadata;
        for raw in repeated.citation_sources.iter().chain(&repeated.citations) {
            self.add(raw.get().to_owned(), read(raw), None);
        }
    }

    /// One for every finding on which words rest, and one for every other finding.
    fn grounding(&mut self, grounding: &Findings<'_>) {
        let chunks = &grounding.grounding_chunks;
        let mut used = vec![false; chunks.len()];
        for raw in &grounding.grounding_supports {
            let Support { segment, grounding_chunk_indices } = read(raw);
            for index in grounding_chunk_indices {
                // What a text rests on stands beside the answer: an index that points to nothing fails
                // nothing.
                let Some(chunk) = chunks.get(index) else { continue };
                used[index] = true;
                let both =
                    format!(r#"{{"groundingChunk":{},"groundingSupport":{}}}"#, chunk.get(), raw.get());
                self.add(both, place(chunk), segment.text.clone());
            }
        }
        // No words are said to rest on these; the answer as a whole may.
        for (chunk, _) in chunks.iter().zip(used).filter(|(_, used)| !used) {
            self.add(chunk.get().to_owned(), place(chunk), None);
        }
    }

    fn add(&mut self, raw: String, place: Place, quote: Option<String>) {
        let citation = Citation::raw(raw).with_url(place.uri).with_title(place.title).with_quote(quote);
        // Equal in every field: the same place with another quote is another citation.
        if !self.0.contains(&citation) {
            self.0.push(citation);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Citation> {
        self.0
    }
}

fn place(chunk: &RawValue) -> Place {
    let Chunk { web, maps, retrieved_context } = read(chunk);
    let is_named = |place: &Place| place.uri.is_some() || place.title.is_some();
    [web, maps, retrieved_context].into_iter().find(is_named).unwrap_or_default()
}

fn read<'a, T: serde::Deserialize<'a> + Default>(raw: &'a RawValue) -> T {
    serde_json::from_str(raw.get()).unwrap_or_default()
}
