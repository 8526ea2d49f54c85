//! Sessions as models: whoever asks one gets the document of several.
//!
//! A request to a provider of `type: session` begins a session about its last user turn. Stages and counts are told as
//! thoughts while it runs, and the document is the answer. A client that goes away pauses it; the same request, or its name
//! as [`RESUME`], goes on with it, and nothing that is in the journal is paid again.

mod attended;
mod live;
mod news;
mod options;
mod progress;
mod reply;
mod running;
mod topic;

use std::sync::Arc;

pub(crate) use self::live::LiveSessions;
pub use self::running::{RunningSession, RunningSessions};
use self::{
    live::Asked,
    options::{SessionOptions, Tools},
};
use crate::{
    AdapterKind, CallContext, Capabilities, ErrorKind, ModelId, ModelProvider, ModelRequest, Provider,
    ProviderError, ProviderId, ResponseStream, async_trait,
    call::Fallback,
    error::Advice,
    model::Efforts,
    request::{Effort, ToolChoice},
    router::ProviderPlan,
    sessions::{SessionHost, SessionRequest},
};

/// The kind of provider that is a session, and the vendor of its models.
pub const SESSION: &str = "session";

/// The field for [`SESSION`] in a request's [`extra`](ModelRequest::extra) that names the session to go on with.
pub const RESUME: &str = "resume";

/// The kind, for files to name. Its providers are run by a [`System`](crate::System).
pub(crate) fn kind() -> AdapterKind {
    let alone = "a session asks the other providers of a `System`, and this program has none";
    AdapterKind::new(SESSION, move |settings| {
        Err(ProviderError::new(ErrorKind::InvalidRequest, settings.id.as_str(), alone))
    })
    .composite()
    .with_capabilities(|_| capabilities())
}

/// Puts a session behind every provider of the kind.
pub(crate) fn provide(providers: &mut [ProviderPlan], host: &Arc<SessionHost>, live: &Arc<LiveSessions>) {
    for plan in providers.iter_mut().filter(|plan| plan.kind == SESSION) {
        let options = SessionOptions::of(&plan.options);
        let (host, live) = (Arc::clone(host), Arc::clone(live));
        plan.provider = Some(Arc::new(SessionModel { id: plan.id.clone(), options, host, live }));
    }
}

/// What it takes: whoever cannot read a picture is told so within the session.
fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::default();
    (capabilities.images, capabilities.documents) = (true, true);
    (capabilities.tools, capabilities.forced_tool_choice) = (true, true);
    (capabilities.sampling, capabilities.stop_sequences) = (true, true);
    capabilities.efforts = Efforts::of(&Effort::ALL);
    capabilities
}

/// A session that answers like a model.
#[derive(Debug)]
struct SessionModel {
    id: ProviderId,
    options: SessionOptions,
    host: Arc<SessionHost>,
    live: Arc<LiveSessions>,
}

#[async_trait]
impl Provider for SessionModel {
    fn name(&self) -> &'static str {
        SESSION
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        capabilities()
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let request = request.into_parsed()?;
        let wants_tools = !request.tools.is_empty() && request.tool_choice != ToolChoice::None;
        match self.options.tools {
            Tools::Refuse if wants_tools => {
                let message =
                    "a session calls no tools; its `tools: ignore` or `tools: direct` says what else to do";
                return Err(self.refused(ErrorKind::Unsupported, message));
            }
            Tools::Direct if wants_tools => return self.direct(cx, request).await,
            _ => {}
        }
        let named = request
            .extra
            .fields(&ModelProvider::from(SESSION))
            .and_then(|fields| fields.get(RESUME)?.as_str());
        let asked = Asked::of(&self.id, cx, &request, named).attended(self.options.attended);
        let told = match self.live.take_up(&self.host, cx, &asked, named).await? {
            Some(told) => told,
            None => self.live.begin(&self.host, cx, &asked, self.request(&request)?).await?,
        };
        Ok(reply::stream(told, cx, self.options.progress))
    }
}

impl SessionModel {
    fn request(&self, request: &ModelRequest) -> Result<SessionRequest, ProviderError> {
        let topic = topic::topic(request);
        let topic = topic.ok_or_else(|| {
            self.refused(
                ErrorKind::InvalidRequest,
                "a session needs a user's turn with text, to know what it is about",
            )
        })?;
        let SessionOptions { mode, max_cost, critics, cycles, .. } = self.options;
        Ok(SessionRequest { critics, cycles, max_cost, ..SessionRequest::new(topic, mode) })
    }

    /// Has the synthesizers answer alone, one after the other until one does.
    async fn direct(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let router = self.host.router().ok_or_else(|| live::gone(&self.id))?;
        let mut failed = self.refused(ErrorKind::InvalidRequest, "nobody is there to answer alone");
        for one in crate::cast(&router, 0).cast.synthesizer {
            let cx = cx.clone().with_participant(one).with_fallback(Fallback::Caller);
            match router.stream(&cx, Arc::clone(&request)).await {
                Ok(events) => return Ok(events),
                Err(error) if error.policy().advice == Advice::Stop => return Err(error),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn refused(&self, kind: ErrorKind, why: &str) -> ProviderError {
        ProviderError::new(kind, self.id.as_str(), why)
    }
}
