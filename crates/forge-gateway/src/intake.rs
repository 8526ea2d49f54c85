//! A request, until it is let in: read or looked over, matched to the one who answers it, and held to its limits.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use forge::{
    CallContext, ErrorKind, ModelProvider, ModelRequest, Participant, ProviderError, RESUME, SESSION,
    config::ServePlan, ingress::CHAT, request::InvalidBody, router::Router, tags::Tags,
};
use forge_http::ingress::{Incoming, Ingress, Refusal, ReplyHead};
use http::{HeaderMap, StatusCode, header, request::Parts};
use hyper::body::Incoming as RequestBody;

use crate::{
    access::Access,
    admit,
    answer::{failed, refused},
    capacity::Capacity,
    keyring::Caller,
    meter::Admission,
    models, opening,
    rate_headers::Rooms,
    reply::{self, Reply},
    request_body::{self, Body, Unread},
    state::StateMemory,
    stored::{self, Keeping, NotTaken, Responses, Terms},
};

/// Where a request of one caller comes in.
pub(crate) struct Intake<'a> {
    pub(crate) router: &'a Router,
    pub(crate) plan: &'a ServePlan,
    pub(crate) access: &'a Access,
    pub(crate) capacity: &'a Capacity,
    pub(crate) states: &'a Arc<StateMemory>,
    /// Where replies of this dialect are kept.
    pub(crate) responses: Option<(&'a Arc<Responses>, Duration)>,
    pub(crate) ingress: &'a Ingress,
    pub(crate) caller: &'a Caller,
}

impl Intake<'_> {
    /// Reads a request, or only looks over one that `carries` as it is, finds the one who answers it, and takes its place in
    /// the limits of its caller.
    pub(crate) async fn read(
        &self,
        head: &Parts,
        body: RequestBody,
        carries: bool,
    ) -> Result<Accepted, Reply> {
        let Self { plan, ingress, caller, .. } = *self;
        let Body { bytes, room } = self.body(&head.headers, body).await?;
        let cx = CallContext::with_timer(Participant::new(ingress.vendor.clone(), ""), self.router.timer());
        let reply = ReplyHead { id: cx.call_id.to_string(), created: cx.timer.now() };
        let (mut incoming, keeping) = match self.stored(&bytes, &reply).await? {
            Some(taken) => taken,
            None => {
                let incoming = self.incoming(head, &bytes, &reply, carries);
                (incoming.map_err(|wrong| refused(ingress, &Refusal::Body(&wrong.reason)))?, None)
            }
        };
        drop(room);
        let model = &incoming.model;
        let participant = participant(self.router, plan, caller, model, &incoming, ingress);
        let (participant, alias) = participant.map_err(|denied| {
            refused(
                ingress,
                &match &denied {
                    Unanswerable::Fields(names) => Refusal::Body(names),
                    Unanswerable::Unknown => Refusal::ModelUnknown(model),
                    Unanswerable::Model => Refusal::ModelDenied(model),
                },
            )
        })?;
        let unopened = self.restore(&mut incoming, &participant, session(&head.headers));
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
        let mut tags = Tags::default().with_client(client(&head.headers));
        if let Some(alias) = alias {
            tags = tags.with_alias(alias);
        }
        let cx = caller.sign(cx.with_participant(participant).with_tags(tags));
        Ok(Accepted { cx: cx.with_timeout(plan.timeout), incoming, unopened, admission, rooms, keeping })
    }

    /// Reads a request, or only looks over one that `carries` as it is.
    fn incoming(
        &self,
        head: &Parts,
        bytes: &Bytes,
        reply: &ReplyHead,
        carries: bool,
    ) -> Result<Incoming, InvalidBody> {
        let Self { plan, ingress, caller, .. } = *self;
        let read = || (ingress.parse)(bytes, &head.uri, reply);
        // Whoever wants to know of fields that are lost has to have all of them read. Clients of Chat Completions keep nothing
        // but the ids of calls, and what is remembered of those goes into the conversation.
        let is_wanted = || is_chat(ingress) && self.states.is_wanted(caller.owner(), bytes);
        let carries = carries && !plan.rejects_unknown_fields && !is_wanted();
        let carried = if carries { (ingress.carry)(bytes, head, reply) } else { Ok(None) };
        carried.and_then(|carried| carried.map_or_else(read, Ok))
    }

    /// Reads a request whose reply is kept, or that goes on from one that is.
    async fn stored(
        &self,
        bytes: &Bytes,
        reply: &ReplyHead,
    ) -> Result<Option<(Incoming, Option<Keeping>)>, Reply> {
        let Some((responses, keep)) = self.responses else { return Ok(None) };
        let terms =
            Terms { owner: self.caller.owner(), keep, bytes: self.plan.body_bytes, capacity: self.capacity };
        responses.take(bytes, reply, terms).await.map_err(|why| match why {
            NotTaken::Body(wrong) => refused(self.ingress, &Refusal::Body(&wrong.reason)),
            NotTaken::Crowded => busy(self.ingress, "too many large requests are being read"),
            NotTaken::Storage(failed) => stored::unavailable(&failed),
        })
    }

    async fn body(&self, headers: &HeaderMap, body: RequestBody) -> Result<Body, Reply> {
        let ingress = self.ingress;
        admit::check_body(headers).map_err(|denied| reply::refusal(denied.status(), denied.message()))?;
        let most = self.plan.body_bytes;
        request_body::read(body, most, self.capacity).await.map_err(|unread| match unread {
            Unread::TooLarge => refused(ingress, &Refusal::BodyTooLarge(most)),
            Unread::Crowded => busy(ingress, "too many large requests are being read"),
            Unread::TooSlow => reply::refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
            Unread::Broken => reply::refusal(StatusCode::BAD_REQUEST, "the body broke off"),
        })
    }

    /// Has the state of vendors back where the client carries it or it is remembered, and the session that it goes on with,
    /// before `participant` answers; returns how much of the state did not open.
    fn restore(&self, incoming: &mut Incoming, participant: &Participant, session: Option<&str>) -> usize {
        let (ingress, owner) = (self.ingress, self.caller.owner());
        let Incoming { request, model, .. } = incoming;
        // Clients of Chat send back no state of its vendor's, whose models have none there.
        let own =
            (!is_chat(ingress)).then(|| models::model_of(&self.router.plan(), participant, &ingress.vendor));
        let own = own.flatten();
        // What goes on as it came holds no seals, and may be read when another vendor has to answer.
        if request.carried().is_some() {
            let (states, owner) = (Arc::clone(self.states), Arc::clone(owner));
            let (vendor, model) = (ingress.vendor.clone(), model.clone());
            let session = session.map(str::to_owned);
            request.change_when_read(move |request| {
                resume(request, session.as_deref());
                if let Some(own) = &own {
                    opening::attribute(request, &vendor, &model, own);
                }
                states.restore(&owner, request, HashMap::default());
            });
            return 0;
        }
        resume(request, session);
        let opened = opening::open(request, &self.access.seals(), owner);
        if let Some(own) = own {
            opening::attribute(request, &ingress.vendor, model, &own);
        }
        self.states.restore(owner, request, opened.calls);
        opened.lost
    }
}

