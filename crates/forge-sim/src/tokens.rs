//! The simulated tokenizer and prompt cache.
//!
//! A text has one token for each four characters, rounded up, times the model's factor.

use std::collections::HashSet;

use crate::seed::hash;

/// Tokens of one text; `percent` is 100 for the plain tokenizer.
pub(crate) fn count(text: &str, percent: u64) -> u64 {
    let plain = (text.chars().count() as u64).div_ceil(CHARS_PER_TOKEN);
    (plain * percent).div_ceil(100)
}

pub(crate) const CHARS_PER_TOKEN: u64 = 4;

/// Text that counts as much as `number` images or documents, which count 258 each, whatever their size.
pub(crate) fn attachments(number: usize) -> String {
    // 258 tokens are what Gemini counts for a picture.
    "?".repeat(number * 258 * 4)
}

/// One piece of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) text: String,
    /// An explicit cache breakpoint at the end of this piece.
    pub(crate) breakpoint: Option<Ttl>,
}

impl Segment {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), breakpoint: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ttl {
    FiveMinutes,
    OneHour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheKind {
    None,
    /// At breakpoints that the client sets; shorter prefixes than `minimum` tokens stay out.
    Explicit {
        minimum: u64,
    },
    /// By itself, in whole blocks of 128 tokens.
    Automatic {
        minimum: u64,
        reports_writes: bool,
    },
}

/// What the cache did with a prompt, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CacheUse {
    pub(crate) read: u64,
    pub(crate) written_5m: u64,
    pub(crate) written_1h: u64,
}

/// Remembers prefixes by hash. Entries do not expire, so that runs repeat exactly.
#[derive(Debug, Default)]
pub(crate) struct PromptCache {
    seen: HashSet<u64>,
}

/// Prefixes that are remembered; beyond, all are forgotten at once.
const CAPACITY: usize = 200_000;
/// OpenAI caches in steps of so many tokens.
const BLOCK_TOKENS: u64 = 128;
/// How many pieces before a breakpoint are looked at for an earlier entry, as the Messages API looks back.
const LOOKBACK: usize = 20;

impl PromptCache {
    /// What the cache would do with a prompt, and the prefixes that it would [`keep`](Self::keep).
    /// `scope` keeps credentials and models apart.
    pub(crate) fn meter(
        &self,
        kind: CacheKind,
        scope: u64,
        prompt: &[Segment],
        percent: u64,
    ) -> (CacheUse, Vec<u64>) {
        match kind {
            CacheKind::None => (CacheUse::default(), Vec::new()),
            CacheKind::Explicit { minimum } => self.explicit(scope, prompt, percent, minimum),
            CacheKind::Automatic { minimum, reports_writes } => {
                let (mut used, fresh) = self.automatic(scope, prompt, minimum);
                // What is not told is not billed apart: it counts as plain input.
                if !reports_writes {
                    used.written_5m = 0;
                }
                (used, fresh)
            }
        }
    }

    /// Remembers the prefixes of a request that was let in.
    pub(crate) fn keep(&mut self, prefixes: Vec<u64>) {
        if self.seen.len() > CAPACITY {
            self.seen.clear();
        }
        self.seen.extend(prefixes);
    }

    fn explicit(&self, scope: u64, prompt: &[Segment], percent: u64, minimum: u64) -> (CacheUse, Vec<u64>) {
        if prompt.iter().all(|segment| segment.breakpoint.is_none()) {
            return Default::default();
        }
        let mut chain = scope;
        let mut tokens = 0;
        let ends: Vec<(u64, u64)> = prompt
            .iter()
            .map(|segment| {
                chain = hash(chain, &[segment.text.as_bytes()]);
                tokens += count(&segment.text, percent);
                (chain, tokens)
            })
            .collect();
        let breakpoints =
            || prompt.iter().enumerate().filter_map(|(index, segment)| Some((index, segment.breakpoint?)));
        let read = breakpoints()
            .flat_map(|(index, _)| &ends[index.saturating_sub(LOOKBACK)..=index])
            .filter(|(chain, _)| self.seen.contains(chain))
            .map(|(_, tokens)| *tokens)
            .max()
            .unwrap_or(0);
        let mut used = CacheUse { read, ..CacheUse::default() };
        let mut covered = read;
        let mut fresh = Vec::new();
        for (index, ttl) in breakpoints() {
            let (chain, end) = ends[index];
            // Shorter prompts are just not cached; no vendor refuses them.
            if end < minimum || end <= covered {
                continue;
            }
            match ttl {
                Ttl::FiveMinutes => used.written_5m += end - covered,
                Ttl::OneHour => used.written_1h += end - covered,
            }
            covered = end;
            fresh.push(chain);
        }
        (used, fresh)
    }

