//! Figures of the server beside those of its accounts, in the text format of Prometheus.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use forge::{
    layers::CacheFigures,
    router::Router,
    store::{Store, StoreState},
};

/// The first status that is counted by itself, and how many are.
const FIRST: u16 = 100;
const STATUSES: usize = 500;

/// Replies by their status, since the server began.
#[derive(Debug)]
pub(crate) struct Replies([AtomicU64; STATUSES]);

impl Default for Replies {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; STATUSES])
    }
}

impl Replies {
    /// Counts a reply whose head is there.
    pub(crate) fn count(&self, status: u16) {
        let at = status.checked_sub(FIRST).map(usize::from);
        if let Some(count) = at.and_then(|at| self.0.get(at)) {
            // Figures to look at, which guard nothing.
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn figures(&self) -> String {
        let counts = (FIRST..).zip(&self.0).map(|(status, count)| (status, count.load(Ordering::Relaxed)));
        let rows = counts
            .filter(|(_, count)| *count > 0)
            .map(|(status, count)| (format!("status=\"{status}\""), count));
        metric("forge_gateway_replies_total", "counter", "Replies by their status.", rows)
    }
}

/// Which program it is.
pub(crate) fn build() -> String {
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    metric("forge_build_info", "gauge", "The version of the program.", [(version, 1)])
}

/// Which circuits are open, so that their providers are asked nothing.
pub(crate) fn circuits(router: &Router) -> String {
    let rows = router.routes().into_iter().map(|route| {
        (format!("provider=\"{}\"", escaped(route.provider.as_str())), u64::from(route.open_for.is_some()))
    });
    metric("forge_circuit_open", "gauge", "1 while nothing is sent to the provider.", rows)
}

/// What came of the calls that the cache is for.
pub(crate) fn cache(CacheFigures { hits, shared, misses }: CacheFigures) -> String {
    let rows = [("hit", hits), ("shared", shared), ("miss", misses)]
        .map(|(result, count)| (format!("result=\"{result}\""), count));
    metric("forge_cache_calls_total", "counter", "Calls that the cache is for, by what came of them.", rows)
}

/// Whether accounts are written, and what waits for it.
pub(crate) fn store(store: &Store) -> String {
    let status = store.status();
    let is_writing = u64::from(status.state == StoreState::Writing);
    one("forge_store_writing", "gauge", "1 while accounts go into their file.", is_writing)
        + &one(
            "forge_store_spool_bytes",
            "gauge",
            "Bytes of accounts that wait for their file.",
            status.spool_bytes,
        )
        + &one("forge_store_bytes", "gauge", "Bytes of the file of accounts.", status.database_bytes)
        + &one(
            "forge_store_dropped_total",
            "counter",
            "Records that could be written nowhere.",
            status.dropped,
        )
}

/// A figure without labels.
pub(crate) fn one(name: &str, kind: &str, help: &str, value: u64) -> String {
    metric(name, kind, help, [(String::new(), value)])
}

fn metric(name: &str, kind: &str, help: &str, rows: impl IntoIterator<Item = (String, u64)>) -> String {
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    for (labels, value) in rows {
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}{labels} {value}");
    }
    text
}

/// A value of a label, whose form knows three escapes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_by_status_and_those_of_no_status_by_none() {
        let replies = Replies::default();
        for status in [200, 200, 429, 599, 99, 600, 0, u16::MAX, 100] {
            replies.count(status);
        }
        let text = replies.figures();
        let rows: Vec<_> = text.lines().skip(2).collect();
        // 99 and 0 would be below the first.
        assert_eq!(
            rows,
            [
                "forge_gateway_replies_total{status=\"100\"} 1",
                "forge_gateway_replies_total{status=\"200\"} 2",
                "forge_gateway_replies_total{status=\"429\"} 1",
                "forge_gateway_replies_total{status=\"599\"} 1",
            ]
        );
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
