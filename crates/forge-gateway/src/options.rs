//! What a gateway works with.

use std::{convert::Infallible, path::PathBuf, sync::Arc};

use bytes::Bytes;
use forge::{RunningSessions, config::ServePlan, store::Store};
use forge_core::storage::{
    access::{AccessStore, AuditLog, SealStore},
    responses::ResponseStore,
};

use http::{Request, Response};
use http_body_util::Full;

use crate::{
    mount::{Mount, MountedBody, MountedFigures},
    request_log::RequestLog,
};

/// What a gateway works with beside the router.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// How it serves.
    pub plan: ServePlan,
    /// The keys of its clients. As soon as there is one, every client has to bring one; without any, only places of this
    /// machine are listened at.
    pub keys: Option<Arc<dyn AccessStore>>,
    /// Where keys that were refused are written down.
    pub audit: Option<Arc<dyn AuditLog>>,
    /// Where a line for each request goes, if its plan wants them.
    pub log: Option<RequestLog>,
    /// The secrets under which clients carry state of vendors. Without a store, they end with the process.
    pub seals: Option<Arc<dyn SealStore>>,
    /// Where responses are kept, if its plan wants that. Without a store, none are.
    pub responses: Option<Arc<dyn ResponseStore>>,
    /// The sessions that run behind the router, which people may attend.
    pub sessions: Option<RunningSessions>,
    /// The accounts that `/metrics` shows.
    pub metrics: Option<Arc<Store>>,
    /// Figures of whatever is mounted, which `/metrics` shows beside its own.
    pub(crate) figures: Option<MountedFigures>,
    /// The folder of what runs, where the socket is at which the server is watched, or the token of its address.
    pub run: Option<PathBuf>,
    /// Services of others at paths of the server.
    pub(crate) mounts: Vec<Mount>,
    /// Whether those are all that is served.
    pub(crate) only_mounts: bool,
}

impl GatewayOptions {
    /// Serves as the plan says, without keys and figures.
    pub fn new(plan: ServePlan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// The same with the sessions that run behind the router.
    pub fn with_sessions(mut self, sessions: RunningSessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// The same with a service of its own at this path, such as `/mcp/context`. Keys, host names, origins and limits hold for it
    /// as for everything else, a body has at most 4 MiB, and who calls stands in the extensions of a request as a
    /// [`CallContext`](forge::CallContext) with its tags and budgets.
    pub fn with_mount<S>(mut self, path: impl Into<Arc<str>>, service: S) -> Self
    where
        S: tower_service::Service<Request<Full<Bytes>>, Response = Response<MountedBody>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        self.mounts.push(Mount::new(path, service));
        self
    }

    /// The same, with these figures of what is mounted at `/metrics`, in the text format of Prometheus.
    pub fn with_figures(mut self, figures: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.figures = Some(MountedFigures(Arc::new(figures)));
        self
    }

    /// The same, with nothing served but what is mounted.
    pub fn only_mounts(self) -> Self {
        Self { only_mounts: true, ..self }
    }

    /// The same with this folder of what runs.
    pub fn with_run(mut self, folder: impl Into<PathBuf>) -> Self {
        self.run = Some(folder.into());
        self
    }

    /// The same with keys, their log, the secrets of seals, the responses that are kept and the accounts in this store.
    pub fn with_store(mut self, store: Arc<Store>) -> Self {
        self.keys = Some(Arc::clone(&store) as _);
        self.audit = Some(Arc::clone(&store) as _);
        self.seals = Some(Arc::clone(&store) as _);
        self.responses = Some(Arc::clone(&store) as _);
        self.metrics = Some(store);
        self
    }
}
