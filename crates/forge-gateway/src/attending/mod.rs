//! People at the sessions that run here: what they see of one, and what they do in it.

mod order;

use std::{pin::Pin, sync::Arc};

use forge::{
    RunningSession, RunningSessions,
    session::{CommandError, SessionResult, State},
};
use forge_http::ingress::unescaped;
use http::{Method, StatusCode, request::Parts};
use hyper::body::Incoming;
use serde_json::{Value, json};

use self::order::Order;
use crate::{
    admit::{self, Denied},
    capacity::Capacity,
    reply::{self, Reply},
    request_body::{self, Unread},
};

/// The sessions that run here; below it is each of them by its name.
pub(crate) const SESSIONS: &str = "/v1/forge/sessions";

/// The name of whoever attends at the admin address and says none.
const OPERATOR: &str = "the operator";

/// What somebody wants to see or do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attended {
    /// The sessions that run.
    List,
    /// One of them.
    Show(String),
    /// Something is to be done in one of them.
    Command(String),
}

impl Attended {
    /// What is wanted at this path below [`SESSIONS`], and whether this method asks for it; `None` where nothing is.
    pub(crate) fn of(method: &Method, path: &str) -> Option<(Self, bool)> {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let rest = path.strip_prefix(SESSIONS)?;
        let Some(rest) = rest.strip_prefix('/') else {
            return rest.is_empty().then_some((Self::List, is_read));
        };
        let name = |name: &str| unescaped(name).into_owned();
        match rest.split_once('/') {
            None => Some((Self::Show(name(rest)), is_read)),
            Some((of, "commands")) => Some((Self::Command(name(of)), *method == Method::POST)),
            Some(_) => None,
        }
    }
}

/// Who attends.
#[derive(Debug, Clone)]
pub(crate) enum Attendant {
    /// Somebody at the admin address, who may attend every session and says who they are.
    Operator,
    /// The holder of a key, who may attend what was begun with it or with another key of its team.
    Key { name: Arc<str>, team: Option<Arc<str>> },
}

impl Attendant {
    fn may_attend(&self, session: &RunningSession) -> bool {
        match self {
            Self::Operator => true,
            Self::Key { name, team } => {
                session.key.as_ref() == Some(name) || (team.is_some() && *team == session.team)
            }
        }
    }

    /// Under which name it does something. A key has one, and takes no other.
    fn name(&self, said: Option<String>) -> Result<String, String> {
        match (self, said) {
            (Self::Operator, said) => Ok(said.unwrap_or_else(|| OPERATOR.to_owned())),
            (Self::Key { name, .. }, None) => Ok(name.to_string()),
            (Self::Key { .. }, Some(_)) => Err("leave `by` out: it is the name of your key".to_owned()),
        }
    }
}

/// Why nothing is shown or done.
enum Refused {
    Unknown,
    Wrong(String),
    Body(Unread),
    Denied(Denied),
    Session(CommandError, Option<String>),
    Unreadable(String),
}

/// Where people attend sessions.
pub(crate) struct Attending<'a> {
    /// Those that run here; `None` where none do.
    pub(crate) sessions: Option<&'a RunningSessions>,
    pub(crate) capacity: &'a Capacity,
    /// The most bytes of a command.
    pub(crate) body_bytes: usize,
    pub(crate) who: Attendant,
}

