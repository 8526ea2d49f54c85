use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{ByteStyle, Cut, Drip, ErrorSpec, Nth, Quirk, ReplySpec, Reset, Stall, StreamError, vendors};
use crate::vendor::Vendor;

/// Which requests, and what happens to them.
///
/// Without `path` a rule speaks of generation calls only, so that a health check does not use up
/// its count. A rule counts every request it selects, also when an earlier rule fired.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Only this vendor.
    #[serde(deserialize_with = "vendors::one")]
    pub vendor: Option<Vendor>,
    /// Only this model, as the client asks for it.
    pub model: Option<String>,
    /// Only paths which contain this text; makes the rule apply to all kinds of calls.
    pub path: Option<String>,
    /// Only bodies which contain this text, in one of their texts.
    pub contains: Option<String>,
    /// Only these of the selected requests.
    pub nth: Option<Nth>,

    /// Answer with an error of this kind in the vendor's own form.
    pub error: Option<ErrorSpec>,
    /// Answer "loading" until this many milliseconds after the rule's first request.
    pub loading_ms: Option<u64>,
    /// Answer with exactly this body.
    pub body: Option<String>,
    /// Status of `body` (200 when left out), or of the whole reply.
    pub status: Option<u16>,
    /// More response headers.
    pub headers: BTreeMap<String, String>,

    /// Send a TCP reset.
    pub reset: Option<Reset>,
    /// Close the connection in the middle of the body, without the end the framing promised.
    pub cut: Option<Cut>,
    /// Send half of a JSON body, with a length that says it is whole.
    pub truncated_json: bool,
    /// Pauses.
    pub stall: Option<Stall>,
    /// Send everything in small pieces.
    pub drip: Option<Drip>,
    /// An error event inside a stream that began well.
    pub stream_error: Option<StreamError>,
    /// End the stream in good order, without its terminal events.
    pub silent_end: bool,
    /// A stream error followed by `[DONE]`.
    pub error_then_done: bool,

    /// What the model says.
    pub reply: Option<ReplySpec>,
    /// Deviations that real servers of the kind have shown.
    pub quirks: Vec<Quirk>,
    /// How the bytes are written.
    pub bytes: ByteStyle,
}

/// Whether a text in the body contains this one.
fn holds(body: &Value, text: &str) -> bool {
    // In the texts and not in the JSON, so that a script needs no escapes.
    match body {
        Value::String(found) => found.contains(text),
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(fields) => fields.values().any(|value| holds(value, text)),
        _ => false,
    }
}

