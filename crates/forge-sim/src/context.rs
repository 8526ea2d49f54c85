//! What one request needs from the simulator: ids, seals, the responder, the meter, the limits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::api_error::{ApiError, ExceededLimit};
use crate::call::Call;
use crate::completion::{Completion, Part};
use crate::error_kind::ErrorKind;
use crate::limits::{Account, Exceeded, Levels, Limits, Meter};
use crate::responder::Responder;
use crate::scenario::{Limit, Quirk, Rule};
use crate::seed::{Rng, Seals, hash};
use crate::shape;
use crate::tokens::PromptCache;
use crate::transport::sign;
use crate::turn::{Overflow, Turn};
use crate::usage::Usage;
use crate::vendor::Vendor;

/// State that outlives a request.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) limits: Mutex<Limits>,
    cache: Mutex<PromptCache>,
    /// How often an equal request came before; makes ids differ while texts stay.
    repeats: Mutex<HashMap<u64, u64>>,
    /// Conversations that a client asked the vendor to keep, by response id.
    conversations: Mutex<HashMap<String, Vec<Value>>>,
}

/// Requests and conversations that are remembered; beyond, all are forgotten at once, which a long run may
/// notice and no test does.
const MAX_REPEATS: usize = 200_000;
const MAX_CONVERSATIONS: usize = 10_000;

impl Memory {
    pub(crate) fn reset(&self) {
        lock(&self.limits).clear();
        *lock(&self.cache) = PromptCache::default();
        lock(&self.repeats).clear();
        lock(&self.conversations).clear();
    }

    fn repeat(&self, request: u64) -> u64 {
        let mut repeats = lock(&self.repeats);
        if repeats.len() > MAX_REPEATS {
            repeats.clear();
        }
        let count = repeats.entry(request).or_default();
        *count += 1;
        *count
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request's view.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    seed: u64,
    memory: &'a Memory,
    limits: &'a [Limit],
    rule: &'a Rule,
    responder: &'a dyn Responder,
    pub(crate) rng: Rng,
    /// The random part of this request's id.
    pub(crate) request_token: String,
    vendor: Vendor,
    credential: u64,
    account: Option<Account>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        seed: u64,
        responder: &'a dyn Responder,
        memory: &'a Memory,
        limits: &'a [Limit],
        rule: &'a Rule,
        call: &Call,
    ) -> Self {
        let request = hash(seed, &[call.vendor.id().as_bytes(), call.path.as_bytes(), &call.raw_body]);
        // Equal requests get equal words and other ids, as from a vendor: an id that comes twice would hide a
        // client's mistakes.
        let repeat = memory.repeat(request);
        let mut rng = Rng::new(hash(request, &[&repeat.to_le_bytes()]));
        let request_token = rng.alphanumeric(22);
        Self {
            seed,
            memory,
            limits,
            rule,
            responder,
            rng,
            request_token,
            vendor: call.vendor,
            // Hashed: limits and caches need to tell keys apart and not to know them.
            credential: hash(seed, &[call.credential.as_deref().unwrap_or("").as_bytes()]),
            account: None,
        }
    }

    /// Opaque state of this simulator.
    pub(crate) fn seals(&self) -> Seals {
        Seals::new(hash(self.seed, &[b"seals"]))
    }

    pub(crate) fn seal(&mut self, purpose: &str, fields: &[&str]) -> String {
        self.seals().mint(&mut self.rng, purpose, fields)
    }

    /// A hash of the seed and the fields, for ids that can be checked without being kept.
    pub(crate) fn digest(&self, fields: &[&str]) -> u64 {
        let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        hash(self.seed, &fields)
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.rule.has(quirk)
    }

    pub(crate) fn conversation(&self, id: &str) -> Option<Vec<Value>> {
        lock(&self.memory.conversations).get(id).cloned()
    }

    pub(crate) fn keep_conversation(&self, id: &str, items: Vec<Value>) {
        let mut kept = lock(&self.memory.conversations);
        if kept.len() >= MAX_CONVERSATIONS {
            kept.clear();
        }
        kept.insert(id.to_owned(), items);
    }

    pub(crate) fn forget_conversation(&self, id: &str) {
        lock(&self.memory.conversations).remove(id);
    }

