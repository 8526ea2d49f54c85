//! Chat Completions: what comes back. Everything may be missing, be of another type, or have something added.

use std::{borrow::Cow, fmt};

use forge_http::{
    TextLength,
    lenient::{self, Count},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// Where thoughts are kept that stood in the answer between tags.
pub(crate) const THINK_TAGS: &str = "<think>";
/// The field of `OpenRouter`'s thoughts.
pub(crate) const DETAILS: &str = "reasoning_details";
/// The kinds of details that come in pieces, and the field whose pieces are one text.
pub(crate) const JOINED_DETAILS: [(&str, &str); 2] =
    [("reasoning.text", "text"), ("reasoning.summary", "summary")];

/// A whole reply, or one chunk of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reply<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) model: Option<Cow<'a, str>>,
    /// The first choice; chunks of usage or moderation have none.
    #[serde(borrow, rename = "choices", deserialize_with = "lenient::first")]
    pub(crate) choice: Option<Choice<'a>>,
    /// Many servers send `null` in every chunk, which must not cost anything.
    #[serde(borrow)]
    pub(crate) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) timings: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) service_tier: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) object: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) detail: Option<&'a RawValue>,
    /// What the answer rests on, where the server has searched: Perplexity with titles here, and xAI as addresses below.
    #[serde(borrow, deserialize_with = "lenient::values")]
    pub(crate) search_results: Vec<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::values")]
    pub(crate) citations: Vec<&'a RawValue>,
    /// `MiniMax` reports errors here.
    #[serde(borrow)]
    pub(crate) base_resp: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice<'a> {
    #[serde(deserialize_with = "lenient::scalar")]
    pub(crate) index: Option<u32>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(crate) delta: Option<Message<'a>>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(crate) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(crate) finish_reason: Option<&'a RawValue>,
    /// Moonshot counts here in streams.
    #[serde(borrow)]
    pub(crate) usage: Option<&'a RawValue>,
}

/// A whole message, or what is added to it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) content: Content<'a>,
    /// The words with which the model declines, in place of content.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) refusal: Option<String>,
    /// Thoughts, as `DeepSeek` and llama.cpp name them; other servers use the two fields below.
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) reasoning_content: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) reasoning: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) thinking: Option<String>,
    #[serde(borrow, deserialize_with = "lenient::values")]
    pub(crate) reasoning_details: Vec<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::objects")]
    pub(crate) tool_calls: Vec<ToolCall<'a>>,
    #[serde(borrow, deserialize_with = "lenient::values")]
    pub(crate) annotations: Vec<&'a RawValue>,
}

/// A chunk that adds to the text and says nothing else; what else it might say has to be null.
#[derive(Debug, Deserialize)]
pub(crate) struct Addition<'a> {
    choices: [AddedChoice; 1],
    pub(crate) service_tier: Option<&'a str>,
    usage: Option<IgnoredAny>,
    timings: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
    search_results: Option<IgnoredAny>,
    citations: Option<IgnoredAny>,
    base_resp: Option<IgnoredAny>,
    detail: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct AddedChoice {
    index: Option<u32>,
    delta: AddedText,
    message: Option<IgnoredAny>,
    finish_reason: Option<IgnoredAny>,
    usage: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct AddedText {
    content: TextLength,
    refusal: Option<IgnoredAny>,
    reasoning_content: Option<IgnoredAny>,
    reasoning: Option<IgnoredAny>,
    thinking: Option<IgnoredAny>,
    reasoning_details: Option<IgnoredAny>,
    tool_calls: Option<IgnoredAny>,
    annotations: Option<IgnoredAny>,
}

impl Addition<'_> {
    /// The bytes of the text; `None` if there is none, or more than that.
    pub(crate) fn text(&self) -> Option<usize> {
        let [AddedChoice { index, delta, message, finish_reason, usage }] = &self.choices;
        let besides = [
            &self.usage,
            &self.timings,
            &self.error,
            &self.search_results,
            &self.citations,
            &self.base_resp,
            &self.detail,
            message,
            finish_reason,
            usage,
            &delta.refusal,
            &delta.reasoning_content,
            &delta.reasoning,
            &delta.thinking,
            &delta.reasoning_details,
            &delta.tool_calls,
            &delta.annotations,
        ];
        let is_all = index.unwrap_or(0) == 0 && besides.iter().all(|field| field.is_none());
        (is_all && delta.content.0 > 0).then_some(delta.content.0)
    }
}

