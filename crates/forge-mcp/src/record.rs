//! What was asked: counted for whoever watches the server, and a row each in the accounts.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use forge::{
    CallContext,
    store::{McpConnection, McpRequest, Store},
    time::{SystemTimer, Timer},
};
use rmcp::{RoleServer, model::Implementation, service::RequestContext};

/// Upper bounds of the histogram: questions about code take milliseconds, models take seconds, and a council answers within 45.
const BOUNDS: [Duration; 8] = [
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(45),
];

/// What a tool is called where somebody asked for one that is not there. Its own name could be anything.
pub(crate) const NO_TOOL: &str = "unknown";

/// Counts and notes the calls of one server.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    timer: Arc<dyn Timer>,
    store: Option<Arc<Store>>,
    figures: Arc<Mutex<Figures>>,
    /// The client at the other end of standard input and output; over HTTP each request stands alone.
    connection: Option<Arc<Connection>>,
}

impl Recorder {
    pub(crate) fn new(timer: Option<Arc<dyn Timer>>, store: Option<Arc<Store>>) -> Self {
        let timer = timer.unwrap_or_else(|| Arc::new(SystemTimer));
        Self { timer, store, figures: Arc::default(), connection: None }
    }

    pub(crate) fn with_store(self, store: Arc<Store>) -> Self {
        Self { store: Some(store), ..self }
    }

    /// This recorder, with the accounts of the other if it has none.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { store: self.store.or(other.store), ..self }
    }

    /// The same for one client alone, with what notes its end when it is dropped.
    pub(crate) fn connected(self) -> (Self, Connected) {
        let id = uuid::Uuid::now_v7().to_string();
        let connection = Arc::new(Connection { id, row: Mutex::default() });
        let recorder = Self { connection: Some(Arc::clone(&connection)), ..self };
        (recorder.clone(), Connected { recorder, connection })
    }

    /// Notes a client that says who it is.
    pub(crate) fn greeted(&self, client: &Implementation, protocol: &str, cx: &RequestContext<RoleServer>) {
        let Some(store) = &self.store else { return };
        let row = McpConnection {
            id: self.connection_id().unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
            transport: transport(cx).to_owned(),
            client: Some(client.name.clone()),
            version: Some(client.version.clone()),
            protocol: protocol.to_owned(),
            key: key(cx),
            began_at: self.timer.now(),
            ended_at: None,
        };
        if let Some(connection) = &self.connection {
            *lock(&connection.row) = Some(row.clone());
        }
        store.put_mcp_connection(row);
    }

    /// A call of `tool` has come. It counts when what is returned is told how it ended, or is dropped, as cancelled.
    pub(crate) fn begin(&self, tool: &'static str, cx: &RequestContext<RoleServer>) -> Recording {
        let recorder = self.clone();
        let client = cx.meta.client_info().map(|client| client.name);
        // Over HTTP nobody has greeted this request's server, and its peer is a stand-in.
        let client = client.or_else(|| caller(cx)?.tags.client().map(str::to_owned));
        Recording {
            tool,
            transport: transport(cx),
            client: client.or_else(|| Some(cx.peer.peer_info()?.client_info.name.clone())),
            key: key(cx),
            at: self.timer.now(),
            begun: self.timer.instant(),
            outcome: "cancelled",
            recorder,
        }
    }

    fn connection_id(&self) -> Option<String> {
        self.connection.as_ref().map(|connection| connection.id.clone())
    }
}

/// A client and what is known of it.
#[derive(Debug)]
struct Connection {
    id: String,
    row: Mutex<Option<McpConnection>>,
}

/// Notes the end of a client when it is dropped.
pub(crate) struct Connected {
    recorder: Recorder,
    connection: Arc<Connection>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let row = lock(&self.connection.row).take();
        if let Some((row, store)) = row.zip(self.recorder.store.as_ref()) {
            store.put_mcp_connection(McpConnection { ended_at: Some(self.recorder.timer.now()), ..row });
        }
    }
}