/// A request that was read and let in.
pub(crate) struct Accepted {
    pub(crate) cx: CallContext,
    pub(crate) incoming: Incoming,
    /// How many seals did not open.
    pub(crate) unopened: usize,
    pub(crate) admission: Admission,
    /// What is left of its caller's limits once it was let in.
    pub(crate) rooms: Rooms,
    /// What keeps its reply, where that is to be kept.
    pub(crate) keeping: Option<Keeping>,
}

/// The refusal of a server that has more to do than it may.
fn busy(ingress: &Ingress, why: &str) -> Reply {
    let busy = ProviderError::new(ErrorKind::Overloaded, "gateway", why);
    failed(ingress, &busy.with(|facts| facts.retry_after = Some(Duration::from_secs(1))))
}

/// Why a request that could be read is refused.
#[derive(Debug)]
pub(crate) enum Unanswerable {
    /// It has fields that would go to nobody, and the server refuses those.
    Fields(String),
    /// Nobody answers under its name of a model.
    Unknown,
    /// Its key may not use that model.
    Model,
}

/// Who answers `caller`'s request for the model that it calls `called`, and the alias by which, if it is one.
pub(crate) fn participant(
    router: &Router,
    plan: &ServePlan,
    caller: &Caller,
    called: &str,
    incoming: &Incoming,
    ingress: &Ingress,
) -> Result<(Participant, Option<String>), Unanswerable> {
    let own = incoming.request.extra.fields(&ingress.vendor);
    let is_lost = |name: &&String| own.is_none_or(|own| !own.contains_key(name.as_str()));
    let lost: Vec<&str> = incoming.unknown.iter().filter(is_lost).map(String::as_str).collect();
    if plan.rejects_unknown_fields && !lost.is_empty() {
        return Err(Unanswerable::Fields(format!("unknown fields: {}", lost.join(", "))));
    }
    let found = models::resolve(&router.plan(), router.models(), &plan.models, called);
    let (name, participant) = found.ok_or(Unanswerable::Unknown)?;
    // A pattern that fits the client's name opens nothing that another name stands for.
    if !caller.may_use(name) {
        return Err(Unanswerable::Model);
    }
    let alias = plan.models.aliases(name).next().map(|alias| alias.name.clone());
    Ok((participant, alias))
}

fn is_chat(ingress: &Ingress) -> bool {
    ingress.dialect == CHAT.dialect
}

/// The session that the client goes on with.
fn session(headers: &HeaderMap) -> Option<&str> {
    // What no session can be called is the name of none, and not no name.
    Some(headers.get("x-forge-session")?.to_str().unwrap_or("?"))
}

/// Has a session go on, if one is named and one answers.
fn resume(request: &mut ModelRequest, session: Option<&str>) {
    if let Some(name) = session {
        request.extra.insert(ModelProvider::from(SESSION), RESUME, name);
    }
}

/// The program that calls, by what it says of itself.
fn client(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let name = agent.split(['/', ' ']).next().unwrap_or_default();
    name.get(..64).unwrap_or(name).to_owned()
}
