//! One call: along the chain until a route answers.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use forge_core::{
    Advice, CallContext, Candidate, ErrorKind, FailedAttempt, ModelRequest, Money, Opaque, Phase,
    Provider as _, ProviderError, ProviderId, ResponseStream, RouteTrace, StopReason, StreamEvent, Verdict,
};
use forge_layers::Head;
use futures_core::Stream;

use crate::{
    affinity::Prefix,
    ask::Ask,
    drain::Inside,
    hedge,
    route::Manner,
    router::Shared,
    running::{Job, Running},
    strip,
    walk::{Pick, Walk},
};

/// What a router is called in errors.
pub(crate) const NAME: &str = "router";

pub(crate) async fn call(
    shared: &Arc<Shared>,
    inside: Inside,
    cx: &CallContext,
    request: Arc<ModelRequest>,
) -> Result<ResponseStream, ProviderError> {
    let running = shared.running();
    let ask = Ask::new(&running, cx, &request);
    let job = ask.job;
    let mut walk = Walk::new(&running, &ask, &shared.affinity);
    let (cx_of_call, request) = (cx.clone(), &request);
    let mut attempt =
        Attempt { running: &running, job, cx: cx_of_call, request, made: false, stripped: false };
    let mut last_error = None;
    loop {
        let (pick, manner) = match walk.next() {
            Some(pick) => (pick, walk.manner()),
            None => match walk.last_resort() {
                Some(pick) => (pick, Manner::LastResort),
                None => break,
            },
        };
        let (pick, mut outcome) = if job.hedge && manner != Manner::LastResort {
            hedge::ask(shared, &mut attempt, &mut walk, pick, manner).await
        } else {
            (pick, attempt.ask(pick, manner).await)
        };
        if outcome.as_ref().is_err_and(|error| error.policy().advice == Advice::RetryStripped) {
            // The vendor said no to the state alone: the same route may well answer without it.
            outcome = attempt.ask_stripped(pick, manner).await;
        }
        match outcome {
            Ok(head) => {
                tracing::debug!(call = %cx.call_id, route = %running.routes[pick.route].plan.id, "answers");
                let trace = walk.trace(Some(pick));
                let provider = running.routes[pick.route].plan.id.clone();
                let kept = Kept { shared: Arc::clone(shared), prefix: ask.prefix, provider };
                return Ok(ResponseStream::new(Answer::new(head, trace, kept, inside)));
            }
            Err(error) => {
                walk.failed(pick, error.kind);
                let go_on = match error.policy().advice {
                    Advice::RetryThenNext if error.kind == ErrorKind::Malformed => {
                        job.goes_on_after(error.kind)
                    }
                    Advice::RetryThenNext | Advice::RetryStripped | Advice::Next => true,
                    Advice::NextIfLarger => {
                        walk.only_larger_than(pick);
                        true
                    }
                    Advice::NextIfAllowed => job.goes_on_after(error.kind),
                    // What one vendor does not understand, another may: it has another dialect. Once.
                    Advice::Stop => is_vendors_refusal(&error) && walk.only_other_vendors(pick),
                };
                let late = cx.deadline.is_some_and(|deadline| deadline <= cx.clock.instant());
                if !go_on || late {
                    return Err(traced(error, walk.trace(None).into()));
                }
                if manner == Manner::LastResort {
                    last_error = Some(error);
                    break;
                }
                let provider = &running.routes[pick.route].plan.id;
                tracing::info!(call = %cx.call_id, %provider, error = ?error.kind, "falling back");
                last_error = Some(error);
            }
        }
    }
    Err(nobody(cx, last_error, walk.refusal(), walk.trace(None)))
}

impl Job {
    fn goes_on_after(&self, kind: ErrorKind) -> bool {
        self.fallback_on.contains(&kind)
    }
}

/// Whether the vendor itself said no, for a reason that nobody knows better. What Forge refuses is refused before
/// anything is sent.
fn is_vendors_refusal(error: &ProviderError) -> bool {
    error.kind == ErrorKind::InvalidRequest && error.phase == Phase::BeforeOutput && error.status.is_some()
}

fn traced(error: ProviderError, trace: Arc<RouteTrace>) -> ProviderError {
    error.with(|facts| facts.route = Some(trace))
}

