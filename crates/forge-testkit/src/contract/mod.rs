//! The scenarios of the contract. A failed assertion is how each reports.
//!
//! Each takes a subject and starts servers of its own, so that they run side by side and in any order. The
//! macro `contract!` makes a test of each; one by itself can be called as well.

mod damage;
mod failures;
mod replies;
mod requests;
mod secrets;

use forge_core::{ModelRequest, ModelResponse, ProviderExt as _, request::Part};

pub use damage::{
    a_cut_stream_is_never_a_short_success, a_cut_stream_of_thoughts_is_never_a_short_success,
    a_cut_whole_reply_is_never_a_short_success, a_damaged_reply_is_survived, an_endless_line_is_refused,
};
pub use failures::{each_mistake_has_its_kind, error_facts_survive};
pub use replies::{
    a_dropped_stream_cancels_the_request, a_stream_equals_the_whole_reply, events_keep_their_order,
    the_form_of_the_bytes_changes_nothing, the_raw_reply_is_kept_on_request,
};
pub use requests::{
    an_unsupported_feature_fails_before_sending, opaque_parts_come_back_byte_exact, the_free_calls_work,
    usage_sums_to_the_vendors_total,
};
pub use secrets::{bad_settings_are_refused, the_key_is_nowhere_to_be_seen};

use crate::{recorder::Recorder, subject::Subject, vendor::Behavior};

/// What must be equal: everything but ids that the vendor makes up for every reply, and how many parts
/// a text comes in. A vendor may put its state on a part of its own when it streams.
fn without_ids(response: &ModelResponse) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut content: Vec<Part> = Vec::new();
    for mut part in response.content.iter().cloned() {
        match (&mut part, content.last_mut()) {
            (Part::Text { text: more, .. }, Some(Part::Text { text, .. })) => {
                text.push_str(more);
                continue;
            }
            // A part that only carried state says nothing.
            (Part::Text { text, .. }, _) if text.is_empty() => continue,
            (Part::Text { opaque, .. } | Part::Thinking { opaque, .. }, _) => *opaque = None,
            (Part::ToolUse { id, opaque, .. }, _) => {
                id.clear();
                *opaque = None;
            }
            _ => {}
        }
        content.push(part);
    }
    let states = response.content.iter().filter_map(Part::opaque).count();
    let reason = (response.stop_reason, response.raw_stop_reason.clone());
    (content, states, response.tokens, reason, response.model.clone())
}

/// The bytes of a reply, head included, and what they mean.
async fn record(subject: Subject, request: &ModelRequest) -> (Vec<u8>, ModelResponse) {
    let server = subject.start(Behavior::Normal).await;
    let url = server.base_url();
    let address = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap();
    let recorder = Recorder::start(address.parse().unwrap()).await.unwrap();
    let url = url.replace(address, &recorder.address().to_string());
    let adapter = subject.adapter(&url);
    let response = adapter.complete(&subject.context(), request.clone()).await.unwrap();
    (recorder.said(), response)
}
