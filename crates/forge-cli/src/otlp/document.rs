//! Figures in the text format of Prometheus as a document of OpenTelemetry (OTLP in JSON): both have the same names and
//! values, since one is made from the other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// The convention's name for how long a request to a model took, and the figure that tells it.
const DURATION: (&str, &str) = ("gen_ai.client.operation.duration", "forge_attempt_duration_seconds");

/// Sums since the beginning, and not since the last document.
const CUMULATIVE: u8 = 2;

/// When the server began to count, and now.
pub(super) type Times = [DateTime<Utc>; 2];

/// What is known of a figure.
#[derive(Default)]
struct Family<'a> {
    name: &'a str,
    kind: &'a str,
    help: &'a str,
    samples: Vec<Sample<'a>>,
}

struct Sample<'a> {
    /// The name behind that of the figure: `_bucket`, `_sum` or `_count` of a histogram.
    suffix: &'a str,
    labels: Vec<(&'a str, String)>,
    value: &'a str,
}

/// The document of what `text` says.
pub(super) fn of(text: &str, schema: &str, times: Times) -> Value {
    let families = families(text);
    let mut metrics: Vec<_> = families.iter().map(|family| metric(family, family.name, times)).collect();
    let durations = families.iter().find(|family| family.name == DURATION.1);
    metrics.extend(durations.map(|family| metric(family, DURATION.0, times)));
    let resource =
        [attribute("service.name", "forge"), attribute("service.version", env!("CARGO_PKG_VERSION"))];
    json!({"resourceMetrics": [{
        "resource": {"attributes": resource},
        "scopeMetrics": [{"scope": {"name": "forge"}, "schemaUrl": schema, "metrics": metrics}],
    }]})
}

fn families(text: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            families.push(Family { name, help, ..Family::default() });
        } else if let Some((_, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.last_mut().into_iter().for_each(|family| family.kind = kind);
        } else if let Some(family) = families.last_mut() {
            family.samples.extend(sample(family.name, line));
        }
    }
    families
}

fn sample<'a>(name: &str, line: &'a str) -> Option<Sample<'a>> {
    let (head, value) = line.rsplit_once(' ')?;
    let (named, labels) = head.split_once('{').unwrap_or((head, ""));
    let suffix = named.strip_prefix(name)?;
    Some(Sample { suffix, labels: read_labels(labels.strip_suffix('}').unwrap_or_default()), value })
}

/// Reads `name="value",...`, where a value may hold anything, escaped.
fn read_labels(mut text: &str) -> Vec<(&str, String)> {
    let mut labels = Vec::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let (mut value, mut signs) = (String::new(), rest.char_indices());
        let mut end = rest.len();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => value.extend(signs.next().map(|(_, sign)| if sign == 'n' { '\n' } else { sign })),
                _ => value.push(sign),
            }
        }
        labels.push((name, value));
        text = rest[end..].trim_start_matches(',');
    }
    labels
}

fn metric(family: &Family<'_>, name: &str, times: Times) -> Value {
    let mut metric = json!({"name": name, "description": family.help, "unit": unit(name)});
    let numbers = || -> Vec<Value> {
        let point = |sample: &Sample<'_>| {
            let mut point = point(&sample.labels, times);
            point["asDouble"] = sample.value.parse::<f64>().unwrap_or_default().into();
            point
        };
        family.samples.iter().map(point).collect()
    };
    match family.kind {
        "counter" => {
            metric["sum"] =
                json!({"aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": numbers()});
        }
        "histogram" => {
            metric["histogram"] =
                json!({"aggregationTemporality": CUMULATIVE, "dataPoints": histograms(family, times)});
        }
        _ => metric["gauge"] = json!({"dataPoints": numbers()}),
    }
    metric
}

/// A histogram as it is collected from its lines.
#[derive(Default)]
struct Histogram {
    bounds: Vec<f64>,
    /// Up to each bound, those of the bounds before included.
    counts: Vec<u64>,
    sum: f64,
}

