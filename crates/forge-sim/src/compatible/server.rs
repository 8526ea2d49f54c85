//! What a row of the table says of a server.

use super::reply::{CallIds, Thoughts, UsageShape};
use crate::error_kind::ErrorKind;

/// A server of the Chat dialect and its habits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// What a client's base URL carries, without the host.
    pub(crate) base_path: &'static str,
    /// Paths below the id, under each of which the calls lie.
    pub(crate) roots: &'static [&'static str],
    pub(crate) models: &'static [Model],
    /// The first model answers for every name.
    pub(crate) any_model: bool,
    pub(crate) needs_key: bool,
    pub(crate) request: Fields,
    pub(crate) message: Fields,
    pub(crate) field_words: FieldWords,
    pub(crate) roles: &'static [&'static str],
    /// Formats of `response_format`.
    pub(crate) formats: &'static [&'static str],
    pub(crate) formats_words: &'static str,
    pub(crate) call_id: Option<CallIdRule>,
    pub(crate) template: Template,
    pub(crate) thoughts: Thoughts,
    pub(crate) returned: Returned,
    pub(crate) call_ids: CallIds,
    pub(crate) usage: UsageShape,
    /// Code and text of the 400 for a call that the model has written wrongly; none where such a call
    /// just comes as it is.
    pub(crate) malformed_call: Option<(&'static str, &'static str)>,
    /// The tier that a reply names.
    pub(crate) service_tier: Option<&'static str>,
    /// A whole reply has an empty `delta` beside its `message`.
    pub(crate) whole_delta: bool,
    /// An error in mid stream is followed by `[DONE]`.
    pub(crate) done_after_error: bool,
    pub(crate) error_form: ErrorForm,
    /// The server's own words; kinds that are left out have usual ones.
    pub(crate) words: &'static [Words],
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) id: &'static str,
    pub(crate) context: u64,
    pub(crate) thinks: bool,
}

/// The fields that a body or a message may have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fields {
    /// What is unknown is passed over.
    Any,
    Without(&'static [&'static str]),
    Only(&'static [&'static str]),
}

impl Fields {
    pub(crate) fn refuses(self, field: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Without(refused) => refused.contains(&field),
            Self::Only(known) => !known.contains(&field),
        }
    }
}

/// The refusal of a field: `{field}` in a body, `{field}` and `{index}` in a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldWords {
    pub(crate) status: u16,
    pub(crate) body: &'static str,
    pub(crate) message: &'static str,
}

/// The ids that a server takes for calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallIdRule {
    pub(crate) length: usize,
    /// `{id}` is the id.
    pub(crate) text: &'static str,
}

/// What the chat template insists on; none of it where there are no words for it. `{index}` is the
/// position of the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template {
    pub(crate) status: u16,
    /// Turns of the user and of the assistant take turns.
    pub(crate) alternate: Option<&'static str>,
    /// A turn of the assistant says or calls something.
    pub(crate) empty: Option<&'static str>,
    /// The system text comes first or not at all.
    pub(crate) late_system: Option<&'static str>,
    /// The last turn is not the assistant's.
    pub(crate) last: Option<&'static str>,
}

/// Whether thoughts have to come back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Returned {
    AsYouLike,
    /// Every turn that called tools carries its thoughts in this field; `{index}` is its position.
    WithCalls {
        field: &'static str,
        text: &'static str,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// `{"error": {message, type, param, code}}`
    Nested,
    /// `{"error": {message, type, code}}` with the status as code.
    NestedStatus,
    /// `{"error": {code, message}}` with a code of digits.
    NestedCode,
    /// `{message, type, param, code}`
    Flat,
    /// `{"code": text, "error": text}`
    CodeAndText,
    /// `{"object": "error", message, type, param, code}`
    Object,
    /// `[{"error": {code, message, status}}]`
    Array,
}

/// Status, type, code and text of one kind of refusal. The text may have `{model}`, `{tokens}` and
/// `{window}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) kind: ErrorKind,
    pub(crate) status: u16,
    pub(crate) type_name: &'static str,
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
    /// What the refusal says it is about; nothing when empty.
    pub(crate) param: &'static str,
}

impl Words {
    pub(crate) const fn about(self, param: &'static str) -> Self {
        Self { param, ..self }
    }
}

pub(crate) const fn words(
    kind: ErrorKind,
    status: u16,
    type_name: &'static str,
    code: &'static str,
    text: &'static str,
) -> Words {
    Words { kind, status, type_name, code, text, param: "" }
}
