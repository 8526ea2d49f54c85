use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use super::{Connection, Step};
use crate::journal::Ticket;

/// Plays the steps of a plan. Each piece is flushed before the next step begins.
#[derive(Debug)]
pub(crate) struct PlannedBody {
    steps: VecDeque<Step>,
    sleeping: Option<Pin<Box<Sleep>>>,
    /// The flush count at the time of the last piece.
    unflushed: Option<u64>,
    connection: Arc<Connection>,
    ticket: Option<Ticket>,
}

impl PlannedBody {
    pub(crate) fn new(steps: VecDeque<Step>, connection: Arc<Connection>, ticket: Option<Ticket>) -> Self {
        let mut body = Self { steps, sleeping: None, unflushed: None, connection, ticket };
        if body.steps.is_empty() {
            body.finish();
        }
        body
    }

    fn finish(&mut self) {
        if let Some(ticket) = &mut self.ticket {
            ticket.finish();
        }
    }
}

/// The body ends here on purpose.
#[derive(Debug)]
pub(crate) struct Severed;

impl fmt::Display for Severed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut by script")
    }
}

impl std::error::Error for Severed {}

impl Body for PlannedBody {
    type Data = Bytes;
    type Error = Severed;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Severed>>> {
        let this = self.get_mut();
        loop {
            // hyper joins what is ready; without the wait, two pieces would leave in one segment and a pause
            // between them would not show.
            if let Some(seen) = this.unflushed {
                ready!(this.connection.poll_flushed(seen, cx));
                this.unflushed = None;
            }
            if let Some(sleeping) = &mut this.sleeping {
                ready!(sleeping.as_mut().poll(cx));
                this.sleeping = None;
            }
            match this.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => {
                    // With the last piece, because hyper asks for no frame of a body that says it is at its
                    // end.
                    if this.steps.is_empty() {
                        this.finish();
                    }
                    this.unflushed = Some(this.connection.flushes());
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Flush) => this.unflushed = Some(this.connection.flushes()),
                Some(Step::Wait(duration)) => this.sleeping = Some(Box::pin(sleep(duration))),
                Some(Step::Cut) => {
                    this.finish();
                    // An error of the body makes hyper close the connection without the end that the framing
                    // promised.
                    return Poll::Ready(Some(Err(Severed)));
                }
                Some(Step::Reset) => {
                    this.connection.reset_on_close();
                    this.finish();
                    return Poll::Ready(Some(Err(Severed)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }
}
