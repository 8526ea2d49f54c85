//! Spans of calls and attempts, and the figures of a server, for an OpenTelemetry collector.

mod document;
mod metrics;

pub(crate) use self::metrics::Metrics;
use forge::layers::GEN_AI_CONVENTIONS;
use opentelemetry::{InstrumentationScope, trace::TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// Sends spans while it lives; what is left goes out when it is dropped.
#[derive(Debug)]
pub(crate) struct Otlp(SdkTracerProvider);

impl Otlp {
    /// Sends to the collector at `endpoint`, such as `http://localhost:4318`, over HTTP.
    pub(crate) fn new(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        // The exporter's client takes the process's TLS; that somebody has set it already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exporter = SpanExporter::builder().with_http().with_endpoint(url).build()?;
        let resource = Resource::builder().with_service_name("forge").build();
        Ok(Self(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
    }

    /// Hands spans over, those of calls and attempts only.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let schema = format!("https://opentelemetry.io/schemas/{GEN_AI_CONVENTIONS}");
        let scope = InstrumentationScope::builder("forge").with_schema_url(schema).build();
        let spans = tracing_opentelemetry::layer().with_tracer(self.0.tracer_with_scope(scope));
        // Spans of other crates, such as those of the exporter's own requests, would follow each other
        // without end.
        let of_calls = |data: &tracing::Metadata<'_>| data.is_span() && data.name().starts_with("llm.");
        spans.with_filter(tracing_subscriber::filter::filter_fn(of_calls))
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans may not have reached the collector");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn spans_of_attempts_reach_the_collector_and_others_do_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let collector = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !request.windows(15).any(|window| window == b"claude-sonnet-5") {
                let read = connection.read(&mut piece).unwrap();
                assert!(read > 0, "{}", String::from_utf8_lossy(&request));
                request.extend_from_slice(&piece[..read]);
            }
            connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
            String::from_utf8_lossy(&request).into_owned()
        });
        let otlp = Otlp::new(&endpoint).unwrap();
        let subscriber = tracing_subscriber::registry().with(otlp.layer());
        tracing::subscriber::with_default(subscriber, || {
            let _other = tracing::info_span!("something.else").entered();
            tracing::info_span!("llm.attempt", gen_ai.request.model = "claude-sonnet-5").in_scope(|| {});
        });
        drop(otlp);
        let request = collector.join().unwrap();
        assert!(request.starts_with("POST /v1/traces "), "{request}");
        for expected in ["llm.attempt", "gen_ai.request.model", "service.name", GEN_AI_CONVENTIONS] {
            assert!(request.contains(expected), "{expected}: {request}");
        }
        assert!(!request.contains("something.else"), "{request}");
    }
}
