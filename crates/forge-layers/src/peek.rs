//! The point in a reply up to which a call may start over.

use forge_core::{
    ErrorKind, ModelRequest, ProviderError, ResponseStream, StreamEvent,
    event::{Delta, Finished, PartKind},
    request::Delivery,
};

/// Reads the reply to `request` up to its first content, or to its end if it holds none, and puts what it has read
/// [back](ResponseStream::head). A reply that was read that far before is not read again.
///
/// Until then nothing of the answer has reached the caller, so a failure, also one inside a reply that began well, may
/// be answered by another attempt. The thoughts before an answer that comes in one piece are no content: the caller
/// has not seen them yet.
///
/// # Errors
/// Whatever the stream fails with before its first content; [`ErrorKind::Truncated`] if it just ends, and what
/// [`StopReason::without_answer`](forge_core::event::StopReason::without_answer) says if it ends well and holds nothing.
pub async fn peek(
    provider: &str,
    mut reply: ResponseStream,
    request: &ModelRequest,
) -> Result<ResponseStream, ProviderError> {
    for event in reply.head() {
        if is_border(provider, event, request)? {
            return Ok(reply);
        }
    }
    let mut events = Vec::with_capacity(4);
    loop {
        match reply.next().await {
            Some(Ok(event)) => {
                let border = is_border(provider, &event, request)?;
                events.push(event);
                if border {
                    return Ok(reply.with_head(events));
                }
            }
            Some(Err(error)) => return Err(error),
            None => {
                let message = "the reply ended without a stop reason";
                return Err(ProviderError::new(ErrorKind::Truncated, provider, message));
            }
        }
    }
}

/// Whether a call cannot start over behind the event.
fn is_border(provider: &str, event: &StreamEvent, request: &ModelRequest) -> Result<bool, ProviderError> {
    if let StreamEvent::Finished(finished) = event {
        return without_answer(provider, finished, request).map_or(Ok(true), Err);
    }
    let is_thought = matches!(
        event,
        StreamEvent::PartStarted { kind: PartKind::Thinking, .. }
            | StreamEvent::PartDelta { delta: Delta::Thinking(_), .. }
    );
    Ok(event.is_answer() || (is_thought && request.delivery == Delivery::Stream))
}

fn without_answer(provider: &str, finished: &Finished, request: &ModelRequest) -> Option<ProviderError> {
    let kind = finished.reason.without_answer(request)?;
    let message = match &finished.raw_reason {
        Some(reason) => format!("the reply contains no answer (`{reason}`)"),
        None => "the reply contains no answer".to_owned(),
    };
    Some(ProviderError::new(kind, provider, message))
}

#[cfg(test)]
mod tests {
    use forge_core::{
        Message,
        event::{Started, StopReason},
        request::{MessageRole, Part},
    };
    use futures_util::FutureExt as _;

    use super::*;

    fn events(failing_at: usize) -> ResponseStream {
        let finished = Finished::new(StopReason::EndTurn);
        let events = [
            StreamEvent::from(Started::default()),
            StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
            StreamEvent::PartDelta { index: 0, delta: Delta::Text("Hi".into()) },
            finished.into(),
        ];
        let fail = move |(at, event)| {
            if at == failing_at {
                Err(ProviderError::new(ErrorKind::Server, "p", "broke"))
            } else {
                Ok(event)
            }
        };
        ResponseStream::from_events(events.into_iter().enumerate().map(fail))
    }

    #[test]
    fn a_failure_before_content_comes_out_at_once_and_a_later_one_in_its_place() {
        let request = ModelRequest::new("");
        let peeked = |failing_at| peek("p", events(failing_at), &request).now_or_never().unwrap();
        assert_eq!(peeked(2).unwrap_err().kind, ErrorKind::Server);
        let mut late = peek("p", peeked(3).unwrap(), &request).now_or_never().unwrap().unwrap();
        assert_eq!(late.head().len(), 3, "what was read is there again, and once");
        let read: Vec<bool> =
            std::iter::from_fn(|| late.next().now_or_never().unwrap()).map(|event| event.is_ok()).collect();
        assert_eq!(read, [true, true, true, false]);
        let empty = peek("p", ResponseStream::from_events([]), &request).now_or_never().unwrap();
        assert_eq!(empty.unwrap_err().kind, ErrorKind::Truncated);
    }

    #[test]
    fn a_reply_that_ends_well_and_says_nothing_is_a_failure_but_for_silence_after_results() {
        let question = ModelRequest::new("").with_user_message("q");
        let results = Message::new(MessageRole::User, vec![Part::tool_result("a", "r")]);
        let after_results = ModelRequest::new("").with_message(results);
        let thoughts = |reason| {
            vec![
                StreamEvent::from(Started::default()),
                StreamEvent::PartStarted { index: 0, kind: PartKind::Thinking },
                StreamEvent::PartDelta { index: 0, delta: Delta::Thinking("hm".into()) },
                StreamEvent::PartEnded { index: 0, opaque: None },
                StreamEvent::PartStarted { index: 1, kind: PartKind::Text },
                StreamEvent::PartEnded { index: 1, opaque: None },
                Finished::new(reason).into(),
            ]
        };
        let nothing = |reason| vec![StreamEvent::from(Started::default()), Finished::new(reason).into()];
        let whole = question.clone().with_delivery(Delivery::Whole);
        for (request, events, kind) in [
            (&question, nothing(StopReason::EndTurn), Some(ErrorKind::Empty)),
            (&question, nothing(StopReason::Error), Some(ErrorKind::Malformed)),
            (&question, nothing(StopReason::MaxTokens), None),
            (&question, nothing(StopReason::Refusal), None),
            (&after_results, nothing(StopReason::EndTurn), None),
            (&after_results, nothing(StopReason::Error), Some(ErrorKind::Malformed)),
            (&question, thoughts(StopReason::EndTurn), None),
            (&whole, thoughts(StopReason::EndTurn), Some(ErrorKind::Empty)),
        ] {
            let stream = ResponseStream::from_events(events.clone().into_iter().map(Ok));
            let peeked = peek("p", stream, request).now_or_never().unwrap();
            assert_eq!(peeked.err().map(|error| error.kind), kind, "{events:?}");
        }
    }
}
