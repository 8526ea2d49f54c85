//! One request, from its head to the one who answers it.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use forge::{
    CallContext, ErrorKind, Participant, ProviderError, config::ServePlan, router::Router, store::Store,
    tags::Tags,
};
use forge_http::ingress::{Incoming, Ingress, Refusal, ReplyHead};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, request::Parts};
use hyper::body::Incoming as RequestBody;

use crate::{
    access::Access,
    admit,
    answer::{Answer, failed, refused},
    capacity::Capacity,
    keyring::Caller,
    listen::Ends,
    meter::Admission,
    model_list, models, opening,
    options::GatewayOptions,
    path::Wanted,
    rate_headers::Rooms,
    reply::{self, Reply, insert},
    reply_body::ReplyBody,
    request_body::{self, Body, Unread},
    request_log::{KeyName, Noted, Noting, RequestLog},
    sealing::Sealing,
    state::StateMemory,
    tls::Tls,
};

/// What every request is answered from.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) access: Access,
    pub(crate) tls: Option<Tls>,
    pub(crate) capacity: Capacity,
    pub(crate) metrics: Option<Arc<Store>>,
    pub(crate) log: Option<RequestLog>,
    states: Arc<StateMemory>,
    plan: RwLock<Arc<ServePlan>>,
}

impl Service {
    pub(crate) fn new(router: Router, options: GatewayOptions, access: Access, tls: Option<Tls>) -> Self {
        let GatewayOptions { plan, metrics, log, .. } = options;
        let states = Arc::new(StateMemory::new(router.timer()));
        let capacity = Capacity::new(&plan);
        Self { router, access, tls, capacity, metrics, log, states, plan: RwLock::new(Arc::new(plan)) }
    }

    /// How it serves now.
    pub(crate) fn plan(&self) -> Arc<ServePlan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on, requests are answered by this plan.
    pub(crate) fn set_plan(&self, plan: ServePlan) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    /// Answers a request. Whoever drops the future gives the call up. A socket in the file system has no `ends`. What comes
    /// with the reply is to be dropped with its body.
    pub(crate) async fn respond(
        &self,
        ends: Option<Ends>,
        request: Request<RequestBody>,
    ) -> (Reply, Option<Noted>) {
        let (mut head, body) = request.into_parts();
        let plan = self.plan();
        let ends = ends.map(|ends| admit::client(ends, &head.headers, &plan.trusted_proxies));
        admit::deny_betas(&mut head.headers, &plan.denied_betas);
        let noting = self.log.as_ref().filter(|_| plan.logs_requests);
        let noting = noting.map(|log| Noting::begin(log, &head, ends));
        let mut reply = self.reply(&plan, &head, ends, body).await;
        if plan.finishes_alone
            && let ReplyBody::Stream(stream) = reply.body_mut()
        {
            stream.finish_alone();
        }
        let noted = noting.map(|noting| noting.answered(&reply));
        (reply, noted)
    }

    async fn reply(&self, plan: &ServePlan, head: &Parts, ends: Option<Ends>, body: RequestBody) -> Reply {
        let origin = match admit::check(head, ends, plan) {
            Ok(origin) => origin,
            Err(denied) => return reply::refusal(denied.status(), denied.message()),
        };
        let mut reply = match origin.filter(|_| head.method == Method::OPTIONS) {
            Some(_) => admit::preflight(&head.headers),
            None => self.answer(plan, head, ends, body).await,
        };
        if let Some(origin) = origin {
            reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            reply.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
        }
        if head.method == Method::HEAD {
            *reply.body_mut() = ReplyBody::Whole(None);
        }
        reply
    }

    async fn answer(&self, plan: &ServePlan, head: &Parts, ends: Option<Ends>, body: RequestBody) -> Reply {
        let wanted = Wanted::of(&head.method, head.uri.path());
        let caller = match wanted {
            // Who only asks whether anybody is there may do so without a key.
            Wanted::Alive => Some(Caller::Anybody),
            _ => self.access.caller(head, ends, self.router.timer().now()),
        };
        // Nothing is read on behalf of somebody who is not known.
        let Some(caller) = caller else { return wanted.no_key() };
        let mut reply = self.serve(plan, &caller, wanted, head, body).await;
        if let Some(name) = caller.name() {
            reply.extensions_mut().insert(KeyName(Arc::clone(name)));
        }
        reply
    }