/// The error when the chain is at its end: the last one, or one that says why nobody was asked.
fn nobody(
    cx: &CallContext,
    last: Option<ProviderError>,
    refusal: Option<(ErrorKind, Option<Duration>)>,
    trace: RouteTrace,
) -> ProviderError {
    let role = &cx.participant.role;
    let looked_at = trace.candidates.iter().map(|one| {
        let why = match &one.verdict {
            Verdict::Failed(kind) => kind.describe(),
            Verdict::Passed(why) => why,
            Verdict::Chosen | Verdict::Next => "not asked",
        };
        format!("{}: {why}", one.provider)
    });
    let looked_at = looked_at.collect::<Vec<_>>().join("; ");
    let error = match last {
        // With one route there is nothing to add to what it said.
        Some(error) if trace.candidates.len() == 1 => error,
        Some(error) => {
            let message = format!("no route for role `{role}` could answer ({looked_at})");
            let message = match cheapest(&trace).filter(|_| error.kind == ErrorKind::BudgetExceeded) {
                Some((provider, most)) => {
                    format!("{}; the cheapest route, {provider}, may take up to {most}", error.message)
                }
                None => message,
            };
            ProviderError::new(error.kind, NAME, message).with(|facts| {
                facts.retry_after = error.retry_after;
                facts.phase = error.phase;
                facts.source = Some(Box::new(error));
            })
        }
        None if trace.candidates.is_empty() => {
            let message = format!(
                "there is no route for role `{role}` (provider `{}`); name the role or a default provider in \
                 the configuration",
                cx.participant.provider_id
            );
            ProviderError::new(ErrorKind::InvalidRequest, NAME, message)
                .with(|facts| facts.phase = Phase::BeforeSend)
        }
        None => {
            let message = format!("no route for role `{role}` can take the call ({looked_at})");
            let (kind, retry_after) = refusal.unwrap_or((ErrorKind::InvalidRequest, None));
            ProviderError::new(kind, NAME, message).with(|facts| {
                facts.phase = Phase::BeforeSend;
                facts.retry_after = retry_after;
            })
        }
    };
    traced(error, trace.into())
}

/// The route that was over budget and would take the least, with what it may take.
fn cheapest(trace: &RouteTrace) -> Option<(&ProviderId, Money)> {
    let over = |one: &&Candidate| one.verdict == Verdict::Failed(ErrorKind::BudgetExceeded);
    let costs = trace.candidates.iter().filter(over).filter_map(|one| Some((&one.provider, one.cost?)));
    costs.min_by_key(|(_, cost)| *cost)
}

/// What the attempts of one call share.
pub(crate) struct Attempt<'a> {
    running: &'a Arc<Running>,
    job: &'a Job,
    cx: CallContext,
    request: &'a Arc<ModelRequest>,
    /// Whether the first number has been used.
    made: bool,
    /// Whether all state of vendors is left out.
    stripped: bool,
}

impl<'a> Attempt<'a> {
    pub(crate) fn running(&self) -> &'a Arc<Running> {
        self.running
    }

    /// Asks the route of `pick` and reads its reply up to the first content.
    pub(crate) fn ask(
        &mut self,
        pick: Pick,
        manner: Manner,
    ) -> impl Future<Output = Result<Head, ProviderError>> + Send + use<'a> {
        if std::mem::replace(&mut self.made, true) {
            self.cx.next_attempt();
        }
        let (running, mut cx) = (self.running, self.cx.clone());
        let route = &running.routes[pick.route];
        cx.participant = Arc::new(route.participant(&cx.participant));
        let (request, goes_on_after) = (self.fitted(pick), &self.job.fallback_on);
        async move {
            let begun = cx.clock.instant();
            let request = request?;
            let stream = route.provider(manner).stream(&cx, Arc::clone(&request)).await?;
            let head = Head::read(route.plan.id.as_str(), stream, &request).await?;
            match declined(&head).filter(|kind| goes_on_after.contains(kind)) {
                None => Ok(head),
                Some(kind) => {
                    let error = ProviderError::new(kind, route.plan.id.as_str(), "nothing was said")
                        .with(|facts| facts.model = Some(cx.model().clone()));
                    let took = cx.clock.instant().saturating_duration_since(begun);
                    cx.attempts.note(FailedAttempt::new(&cx, &error, took));
                    Err(error)
                }
            }
        }
    }

    /// Asks again without any state of vendors.
    async fn ask_stripped(&mut self, pick: Pick, manner: Manner) -> Result<Head, ProviderError> {
        self.stripped = true;
        let outcome = self.ask(pick, manner).await;
        self.stripped = false;
        outcome
    }

    /// The request with the settings of the role and the provider, and without other models' state.
    fn fitted(&self, pick: Pick) -> Result<Arc<ModelRequest>, ProviderError> {
        let route = &self.running.routes[pick.route];
        let (model, vendor) = (route.model_for(&self.cx.participant), &route.vendor);
        let settings = [
            (&self.job.parameters, self.job.extra_for.as_ref().filter(|first| *first == vendor)),
            (&route.plan.parameters, Some(vendor)),
        ];
        let is_foreign =
            |state: &Opaque| self.stripped || !state.belongs_to(vendor, model, route.plan.id.as_str());
        let asked = self.request.parsed()?;
        let foreign = strip::is_needed(asked, is_foreign);
        let fits = !foreign && !settings.iter().any(|(settings, vendor)| settings.concern(asked, *vendor));
        if fits && self.request.carried().is_none() {
            return Ok(Arc::clone(self.request));
        }
        let mut request = asked.clone();
        for (settings, vendor) in settings {
            settings.fill(&mut request, vendor);
        }
        if foreign {
            strip::foreign(&mut request, is_foreign);
        }
        Ok(Arc::new(request))
    }
}