    /// The state of the limits that the request counted against, for the headers.
    pub(crate) fn levels(&self) -> Option<Levels> {
        let account = self.account.as_ref()?;
        let limit = self.limit(&account.model)?;
        Some(lock(&self.memory.limits).levels(account, limit, Instant::now()))
    }

    fn limit(&self, model: &str) -> Option<&'a Limit> {
        self.limits.iter().find(|limit| limit.covers(self.vendor, model))
    }

    /// Asks the responder, within the model's window, the limits and the rule's wishes.
    pub(crate) fn complete(&mut self, turn: &Turn) -> Result<Completion, ApiError> {
        let prompt_tokens = prompt_tokens(turn)?;
        // Prompt caches belong to a key and a model: with another one the prefix is written anew.
        let scope = hash(self.credential, &[turn.model.served.as_bytes()]);
        let (cached, fresh) =
            lock(&self.memory.cache).meter(turn.model.cache, scope, &turn.prompt, turn.model.token_percent);
        let spec = self.rule.reply.clone().unwrap_or_default();
        let written = cached.written_5m + cached.written_1h;
        let input = Usage {
            input: prompt_tokens.saturating_sub(cached.read + written),
            cache_read: cached.read,
            cache_write_5m: cached.written_5m,
            cache_write_1h: cached.written_1h,
            ..Usage::default()
        };
        self.admit(&turn.model.served, input)?;
        // Only after the request is let in: one that is refused warms no cache.
        lock(&self.memory.cache).keep(fresh);

        let (mut parts, stop) = shape::answer(turn, &spec, self.responder, self.seed);
        if let Some(Part::Text(text)) = parts.iter_mut().find(|part| matches!(part, Part::Text(_))) {
            sign(text, self.rule);
        }
        // Thoughts count whether or not the dialect shows them, as the vendors bill them.
        let usage = spec.usage.apply(Usage {
            output: shape::output_tokens(&parts, turn.model.token_percent, false),
            reasoning: shape::output_tokens(&parts, turn.model.token_percent, true),
            ..input
        });
        if let Some(account) = &self.account {
            // Booked before the reply is sent, so that a client that leaves early has used it all the same.
            lock(&self.memory.limits).settle(account, usage.total_output());
        }
        Ok(Completion {
            parts,
            stop,
            raw_stop: spec.raw_stop_reason,
            usage,
            model: spec.model.unwrap_or_else(|| turn.model.served.clone()),
        })
    }

    fn admit(&mut self, model: &str, input: Usage) -> Result<(), ApiError> {
        let Some(limit) = self.limit(model) else {
            return Ok(());
        };
        let account = Account { vendor: self.vendor, credential: self.credential, model: model.to_owned() };
        // Cache reads do not count.
        let input = input.input + input.cache_write();
        let verdict = lock(&self.memory.limits).admit(&account, limit, input, Instant::now());
        // Also of a request that is refused: its headers tell the state of the limits.
        self.account = Some(account);
        verdict.map_err(|exceeded| refused(model, limit, exceeded))
    }
}

/// The prompt's size, as far as it fits the window.
fn prompt_tokens(turn: &Turn) -> Result<u64, ApiError> {
    let tokens = turn.prompt_tokens();
    if tokens <= turn.model.context {
        return Ok(tokens);
    }
    match turn.model.overflow {
        // Ollama cuts such a prompt without a word, and reports what is left of it.
        Overflow::Truncate => Ok(turn.model.context),
        Overflow::Refuse => {
            let mut error = ApiError::new(ErrorKind::ContextLength);
            error.window = Some((tokens, turn.model.context));
            Err(error)
        }
    }
}

fn refused(model: &str, limit: &Limit, exceeded: Exceeded) -> ApiError {
    let mut error = ApiError::new(match exceeded.meter {
        Meter::RequestsPerDay => ErrorKind::DayQuota,
        Meter::Requests => ErrorKind::RateLimited,
        Meter::Tokens | Meter::InputTokens | Meter::OutputTokens => ErrorKind::TokensLimited,
    });
    error.retry_after = Box::new(limit.retry_after.clone().unwrap_or_default());
    error.limit = Some(Box::new(ExceededLimit { model: model.to_owned(), exceeded }));
    error
}