/// A call under way.
pub(crate) struct Recording {
    recorder: Recorder,
    tool: &'static str,
    transport: &'static str,
    client: Option<String>,
    key: Option<String>,
    at: DateTime<Utc>,
    begun: Instant,
    outcome: &'static str,
}

impl Recording {
    /// It ended so: `ok`, or the code of a failure.
    pub(crate) fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let duration = self.recorder.timer.instant().saturating_duration_since(self.begun);
        lock(&self.recorder.figures).count(self.tool, self.outcome, duration);
        let Some(store) = &self.recorder.store else { return };
        store.put_mcp_request(McpRequest {
            started_at: self.at,
            connection: self.recorder.connection_id(),
            transport: self.transport.to_owned(),
            client: self.client.take(),
            key: self.key.take(),
            tool: self.tool.to_owned(),
            outcome: self.outcome.to_owned(),
            duration,
        });
    }
}

/// Counts since the server began.
#[derive(Debug, Default)]
struct Figures {
    calls: BTreeMap<(&'static str, &'static str), u64>,
    times: BTreeMap<&'static str, Times>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    /// Calls that took no longer than the bound of the same place.
    within: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Figures {
    fn count(&mut self, tool: &'static str, outcome: &'static str, duration: Duration) {
        *self.calls.entry((tool, outcome)).or_default() += 1;
        let times = self.times.entry(tool).or_default();
        for (within, _) in times.within.iter_mut().zip(BOUNDS).filter(|(_, bound)| duration <= *bound) {
            *within += 1;
        }
        times.count += 1;
        times.sum += duration;
    }

    fn add(&mut self, other: &Self) {
        for (key, count) in &other.calls {
            *self.calls.entry(*key).or_default() += count;
        }
        for (tool, times) in &other.times {
            let sum = self.times.entry(tool).or_default();
            sum.within.iter_mut().zip(times.within).for_each(|(sum, count)| *sum += count);
            sum.count += times.count;
            sum.sum += times.sum;
        }
    }

    /// In the text format of Prometheus.
    fn text(&self) -> String {
        let (calls, time) = ("forge_mcp_calls_total", "forge_mcp_call_duration_seconds");
        let mut text = format!(
            "# HELP {calls} Calls of tools over MCP by how they ended: ok, or the code of the failure.\n\
             # TYPE {calls} counter\n"
        );
        // Writing to a string cannot fail.
        for ((tool, outcome), count) in &self.calls {
            let _ = writeln!(text, "{calls}{{tool=\"{tool}\",outcome=\"{outcome}\"}} {count}");
        }
        let _ = writeln!(text, "# HELP {time} Time until a tool has answered.\n# TYPE {time} histogram");
        for (tool, times) in &self.times {
            for (bound, count) in BOUNDS.iter().zip(times.within) {
                let _ =
                    writeln!(text, "{time}_bucket{{tool=\"{tool}\",le=\"{}\"}} {count}", bound.as_secs_f64());
            }
            let Times { count, sum, .. } = times;
            let _ = writeln!(text, "{time}_bucket{{tool=\"{tool}\",le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "{time}_sum{{tool=\"{tool}\"}} {}", sum.as_secs_f64());
            let _ = writeln!(text, "{time}_count{{tool=\"{tool}\"}} {count}");
        }
        text
    }
}

/// The sums of several recorders, in the text format of Prometheus.
pub(crate) fn figures<'a>(recorders: impl IntoIterator<Item = &'a Recorder>) -> String {
    let mut sums = Figures::default();
    recorders.into_iter().for_each(|one| sums.add(&lock(&one.figures)));
    sums.text()
}

/// Whoever has let the request in, as far as somebody did.
pub(crate) fn caller(cx: &RequestContext<RoleServer>) -> Option<&CallContext> {
    cx.extensions.get::<http::request::Parts>()?.extensions.get()
}

fn key(cx: &RequestContext<RoleServer>) -> Option<String> {
    caller(cx)?.tags.key().map(str::to_owned)
}

fn transport(cx: &RequestContext<RoleServer>) -> &'static str {
    if cx.extensions.get::<http::request::Parts>().is_some() { "http" } else { "stdio" }
}

// Counts are whole at each step, whatever broke off.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
