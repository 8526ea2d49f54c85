//! What is written of an attempt.

use std::{sync::Arc, time::Duration};

use chrono::SecondsFormat;
use forge_core::{ErrorKind, Money, storage::accounts::Served, tags::Tags, usage::ServerTools};
use serde::Serialize;
use serde_json::Number;

use super::Attempt;

/// What is written of an attempt, in every form. A key means what the column of that name means in the view
/// `model_usage`.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) call_id: String,
    pub(super) attempt: u32,
    pub(super) started_at: String,
    pub(super) provider: &'a str,
    pub(super) vendor: &'a str,
    pub(super) model: &'a str,
    pub(super) model_asked: &'a str,
    pub(super) model_served: Option<&'a str>,
    pub(super) role: &'a str,
    pub(super) session: Option<&'a str>,
    pub(super) round: Option<u32>,
    pub(super) task: Option<&'a str>,
    pub(super) status: &'static str,
    pub(super) error: Option<&'static str>,
    pub(super) duration_ms: Number,
    pub(super) first_token_ms: Option<Number>,
    pub(super) input_tokens: Option<u64>,
    pub(super) cache_read_tokens: Option<u64>,
    pub(super) cache_write_5m_tokens: Option<u64>,
    pub(super) cache_write_1h_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) reasoning_tokens: Option<u64>,
    pub(super) cost_nano_usd: Option<u64>,
    pub(super) cost_usd: Option<Number>,
    pub(super) price_version: Option<&'a str>,
    pub(super) estimated: bool,
    pub(super) other_input_tokens: Option<u64>,
    pub(super) server_tools: Option<ServerTools>,
    pub(super) tier: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    pub(super) speed: Option<&'a str>,
    pub(super) tags: &'a Tags,
    pub(super) request_id: Option<&'a str>,
}

/// The columns of [`csv`](super::csv), which are the keys of [`jsonl`](super::jsonl) as well.
pub(super) const HEADER: &str = "call_id,attempt,started_at,provider,vendor,model,model_asked,model_served,role,session,round,\
    task,status,error,duration_ms,first_token_ms,input_tokens,cache_read_tokens,cache_write_5m_tokens,\
    cache_write_1h_tokens,output_tokens,reasoning_tokens,cost_nano_usd,cost_usd,price_version,estimated,\
    other_input_tokens,server_tools,tier,region,speed,tags,request_id\n";

/// A time in milliseconds, with a fraction where there is one.
pub fn millis(time: Duration) -> Number {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    fraction(micros, 1_000)
}

/// An amount in dollars, with a fraction where there is one.
pub fn dollars(money: Money) -> Number {
    fraction(money.nanos(), 1_000_000_000)
}

fn fraction(count: u64, unit: u64) -> Number {
    let whole = || (count / unit).into();
    if count.is_multiple_of(unit) {
        whole()
    } else {
        Number::from_f64(count as f64 / unit as f64).unwrap_or_else(whole)
    }
}

impl<'a> From<&'a Attempt> for Line<'a> {
    fn from(attempt: &'a Attempt) -> Self {
        let Attempt { record, price_version } = attempt;
        let tokens = &record.tokens;
        let served =
            |of: fn(&Served) -> &Option<Arc<str>>| record.served.as_ref().and_then(|one| of(one).as_deref());
        Self {
            call_id: record.call_id.to_string(),
            attempt: record.attempt,
            started_at: record.started_at.to_rfc3339_opts(SecondsFormat::Millis, true),
            provider: record.provider.as_str(),
            vendor: record.vendor.as_str(),
            model: record.model_served.as_ref().unwrap_or(&record.model_asked).as_str(),
            model_asked: record.model_asked.as_str(),
            model_served: record.model_served.as_ref().map(AsRef::as_ref),
            role: record.role.as_str(),
            session: record.tags.session(),
            round: record.tags.round(),
            task: record.tags.task(),
            status: record.status.as_str(),
            error: record.error.map(ErrorKind::as_str),
            duration_ms: millis(record.latency),
            first_token_ms: record.first_token.map(millis),
            input_tokens: tokens.input,
            cache_read_tokens: tokens.cache_read,
            cache_write_5m_tokens: tokens.cache_write_5m,
            cache_write_1h_tokens: tokens.cache_write_1h,
            output_tokens: tokens.output,
            reasoning_tokens: tokens.reasoning,
            cost_nano_usd: record.cost.map(Money::nanos),
            cost_usd: record.cost.map(dollars),
            price_version: price_version.as_deref(),
            estimated: record.estimated,
            request_id: record.request_id.as_deref(),
            other_input_tokens: tokens.other_input,
            server_tools: tokens.server_tools,
            tier: served(|one| &one.tier),
            region: served(|one| &one.region),
            speed: served(|one| &one.speed),
            tags: &record.tags,
        }
    }
}
