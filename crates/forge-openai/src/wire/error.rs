//! Error bodies in every shape that is in the field: `error` as object or text, no `error` at all,
//! codes as text or number.

use serde_json::{Map, Value};

/// What an error body says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ErrorBody {
    pub(crate) message: String,
    pub(crate) r#type: Option<String>,
    pub(crate) code: Option<String>,
    /// A code that is a number is an HTTP status.
    pub(crate) status: Option<u16>,
    pub(crate) param: Option<String>,
    /// The tokens of the prompt, and of the window that it does not fit into.
    pub(crate) window: Option<(u64, u64)>,
}

impl ErrorBody {
    /// Reads a body; `None` if it is not an error in JSON.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut whole = match serde_json::from_slice(body).ok()? {
            Value::Object(whole) => whole,
            // Google's compatible endpoint puts the error into a list.
            Value::Array(list) => match list.into_iter().next()? {
                Value::Object(whole) if whole.contains_key("error") => whole,
                _ => return None,
            },
            _ => return None,
        };
        match whole.remove("error") {
            Some(Value::Object(error)) => Some(Self::from_object(&error)),
            // Ollama's own form, and LM Studio's in places.
            Some(Value::String(message)) => Some(Self { message, ..Self::from_object(&whole) }),
            // `detail` is how the web framework of vLLM refuses what does not fit its types.
            _ => match whole.get("detail").or_else(|| failed(&whole)) {
                Some(Value::String(detail)) => {
                    Some(Self { message: detail.clone(), ..Self::from_object(&whole) })
                }
                Some(Value::Object(minimax)) if minimax.contains_key(STATUS_TEXT) => {
                    let text = minimax.get(STATUS_TEXT).and_then(Value::as_str).unwrap_or_default();
                    let code = minimax.get(STATUS_CODE).map(ToString::to_string);
                    Some(Self { message: text.to_owned(), code, ..Self::default() })
                }
                Some(detail @ (Value::Array(_) | Value::Object(_))) => {
                    Some(Self { message: detail.to_string(), ..Self::from_object(&whole) })
                }
                _ => whole.contains_key("message").then(|| Self::from_object(&whole)),
            },
        }
    }

    fn from_object(fields: &Map<String, Value>) -> Self {
        let text = |name: &str| {
            fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let status = fields.get("code").and_then(|code| match code {
            Value::Number(number) => number.as_u64(),
            Value::String(digits) => digits.parse().ok(),
            _ => None,
        });
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        Self {
            message: text("message").unwrap_or_default(),
            // `error` is the name of a stream's event, not a type of error.
            r#type: text("type").filter(|kind| kind != "error"),
            code: text("code"),
            status: status.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code)),
            param: text("param"),
            window: number("n_prompt_tokens").zip(number("n_ctx")),
        }
    }
}

const STATUS_CODE: &str = "status_code";
const STATUS_TEXT: &str = "status_msg";

/// What `MiniMax` says of a call that failed; it says of a good one that its code is 0.
fn failed(whole: &Map<String, Value>) -> Option<&Value> {
    let said = whole.get("base_resp")?;
    said.get(STATUS_CODE).and_then(Value::as_i64).filter(|code| *code != 0).map(|_| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> ErrorBody {
        ErrorBody::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn every_shape_in_the_field_is_read() {
        let full = read(r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#);
        assert_eq!(
            (full.message.as_str(), full.r#type.as_deref(), full.code.as_deref(), full.param.as_deref()),
            ("m", Some("t"), Some("c"), Some("p"))
        );
        let numbered = read(r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#);
        assert_eq!((numbered.status, numbered.code), (Some(503), None));
        let long = read(r#"{"error":{"message":"m","n_prompt_tokens":5000,"n_ctx":4096}}"#);
        assert_eq!(long.window, Some((5000, 4096)));
        assert_eq!(read(r#"{"error":"text"}"#).message, "text");
        let flat =
            read(r#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}"#);
        assert_eq!((flat.message.as_str(), flat.status), ("m", Some(400)));
        assert_eq!(read(r#"{"detail":"Not Found"}"#).message, "Not Found");
        let minimax = read(r#"{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#);
        assert_eq!(
            (minimax.message.as_str(), minimax.code.as_deref()),
            ("insufficient balance", Some("1008"))
        );
        assert!(read(r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#).message.contains("required"));
    }

    #[test]
    fn what_is_not_an_error_is_not_read_as_one() {
        for body in [
            "",
            "plain",
            "[]",
            "{}",
            r#"{"choices":[]}"#,
            r#"{"error":null}"#,
            r#"{"base_resp":{"status_code":0,"status_msg":"success"}}"#,
        ] {
            assert_eq!(ErrorBody::read(body.as_bytes()), None, "{body}");
        }
    }
}
