//! Message threads: the conversation stays with the vendor, and a turn brings only what is new.

use serde_json::{Map, Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::context::Context;
use crate::error_kind::ErrorKind;

const BETA: &str = "message-threads-2026-08-12";
/// Stay with the thread, and are not sent again.
const KEPT: &[&str] = &["system", "tools"];
/// May not change on the way.
const FIXED: &[&str] = &["model"];

/// What a request is to the thread that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thread {
    None,
    /// Begins one.
    Create,
    /// Goes on from this message.
    Continue(String),
}

impl Thread {
    pub(super) fn read(call: &Call) -> Result<Self, ApiError> {
        let Some(thread) = call.body.get("thread").filter(|thread| !thread.is_null()) else {
            return Ok(Self::None);
        };
        if !call.header("anthropic-beta").is_some_and(|given| given.contains(BETA)) {
            return Err(ApiError::invalid("thread: Extra inputs are not permitted"));
        }
        match (thread["type"].as_str(), thread["previous_message_id"].as_str()) {
            (Some("create"), _) => Ok(Self::Create),
            (Some("continue"), Some(id)) => Ok(Self::Continue(id.to_owned())),
            (Some("continue"), None) => {
                Err(ApiError::invalid("thread.continue.previous_message_id: Field required"))
            }
            _ => Err(ApiError::invalid("thread.type: Input should be 'create' or 'continue'")),
        }
    }

    /// The whole request: as it came, or with what the thread holds before it.
    pub(super) fn whole(&self, body: &Value, cx: &Context<'_>) -> Result<Value, ApiError> {
        let mut whole = body.as_object().cloned().unwrap_or_default();
        // Taken out, because what follows refuses fields that it does not know.
        whole.remove("thread");
        if let Self::Continue(id) = self {
            let kept = cx.conversation(&key(id)).and_then(|kept| kept.into_iter().next());
            let kept = kept.ok_or_else(|| not_found(id))?;
            if kept == Value::Null {
                return Err(refused(
                    "thread_already_continued",
                    format!("thread: {id} has already been continued; continue from the newest message."),
                ));
            }
            resume(&mut whole, &kept)?;
        }
        Ok(whole.into())
    }

    /// Keeps the conversation with the reply under the reply's id; each message is continued from once.
    pub(super) fn keep(&self, whole: &Value, id: &str, content: &Value, cx: &Context<'_>) {
        if *self == Self::None {
            return;
        }
        let mut kept = whole.clone();
        if let Some(messages) = kept["messages"].as_array_mut() {
            messages.push(json!({"role": "assistant", "content": content}));
        }
        cx.keep_conversation(&key(id), vec![kept]);
        // A mark in its place, so that a second continuation is told from an unknown thread.
        if let Self::Continue(previous) = self {
            cx.keep_conversation(&key(previous), vec![Value::Null]);
        }
    }
}

fn resume(whole: &mut Map<String, Value>, kept: &Value) -> Result<(), ApiError> {
    let differs = |field: &&&str| {
        let given = whole.get(**field);
        given.is_some_and(|given| *given != kept[**field])
    };
    if let Some(field) = KEPT.iter().chain(FIXED).find(differs) {
        return Err(refused(
            "thread_fingerprint_mismatch",
            format!("thread: `{field}` differs from the value stored with the thread."),
        ));
    }
    for field in KEPT {
        if let Some(value) = kept.get(*field) {
            whole.insert((*field).to_owned(), value.clone());
        }
    }
    let mut messages = kept["messages"].as_array().cloned().unwrap_or_default();
    let new = whole.get("messages").and_then(Value::as_array).cloned();
    messages.extend(new.ok_or_else(|| ApiError::invalid("messages: Field required"))?);
    whole.insert("messages".to_owned(), messages.into());
    Ok(())
}

fn key(id: &str) -> String {
    format!("thread:{id}")
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(ErrorKind::NotFound)
        .with_message(format!("thread: no thread was found for {id}; send the whole conversation again."))
        .with_code("thread_not_found")
}

fn refused(code: &str, message: String) -> ApiError {
    ApiError::invalid(message).with_code(code)
}
