//! The sessions that clients have begun: those that run, and those whose client went away.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc},
};

use super::{attended::Patience, news::Told, progress::Lines, running::RunningSession};
use crate::{
    CallContext, ErrorKind, ModelRequest, ProviderError, ProviderId,
    session::{Controls, Session, SessionError, State},
    sessions::{SessionHost, SessionRequest, session_name},
    storage::journal::StreamName,
};

/// How long a session without a client is kept ready. Its calls under way end meanwhile, so that none of them is paid for
/// nothing; afterwards the journal alone has it.
const LEFT_ALONE: Duration = Duration::from_secs(600);

/// Questions that are remembered whose client went away.
const REMEMBERED: usize = 1_000;

/// What was asked, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) model: ProviderId,
    /// The key, or nothing for whoever comes without one: never the user of the machine, whose sessions are nobody else's.
    owner: Arc<str>,
    digest: [u8; 32],
    attended: Option<Duration>,
}

impl Asked {
    /// A request by the key of its caller. One that only names a session goes by that name.
    pub(super) fn of(
        model: &ProviderId,
        cx: &CallContext,
        request: &ModelRequest,
        named: Option<&str>,
    ) -> Self {
        let question = match named {
            Some(named) => named.as_bytes().to_vec(),
            // Its own fields and nothing of how it came, so that a client that asks again is known.
            None => serde_json::to_vec(&(model, &request.system, &request.messages)).unwrap_or_default(),
        };
        let owner = cx.tags.key().unwrap_or_default().into();
        Self { model: model.clone(), owner, digest: Sha256::digest(&question).into(), attended: None }
    }

    /// The same, with people who decide after each cycle, and are waited for so long.
    pub(super) fn attended(self, attended: Option<Duration>) -> Self {
        Self { attended, ..self }
    }
}

/// The sessions of a system that clients have begun.
#[derive(Debug, Default)]
pub(crate) struct LiveSessions(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    running: HashMap<StreamName, Arc<Live>>,
    /// What was asked by those who went away before the answer, the last one at the end.
    abandoned: VecDeque<(Asked, StreamName)>,
}

impl Known {
    fn remember(&mut self, asked: &Asked, name: &StreamName) {
        while self.abandoned.len() >= REMEMBERED {
            self.abandoned.pop_front();
        }
        self.abandoned.push_back((asked.clone(), name.clone()));
    }
}

/// A session whose client has come back. Dropped before it goes on, it is remembered as before.
struct Recalled<'a> {
    name: Option<StreamName>,
    asked: &'a Asked,
    sessions: &'a LiveSessions,
}

impl Recalled<'_> {
    fn goes_on(recalled: Option<Self>) {
        if let Some(mut recalled) = recalled {
            recalled.name = None;
        }
    }
}

impl Drop for Recalled<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.sessions.lock().remember(self.asked, name);
        }
    }
}

/// A session that runs in a task of its own.
struct Live {
    model: ProviderId,
    owner: Arc<str>,
    /// The team of its key.
    team: Option<Arc<str>>,
    controls: Controls,
    client: Client,
    /// Ends the task at once, which is like a kill: the journal has what was answered.
    stop: Notify,
}

/// Where a session's news go, as long as somebody listens.
#[derive(Clone, Default)]
struct Client(Arc<Listening>);

#[derive(Default)]
struct Listening {
    sender: Mutex<Option<mpsc::UnboundedSender<Told>>>,
    /// Somebody has come or gone.
    changed: Notify,
}

