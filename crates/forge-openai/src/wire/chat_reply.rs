//! Chat Completions: what comes back. Everything may be missing and anything may be added.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Text;

/// A whole reply, or one chunk of a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) model: Option<Text<'a>>,
    /// The first choice; chunks of usage or moderation have none.
    #[serde(borrow, default, rename = "choices", deserialize_with = "first")]
    pub(crate) choice: Option<Choice<'a>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) timings: Option<Timings>,
    pub(crate) service_tier: Option<String>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) object: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) detail: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(default)]
    pub(crate) index: Option<u32>,
    #[serde(borrow)]
    pub(crate) delta: Option<Message<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Message<'a>>,
    pub(crate) finish_reason: Option<String>,
}

/// A whole message, or what is added to it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Message<'a> {
    pub(crate) content: Option<String>,
    pub(crate) refusal: Option<String>,
    pub(crate) reasoning_content: Option<String>,
    pub(crate) reasoning: Option<String>,
    pub(crate) thinking: Option<String>,
    #[serde(borrow)]
    pub(crate) tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow)]
    pub(crate) annotations: Option<Vec<&'a RawValue>>,
}

/// What a text rests on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Annotation {
    pub(crate) url_citation: Option<UrlCitation>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct UrlCitation {
    pub(crate) url: Option<String>,
    pub(crate) title: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ToolCall<'a> {
    pub(crate) index: Option<u32>,
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) function: Option<Function<'a>>,
    #[serde(borrow)]
    pub(crate) custom: Option<Custom<'a>>,
}

/// A call of a tool that takes free text.
#[derive(Debug, Deserialize)]
pub(crate) struct Custom<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    pub(crate) input: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Function<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    /// A string of JSON text; some servers send the object itself.
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: Option<u64>,
    pub(crate) completion_tokens: Option<u64>,
    pub(crate) prompt_tokens_details: Option<PromptDetails>,
    pub(crate) completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct PromptDetails {
    pub(crate) cached_tokens: Option<u64>,
    pub(crate) cache_write_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct CompletionDetails {
    pub(crate) reasoning_tokens: Option<u64>,
}

/// What llama.cpp says about tokens even where it sends no usage.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Timings {
    #[serde(rename = "cache_n")]
    pub(crate) cached: Option<u64>,
    #[serde(rename = "prompt_n")]
    pub(crate) prompt: Option<u64>,
    #[serde(rename = "predicted_n")]
    pub(crate) predicted: Option<u64>,
}

/// The first element of an array that is read in place.
fn first<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct First<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for First<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array or null")
        }

        fn visit_unit<E>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Option<T>, A::Error> {
            let first = elements.next_element()?;
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            Ok(first)
        }
    }

    deserializer.deserialize_any(First(PhantomData))
}
