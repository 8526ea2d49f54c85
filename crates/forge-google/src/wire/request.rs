//! Bodies that are sent.

use std::borrow::Cow;

use forge_core::request::Schema;
use serde::{Serialize, Serializer};
use serde_json::{Value, value::RawValue};

/// Takes the place of a signature that there is none of, because another model made the call. Gemini 3
/// and later refuse the first call of a turn without a signature; this word is the vendor's own for
/// such histories.
pub(crate) const NO_SIGNATURE: &str = "skip_thought_signature_validator";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    /// Only inside a [`Count`]; calls name their model in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Stands beside the turns and has no role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system_instruction: Option<Instruction<'a>>,
    /// The turns, of the roles `user` and `model` only.
    pub(crate) contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<ToolGroup<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "GenerationConfig::is_empty")]
    pub(crate) generation_config: GenerationConfig<'a>,
    /// Whether the vendor keeps request and reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store: Option<bool>,
}

/// The body of a token count.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Count<'a> {
    pub(crate) generate_content_request: Body<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Instruction<'a> {
    pub(crate) parts: Vec<PartContent<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Content<'a> {
    pub(crate) role: &'static str,
    pub(crate) parts: Vec<Part<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Part<'a> {
    Known(KnownPart<'a>),
    /// A part as the vendor sent it.
    Verbatim(Box<RawValue>),
}

/// A part with the two marks that may stand beside its content.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KnownPart<'a> {
    #[serde(flatten)]
    pub(crate) content: PartContent<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thought_signature: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PartContent<'a> {
    Text(&'a str),
    InlineData(InlineData<'a>),
    FileData(FileData<'a>),
    FunctionCall(FunctionCall<'a>),
    FunctionResponse(FunctionResponse<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InlineData<'a> {
    pub(crate) mime_type: &'a str,
    pub(crate) data: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mime_type: Option<&'static str>,
    /// An address, or the name of a file that the vendor has.
    pub(crate) file_uri: &'a str,
}

/// A call of the model's, with its arguments as an object.
#[derive(Debug, Serialize)]
pub(crate) struct FunctionCall<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) args: Cow<'a, Value>,
}

/// The result of a call. It names the function beside the call's id.
#[derive(Debug, Serialize)]
pub(crate) struct FunctionResponse<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) response: Outcome,
}

/// The vendor wants an object.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Object(Box<RawValue>),
    Said(Said),
}

/// A text in an object; these are the keys that the vendor recommends.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Said {
    Result(String),
    Error(String),
}

#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum ToolGroup<'a> {
    Functions {
        function_declarations: Vec<Function<'a>>,
    },
    /// A tool as the vendor's requests have it.
    Hosted(&'a RawValue),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: &'a str,
    /// JSON Schema; the older `parameters` takes a subset of `OpenAPI`.
    pub(crate) parameters_json_schema: SchemaText<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolConfig<'a> {
    pub(crate) function_calling_config: FunctionCalling<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionCalling<'a> {
    /// `AUTO`, `ANY`, `NONE` or `VALIDATED`.
    pub(crate) mode: &'static str,
    /// Empty for all; only `ANY` and `VALIDATED` take names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) allowed_function_names: Vec<&'a str>,
}

/// Settings of the answer, in one object of the body.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<i64>,
    /// Thoughts included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(crate) stop_sequences: &'a [String],
    /// `application/json` where the answer is to be JSON; a schema wants it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_json_schema: Option<SchemaText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking_config: Option<ThinkingConfig>,
}

impl GenerationConfig<'_> {
    fn is_empty(&self) -> bool {
        let Self {
            temperature,
            top_p,
            top_k,
            seed,
            max_output_tokens,
            stop_sequences,
            response_mime_type,
            response_json_schema,
            thinking_config,
        } = self;
        temperature.or(*top_p).is_none()
            && top_k.or(*max_output_tokens).is_none()
            && seed.is_none()
            && stop_sequences.is_empty()
            && response_mime_type.is_none()
            && response_json_schema.is_none()
            && thinking_config.is_none()
    }
}

/// Budget and level exclude each other.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThinkingConfig {
    /// Asks for summaries of the thoughts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) include_thoughts: bool,
    /// In tokens; 0 is off. For Gemini 2.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking_budget: Option<u32>,
    /// For Gemini 3 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking_level: Option<&'static str>,
}

/// A schema, written as its text is.
#[derive(Debug)]
pub(crate) struct SchemaText<'a>(pub(crate) Cow<'a, Schema>);

impl Serialize for SchemaText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.raw().serialize(serializer)
    }
}