fn histograms(family: &Family<'_>, times: Times) -> Vec<Value> {
    let mut found: BTreeMap<Vec<(&str, String)>, Histogram> = BTreeMap::new();
    for Sample { suffix, labels, value } in &family.samples {
        let (bound, labels): (Vec<_>, Vec<_>) = labels.iter().cloned().partition(|(name, _)| *name == "le");
        let histogram = found.entry(labels).or_default();
        match *suffix {
            "_bucket" => {
                histogram.counts.push(value.parse().unwrap_or_default());
                let bound = bound.first().and_then(|(_, bound)| bound.parse::<f64>().ok());
                histogram.bounds.extend(bound.filter(|bound| bound.is_finite()));
            }
            "_sum" => histogram.sum = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    found.into_iter().map(|(labels, histogram)| histogram_point(&labels, &histogram, times)).collect()
}

fn histogram_point(labels: &[(&str, String)], histogram: &Histogram, times: Times) -> Value {
    let before = [0].iter().chain(&histogram.counts);
    let counts =
        histogram.counts.iter().zip(before).map(|(count, before)| count.saturating_sub(*before).to_string());
    let mut point = point(labels, times);
    point["count"] = histogram.counts.last().copied().unwrap_or_default().to_string().into();
    point["sum"] = histogram.sum.into();
    point["bucketCounts"] = counts.collect::<Vec<_>>().into();
    point["explicitBounds"] = histogram.bounds.clone().into();
    point
}

/// A point of time with the attributes that the labels are. Whole numbers of 64 bits are texts in this form of JSON.
fn point(labels: &[(&str, String)], [start, now]: Times) -> Value {
    let attributes: Vec<_> =
        labels.iter().map(|(name, value)| attribute(conventional(name), value)).collect();
    json!({
        "attributes": attributes,
        "startTimeUnixNano": nanoseconds(start),
        "timeUnixNano": nanoseconds(now),
    })
}

fn nanoseconds(time: DateTime<Utc>) -> String {
    time.timestamp_nanos_opt().unwrap_or_default().to_string()
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

/// The name of an attribute, by the conventions for generative models where those have one.
fn conventional(label: &str) -> &str {
    match label {
        "model" => "gen_ai.request.model",
        "class" => "gen_ai.token.type",
        other => other,
    }
}

fn unit(name: &str) -> &'static str {
    match name {
        _ if name == DURATION.0 || name.contains("_seconds") => "s",
        _ if name.ends_with("_bytes") => "By",
        _ if name.contains("_dollars") => "{USD}",
        _ if name.contains("_tokens") => "{token}",
        _ => "1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP forge_tokens_total Tokens by class.\n# TYPE forge_tokens_total counter\n\
        forge_tokens_total{provider=\"a\\\"b\\\\\\n, x\",model=\"m\",class=\"input\"} 12\n\
        # HELP forge_gateway_calls Calls under way.\n# TYPE forge_gateway_calls gauge\nforge_gateway_calls 3\n\
        # HELP forge_attempt_duration_seconds Time.\n# TYPE forge_attempt_duration_seconds histogram\n\
        forge_attempt_duration_seconds_bucket{model=\"m\",le=\"0.05\"} 1\n\
        forge_attempt_duration_seconds_bucket{model=\"m\",le=\"0.1\"} 4\n\
        forge_attempt_duration_seconds_bucket{model=\"m\",le=\"+Inf\"} 6\n\
        forge_attempt_duration_seconds_sum{model=\"m\"} 1.5\n\
        forge_attempt_duration_seconds_count{model=\"m\"} 6\n";

    #[test]
    fn a_document_has_the_names_and_values_of_the_text() {
        let document = of(TEXT, "schema", [1, 2].map(DateTime::from_timestamp_nanos));
        let metrics = &document["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
        let names: Vec<_> =
            metrics.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["forge_tokens_total", "forge_gateway_calls", DURATION.1, DURATION.0]);
        let tokens = &metrics[0]["sum"];
        assert_eq!(
            (&tokens["isMonotonic"], &tokens["dataPoints"][0]["asDouble"]),
            (&json!(true), &json!(12.0))
        );
        assert_eq!(
            tokens["dataPoints"][0]["attributes"],
            json!([
                {"key": "provider", "value": {"stringValue": "a\"b\\\n, x"}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
                {"key": "gen_ai.token.type", "value": {"stringValue": "input"}},
            ])
        );
        assert_eq!(metrics[1]["gauge"]["dataPoints"][0]["asDouble"], json!(3.0));
        for histogram in [&metrics[2], &metrics[3]] {
            let point = &histogram["histogram"]["dataPoints"][0];
            assert_eq!((&point["count"], &point["sum"]), (&json!("6"), &json!(1.5)));
            assert_eq!(
                (&point["bucketCounts"], &point["explicitBounds"]),
                (&json!(["1", "3", "2"]), &json!([0.05, 0.1]))
            );
            assert_eq!((&histogram["unit"], &point["timeUnixNano"]), (&json!("s"), &json!("2")));
        }
    }
}