impl Rule {
    pub(crate) fn selects(&self, call: &Selected<'_>) -> bool {
        self.vendor.is_none_or(|vendor| vendor == call.vendor)
            && self.model.as_deref().is_none_or(|model| call.model == Some(model))
            && self.contains.as_deref().is_none_or(|text| holds(call.body, text))
            && match &self.path {
                Some(path) => call.path.contains(path.as_str()),
                None => call.generates,
            }
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// The name of the fault for the journal; none for a rule that only shapes a good reply, or
    /// whose fault needs a stream where the reply is whole, or the other way round.
    pub(crate) fn fault(&self, streamed: bool) -> Option<String> {
        let name = if let Some(error) = &self.error {
            return Some(format!("error:{}", error.kind.id()));
        } else if let Some(error) = self.stream_error.as_ref().filter(|_| streamed) {
            return Some(format!("stream_error:{}", error.kind.id()));
        } else if self.loading_ms.is_some() {
            "loading"
        } else if self.body.is_some() {
            "body"
        } else if self.reset.is_some() {
            "reset"
        } else if self.cut.is_some() {
            "cut"
        } else if self.truncated_json && !streamed {
            "truncated_json"
        } else if self.stall.is_some() {
            "stall"
        } else if self.drip.is_some() {
            "drip"
        } else if self.silent_end && streamed {
            "silent_end"
        } else if self.error_then_done && streamed {
            "error_then_done"
        } else {
            return None;
        };
        Some(name.to_owned())
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let idle = Self {
            vendor: self.vendor,
            model: self.model.clone(),
            path: self.path.clone(),
            contains: self.contains.clone(),
            nth: self.nth,
            ..Self::default()
        };
        // Most likely its action is misspelt elsewhere or forgotten; as a rule it would swallow a request's
        // turn.
        if *self == idle {
            return Err("has no action");
        }
        // Each of these is the whole reply, so that a second one would never show.
        let whole = [self.error.is_some(), self.body.is_some(), self.loading_ms.is_some()];
        if whole.into_iter().filter(|set| *set).count() > 1 {
            return Err("has more than one of `error`, `body` and `loading_ms`");
        }
        // A reply ends once: a second fault would pass for tested without having been played.
        let ends = [
            self.reset.is_some(),
            self.cut.is_some(),
            self.truncated_json,
            self.stream_error.is_some(),
            self.silent_end,
            self.error_then_done,
        ];
        if ends.into_iter().filter(|set| *set).count() > 1 {
            return Err("ends its reply in more than one way");
        }
        if self.nth.is_some_and(Nth::never) {
            return Err("never fires: requests count from 1, and a range goes upwards");
        }
        if self.stall.is_some_and(|stall| {
            stall.before_headers == 0 && stall.before_first_byte == 0 && stall.between_events == 0
        }) {
            return Err("stalls for no time");
        }
        if self.drip.is_some_and(|drip| drip.bytes == 0) {
            return Err("drips zero bytes at a time");
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status))
            || self
                .error
                .as_ref()
                .and_then(|error| error.status)
                .is_some_and(|status| !(200..=599).contains(&status))
        {
            return Err("has a status outside 200..=599");
        }
        Ok(())
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selected<'a> {
    pub(crate) vendor: Vendor,
    pub(crate) path: &'a str,
    pub(crate) model: Option<&'a str>,
    pub(crate) generates: bool,
    pub(crate) body: &'a Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Selected<'_> = Selected {
        vendor: Vendor::OpenAi,
        path: "/v1/responses",
        model: Some("gpt-5"),
        generates: true,
        body: &Value::Null,
    };

    #[test]
    fn a_rule_selects_by_vendor_model_and_path() {
        let rule = Rule {
            vendor: Some(Vendor::OpenAi),
            model: Some("gpt-5".into()),
            path: Some("responses".into()),
            ..Rule::default()
        };
        assert!(rule.selects(&CALL));
        assert!(!rule.selects(&Selected { model: None, ..CALL }));
        assert!(!rule.selects(&Selected { vendor: Vendor::Vllm, ..CALL }));
        assert!(!rule.selects(&Selected { path: "/v1/chat", ..CALL }));
    }

    #[test]
    fn without_a_path_only_generation_is_selected() {
        let listing = Selected { generates: false, path: "/v1/models", ..CALL };
        assert!(!Rule::default().selects(&listing));
        let named = Rule { path: Some("models".into()), ..Rule::default() };
        assert!(named.selects(&listing));
    }

    #[test]
    fn contradictory_ends_are_refused() {
        let rule = Rule { silent_end: true, cut: Some(Cut::BeforeTerminal), ..Rule::default() };
        assert!(rule.check().is_err());
        let rule = Rule { silent_end: true, ..Rule::default() };
        assert!(rule.check().is_ok());
    }

    #[test]
    fn a_rule_that_could_do_nothing_is_refused() {
        for nth in [Nth::Exactly(0), Nth::Every(0), Nth::Range(5, Some(2)), Nth::Range(0, Some(0))] {
            let rule = Rule { nth: Some(nth), silent_end: true, ..Rule::default() };
            assert!(rule.check().is_err(), "{nth:?}");
        }
        let stall = Stall { after_events: Some(3), ..Stall::default() };
        assert!(Rule { stall: Some(stall), ..Rule::default() }.check().is_err());
        let stall = Stall { between_events: 1, ..stall };
        let nth = Some(Nth::Range(0, Some(1)));
        assert_eq!(Rule { stall: Some(stall), nth, ..Rule::default() }.check(), Ok(()));
    }

    #[test]
    fn a_fault_that_the_reply_has_no_place_for_is_not_named() {
        let rule = Rule { silent_end: true, ..Rule::default() };
        assert_eq!((rule.fault(true).as_deref(), rule.fault(false)), (Some("silent_end"), None));
        let rule = Rule { truncated_json: true, ..Rule::default() };
        assert_eq!((rule.fault(true), rule.fault(false).as_deref()), (None, Some("truncated_json")));
    }
}