/// Why the reply ended before anything was said, if the model declined or a filter did.
fn declined(head: &Head) -> Option<ErrorKind> {
    match head.events.last() {
        Some(StreamEvent::Finished(finished)) => match finished.reason {
            StopReason::Refusal => Some(ErrorKind::Refusal),
            StopReason::ContentFiltered => Some(ErrorKind::ContentFiltered),
            _ => None,
        },
        _ => None,
    }
}

/// Where a conversation's prefix is cached, once the reply has said so.
struct Kept {
    shared: Arc<Shared>,
    prefix: Prefix,
    provider: ProviderId,
}

/// The reply of the route that answered. Holds the call's place among those under way.
struct Answer {
    head: std::vec::IntoIter<StreamEvent>,
    rest: Option<ResponseStream>,
    trace: Arc<RouteTrace>,
    kept: Kept,
    inside: Option<Inside>,
}

impl Answer {
    fn new(head: Head, trace: RouteTrace, kept: Kept, inside: Inside) -> Self {
        let (Head { mut events, rest }, trace) = (head, Arc::new(trace));
        for event in &mut events {
            if let StreamEvent::Started(started) = event {
                started.route = Some(Arc::clone(&trace));
            }
        }
        Self { head: events.into_iter(), rest: Some(rest), trace, kept, inside: Some(inside) }
    }

    fn end(&mut self) {
        self.rest = None;
        self.inside = None;
    }

    fn note(&mut self, event: &StreamEvent) {
        if let StreamEvent::Finished(finished) = event {
            let usage = &finished.usage;
            let cached = [usage.cache_read, usage.cache_write_5m, usage.cache_write_1h];
            if cached.into_iter().flatten().any(|tokens| tokens > 0) {
                let Kept { shared, prefix, provider } = &self.kept;
                shared.affinity.remember(*prefix, provider.clone(), shared.parts.timer.instant());
            }
            self.inside = None;
        }
    }
}

impl Stream for Answer {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(event) = this.head.next() {
            this.note(&event);
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(rest) = &mut this.rest else { return Poll::Ready(None) };
        if this.inside.as_ref().is_some_and(|inside| inside.is_cut(task)) {
            this.end();
            return Poll::Ready(Some(Err(traced(cut_off(), Arc::clone(&this.trace)))));
        }
        let item = ready!(Pin::new(rest).poll_next(task));
        Poll::Ready(match item {
            Some(Ok(event)) => {
                this.note(&event);
                Some(Ok(event))
            }
            Some(Err(error)) => {
                this.end();
                Some(Err(traced(error, Arc::clone(&this.trace))))
            }
            None => {
                this.end();
                None
            }
        })
    }
}

/// The error of a call that a shutdown ended.
pub(crate) fn cut_off() -> ProviderError {
    ProviderError::new(ErrorKind::Cancelled, NAME, "the program is shutting down")
}
