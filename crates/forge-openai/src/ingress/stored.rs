//! Responses that a server keeps for its clients: what a request asks of the store, and what the store is asked for.
//!
//! A request that goes on from a response is read as one that has the whole conversation in it, so that anybody can answer.

use forge_core::request::InvalidBody;
use forge_http::ingress::{Incoming, ReplyHead, body, unescaped};
use serde_json::{Map, Value};

pub use super::final_response::FinalResponse;
use super::{
    fields,
    final_response::Repeated,
    refuse::{self, NOT_FOUND, UNSUPPORTED},
    responses_parse,
    responses_render::ResponsesReply,
};
use crate::wire::{
    answer_responses::{Deleted, Fault, ItemList},
    incoming::Place,
    incoming_responses::{Paging, Storing, call_of},
    stored_responses::{INPUT, KeptResponse, as_items, ended, id_of, listed, referred},
};

/// A request to a server that stores.
#[derive(Debug)]
pub struct StoringRequest {
    fields: Map<String, Value>,
    previous: Option<String>,
    stores: bool,
    is_background: bool,
}

impl StoringRequest {
    /// Reads what a body asks of the store. As at the vendor, a response is stored unless its request says otherwise.
    ///
    /// # Errors
    /// The body is no object, or asks for what cannot be.
    pub fn read(body: &[u8]) -> Result<Self, InvalidBody> {
        let mut fields = fields(body)?;
        let storing = Storing::take(&mut fields, Place::Body)?;
        let Storing { store, previous_response_id: previous, background } = storing;
        let (stores, is_background) = (store.unwrap_or(true), background.unwrap_or(false));
        if is_background && !stores {
            let reason =
                "a response in the background is fetched later: `background` goes with `store` alone";
            return Err(InvalidBody::new(format!("{UNSUPPORTED}: {reason}")));
        }
        Ok(Self { fields, previous, stores, is_background })
    }

    /// The response that it goes on from.
    pub fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    /// Whether the response is to be kept.
    pub fn stores(&self) -> bool {
        self.stores
    }

    /// Whether the client goes away and comes back for the response.
    pub fn is_background(&self) -> bool {
        self.is_background
    }

    /// What the client sent: a JSON array.
    pub fn input(&mut self) -> String {
        let input = self.fields.get_mut(INPUT);
        input.map_or_else(
            || "[]".to_owned(),
            |input| {
                as_items(input);
                input.to_string()
            },
        )
    }

    /// The responses that have the items to which the request refers, each once.
    pub fn referred(&self) -> Vec<String> {
        let items = self.fields.get(INPUT).and_then(Value::as_array).into_iter().flatten();
        let calls = items.filter_map(referred).filter_map(call_of).map(|call| format!("{PREFIX}{call}"));
        calls.fold(Vec::new(), |mut ids, id| {
            if !ids.contains(&id) {
                ids.push(id);
            }
            ids
        })
    }

    /// Puts items of the response `id`, with what it answers, in the places of references to them.
    pub fn resolve(&mut self, id: &str, input: &str, response: &str) {
        let Some(Value::Array(items)) = self.fields.get_mut(INPUT) else { return };
        let known: Vec<Value> = with_ids(input, id).chain(output(response).unwrap_or_default()).collect();
        for item in items {
            let found = referred(item).and_then(|id| known.iter().find(|one| id_of(one) == Some(id)));
            if let Some(found) = found {
                *item = found.clone();
            }
        }
    }

    /// The request, read as one that has the items `before` in front of its own.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn into_incoming(mut self, before: Vec<Value>, head: &ReplyHead) -> Result<Stored, InvalidBody> {
        if !before.is_empty() {
            let own = self.fields.entry(INPUT).or_insert_with(|| Value::Array(Vec::new()));
            as_items(own);
            if let Value::Array(items) = own {
                items.splice(0..0, before);
            }
        }
        let metadata = self.fields.get("metadata").cloned();
        let asked = responses_parse::read(self.fields)?;
        let mut reply = ResponsesReply::new(head, &asked.model, &asked.request);
        let last = FinalResponse::default();
        if self.stores {
            let (previous, is_background) = (self.previous, self.is_background);
            reply.keep(Repeated { previous, is_background, metadata, last: last.clone() });
        }
        let (id, begun) = (reply.id().to_owned(), reply.begun());
        Ok(Stored { id, begun, last, incoming: asked.into_incoming(Box::new(reply), |_| true) })
    }
}

/// A request that was read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stored {
    /// The id of the response.
    pub id: String,
    /// The response as it begins.
    pub begun: String,
    /// What becomes of it.
    pub last: FinalResponse,
    /// The request.
    pub incoming: Incoming,
}

/// The items of one response and of what it answers, in their order; `None` if its texts are none.
pub fn items(input: &str, response: &str) -> Option<Vec<Value>> {
    let mut items: Vec<Value> = serde_json::from_str(input).ok()?;
    items.extend(output(response)?);
    Some(items)
}

fn output(response: &str) -> Option<Vec<Value>> {
    Some(serde_json::from_str::<KeptResponse>(response).ok()?.output)
}

