//! Conversations that go on by the id of their newest response.

use forge::{
    router::{RolePlan, Target},
    storage::responses::{ResponseStore as _, StoredResponse},
};
use serde_json::{Value, json};

use super::{DAY, ask, fetch, over, question, refused, respond, said, sent, start};
use crate::{folder::Folder, vendor::Recorded};

#[tokio::test]
async fn every_vendor_gets_the_whole_conversation() {
    let folder = Folder::new("stored-conversation");
    let server = start(&folder, "{}").await;
    let first = question("provider:anthropic", "The word is plum.", &Value::Null);
    let first = respond(&server, &first).await;
    let second = respond(&server, &question("provider:google", "And the number is 7.", &first["id"])).await;
    for model in ["provider:anthropic", "provider:openai", "provider:google", "provider:local"] {
        let mut body = question(model, "Which word, which number?", &second["id"]);
        body["instructions"] = "Be brief.".into();
        let third = respond(&server, &body).await;
        assert_eq!(third["previous_response_id"], second["id"]);
        let sent = sent(&server).to_string();
        let words =
            ["The word is plum.", said(&first), "And the number is 7.", said(&second), "Which word, which"];
        let words = words.map(|words| sent.find(serde_json::to_string(words).unwrap().trim_matches('"')));
        assert!(words.iter().all(Option::is_some) && words.is_sorted(), "{model}: {words:?} {sent}");
        assert!(!sent.contains("previous_response_id") && !sent.contains("resp_"), "{sent}");
    }
}

#[tokio::test]
async fn the_body_for_another_vendor_is_the_one_of_a_client_that_sends_everything() {
    const CHAT: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\
        \"delta\":{\"role\":\"assistant\",\"content\":\"Plum.\"},\"finish_reason\":null}]}\n\n\
        data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\
        \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\ndata: [DONE]\n\n";
    const MESSAGES: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"type\":\"message\",\
        \"role\":\"assistant\",\"model\":\"claude\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n\
        event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Plum.\"}}\n\n\
        event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    for (id, reply) in [("anthropic", MESSAGES), ("local", CHAT)] {
        let folder = Folder::new(&format!("stored-bodies-{id}"));
        let vendor = Recorded::start(&[("text/event-stream", &[reply][..]); 3]).await;
        let server = over(&folder, "{}", |providers| vendor.take(providers, id), |_| {}).await;
        let model = format!("provider:{id}");
        let first = respond(&server, &question(&model, "The word is plum.", &Value::Null)).await;
        assert_eq!(said(&first), "Plum.");
        respond(&server, &question(&model, "Which?", &first["id"])).await;
        let mut all = vec![json!({"role": "user", "content": "The word is plum."})];
        all.extend(first["output"].as_array().unwrap().iter().cloned());
        all.push(json!({"role": "user", "content": "Which?"}));
        respond(&server, &json!({"model": model, "input": all, "store": false})).await;
        let [_, (_, by_id), (_, whole)] = &vendor.asked()[..] else { panic!() };
        assert_eq!(by_id, whole);
        assert!(by_id.contains("The word is plum.") && by_id.contains("\"Plum.\""), "{by_id}");
    }
}