impl Client {
    fn sender(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<Told>>> {
        self.0.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the place of whoever listened before.
    fn listen(&self) -> mpsc::UnboundedReceiver<Told> {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.sender() = Some(sender);
        self.0.changed.notify_waiters();
        receiver
    }

    fn tell(&self, told: Told) {
        if let Some(sender) = &*self.sender() {
            // Whoever has gone is told nothing.
            let _ = sender.send(told);
        }
    }

    fn is_gone(&self) -> bool {
        self.sender().as_ref().is_none_or(mpsc::UnboundedSender::is_closed)
    }
}

/// A client's end of a session. Dropped before the answer was read, it pauses the session.
pub(super) struct Listener {
    pub(super) name: StreamName,
    pub(super) news: mpsc::UnboundedReceiver<Told>,
    /// Set when the answer was read to its end.
    pub(super) done: bool,
    asked: Asked,
    sessions: Arc<LiveSessions>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if !self.done {
            self.news.close();
            self.sessions.abandon(&self.asked, &self.name);
        }
    }
}

impl LiveSessions {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the session that a client names, or with that of the same question whose client went away; `None` if
    /// there is none to go on with.
    ///
    /// # Errors
    /// A session of that name that is not there, or that somebody else has begun: nobody is told which.
    pub(super) async fn take_up(
        self: &Arc<Self>,
        host: &Arc<SessionHost>,
        cx: &CallContext,
        asked: &Asked,
        named: Option<&str>,
    ) -> Result<Option<Listener>, ProviderError> {
        let unknown = |name: &str| {
            ProviderError::new(
                ErrorKind::ModelNotFound,
                asked.model.as_str(),
                format!("there is no session `{name}`"),
            )
        };
        // Remembered again unless it goes on, whatever stands in the way.
        let mut recalled = None;
        let name = match named {
            Some(name) => StreamName::new(name).map_err(|_| unknown(name))?,
            None => match self.forget(asked) {
                Some(name) => {
                    recalled = Some(Recalled { name: Some(name.clone()), asked, sessions: self });
                    name
                }
                None => return Ok(None),
            },
        };
        let running = self.lock().running.get(&name).cloned();
        if let Some(live) = running {
            if live.owner != asked.owner {
                return Err(unknown(name.as_str()));
            }
            let news = live.client.listen();
            live.controls.resume();
            Recalled::goes_on(recalled);
            return Ok(Some(self.listener(asked, name, news)));
        }
        let state = State::read(&*host.journal, &name).await.map_err(|_| unknown(name.as_str()))?;
        if state.started.is_none() || state.plan.owner.as_deref() != Some(&*asked.owner) {
            return Err(unknown(name.as_str()));
        }
        let listener = self.run(host, cx, asked, name, None).await?;
        Recalled::goes_on(recalled);
        Ok(Some(listener))
    }

    /// Begins a session.
    pub(super) async fn begin(
        self: &Arc<Self>,
        host: &Arc<SessionHost>,
        cx: &CallContext,
        asked: &Asked,
        request: SessionRequest,
    ) -> Result<Listener, ProviderError> {
        let name = session_name().map_err(|error| failed(asked, &SessionError::from(error)))?;
        self.run(host, cx, asked, name, Some(request)).await
    }

    /// Runs a session, a new one where there is a request, in a task of its own.
    async fn run(
        self: &Arc<Self>,
        host: &Arc<SessionHost>,
        cx: &CallContext,
        asked: &Asked,
        name: StreamName,
        request: Option<SessionRequest>,
    ) -> Result<Listener, ProviderError> {
        let router = host.router().ok_or_else(|| gone(&asked.model))?;
        let runtime =
            Handle::try_current().map_err(|_| unusable(asked, &"a session needs the runtime of tokio"))?;
        let client = Client::default();
        let (news, lines) = (client.listen(), Mutex::new(Lines::default()));
        let told = client.clone();
        let deps = host.deps(&router).map_err(|error| unusable(asked, &error))?;
        let deps = deps.with_caller(cx).with_observer(Arc::new(move |notice| {
            if let Some(line) = lines.lock().unwrap_or_else(PoisonError::into_inner).line(notice) {
                told.tell(Told::Line(line));
            }
        }));
        let mut deps = host.watched(deps, &router, &name);
        if let Some(within) = asked.attended {
            deps.approver = Some(Arc::new(Patience { timer: Arc::clone(&host.timer), within }));
        }
        let session = match request {
            None => Session::resume(deps, name.clone()).await,
            Some(request) => {
                let mut plan = host.plan(&router, request);
                plan.owner = Some(asked.owner.to_string());
                plan.settings.interactive = asked.attended.is_some();
                Session::start(deps, name.clone(), plan).await
            }
        };
        let session = session.map_err(|error| failed(asked, &error))?;
        let controls = session.controls();
        let live = Arc::new(Live {
            model: asked.model.clone(),
            owner: asked.owner.clone(),
            team: cx.tags.team().map(Into::into),
            controls,
            client,
            stop: Notify::new(),
        });
        self.lock().running.insert(name.clone(), Arc::clone(&live));
        let (sessions, own, model) = (Arc::clone(self), name.clone(), asked.clone());
        let timer = Arc::clone(&host.timer);
        runtime.spawn(async move {
            let ended = tokio::select! {
                ended = session.run() => Some(ended),
                () = live.stop.notified() => None,
                () = left_alone(&live.client, &*timer) => None,
            };
            sessions.lock().running.remove(&own);
            if let Some(ended) = ended {
                live.client.tell(Told::End(Box::new(ended.map_err(|error| failed(&model, &error)))));
            }
        });
        Ok(self.listener(asked, name, news))
    }

