//! Thoughts as state: in which field they came, so that they go back in it.

use forge_core::{ModelId, ModelProvider, ProviderId, request::Opaque};
use serde_json::{Map, Value, value::RawValue};

use crate::wire::{
    chat::Back,
    chat_reply::{DETAILS, JOINED_DETAILS, THINK_TAGS},
};

/// Whose thoughts they are, and what came of them so far.
#[derive(Debug)]
pub(crate) struct Keeper {
    vendor: ModelProvider,
    model: ModelId,
    /// The configured provider, where only it can use the state.
    origin: Option<ProviderId>,
    field: &'static str,
    text: String,
    details: Vec<Detail>,
}

#[derive(Debug)]
enum Detail {
    Whole(String),
    Joined(Map<String, Value>),
}

impl Keeper {
    pub(crate) fn new(vendor: ModelProvider, model: ModelId, origin: Option<ProviderId>) -> Self {
        Self { vendor, model, origin, field: "", text: String::new(), details: Vec::new() }
    }

    pub(crate) fn add(&mut self, field: &'static str, text: &str) {
        self.field = field;
        self.text.push_str(text);
    }

    /// Keeps details of a whole reply byte for byte.
    pub(crate) fn add_whole(&mut self, detail: &RawValue) {
        self.details.push(Detail::Whole(detail.get().to_owned()));
    }

    /// Keeps a piece of a detail: pieces of one text are one detail.
    pub(super) fn add_piece(&mut self, detail: &RawValue) {
        // What is no object is no detail that any vendor takes back.
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(detail.get()) else { return };
        let text = fields
            .get("type")
            .and_then(Value::as_str)
            .and_then(|kind| JOINED_DETAILS.iter().find(|(known, _)| *known == kind).map(|(_, text)| *text));
        let same =
            |old: &Map<String, Value>| ["type", "index"].iter().all(|key| old.get(*key) == fields.get(*key));
        match (text, self.details.last_mut()) {
            (Some(text), Some(Detail::Joined(old))) if same(old) => {
                for (name, value) in fields {
                    match (old.get_mut(&name), value) {
                        (Some(Value::String(before)), Value::String(more)) if name == text => {
                            before.push_str(&more);
                        }
                        (_, Value::Null) => {}
                        (_, value) => drop(old.insert(name, value)),
                    }
                }
            }
            _ => self.details.push(Detail::Joined(fields)),
        }
    }

    pub(super) fn holds_details(&self) -> bool {
        !self.details.is_empty()
    }

    /// The state of the thoughts that are over now: the field of the message with what stands in it.
    pub(crate) fn take(&mut self) -> Option<Box<Opaque>> {
        let text = std::mem::take(&mut self.text);
        let data = if self.details.is_empty() {
            if text.is_empty() {
                return None;
            }
            format!("{{{}:{}}}", Value::from(self.field), Value::from(text))
        } else {
            let details: Vec<String> = std::mem::take(&mut self.details)
                .into_iter()
                .map(|detail| match detail {
                    Detail::Whole(text) => text,
                    Detail::Joined(fields) => Value::Object(fields).to_string(),
                })
                .collect();
            format!("{{{}:[{}]}}", Value::from(DETAILS), details.join(","))
        };
        Some(Box::new(self.state(data)))
    }

    /// The state of a call.
    pub(crate) fn of_call(&self, extra_content: &str) -> Opaque {
        self.state(format!("{{\"extra_content\":{extra_content}}}"))
    }

    fn state(&self, data: String) -> Opaque {
        let state = Opaque::new(self.vendor.clone(), self.model.clone(), data);
        match &self.origin {
            Some(origin) => state.with_origin(origin.clone()),
            None => state,
        }
    }
}

/// The thoughts that came in `field`, for a dialect in which nothing else stands beside them.
pub fn kept(state: &Opaque, field: &str) -> String {
    let fields: Option<Map<String, Value>> = serde_json::from_str(&state.data).ok();
    let text = fields.as_ref().and_then(|fields| fields.get(field)?.as_str());
    text.unwrap_or_default().to_owned()
}

/// What came beside a call.
pub(crate) fn call_state(state: &Opaque) -> Option<&RawValue> {
    #[derive(serde::Deserialize)]
    struct State<'a> {
        #[serde(borrow)]
        extra_content: Option<&'a RawValue>,
    }
    serde_json::from_str::<State<'_>>(&state.data).ok()?.extra_content
}

/// Adds thoughts to what goes back; those of another form than this adapter's are left out.
pub(crate) fn give_back<'a>(state: &'a Opaque, back: &mut Back<'a>) {
    #[derive(serde::Deserialize)]
    struct State<'a> {
        reasoning_content: Option<String>,
        reasoning: Option<String>,
        thinking: Option<String>,
        #[serde(borrow)]
        reasoning_details: Option<Vec<&'a RawValue>>,
        #[serde(rename = "<think>")]
        tagged: Option<String>,
    }
    let Ok(state) = serde_json::from_str::<State<'a>>(&state.data) else { return };
    for (all, more) in [
        (&mut back.reasoning_content, state.reasoning_content),
        (&mut back.reasoning, state.reasoning),
        (&mut back.thinking, state.thinking),
        (&mut back.tagged, state.tagged),
    ] {
        if let Some(more) = more {
            all.get_or_insert_default().push_str(&more);
        }
    }
    back.reasoning_details.extend(state.reasoning_details.into_iter().flatten());
}

/// The name under which thoughts between tags are kept.
pub(super) const TAGGED: &str = THINK_TAGS;