    fn automatic(&self, scope: u64, prompt: &[Segment], minimum: u64) -> (CacheUse, Vec<u64>) {
        let block_chars = usize::try_from(BLOCK_TOKENS * CHARS_PER_TOKEN).unwrap_or(usize::MAX);
        let mut chain = scope;
        let mut block = String::new();
        let mut held = 0;
        let mut end = 0;
        let mut used = CacheUse::default();
        let mut fresh = Vec::new();
        for character in prompt.iter().flat_map(|segment| segment.text.chars()) {
            block.push(character);
            held += 1;
            if held == block_chars {
                chain = hash(chain, &[block.as_bytes()]);
                block.clear();
                held = 0;
                end += BLOCK_TOKENS;
                if !self.seen.contains(&chain) {
                    fresh.push(chain);
                }
                // A prefix is read as far as it is known without a gap.
                if fresh.is_empty() {
                    used.read = end;
                }
            }
        }
        if used.read < minimum {
            used.read = 0;
        }
        if end >= minimum {
            used.written_5m = end - used.read;
        }
        (used, fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLICIT: CacheKind = CacheKind::Explicit { minimum: 100 };
    const AUTOMATIC: CacheKind = CacheKind::Automatic { minimum: 1024, reports_writes: true };

    fn serve(cache: &mut PromptCache, kind: CacheKind, scope: u64, prompt: &[Segment]) -> CacheUse {
        let (used, fresh) = cache.meter(kind, scope, prompt, 100);
        cache.keep(fresh);
        used
    }

    fn marked(text: &str, ttl: Ttl) -> Segment {
        Segment { text: text.into(), breakpoint: Some(ttl) }
    }

    #[test]
    fn four_characters_make_a_token() {
        assert_eq!(count("", 100), 0);
        assert_eq!(count("abcd", 100), 1);
        assert_eq!(count("äöüßé", 100), 2);
        assert_eq!(count(&"a".repeat(400), 130), 130);
    }

    #[test]
    fn an_explicit_prefix_is_written_once_and_then_read() {
        let mut cache = PromptCache::default();
        let hour = marked(&"a".repeat(800), Ttl::OneHour);
        let short = marked(&"b".repeat(400), Ttl::FiveMinutes);
        let prompt = [hour, short, Segment::plain("question")];
        let first = serve(&mut cache, EXPLICIT, 1, &prompt);
        assert_eq!(first, CacheUse { read: 0, written_5m: 100, written_1h: 200 });
        let again = serve(&mut cache, EXPLICIT, 1, &prompt);
        assert_eq!(again, CacheUse { read: 300, ..CacheUse::default() });
        assert_eq!(serve(&mut cache, EXPLICIT, 2, &prompt).read, 0);
    }

    #[test]
    fn an_explicit_prefix_below_the_minimum_is_not_cached() {
        let mut cache = PromptCache::default();
        let prompt = [marked("tiny", Ttl::FiveMinutes)];
        for _ in 0..2 {
            assert_eq!(serve(&mut cache, EXPLICIT, 1, &prompt), CacheUse::default());
        }
    }

    #[test]
    fn an_earlier_breakpoint_serves_a_longer_prompt() {
        let mut cache = PromptCache::default();
        let first = marked(&"a".repeat(800), Ttl::FiveMinutes);
        serve(&mut cache, EXPLICIT, 1, std::slice::from_ref(&first));
        let longer = [Segment::plain(first.text), marked(&"b".repeat(400), Ttl::FiveMinutes)];
        let used = serve(&mut cache, EXPLICIT, 1, &longer);
        assert_eq!((used.read, used.written_5m), (200, 100));
    }

    #[test]
    fn the_automatic_cache_reads_whole_blocks_of_a_repeated_prefix() {
        let mut cache = PromptCache::default();
        let long = "x".repeat(4 * 1100);
        let first = serve(&mut cache, AUTOMATIC, 1, &[Segment::plain(long.clone())]);
        assert_eq!((first.read, first.written_5m), (0, 1024));
        let longer = [Segment::plain(long), Segment::plain("and more")];
        let again = serve(&mut cache, AUTOMATIC, 1, &longer);
        assert_eq!((again.read, again.written_5m), (1024, 0));
    }

    #[test]
    fn the_automatic_cache_ignores_short_prompts() {
        let mut cache = PromptCache::default();
        let prompt = [Segment::plain("x".repeat(4 * 1000))];
        for _ in 0..2 {
            assert_eq!(serve(&mut cache, AUTOMATIC, 1, &prompt), CacheUse::default());
        }
    }
}