/// The items that the response `id` answers, as they are listed.
fn with_ids<'a>(input: &str, id: &'a str) -> impl Iterator<Item = Value> + use<'a> {
    let call = id.strip_prefix(PREFIX).unwrap_or(id);
    let items: Vec<Value> = serde_json::from_str(input).unwrap_or_default();
    items.into_iter().enumerate().map(move |(place, item)| listed(item, call, place))
}

/// Whether the client of a response was not to wait for it.
pub fn is_background(response: &str) -> bool {
    serde_json::from_str::<KeptResponse>(response).is_ok_and(|kept| kept.background)
}

/// The response that is under way as its client gets it once it was cancelled.
pub fn cancelled(response: &str) -> String {
    ended(response, "cancelled", None).unwrap_or_else(|| response.to_owned())
}

/// The response that was under way as its client gets it where its server has ended before it.
pub fn lost(response: &str) -> String {
    let message = "The server ended before this response did. Nobody knows how far its call had come; it is not made again.";
    let error = Fault { code: "server_error", message };
    ended(response, "failed", Some(error)).unwrap_or_else(|| response.to_owned())
}

/// Which items of an input a client wants to see.
#[derive(Debug)]
pub struct ItemPage {
    after: Option<String>,
    limit: usize,
    is_ascending: bool,
}

impl ItemPage {
    /// What the query of an address says: 20 items from the newest on, unless it says otherwise.
    ///
    /// # Errors
    /// It says what cannot be.
    pub fn read(query: Option<&str>) -> Result<Self, InvalidBody> {
        let Paging { after, limit, order } = Paging::take(&mut pairs(query), Place::Body)?;
        let limit = match limit.map(|limit| limit.parse()) {
            None => 20,
            Some(Ok(limit @ 1..=100)) => limit,
            Some(_) => return Err(InvalidBody::new("`limit` has to be a whole number from 1 to 100")),
        };
        let is_ascending = match order.as_deref() {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(InvalidBody::new("`order` has to be one of asc, desc")),
        };
        Ok(Self { after, limit, is_ascending })
    }

    /// The page of the items `input` that the response `id` answers.
    ///
    /// # Errors
    /// There is no item after which it is to begin.
    pub fn of(&self, input: &str, id: &str) -> Result<Vec<u8>, InvalidBody> {
        let mut items: Vec<Value> = with_ids(input, id).collect();
        if !self.is_ascending {
            items.reverse();
        }
        if let Some(after) = &self.after {
            let place = items.iter().position(|item| id_of(item) == Some(after));
            let place = place.ok_or_else(|| InvalidBody::new("`after` names no item of this response"))?;
            items.drain(..=place);
        }
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let [first_id, last_id] = [items.first(), items.last()].map(|item| item.and_then(id_of));
        Ok(body(&ItemList { object: "list", data: &items, first_id, last_id, has_more }))
    }
}

/// The fields of a query, with their values as texts.
fn pairs(query: Option<&str>) -> Map<String, Value> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (unescaped(name).into_owned(), unescaped(value).into_owned().into())).collect()
}

/// Whether the query of an address asks for the events of a response that is there or under way.
pub fn asks_for_events(query: Option<&str>) -> bool {
    pairs(query).get("stream").is_some_and(|stream| stream == "true")
}

/// How the id of a response begins.
pub const PREFIX: &str = "resp_";

/// That a response is deleted.
pub fn deleted(id: &str) -> Vec<u8> {
    body(&Deleted { id, object: "response", deleted: true })
}

/// The refusal of a client that asks for a response that is not there: the status, and the body.
pub fn not_found(id: &str) -> (u16, Vec<u8>) {
    let message = format!("Response with id '{}' not found.", shown(id));
    refuse::told(404, &message)
}

/// Why a request is refused that goes on from a response that is not there.
pub fn no_previous(id: &str) -> InvalidBody {
    let id = shown(id);
    InvalidBody::new(format!("{NOT_FOUND} `{id}` is not here: it is unknown, deleted or expired"))
}

/// Why a request is refused whose conversation has lost `missing`, from which its previous response goes on.
pub fn broken_conversation(missing: &str) -> InvalidBody {
    let missing = shown(missing);
    let reason = format!(
        "{NOT_FOUND} `{missing}`, from which this conversation goes on, is not here any more; send the whole conversation"
    );
    InvalidBody::new(reason)
}

/// Why a request is refused whose previous response has not ended.
pub fn not_ended(id: &str) -> InvalidBody {
    InvalidBody::new(format!("`previous_response_id`: the response `{}` has not ended yet", shown(id)))
}

/// Why a request is refused whose conversation is longer than a server reads.
pub fn long_conversation(links: usize, bytes: usize) -> InvalidBody {
    let reason = format!(
        "`previous_response_id` goes back over more than {links} responses or {bytes} bytes; send the conversation anew"
    );
    InvalidBody::new(reason)
}

/// What a client wrote is repeated no further than an id goes.
fn shown(id: &str) -> String {
    id.chars().take(64).collect()
}
