//! The answer of a session, as the events of a reply.

use std::{collections::VecDeque, fmt::Write as _, future::poll_fn, pin::Pin, task::Poll};

use futures_util::{future::BoxFuture, stream};

use super::{live::Listener, news::Told, options::Progress};
use crate::{
    CallContext, ErrorKind, ProviderError, ResponseStream, StreamEvent, TokenCount,
    event::{Delta, Finished, PartKind, Started, StopReason},
    session::{Dissent, DocumentLabel, SessionResult},
};

/// What is left to say of a session.
struct Reply {
    listener: Listener,
    model: String,
    progress: Progress,
    alarm: Option<BoxFuture<'static, ()>>,
    ready: VecDeque<Result<StreamEvent, ProviderError>>,
    /// Whether thoughts have begun.
    thinking: bool,
    over: bool,
    /// Whether it ended in a way that another call may go on from.
    resumable: bool,
}

/// The events of a reply: its beginning at once, lines as thoughts, the document at the end.
pub(super) fn stream(listener: Listener, cx: &CallContext, progress: Progress) -> ResponseStream {
    let mut started = Started::new(Some(listener.name.to_string()), Some(cx.model().clone()));
    started.session = Some(listener.name.as_str().into());
    let timer = std::sync::Arc::clone(&cx.timer);
    let alarm = cx.deadline.map(|deadline| timer.sleep_until(deadline));
    let model = cx.participant.provider_id.to_string();
    let ready = VecDeque::from([Ok(started.into())]);
    let reply =
        Reply { listener, model, progress, alarm, ready, thinking: false, over: false, resumable: false };
    ResponseStream::new(stream::unfold(reply, |mut reply| async move {
        while reply.ready.is_empty() && !reply.over {
            match reply.next().await {
                Some(Told::Line(line)) => reply.line(&line),
                Some(Told::End(ended)) => reply.end(*ended),
                None => reply.late(),
            }
        }
        let event = reply.ready.pop_front()?;
        // Only now has the client what it paid for.
        reply.listener.done = reply.over && reply.ready.is_empty() && !reply.resumable;
        Some((event, reply))
    }))
}

impl Reply {
    /// The next news; `None` when the time of the call is over, or the session has ended without a word.
    async fn next(&mut self) -> Option<Told> {
        poll_fn(|task| {
            if let Poll::Ready(told) = self.listener.news.poll_recv(task) {
                return Poll::Ready(told);
            }
            match &mut self.alarm {
                Some(alarm) => Pin::new(alarm).poll(task).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn line(&mut self, line: &str) {
        if self.progress == Progress::None {
            return;
        }
        if !std::mem::replace(&mut self.thinking, true) {
            self.ready.push_back(Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Thinking }));
        }
        let delta = Delta::Thinking(format!("{line}\n"));
        self.ready.push_back(Ok(StreamEvent::PartDelta { index: 0, delta }));
    }

    fn end(&mut self, ended: Result<SessionResult, ProviderError>) {
        self.over = true;
        let result = match ended.and_then(|result| self.answered(result)) {
            Ok(result) => result,
            Err(error) => return self.ready.push_back(Err(error)),
        };
        if self.thinking {
            self.ready.push_back(Ok(StreamEvent::PartEnded { index: 0, opaque: None }));
        }
        let index = u32::from(self.thinking);
        let mut finished = Finished::new(StopReason::EndTurn);
        let total = result.total;
        finished.usage =
            TokenCount::default().with_input(total.input_tokens).with_output(total.output_tokens);
        finished.cost = Some(total.cost);
        self.ready.extend([
            Ok(StreamEvent::PartStarted { index, kind: PartKind::Text }),
            Ok(StreamEvent::text(index, text(&result))),
            Ok(StreamEvent::PartEnded { index, opaque: None }),
            Ok(finished.into()),
        ]);
    }

    /// The result, if there is something to read in it.
    fn answered(&mut self, result: SessionResult) -> Result<SessionResult, ProviderError> {
        let name = self.listener.name.clone();
        if let Some(held) = &result.held {
            self.resumable = true;
            let message =
                format!("session {name} is paused: {held}; name it in `x-forge-session` to go on with it");
            return Err(self.failure(ErrorKind::BudgetExceeded, message));
        }
        if result.label == DocumentLabel::Nothing {
            let why = result.banners().join("; ");
            return Err(self.failure(ErrorKind::Server, format!("session {name} has no document: {why}")));
        }
        Ok(result)
    }

    /// Neither the end nor a failure came in time.
    fn late(&mut self) {
        (self.over, self.resumable) = (true, true);
        let name = &self.listener.name;
        let message = format!(
            "session {name} has not ended in time and is paused; name it in `x-forge-session` to go on with it"
        );
        self.ready.push_back(Err(self.failure(ErrorKind::Timeout, message)));
    }

    fn failure(&self, kind: ErrorKind, message: String) -> ProviderError {
        ProviderError::new(kind, self.model.as_str(), message)
    }
}

/// The document, with what is less than planned before it, and behind it what critics and synthesizer do not agree on.
fn text(result: &SessionResult) -> String {
    let mut text = String::new();
    for banner in result.banners() {
        let _ = writeln!(text, "> {banner}");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(result.document.trim_end());
    if !result.dissents.is_empty() {
        text.push_str("\n\n---\n\nNot agreed on:\n");
        for dissent in &result.dissents {
            let claim = one_line(&dissent.claim);
            let reason = one_line(&dissent.reason);
            let Dissent { finding, severity, .. } = dissent;
            let _ = write!(text, "\n- {finding} ({severity}): {claim} Rejected: {reason}");
        }
    }
    text.push('\n');
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
