use forge_core::{
    ErrorKind, ProviderError, StreamEvent,
    event::{Finished, PartKind, StopReason},
    request::Part,
};
use serde_json::{Value, json};

use super::{
    super::stored::{ItemPage, StoringRequest, cancelled, is_background, items, lost},
    folded, head, values, written,
};

fn storing(body: &Value) -> StoringRequest {
    StoringRequest::read(body.to_string().as_bytes()).unwrap()
}

#[test]
fn a_request_says_what_it_asks_of_the_store() {
    let asked = |more: &Value| {
        let mut body = json!({"model": "m", "input": "Hi"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        StoringRequest::read(body.to_string().as_bytes())
            .map(|asked| (asked.stores(), asked.is_background(), asked.previous().map(str::to_owned)))
    };
    assert_eq!(asked(&json!({})).unwrap(), (true, false, None));
    assert_eq!(asked(&json!({"store": null, "background": null})).unwrap(), (true, false, None));
    let all = json!({"store": true, "background": true, "previous_response_id": "resp_1"});
    assert_eq!(asked(&all).unwrap(), (true, true, Some("resp_1".to_owned())));
    assert_eq!(asked(&json!({"store": false})).unwrap(), (false, false, None));
    assert!(asked(&json!({"store": false, "background": true})).is_err());
}

#[test]
fn what_came_before_stands_in_front_of_what_a_request_brings() {
    let before = || {
        let response = json!({"background": false, "output": [
            {"type": "message", "id": "msg_1_0", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]});
        items(r#"[{"role":"user","content":"Q"}]"#, &response.to_string()).unwrap()
    };
    for (input, own) in [
        (json!("R"), Some("R")),
        (json!([{"role": "user", "content": "R"}]), Some("R")),
        (json!([]), None),
        (Value::Null, None),
    ] {
        let mut body = json!({"model": "m", "input": input, "instructions": "S"});
        if input.is_null() {
            body.as_object_mut().unwrap().remove("input");
        }
        let stored = storing(&body).into_incoming(before(), &head()).unwrap();
        let request = &stored.incoming.request;
        let texts: Vec<_> = request
            .messages
            .iter()
            .flat_map(|message| &message.parts)
            .filter_map(|part| match part {
                Part::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(texts, ["Q", "A"].into_iter().chain(own).collect::<Vec<_>>());
        assert_eq!(request.system[0].text, "S");
    }
    assert!(storing(&json!({"model": "m"})).into_incoming(Vec::new(), &head()).is_err());
    assert!(storing(&json!({"model": "m", "input": 7})).into_incoming(before(), &head()).is_err());
    assert!(items("[]", "{}").is_none() && items("{", "{\"output\":[]}").is_none());
}

#[test]
fn the_end_of_a_response_is_there_as_its_client_has_it() {
    let body = json!({"model": "m", "input": "Q", "metadata": {"a": "b"}, "previous_response_id": "resp_0"});
    let events = [
        StreamEvent::PartStarted { index: 0, kind: PartKind::Text },
        StreamEvent::text(0, "A"),
        StreamEvent::PartEnded { index: 0, opaque: None },
        StreamEvent::from(Finished::new(StopReason::EndTurn)),
    ];
    let mut stored = storing(&body).into_incoming(Vec::new(), &head()).unwrap();
    let begun: Value = serde_json::from_str(&stored.begun).unwrap();
    assert_eq!((&begun["status"], &begun["previous_response_id"]), (&json!("in_progress"), &json!("resp_0")));
    assert_eq!(
        (&begun["metadata"], &begun["store"], &begun["id"]),
        (&json!({"a": "b"}), &json!(true), &json!(stored.id))
    );
    assert!(stored.last.take().is_none());
    let told = values(&written(&mut *stored.incoming.reply, &events)).pop().unwrap();
    let kept: Value = serde_json::from_str(&stored.last.take().unwrap()).unwrap();
    assert_eq!((&kept, &kept["status"]), (&told["response"], &json!("completed")));

    let mut whole = storing(&body).into_incoming(Vec::new(), &head()).unwrap();
    let body_of_whole = whole.incoming.reply.whole(&folded(events));
    assert_eq!(whole.last.take().unwrap().as_bytes(), body_of_whole);

    for (kind, status, code) in [
        (ErrorKind::Overloaded, "failed", json!("server_is_overloaded")),
        (ErrorKind::Cancelled, "cancelled", Value::Null),
    ] {
        let mut broken = storing(&body).into_incoming(Vec::new(), &head()).unwrap();
        broken.incoming.reply.failure(&ProviderError::new(kind, "p", "no"), &mut Vec::new());
        let kept: Value = serde_json::from_str(&broken.last.take().unwrap()).unwrap();
        assert_eq!((&kept["status"], &kept["error"]["code"]), (&json!(status), &code));
    }
    let mut unkept = storing(&json!({"model": "m", "input": "Q", "store": false}));
    assert_eq!(unkept.input(), r#"[{"type":"message","role":"user","content":"Q"}]"#);
    let mut unkept = unkept.into_incoming(Vec::new(), &head()).unwrap();
    written(&mut *unkept.incoming.reply, &[StreamEvent::from(Finished::new(StopReason::EndTurn))]);
    assert!(unkept.last.take().is_none() && !unkept.begun.contains("metadata"), "{}", unkept.begun);
}

#[test]
fn a_silent_stream_tells_first_who_is_there() {
    let mut stored =
        storing(&json!({"model": "m", "input": "Q"})).into_incoming(Vec::new(), &head()).unwrap();
    let (reply, mut out) = (&mut stored.incoming.reply, Vec::new());
    reply.keep_alive(&mut out);
    reply.keep_alive(&mut out);
    assert_eq!(values(&out).len(), 2, "once");
    assert_eq!(values(&out)[0]["response"]["id"], stored.id);
}

#[test]
fn a_response_that_ends_without_its_server_says_how() {
    let begun = r#"{"id":"resp_1","status":"in_progress","error":null,"background":true,"output":[]}"#;
    assert!(is_background(begun) && !is_background("{}"));
    let end = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    assert_eq!(end(cancelled(begun))["status"], "cancelled");
    let lost = end(lost(begun));
    assert_eq!((&lost["status"], &lost["error"]["code"]), (&json!("failed"), &json!("server_error")));
    assert_eq!(cancelled("{"), "{", "what is damaged stays as it is");
}

#[test]
fn items_are_listed_with_ids_and_kinds() {
    let input = json!([
        {"role": "developer", "content": [{"type": "input_text", "text": "S"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "7", "id": "own"},
        7,
    ]);
    let page = ItemPage::read(Some("order=asc&limit=100")).unwrap().of(&input.to_string(), "resp_1").unwrap();
    let page: Value = serde_json::from_slice(&page).unwrap();
    let ids: Vec<_> = page["data"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&json!("msg_in_1_0"), &json!("fc_in_1_1"), &json!("own"), &Value::Null]);
    assert_eq!(
        (&page["data"][0]["type"], &page["data"][1]["status"]),
        (&json!("message"), &json!("completed"))
    );
    let after =
        ItemPage::read(Some("after=fc%5Fin%5F1_1&order=asc")).unwrap().of(&input.to_string(), "resp_1");
    let after: Value = serde_json::from_slice(&after.unwrap()).unwrap();
    assert_eq!((after["data"].as_array().map(Vec::len), &after["first_id"]), (Some(2), &json!("own")));
}