impl Attending<'_> {
    /// Shows or does what is wanted. Behind a pointer, so that the future of a call need not have room for it.
    pub(crate) fn answer<'b>(
        &'b self,
        wanted: Attended,
        head: &'b Parts,
        body: Incoming,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + 'b>> {
        Box::pin(self.answered(wanted, head, body))
    }

    async fn answered(&self, wanted: Attended, head: &Parts, body: Incoming) -> Reply {
        let done = match wanted {
            Attended::List => Ok(self.list().await),
            Attended::Show(name) => self.show(&name).await,
            Attended::Command(name) => self.command(&name, head, body).await,
        };
        done.map_or_else(Refused::into_reply, |shown| reply::json(StatusCode::OK, &shown))
    }

    /// Whether a session of this name runs that they may attend.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.found(name).is_ok()
    }

    async fn list(&self) -> Value {
        let mut shown = Vec::new();
        let all = self.sessions.map(RunningSessions::list).unwrap_or_default();
        for session in all.into_iter().filter(|one| self.who.may_attend(one)) {
            // One that cannot be read is there all the same.
            let state = session.state().await.ok();
            shown.push(json!({
                "session": session.name,
                "model": session.model,
                "key": session.key,
                "team": session.team,
                "title": state.as_ref().map(|state| &state.plan.topic.title),
                "status": state.as_ref().map(State::status),
                "cycle": state.as_ref().map(State::cycle),
                "waits_for": state.as_ref().and_then(State::waits_for),
            }));
        }
        json!({ "sessions": shown })
    }

    async fn show(&self, name: &str) -> Result<Value, Refused> {
        view(&self.found(name)?).await
    }

    /// A session that they may attend. Nobody is told of others.
    fn found(&self, name: &str) -> Result<RunningSession, Refused> {
        let found = self.sessions.and_then(|sessions| sessions.find(name));
        found.filter(|session| self.who.may_attend(session)).ok_or(Refused::Unknown)
    }

    async fn command(&self, name: &str, head: &Parts, body: Incoming) -> Result<Value, Refused> {
        // Before the body is read: nobody sends texts to sessions that are not theirs.
        let session = self.found(name)?;
        admit::check_body(&head.headers).map_err(Refused::Denied)?;
        let body = request_body::read(body, self.body_bytes, self.capacity).await.map_err(Refused::Body)?;
        let (order, said) = Order::read(&body.bytes).map_err(Refused::Wrong)?;
        let by = self.who.name(said).map_err(Refused::Wrong)?;
        let own = if let Order::Edit { text, .. } = &order { Some(text.clone()) } else { None };
        let receipt = order.give(&session.controls(&by));
        receipt.await.map_err(|error| Refused::Session(error, own))?;
        view(&session).await
    }
}

async fn view(session: &RunningSession) -> Result<Value, Refused> {
    let state = session.state().await.map_err(|error| Refused::Unreadable(error.to_string()))?;
    let version = state.newest_version();
    let why_not = state.check_edit(version).err();
    Ok(json!({
        "session": session.name,
        "model": session.model,
        "key": session.key,
        "team": session.team,
        "version": version,
        "editable": why_not.is_none(),
        "not_editable": why_not.map(|why| why.to_string()),
        "waits_for": state.waits_for(),
        "paused_by": state.paused_by,
        "result": SessionResult::of(session.name.as_str(), &state),
    }))
}

impl Refused {
    fn into_reply(self) -> Reply {
        let (status, message) = match self {
            Self::Session(error, own) => return conflict(&error, own.as_deref()),
            Self::Denied(denied) => (denied.status(), denied.message().to_owned()),
            Self::Unknown => (StatusCode::NOT_FOUND, "no such session runs here".to_owned()),
            Self::Wrong(why) => (StatusCode::BAD_REQUEST, why),
            Self::Body(Unread::TooLarge) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is larger than `serve.limits.body_bytes`".to_owned(),
            ),
            Self::Body(Unread::Crowded) => {
                (StatusCode::SERVICE_UNAVAILABLE, "too many large requests are being read".to_owned())
            }
            Self::Body(Unread::TooSlow) => (StatusCode::REQUEST_TIMEOUT, "the body did not come".to_owned()),
            Self::Body(Unread::Broken) => (StatusCode::BAD_REQUEST, "the body broke off".to_owned()),
            Self::Unreadable(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
        };
        reply::refusal(status, &message)
    }
}

/// What the session has in the place of what was wanted. Of two texts both are shown.
fn conflict(error: &CommandError, own: Option<&str>) -> Reply {
    let mut told = json!({ "type": kind(error), "message": error.to_string() });
    if let CommandError::Edited { version, text } = error {
        (told["version"], told["text"], told["yours"]) = (json!(version), json!(text), json!(own));
    }
    reply::json(StatusCode::CONFLICT, &json!({ "error": told }))
}

fn kind(error: &CommandError) -> &'static str {
    match error {
        CommandError::Over => "over",
        CommandError::NoDraft => "no_draft",
        CommandError::Edited { .. } => "edited",
        CommandError::UnderWay { .. } => "under_way",
        CommandError::NoPanel => "no_panel",
        CommandError::Review => "review",
        CommandError::Decided { .. } => "decided",
        CommandError::NotAsked { .. } => "not_asked",
        _ => "refused",
    }
}
