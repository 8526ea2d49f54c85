//! What a row of the table says of a server.

use crate::dialect::chat::{CallIds, Thoughts, UsageShape};
use crate::scenario::ErrorKind;

/// A server of the Chat dialect and its habits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// What a client's base URL carries, without the host.
    pub(crate) base_path: &'static str,
    /// Paths below the id, under each of which the calls lie.
    pub(super) roots: &'static [&'static str],
    pub(super) models: &'static [Model],
    /// The first model answers for every name.
    pub(super) any_model: bool,
    pub(super) needs_key: bool,
    pub(super) request: Fields,
    pub(super) message: Fields,
    pub(super) field_words: FieldWords,
    pub(super) roles: &'static [&'static str],
    /// Formats of `response_format`.
    pub(super) formats: &'static [&'static str],
    pub(super) formats_words: &'static str,
    pub(super) call_id: Option<CallIdRule>,
    pub(super) template: Template,
    pub(super) thoughts: Thoughts,
    pub(super) returned: Returned,
    pub(super) call_ids: CallIds,
    pub(super) usage: UsageShape,
    /// Code and text of the 400 for a call that the model has written wrongly; none where such a call
    /// just comes as it is.
    pub(super) malformed_call: Option<(&'static str, &'static str)>,
    /// The tier that a reply names.
    pub(super) service_tier: Option<&'static str>,
    /// A whole reply has an empty `delta` beside its `message`.
    pub(super) whole_delta: bool,
    /// An error in mid stream is followed by `[DONE]`.
    pub(super) done_after_error: bool,
    pub(super) error_form: ErrorForm,
    /// The server's own words; kinds that are left out have usual ones.
    pub(super) words: &'static [Words],
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) id: &'static str,
    pub(super) context: u64,
    pub(super) thinks: bool,
}

/// The fields that a body or a message may have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fields {
    /// What is unknown is passed over.
    Any,
    Without(&'static [&'static str]),
    Only(&'static [&'static str]),
}

impl Fields {
    pub(super) fn refuses(self, field: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Without(refused) => refused.contains(&field),
            Self::Only(known) => !known.contains(&field),
        }
    }
}

/// The refusal of a field: `{field}` in a body, `{field}` and `{index}` in a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldWords {
    pub(super) status: u16,
    pub(super) body: &'static str,
    pub(super) message: &'static str,
}

/// The ids that a server takes for calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallIdRule {
    pub(super) length: usize,
    /// `{id}` is the id.
    pub(super) text: &'static str,
}

/// What the chat template insists on; none of it where there are no words for it. `{index}` is the
/// position of the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    pub(super) status: u16,
    /// Turns of the user and of the assistant take turns.
    pub(super) alternate: Option<&'static str>,
    /// A turn of the assistant says or calls something.
    pub(super) empty: Option<&'static str>,
    /// The system text comes first or not at all.
    pub(super) late_system: Option<&'static str>,
    /// The last turn is not the assistant's.
    pub(super) last: Option<&'static str>,
}

/// Whether thoughts have to come back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Returned {
    AsYouLike,
    /// Every turn that called tools carries its thoughts in this field; `{index}` is its position.
    WithCalls {
        field: &'static str,
        text: &'static str,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorForm {
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
pub(super) struct Words {
    pub(super) kind: ErrorKind,
    pub(super) status: u16,
    pub(super) type_name: &'static str,
    pub(super) code: &'static str,
    pub(super) text: &'static str,
    /// What the refusal says it is about; nothing when empty.
    pub(super) param: &'static str,
}

impl Words {
    pub(super) const fn about(self, param: &'static str) -> Self {
        Self { param, ..self }
    }
}

pub(super) const fn words(
    kind: ErrorKind,
    status: u16,
    type_name: &'static str,
    code: &'static str,
    text: &'static str,
) -> Words {
    Words { kind, status, type_name, code, text, param: "" }
}
