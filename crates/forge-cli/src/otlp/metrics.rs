//! The figures of a server on their way to a collector.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use forge::{layers::GEN_AI_CONVENTIONS, time::Timer};
use forge_gateway::GatewayHandle;
use tokio::time::MissedTickBehavior;

use super::document;
use crate::paths::variable;

/// What the standard says where `OTEL_METRIC_EXPORT_INTERVAL` says nothing.
const INTERVAL: Duration = Duration::from_secs(60);
/// A collector that takes longer gets the next ones.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends the figures of a server to the collector at `OTEL_EXPORTER_OTLP_ENDPOINT`.
pub(crate) struct Metrics {
    client: reqwest::Client,
    url: String,
    handle: GatewayHandle,
    timer: Arc<dyn Timer>,
    started: DateTime<Utc>,
}

impl Metrics {
    /// Nothing where no collector is named.
    pub(crate) fn of(handle: GatewayHandle, timer: Arc<dyn Timer>) -> Option<Self> {
        let endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        let url = format!("{}/v1/metrics", endpoint.trim_end_matches('/'));
        let client = reqwest::Client::builder().timeout(PATIENCE).build();
        let client = client.inspect_err(|error| tracing::warn!(%error, "figures are not sent")).ok()?;
        let started = timer.now();
        Some(Self { client, url, handle, timer, started })
    }

    /// Sends them again and again, for as long as it is polled.
    pub(crate) async fn keep_sending(&self) {
        let interval = variable("OTEL_METRIC_EXPORT_INTERVAL").and_then(|text| text.parse().ok());
        let interval = interval.filter(|millis| *millis > 0).map_or(INTERVAL, Duration::from_millis);
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first comes at once, when there is nothing to tell.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.send().await;
        }
    }

    /// Sends them now.
    pub(crate) async fn send(&self) {
        let text = self.handle.metrics().await;
        let schema = format!("https://opentelemetry.io/schemas/{GEN_AI_CONVENTIONS}");
        let document = document::of(&text, &schema, [self.started, self.timer.now()]);
        let body = document.to_string();
        let sent =
            self.client.post(&self.url).header("content-type", "application/json").body(body).send().await;
        match sent.and_then(reqwest::Response::error_for_status) {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the collector did not take the figures"),
        }
    }
}
