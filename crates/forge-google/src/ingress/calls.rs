//! Ids of calls: the API can do without, because a result names its function.

use std::collections::HashSet;

use forge_core::request::InvalidBody;

use crate::wire::{fields::Place, incoming::Content};

/// Gives calls and their results the ids that they came without.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Ids that clients gave, or that were supplied.
    used: HashSet<String>,
    /// Id and function of each call that has no result yet.
    open: Vec<(String, String)>,
    /// How many calls there were.
    count: usize,
}

impl Calls {
    /// For a conversation in which these ids are given.
    pub(super) fn among(given: impl Iterator<Item = String>) -> Self {
        Self { used: given.collect(), ..Self::default() }
    }

    /// The id of a call. One that is supplied goes by the call's place, so that it stays the same while the conversation
    /// grows.
    pub(super) fn call(&mut self, given: Option<String>, function: &str) -> String {
        self.count += 1;
        let id = given.unwrap_or_else(|| {
            let mut id = format!("call_{}", self.count);
            while !self.used.insert(id.clone()) {
                id.push('_');
            }
            id
        });
        self.open.push((id.clone(), function.to_owned()));
        id
    }

    /// The id of the call that a result belongs to: the oldest of its function that waits for one.
    pub(super) fn result(
        &mut self,
        given: Option<String>,
        function: &str,
        place: Place<'_>,
    ) -> Result<String, InvalidBody> {
        let by_id = |id: &String| self.open.iter().position(|(known, _)| known == id);
        if let Some(id) = given {
            if let Some(at) = by_id(&id) {
                self.open.remove(at);
            }
            return Ok(id);
        }
        match self.open.iter().position(|(_, known)| known == function) {
            Some(at) => Ok(self.open.remove(at).0),
            None => {
                let function: String = function.chars().take(64).collect();
                Err(place.wrong(format_args!("no call of `{function}` stands before it")))
            }
        }
    }
}

/// The ids of the calls that clients gave one to.
pub(super) fn given(contents: &[Content]) -> impl Iterator<Item = String> {
    let parts = contents.iter().flat_map(|content| &content.parts);
    parts.filter_map(|part| part.text_in("functionCall", "id"))
}