/// The answer: a text, or pieces of several kinds.
#[derive(Debug, Default)]
pub(crate) enum Content<'a> {
    #[default]
    None,
    Text(String),
    Pieces(Vec<Piece<'a>>),
}

/// A piece of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Piece<'a> {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) text: Option<String>,
    /// A text, or a list of pieces with texts.
    #[serde(borrow)]
    pub(crate) thinking: Option<&'a RawValue>,
}

impl Piece<'_> {
    /// What the model thought, if the piece is about that.
    pub(crate) fn thoughts(&self) -> Option<String> {
        match serde_json::from_str(self.thinking?.get()).ok()? {
            Content::None => None,
            Content::Text(text) => Some(text),
            Content::Pieces(pieces) => Some(pieces.into_iter().filter_map(|piece| piece.text).collect()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whichever;

        impl<'de> Visitor<'de> for Whichever {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of pieces")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Content::None)
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut pieces = Vec::new();
                while let Some(piece) = list.next_element::<Piece<'de>>()? {
                    pieces.push(piece);
                }
                Ok(Content::Pieces(pieces))
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                Piece::deserialize(MapAccessDeserializer::new(fields))
                    .map(|piece| Content::Pieces(vec![piece]))
            }
        }

        deserializer.deserialize_any(Whichever)
    }
}

/// What can be read of a detail of the thoughts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Detail {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) text: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) summary: Option<String>,
}

/// What a text rests on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Annotation {
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) url_citation: UrlCitation,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UrlCitation {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) url: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) title: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ToolCall<'a> {
    #[serde(deserialize_with = "lenient::scalar")]
    pub(crate) index: Option<u32>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::object_or_default")]
    pub(crate) function: Function<'a>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub(crate) custom: Option<Custom<'a>>,
    /// Google's signature of the thoughts that led to the call; it wants it back with the call.
    #[serde(borrow)]
    pub(crate) extra_content: Option<&'a RawValue>,
}

/// A call of a tool that takes free text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Custom<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) name: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) input: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Function<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub(crate) name: Option<Cow<'a, str>>,
    /// A string of JSON text; some servers send the object itself.
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
}

/// Tokens under all the names that are in the field; each means the same wherever it stands.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    /// The prompt, what came from the cache included.
    pub(crate) prompt_tokens: Count,
    /// The output, thoughts included at most vendors; see [`Counting`](crate::usage::Counting).
    pub(crate) completion_tokens: Count,
    /// What holds the other two to account; some servers leave it out or at 0.
    pub(crate) total_tokens: Count,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) prompt_tokens_details: PromptDetails,
    #[serde(deserialize_with = "lenient::object_or_default")]
    pub(crate) completion_tokens_details: CompletionDetails,
    /// Moonshot.
    pub(crate) cached_tokens: Count,
    /// `DeepSeek`.
    pub(crate) prompt_cache_hit_tokens: Count,
    /// Mistral.
    pub(crate) num_cached_tokens: Count,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PromptDetails {
    pub(crate) cached_tokens: Count,
    /// Missing for models before GPT-5.6.
    pub(crate) cache_write_tokens: Count,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CompletionDetails {
    pub(crate) reasoning_tokens: Count,
}

/// What llama.cpp says about tokens even where it sends no usage.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Timings {
    #[serde(rename = "cache_n")]
    pub(crate) cached: Count,
    #[serde(rename = "prompt_n")]
    pub(crate) prompt: Count,
    #[serde(rename = "predicted_n")]
    pub(crate) predicted: Count,
}
