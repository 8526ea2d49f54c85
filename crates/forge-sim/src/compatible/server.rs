//! What a row of the table says of a server.

use super::reply::{CallIds, Thoughts, UsageShape};
use crate::error_kind::ErrorKind;

/// A server of the Chat dialect and its habits.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    /// How scenarios and journals name it, and the first part of its path: small letters, digits and `-`.
    pub id: &'static str,
    /// The name as people write it.
    pub name: &'static str,
    /// What a client's base URL carries, without the host: `/`, the id, and one of the roots, with or without
    /// its `/v1`.
    pub base_path: &'static str,
    /// Paths below the id, under each of which the calls lie.
    pub roots: &'static [&'static str],
    /// What it serves; at least one.
    pub models: &'static [Model],
    /// The first model answers for every name.
    pub any_model: bool,
    /// Any key is good that does not contain `invalid`, but there has to be one.
    pub needs_key: bool,
    /// What a body may have.
    pub request: Fields,
    /// What a message may have.
    pub message: Fields,
    /// How it refuses a field.
    pub field_words: FieldWords,
    /// The roles of messages.
    pub roles: &'static [&'static str],
    /// Formats of `response_format`.
    pub formats: &'static [&'static str],
    /// The refusal of any other format.
    pub formats_words: &'static str,
    /// What it asks of the ids of calls; `None` if it takes any.
    pub call_id: Option<CallIdRule>,
    /// What it asks of the order of messages.
    pub template: Template,
    /// Where it puts its thoughts.
    pub thoughts: Thoughts,
    /// Whether it wants them back.
    pub returned: Returned,
    /// How it names calls.
    pub call_ids: CallIds,
    /// How it counts tokens.
    pub usage: UsageShape,
    /// Code and text of the 400 for a call that the model has written wrongly; none where such a call
    /// just comes as it is.
    pub malformed_call: Option<(&'static str, &'static str)>,
    /// The tier that a reply names; `None` if it names none.
    pub service_tier: Option<&'static str>,
    /// A whole reply has an empty `delta` beside its `message`.
    pub whole_delta: bool,
    /// An error in mid stream is followed by `[DONE]`.
    pub done_after_error: bool,
    /// The form of an error.
    pub error_form: ErrorForm,
    /// The server's own words; kinds that are left out have usual ones.
    pub words: &'static [Words],
}

impl Server {
    /// Why no request could reach it.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let is_plain = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'-';
        if self.id.is_empty() || !self.id.bytes().all(is_plain) {
            return Some("has an id of other signs than small letters, digits and `-`");
        }
        let below = self.base_path.strip_prefix('/').and_then(|path| path.strip_prefix(self.id));
        let leads =
            |below: &str| self.roots.iter().any(|root| [below, &format!("{below}/v1")].contains(root));
        if !below.is_some_and(leads) {
            return Some("has a base path that is not `/`, its id and one of its roots");
        }
        self.models.is_empty().then_some("serves no model")
    }
}

/// A model of a server.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Its name, which the client asks for.
    pub id: &'static str,
    /// Context window in tokens; a prompt beyond it is refused.
    pub context: u64,
    /// Whether it thinks, unless it is told not to.
    pub thinks: bool,
}

/// The fields that a body or a message may have.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Fields {
    /// What is unknown is passed over.
    Any,
    /// All but these.
    Without(&'static [&'static str]),
    /// These and no other.
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
pub struct FieldWords {
    /// The status; 422 also names the place.
    pub status: u16,
    /// In a body.
    pub body: &'static str,
    /// In a message.
    pub message: &'static str,
}

/// The ids that a server takes for calls.
#[derive(Debug, Clone, Copy)]
pub struct CallIdRule {
    /// How many letters and digits.
    pub length: usize,
    /// The refusal; `{id}` is the id.
    pub text: &'static str,
}

/// What the chat template insists on; none of it where there are no words for it. `{index}` is the
/// position of the message.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// The status of every such refusal.
    pub status: u16,
    /// Turns of the user and of the assistant take turns.
    pub alternate: Option<&'static str>,
    /// A turn of the assistant says or calls something.
    pub empty: Option<&'static str>,
    /// The system text comes first or not at all.
    pub late_system: Option<&'static str>,
    /// The last turn is not the assistant's.
    pub last: Option<&'static str>,
}

/// Whether thoughts have to come back.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Returned {
    /// They may, or may stay away.
    AsYouLike,
    /// Every turn that called tools carries its thoughts in this field; `{index}` is its position.
    WithCalls {
        /// Where they belong.
        field: &'static str,
        /// The refusal of a turn without them.
        text: &'static str,
    },
}

/// The body of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorForm {
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
pub struct Words {
    /// Which refusal.
    pub kind: ErrorKind,
    /// Its status.
    pub status: u16,
    /// Its type; nothing when empty.
    pub type_name: &'static str,
    /// Its code; nothing when empty.
    pub code: &'static str,
    /// What it says.
    pub text: &'static str,
    /// What the refusal says it is about; nothing when empty.
    pub param: &'static str,
}

impl Words {
    /// The same, about this.
    pub const fn about(self, param: &'static str) -> Self {
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
