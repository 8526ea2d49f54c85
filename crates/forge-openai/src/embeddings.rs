//! Embeddings: texts for which the vendor returns numbers. They go there, and the numbers come back, as they are.

use forge_core::{
    CallContext, ErrorKind, ModelRequest, ProviderError, ResponseStream, TokenCount,
    event::{Finished, Started, StopReason},
    request::{Carried, Delivery},
};
use forge_http::{Connection, Endpoint, Events, Failure, spliced};
use serde::{Deserialize, de::IgnoredAny};

/// As much of a reply as accounts need.
#[derive(Deserialize)]
struct Embedded {
    #[serde(default)]
    model: Option<String>,
    #[serde(rename = "data")]
    _data: Vec<IgnoredAny>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

/// Sends the body of the client.
pub(crate) async fn send(
    connection: &Connection,
    endpoint: &Endpoint,
    cx: &CallContext,
    carried: &Carried,
) -> Result<ResponseStream, ProviderError> {
    // What a provider is set to have added is meant for chats.
    let body = spliced(carried, cx.model(), &[], &ModelRequest::default(), &cx.participant.provider);
    let reply = connection.post_with(cx, endpoint, body, Delivery::Whole, &[]).await?;
    reply.relayed_whole(whole).await
}

fn whole(body: &str, events: &mut Events) -> Result<(), Failure> {
    let Embedded { model, usage, .. } = serde_json::from_str(body)
        .map_err(|error| Failure::new(ErrorKind::Decode, format!("these are no embeddings: {error}")))?;
    let input = usage.and_then(|usage| usage.prompt_tokens);
    // Nothing is written for them.
    let usage = TokenCount::default().with_input(input).with_output(0);
    events.push_back(Started::new(None, model.map(Into::into)).into());
    events.push_back(Finished::new(StopReason::EndTurn).with_usage(usage).into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_vectors_is_no_reply() {
        let read = |body| whole(body, &mut Events::default()).is_ok();
        assert!(read(r#"{"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}"#));
        assert!(read(r#"{"data": [{"embedding": "AAAA"}], "model": "m"}"#));
        for wrong in [r#"{"usage": {"prompt_tokens": 8}}"#, r#"{"data": {}}"#, "[]", "", "<html>"] {
            assert!(!read(wrong), "{wrong}");
        }
    }
}