    async fn serve(
        &self,
        plan: &ServePlan,
        caller: &Caller,
        wanted: Wanted,
        head: &Parts,
        body: RequestBody,
    ) -> Reply {
        match wanted {
            Wanted::Reply(ingress) | Wanted::Count(ingress)
                if !plan.formats.contains(&ingress.dialect.as_str()) =>
            {
                refused(&ingress, &Refusal::Path(head.uri.path()))
            }
            Wanted::Alive => reply::body(StatusCode::OK, "text/plain", b"forge\n".to_vec()),
            Wanted::Models(id) => self.models(plan, caller, head, id.as_deref()),
            Wanted::Reply(ingress) => match self.read(plan, &ingress, caller, head, body, plan.relay).await {
                Err(refused) => refused,
                Ok(Read { cx, incoming, admission, rooms, unopened }) => {
                    let now = cx.timer.now();
                    let sealing = self.sealing(&ingress, caller);
                    let answer = Answer { router: &self.router, ingress: &ingress, cx, sealing, unopened };
                    let mut reply = answer.to(incoming, admission).await;
                    rooms.tell(&ingress.dialect, now, &mut reply);
                    reply
                }
            },
            Wanted::Count(ingress) => match self.read(plan, &ingress, caller, head, body, false).await {
                Err(refused) => refused,
                Ok(Read { cx, incoming, admission: _under_way, .. }) => {
                    self.count(&ingress, &cx, incoming).await
                }
            },
            Wanted::Socket => {
                reply::refusal(StatusCode::UPGRADE_REQUIRED, "there are no sockets here; go on over HTTP")
            }
            Wanted::OtherMethod(Some(ingress)) => refused(&ingress, &Refusal::Method),
            Wanted::OtherMethod(None) => {
                reply::refusal(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
            }
            Wanted::Nothing(Some(ingress)) => refused(&ingress, &Refusal::Path(head.uri.path())),
            Wanted::Nothing(None) => {
                reply::refusal(StatusCode::NOT_FOUND, &format!("nothing is served at {}", head.uri.path()))
            }
        }
    }

    fn sealing(&self, ingress: &Ingress, caller: &Caller) -> Sealing {
        let (owner, memory) = (Arc::clone(caller.owner()), Arc::clone(&self.states));
        Sealing::new(&ingress.dialect, ingress.vendor.clone(), owner, self.access.seals(), memory)
    }

    /// Has the state of vendors back where the client carries it or it is remembered, before `participant` answers; returns how
    /// much of it did not open.
    fn restore(
        &self,
        ingress: &Ingress,
        owner: &Arc<str>,
        incoming: &mut Incoming,
        participant: &Participant,
    ) -> usize {
        let Incoming { request, model, .. } = incoming;
        // Clients of Chat send back no state of its vendor's, whose models have none there.
        let is_chat = ingress.dialect.as_str() == "chat";
        let own = (!is_chat).then(|| models::model_of(&self.router.plan(), participant, &ingress.vendor));
        let own = own.flatten();
        // What goes on as it came holds no seals, and may be read when another vendor has to answer.
        if request.carried().is_some() {
            let (states, owner) = (Arc::clone(&self.states), Arc::clone(owner));
            let (vendor, model) = (ingress.vendor.clone(), model.clone());
            request.change_when_read(move |request| {
                if let Some(own) = &own {
                    opening::attribute(request, &vendor, &model, own);
                }
                states.restore(&owner, request, HashMap::default());
            });
            return 0;
        }
        let opened = opening::open(request, &self.access.seals(), owner);
        if let Some(own) = own {
            opening::attribute(request, &ingress.vendor, model, &own);
        }
        self.states.restore(owner, request, opened.calls);
        opened.lost
    }

    fn models(&self, plan: &ServePlan, caller: &Caller, head: &Parts, id: Option<&str>) -> Reply {
        let today = self.router.timer().now().date_naive();
        let may_use = |name: &str| caller.may_use(name);
        let (router, table) = (self.router.plan(), self.router.models());
        match model_list::list(&router, table, &plan.models, may_use, head, id, today) {
            Some(list) => reply::json(StatusCode::OK, &list),
            None => reply::refusal(StatusCode::NOT_FOUND, "there is no model of this name"),
        }
    }

    /// Reads a request, or only looks over one that `carries` as it is, finds the one who answers it, and takes its place in
    /// the limits of its caller.
    async fn read(
        &self,
        plan: &ServePlan,
        ingress: &Ingress,
        caller: &Caller,
        head: &Parts,
        body: RequestBody,
        carries: bool,
    ) -> Result<Read, Reply> {
        let Body { bytes, room } = self.body(plan, ingress, &head.headers, body).await?;
        let cx = CallContext::with_timer(Participant::new(ingress.vendor.clone(), ""), self.router.timer());
        let reply = ReplyHead { id: cx.call_id.to_string(), created: cx.timer.now() };
        let read = || (ingress.parse)(&bytes, &head.uri, &reply);
        // Whoever wants to know of fields that are lost has to have all of them read. Clients of Chat Completions keep nothing
        // but the ids of calls, and what is remembered of those goes into the conversation.
        let carries =
            carries && !plan.rejects_unknown_fields && !self.states.is_wanted(caller.owner(), &bytes);
        let carried = if carries { (ingress.carry)(&bytes, head, &reply) } else { Ok(None) };
        let incoming = carried.and_then(|carried| carried.map_or_else(read, Ok));
        let mut incoming = incoming.map_err(|error| refused(ingress, &Refusal::Body(&error.reason)))?;
        drop(room);
        if plan.rejects_unknown_fields {
            known(&incoming, ingress).map_err(|unknown| refused(ingress, &Refusal::Body(&unknown)))?;
        }
        let model = &incoming.model;
        let found = models::resolve(&self.router.plan(), self.router.models(), &plan.models, model);
        let (name, participant) = found.ok_or_else(|| refused(ingress, &Refusal::ModelUnknown(model)))?;
        // A pattern that fits the client's name opens nothing that another name stands for.
        if !caller.may_use(name) {
            return Err(refused(ingress, &Refusal::ModelDenied(model)));
        }
        let unopened = self.restore(ingress, caller.owner(), &mut incoming, &participant);
        let place = self.capacity.call();
        let place = place.ok_or_else(|| busy(ingress, "as many calls are under way as there may be"))?;
        let tokens = || incoming.request.outline().size.expected_input();
        let now = cx.timer.instant();
        let admission = caller.admit(place, &plan.per_key, tokens, now);
        let rooms = caller.rooms(&plan.per_key, now);
        let admission = admission.map_err(|limited| {
            let mut reply = failed(ingress, &limited);
            rooms.tell(&ingress.dialect, cx.timer.now(), &mut reply);
            reply
        })?;
        let tags = Tags::default().with_client(client(&head.headers));
        let cx = caller.sign(cx.with_participant(participant).with_tags(tags));
        Ok(Read { cx: cx.with_timeout(plan.timeout), incoming, unopened, admission, rooms })
    }

    async fn body(
        &self,
        plan: &ServePlan,
        ingress: &Ingress,
        headers: &HeaderMap,
        body: RequestBody,
    ) -> Result<Body, Reply> {
        admit::check_body(headers).map_err(|denied| reply::refusal(denied.status(), denied.message()))?;
        let most = plan.body_bytes;
        request_body::read(body, most, &self.capacity).await.map_err(|unread| match unread {
            Unread::TooLarge => refused(ingress, &Refusal::BodyTooLarge(most)),
            Unread::Crowded => busy(ingress, "too many large requests are being read"),
            Unread::TooSlow => reply::refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
            Unread::Broken => reply::refusal(StatusCode::BAD_REQUEST, "the body broke off"),
        })
    }

    /// How many tokens the prompt has: the vendor's own count, or an estimate that says so.
    async fn count(&self, ingress: &Ingress, cx: &CallContext, incoming: Incoming) -> Reply {
        let request = Arc::new(incoming.request);
        let first = self.router.first_choice(cx, &request);
        let adapter = first.as_ref().and_then(|one| self.router.adapter(&one.provider_id));
        let counted = match first.zip(adapter) {
            Some((first, adapter)) => adapter.count_tokens(&first.model_id, &request).await.ok(),
            None => None,
        };
        let tokens = counted.unwrap_or_else(|| request.outline().size.expected_input());
        let mut reply = reply::body(StatusCode::OK, "application/json", (ingress.count)(tokens));
        if counted.is_none() {
            insert(&mut reply, "x-forge-estimated", "true");
        }
        reply
    }
}

/// A request that was read and let in.
struct Read {
    cx: CallContext,
    incoming: Incoming,
    /// How many seals did not open.
    unopened: usize,
    admission: Admission,
    /// What is left of its caller's limits once it was let in.
    rooms: Rooms,
}

/// The refusal of a server that has more to do than it may.
fn busy(ingress: &Ingress, why: &str) -> Reply {
    let busy = ProviderError::new(ErrorKind::Overloaded, "gateway", why);
    failed(ingress, &busy.with(|facts| facts.retry_after = Some(Duration::from_secs(1))))
}

/// Refuses a request with fields that would go to nobody.
fn known(incoming: &Incoming, ingress: &Ingress) -> Result<(), String> {
    let own = incoming.request.extra.fields(&ingress.vendor);
    let is_lost = |name: &&String| own.is_none_or(|own| !own.contains_key(name.as_str()));
    let lost: Vec<&str> = incoming.unknown.iter().filter(is_lost).map(String::as_str).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("unknown fields: {}", lost.join(", "))) }
}

/// The program that calls, by what it says of itself.
fn client(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let name = agent.split(['/', ' ']).next().unwrap_or_default();
    name.get(..64).unwrap_or(name).to_owned()
}
