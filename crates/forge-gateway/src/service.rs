//! One request, from its head to the one who answers it.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use forge::{
    CallContext, RunningSessions, config::ServePlan, ingress::RESPONSES, router::Router, store::Store,
};
use forge_core::storage::access::KeyScope;
use forge_http::ingress::{Incoming, Ingress, Refusal};
use http::{HeaderValue, Method, Request, StatusCode, header, request::Parts};
use hyper::body::Incoming as RequestBody;

use crate::{
    access::Access,
    admit,
    answer::{Answer, refused},
    attending::{Attendant, Attending},
    capacity::Capacity,
    intake::{Accepted, Intake},
    keyring::Caller,
    listen::Ends,
    metrics::Replies,
    model_list,
    mount::{Mount, MountedFigures},
    options::GatewayOptions,
    path::Wanted,
    reply::{self, Reply, insert},
    reply_body::ReplyBody,
    request_log::{KeyName, Noted, Noting, RequestLog},
    sealing::Sealing,
    state::StateMemory,
    stored::{self, Responses},
    tls::Tls,
    watching,
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
    pub(crate) replies: Replies,
    pub(crate) states: Arc<StateMemory>,
    pub(crate) responses: Option<Arc<Responses>>,
    pub(crate) sessions: Option<RunningSessions>,
    mounts: Vec<Mount>,
    only_mounts: bool,
    pub(crate) mounted_figures: Option<MountedFigures>,
    plan: RwLock<Arc<ServePlan>>,
}

impl Service {
    pub(crate) fn new(router: Router, options: GatewayOptions, access: Access, tls: Option<Tls>) -> Self {
        let GatewayOptions { plan, metrics, log, responses, sessions, mounts, only_mounts, figures, .. } =
            options;
        let states = Arc::new(StateMemory::new(router.timer()));
        let responses = responses.map(|store| Arc::new(Responses::new(store, router.timer())));
        let (capacity, plan) = (Capacity::new(&plan), RwLock::new(Arc::new(plan)));
        Self {
            router,
            access,
            tls,
            capacity,
            metrics,
            log,
            replies: Replies::default(),
            states,
            responses,
            sessions,
            mounts,
            only_mounts,
            mounted_figures: figures,
            plan,
        }
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
        self.replies.count(reply.status().as_u16());
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
        let mut reply = match Mount::find(&self.mounts, head.uri.path()) {
            Some(mount) => mount.reply(&self.router, &caller, head, body, (&self.capacity, plan)).await,
            None if self.only_mounts && !matches!(wanted, Wanted::Alive) => {
                reply::refusal(StatusCode::NOT_FOUND, &format!("nothing is served at {}", head.uri.path()))
            }
            None => self.serve(plan, &caller, wanted, head, body).await,
        };
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
            Wanted::Reply(ingress) => {
                match self.intake(plan, &ingress, caller).read(head, body, plan.relay).await {
                    Err(refused) => refused,
                    Ok(Accepted { cx, incoming, admission, rooms, unopened, keeping }) => {
                        let Some(cx) = self.placed(cx, &incoming) else {
                            return refused(&ingress, &Refusal::ModelUnknown(&incoming.model));
                        };
                        let now = cx.timer.now();
                        let sealing = self.sealing(&ingress, caller);
                        let router = &self.router;
                        let answer = Answer { router, ingress: &ingress, cx, sealing, unopened, keeping };
                        let mut reply = answer.to(incoming, admission).await;
                        rooms.tell(&ingress.dialect, now, &mut reply);
                        reply
                    }
                }
            }
            Wanted::Count(ingress) => match self.intake(plan, &ingress, caller).read(head, body, false).await
            {
                Err(refused) => refused,
                Ok(Accepted { cx, incoming, admission: _under_way, .. }) => {
                    self.count(&ingress, &cx, incoming).await
                }
            },
            Wanted::Events if self.may_watch(plan, caller, head) => {
                watching::answer(&self.router, head, true)
            }
            Wanted::Events => reply::refusal(
                StatusCode::FORBIDDEN,
                "events are for keys that are made with `--scope events`, those of a session also with `--scope attend`, or for \
                 who opens the admin address",
            ),
            Wanted::Sessions(attended) => match caller.attendant() {
                Some(who) => self.attending(plan, who).answer(attended, head, body).await,
                None => reply::refusal(
                    StatusCode::FORBIDDEN,
                    "sessions are for keys that are made with `--scope attend`, or for who opens the admin address",
                ),
            },
            Wanted::Stored(..) if !plan.formats.contains(&RESPONSES.dialect.as_str()) => {
                refused(&RESPONSES, &Refusal::Path(head.uri.path()))
            }
            Wanted::Stored(id, wish) => match self.kept(plan) {
                Some((responses, _)) => responses.answer(caller.owner(), &id, wish, head.uri.query()).await,
                None => stored::not_found(&id),
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

    /// The call with the one who answers it, if it cannot go on to another: numbers that two models make of a text have nothing
    /// to do with each other. `None` if that one takes no such request.
    fn placed(&self, cx: CallContext, incoming: &Incoming) -> Option<CallContext> {
        if !incoming.request.carried().is_some_and(|carried| carried.stays_as_it_is) {
            return Some(cx);
        }
        let request = Arc::new(incoming.request.clone());
        let first = self.router.first_choice(&cx, &request)?;
        let adapter = self.router.adapter(&first.provider_id)?;
        adapter.relays(&first.model_id, &request).then(|| cx.with_participant(first))
    }

    fn intake<'a>(&'a self, plan: &'a ServePlan, ingress: &'a Ingress, caller: &'a Caller) -> Intake<'a> {
        let Self { router, access, capacity, states, .. } = self;
        let responses = self.kept(plan).filter(|_| ingress.dialect == RESPONSES.dialect);
        Intake { router, plan, access, capacity, states, responses, ingress, caller }
    }

    /// Whether a caller may have the events that are asked for: all of them, or those of a session.
    fn may_watch(&self, plan: &ServePlan, caller: &Caller, head: &Parts) -> bool {
        let of_session = watching::in_query(&head.uri, watching::SESSION).zip(caller.attendant());
        caller.has(KeyScope::Events)
            || of_session.is_some_and(|(session, who)| self.attending(plan, who).is_open(session))
    }

    /// Where somebody attends the sessions that run here.
    pub(crate) fn attending(&self, plan: &ServePlan, who: Attendant) -> Attending<'_> {
        let (sessions, capacity) = (self.sessions.as_ref(), &self.capacity);
        Attending { sessions, capacity, body_bytes: plan.body_bytes, who }
    }

    /// Where responses are kept, and how long, if they are.
    fn kept(&self, plan: &ServePlan) -> Option<(&Arc<Responses>, Duration)> {
        self.responses.as_ref().zip(plan.keep_responses)
    }

    fn sealing(&self, ingress: &Ingress, caller: &Caller) -> Sealing {
        let (owner, memory) = (Arc::clone(caller.owner()), Arc::clone(&self.states));
        Sealing::new(&ingress.dialect, ingress.vendor.clone(), owner, self.access.seals(), memory)
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