    fn listener(
        self: &Arc<Self>,
        asked: &Asked,
        name: StreamName,
        news: mpsc::UnboundedReceiver<Told>,
    ) -> Listener {
        Listener { name, news, done: false, asked: asked.clone(), sessions: Arc::clone(self) }
    }

    /// Pauses a session whose client is gone, and remembers what was asked.
    fn abandon(&self, asked: &Asked, name: &StreamName) {
        let mut known = self.lock();
        if let Some(live) = known.running.get(name) {
            // Somebody else may listen by now.
            if !live.client.is_gone() {
                return;
            }
            live.controls.pause();
            live.client.0.changed.notify_waiters();
        }
        known.remember(asked, name);
    }

    /// The session of a question whose client went away, which is not remembered any more.
    fn forget(&self, asked: &Asked) -> Option<StreamName> {
        let mut known = self.lock();
        let at = known.abandoned.iter().rposition(|(one, _)| one == asked)?;
        known.abandoned.remove(at).map(|(_, name)| name)
    }

    /// The sessions that run, by name.
    pub(super) fn running(&self, host: &Arc<SessionHost>) -> Vec<RunningSession> {
        let running = |(name, live): (&StreamName, &Arc<Live>)| RunningSession {
            name: name.clone(),
            model: live.model.clone(),
            key: Some(Arc::clone(&live.owner)).filter(|owner| !owner.is_empty()),
            team: live.team.clone(),
            controls: live.controls.clone(),
            journal: Arc::clone(&host.journal),
        };
        let mut all: Vec<_> = self.lock().running.iter().map(running).collect();
        all.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        all
    }

    /// Ends every session at once. Each can be gone on with.
    pub(crate) fn stop(&self) {
        let running = std::mem::take(&mut self.lock().running);
        for live in running.values() {
            live.stop.notify_one();
        }
    }
}

/// Waits until nobody has listened for a while.
async fn left_alone(client: &Client, timer: &dyn crate::time::Timer) {
    loop {
        let changed = client.0.changed.notified();
        tokio::pin!(changed);
        // Registered before the look, so that no change is missed between the two.
        changed.as_mut().enable();
        if !client.is_gone() {
            changed.await;
            continue;
        }
        let Some(until) = timer.instant().checked_add(LEFT_ALONE) else {
            return std::future::pending().await;
        };
        tokio::select! {
            () = changed => {}
            () = timer.sleep_until(until) => return,
        }
    }
}

/// The system of a session is gone.
pub(super) fn gone(model: &ProviderId) -> ProviderError {
    ProviderError::new(ErrorKind::Cancelled, model.as_str(), "the system of this session has ended")
}

fn unusable(asked: &Asked, error: &impl fmt::Display) -> ProviderError {
    ProviderError::new(ErrorKind::InvalidRequest, asked.model.as_str(), error.to_string())
}

fn failed(asked: &Asked, error: &SessionError) -> ProviderError {
    let kind = match error {
        SessionError::Plan(_) => ErrorKind::InvalidRequest,
        SessionError::Running { .. } => ErrorKind::Overloaded,
        _ => ErrorKind::Server,
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    ProviderError::new(kind, asked.model.as_str(), format!("{error}{cause}"))
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("owner", &self.owner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::Participant;

    use super::*;

    #[test]
    fn a_question_is_remembered_until_its_session_goes_on() {
        let cx = CallContext::new(Participant::local("council"));
        let asked = |text: &str| {
            Asked::of(&"council".into(), &cx, &ModelRequest::new("").with_user_message(text), None)
        };
        let (sessions, name) = (LiveSessions::default(), StreamName::new("20261130-000000-abcd").unwrap());
        sessions.abandon(&asked("a"), &name);
        assert_eq!(sessions.forget(&asked("b")), None);
        let recall = || {
            let name = sessions.forget(&asked("a"))?;
            Some((name.clone(), Some(name)))
        };
        let of_a = asked("a");
        // Whatever stood in the way, or if the client has gone once more.
        let (found, again) = recall().unwrap();
        drop(Recalled { name: again, asked: &of_a, sessions: &sessions });
        assert_eq!(found, name);
        let (found, again) = recall().unwrap();
        Recalled::goes_on(Some(Recalled { name: again, asked: &of_a, sessions: &sessions }));
        assert_eq!((found, sessions.forget(&of_a)), (name, None));
    }
}