#[tokio::test]
async fn a_call_of_a_tool_is_answered_by_the_id_of_the_response_that_has_it() {
    let folder = Folder::new("stored-tools");
    let server = start(&folder, "{}").await;
    let schema =
        json!({"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]});
    let tools =
        json!([{"type": "function", "name": "search", "description": "Search.", "parameters": schema}]);
    for (model, mark, other) in [
        ("provider:anthropic", "\"signature\":", "provider:google"),
        ("provider:openai", "\"encrypted_content\":", "provider:anthropic"),
        ("provider:google", "\"thoughtSignature\":", "provider:openai"),
    ] {
        let body = |input: Value, previous: &Value, model: &str, choice: &str| {
            json!({"model": model, "input": input, "previous_response_id": previous, "tools": tools,
                "tool_choice": choice, "reasoning": {"effort": "high", "summary": "auto"}, "max_output_tokens": 2_000})
        };
        let first = body(json!("Search for the answer."), &Value::Null, model, "auto");
        let first = respond(&server, &first).await;
        let calls = first["output"].as_array().unwrap().iter().filter(|item| item["type"] == "function_call");
        let results: Vec<Value> = calls
            .map(|call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": "It is 42."}))
            .collect();
        assert!(!results.is_empty(), "{first}");
        for (asked, is_own) in [(model, true), (other, false)] {
            let reply = body(json!(results), &first["id"], asked, "none");
            let reply = ask(&server, "", "POST /v1/responses", &reply).await;
            assert_eq!(reply.status, 200, "{asked}: {}", reply.body);
            let sent = sent(&server).to_string();
            assert!(sent.contains("It is 42.") && sent.contains("Search for the answer."), "{sent}");
            if is_own {
                // The state of the vendor comes back to it.
                assert!(sent.contains(mark), "{model}: {sent}");
            }
            assert!(!sent.contains("fg1"), "{sent}");
            assert!(
                reply.header("x-forge-warnings").is_none_or(|words| !words.contains("state")),
                "{}",
                reply.head
            );
        }
    }
}

#[tokio::test]
async fn an_item_is_what_a_reference_to_it_stands_for() {
    let folder = Folder::new("stored-references");
    let server = start(&folder, "{}").await;
    let first = respond(&server, &question("provider:anthropic", "The word is plum.", &Value::Null)).await;
    let (_, input) = fetch(&server, &first["id"], "/input_items").await;
    let refer = |item: &Value| json!({"type": "item_reference", "id": item["id"]});
    let mut items: Vec<Value> = input["data"].as_array().unwrap().iter().map(refer).collect();
    items.extend(first["output"].as_array().unwrap().iter().map(refer));
    items.push(json!({"role": "user", "content": "Which?"}));
    for store in [true, false] {
        for model in ["provider:google", "provider:openai"] {
            respond(&server, &json!({"model": model, "input": items, "store": store})).await;
            let sent = sent(&server).to_string();
            let said = serde_json::to_string(said(&first)).unwrap();
            assert!(
                sent.contains("The word is plum.") && sent.contains(&said) && sent.contains("Which?"),
                "{sent}"
            );
        }
    }
    for id in ["msg_none_0", "msg_1", "", &format!("msg_{}_9", &first["id"].as_str().unwrap()[5..])] {
        let body = json!({"model": "provider:google", "input": [{"type": "item_reference", "id": id}]});
        let (status, _, why) = refused(&server, &body).await;
        assert!(status == 400 && why.contains("input[0]") && why.contains("not stored here"), "{id}: {why}");
    }
}

#[tokio::test]
async fn a_conversation_that_has_lost_a_link_is_refused() {
    let folder = Folder::new("stored-link");
    let server = start(&folder, "{}").await;
    let mut ids = vec![Value::Null];
    for text in ["one", "two", "three"] {
        let response = respond(&server, &question("provider:google", text, ids.last().unwrap())).await;
        ids.push(response["id"].clone());
    }
    let path = format!("DELETE /v1/responses/{}", ids[1].as_str().unwrap());
    assert_eq!(ask(&server, "", &path, &Value::Null).await.status, 200);
    let calls = server.calls();
    for previous in &ids[1..] {
        let (status, code, why) = refused(&server, &question("provider:google", "go on", previous)).await;
        assert_eq!((status, code), (400, json!("previous_response_not_found")), "{why}");
        assert!(why.contains(ids[1].as_str().unwrap()), "{why}");
    }
    assert_eq!(server.calls(), calls);
    assert_eq!(fetch(&server, &ids[3], "").await.0, 200, "it is there all the same");
}

#[tokio::test]
async fn a_conversation_has_no_end_of_links_and_no_more_bytes_than_a_request() {
    let folder = Folder::new("stored-long");
    let server = over(&folder, "{}", |_| {}, |options| options.plan.body_bytes = 20_000).await;
    let store = server.system.store().unwrap();
    let link = |number: u32, input: String| {
        let now = chrono::Utc::now();
        let response = format!(r#"{{"id":"resp_{number}","background":false,"output":[]}}"#);
        let mut link = StoredResponse::new(format!("resp_{number}"), "", [now, now + DAY], input, response);
        link.previous = (number > 1).then(|| format!("resp_{}", number - 1).into());
        link
    };
    let turn = |text: &str| json!([{"role": "user", "content": text}]).to_string();
    for number in 1..=201 {
        store.put_response(link(number, turn("-"))).await.unwrap();
    }
    respond(&server, &question("provider:google", "go on", &json!("resp_200"))).await;
    assert_eq!(sent(&server)["contents"].to_string().matches("\"-\"").count(), 200);
    let (status, code, why) =
        refused(&server, &question("provider:google", "go on", &json!("resp_201"))).await;
    assert_eq!((status, code), (400, Value::Null), "{why}");
    assert!(why.contains("200 responses"), "{why}");
    for (number, text, status) in [(1, "x".repeat(15_000), 200), (2, "x".repeat(6_000), 400)] {
        store.put_response(link(number, turn(&text))).await.unwrap();
        let body = question("provider:google", "go on", &json!(format!("resp_{number}")));
        assert_eq!(ask(&server, "", "POST /v1/responses", &body).await.status, status, "{number}");
    }
}

#[tokio::test]
async fn a_role_goes_on_from_what_a_provider_said() {
    let folder = Folder::new("stored-role");
    let server = crate::server::Server::routed(
        "{}",
        |plan| {
            let role = RolePlan { primary: vec![Target::Provider(0)], ..RolePlan::default() };
            plan.roles.insert("coder".into(), role);
        },
        |options| {
            let store = forge::store::StoreOptions::new(folder.0.join("forge.db"));
            options.responses = Some(std::sync::Arc::new(forge::store::Store::open(store).unwrap()));
            options.plan.keep_responses = Some(DAY);
        },
    );
    let server = server.await;
    let first = respond(&server, &question("provider:google", "The word is plum.", &Value::Null)).await;
    let second = respond(&server, &question("role:coder", "Which?", &first["id"])).await;
    assert!(sent(&server).to_string().contains("plum"));
    assert_eq!((&second["model"], &second["previous_response_id"]), (&json!("role:coder"), &first["id"]));
}
