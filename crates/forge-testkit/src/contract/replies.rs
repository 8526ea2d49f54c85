//! What a reply is.

use std::{sync::Arc, time::Duration};

use forge_core::{ProviderExt as _, StreamEvent, request::Delivery};

use super::{record, without_ids};
use crate::{
    form::ByteForm,
    server::{Reply, ScriptedServer, Then},
    subject::{Subject, requests, text, two_tools, whole},
    vendor::Behavior,
};

/// A whole reply has the same content, tokens and stop reason as the same reply in a stream.
pub async fn a_stream_equals_the_whole_reply(subject: Subject) {
    for (name, request) in requests() {
        if subject.is_exempt(name) {
            continue;
        }
        let streamed = subject.answer(request.clone()).await;
        let unary = subject.answer(whole(&request)).await;
        assert!(!streamed.content.is_empty(), "{name}");
        assert_eq!(without_ids(&streamed), without_ids(&unary), "{name}");
    }
}

/// `Started` comes first, `Finished` once and last, content in between.
pub async fn events_keep_their_order(subject: Subject) {
    for (name, request) in requests() {
        if subject.is_exempt(name) {
            continue;
        }
        for request in [request.clone(), whole(&request)] {
            let events = subject.events(request).await;
            assert!(matches!(events.first(), Some(StreamEvent::Started(_))), "{name}: {events:?}");
            assert!(matches!(events.last(), Some(StreamEvent::Finished(_))), "{name}: {events:?}");
            let finished = events.iter().filter(|event| matches!(event, StreamEvent::Finished(_))).count();
            let content = events.iter().filter(|event| event.is_content()).count();
            // Two pieces at least, or the order of content would not be tried.
            assert!(finished == 1 && content >= 2, "{name}: {events:?}");
        }
    }
}

/// However the bytes are written (one by one, several events at once, with other line ends, with
/// keep-alives, without a last line end), the reply is the same.
pub async fn the_form_of_the_bytes_changes_nothing(subject: Subject) {
    for request in [text(), two_tools(), whole(&two_tools())] {
        let plain = without_ids(&subject.answer(request.clone()).await);
        for form in ByteForm::ALL {
            let Some(server) = subject.try_start(Behavior::Bytes(form)).await else { continue };
            let adapter = subject.adapter(&server.base_url());
            let response = adapter.complete(&subject.context(), request.clone()).await.unwrap();
            assert_eq!(without_ids(&response), plain, "{form:?}");
        }
    }
}

/// Dropping the stream closes the connection, so that the vendor stops working.
pub async fn a_dropped_stream_cancels_the_request(subject: Subject) {
    let request = text();
    let (bytes, _) = record(subject, &request).await;
    // Far enough for the first content, and short of the end.
    let part = Reply::raw(&bytes[..bytes.len() * 2 / 3]).then(Then::Hold);
    let mut server = ScriptedServer::start([part]).await.unwrap();
    let adapter = subject.adapter(&server.url());
    let mut stream = adapter.stream(&subject.context(), Arc::new(request)).await.unwrap();
    while !stream.next().await.unwrap().unwrap().is_content() {}
    drop(stream);
    tokio::time::timeout(Duration::from_secs(5), server.client_hung_up()).await.unwrap();
}

/// The vendor's own text is kept on request, and only then.
pub async fn the_raw_reply_is_kept_on_request(subject: Subject) {
    for delivery in [Delivery::Stream, Delivery::Whole] {
        let plain = subject.answer(text().with_delivery(delivery)).await;
        assert_eq!(plain.raw_response, None);
        let mut request = text().with_delivery(delivery);
        request.keep_raw = true;
        let kept = subject.answer(request).await.raw_response.unwrap();
        assert!(kept.contains(subject.model) && kept.contains('{'), "{kept}");
    }
}
