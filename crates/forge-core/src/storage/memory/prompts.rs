//! Versions of prompts in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, Utc};

use super::lock;
use crate::storage::{
    StorageError,
    prompts::{LabelMove, PromptStore, PromptText, PromptVersion},
};

/// A [`PromptStore`] that ends with the process.
#[derive(Debug, Default)]
pub struct MemoryPrompts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    versions: Vec<PromptVersion>,
    /// Each with the place of the move before whose version it took the place of.
    moves: Vec<(LabelMove, Option<usize>)>,
}

#[async_trait]
impl PromptStore for MemoryPrompts {
    async fn keep_prompt(&self, prompt: PromptText, now: DateTime<Utc>) -> Result<u32, StorageError> {
        let mut kept = lock(&self.0);
        let own = || kept.versions.iter().filter(|one| one.prompt.name == prompt.name);
        if let Some(known) = own().find(|one| one.prompt.hash == prompt.hash) {
            return Ok(known.number);
        }
        let number = own().map(|one| one.number).max().unwrap_or_default() + 1;
        kept.versions.push(PromptVersion::new(number, prompt, now.trunc_subsecs(3)));
        Ok(number)
    }

    async fn prompt_versions(&self, name: Option<&str>) -> Result<Vec<PromptVersion>, StorageError> {
        let kept = lock(&self.0);
        let is_wanted = |one: &&PromptVersion| name.is_none_or(|name| *one.prompt.name == *name);
        let mut found: Vec<_> = kept.versions.iter().filter(is_wanted).cloned().collect();
        found.sort_by(|one, other| (&one.prompt.name, one.number).cmp(&(&other.prompt.name, other.number)));
        Ok(found)
    }

    async fn move_label(
        &self,
        name: &str,
        label: &str,
        version: Option<u32>,
        now: DateTime<Utc>,
        by: &str,
    ) -> Result<Option<u32>, StorageError> {
        let mut kept = lock(&self.0);
        let is_own = |one: &LabelMove| *one.name == *name && *one.label == *label;
        let current = kept.moves.iter().rposition(|(one, _)| is_own(one));
        let (version, before) = match version {
            Some(version) => (version, current),
            None => {
                let before = current.and_then(|at| kept.moves[at].1);
                let Some(before) = before else { return Ok(None) };
                (kept.moves[before].0.version, kept.moves[before].1)
            }
        };
        if !kept.versions.iter().any(|one| *one.prompt.name == *name && one.number == version) {
            return Ok(None);
        }
        kept.moves.push((LabelMove::new(name, label, version, now.trunc_subsecs(3), by), before));
        Ok(Some(version))
    }

    async fn label_moves(&self, name: Option<&str>) -> Result<Vec<LabelMove>, StorageError> {
        let kept = lock(&self.0);
        let moves = kept.moves.iter().map(|(one, _)| one);
        Ok(moves.filter(|one| name.is_none_or(|name| *one.name == *name)).cloned().collect())
    }
}
