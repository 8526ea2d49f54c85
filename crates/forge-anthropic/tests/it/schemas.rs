//! Schemas as they are written for any vendor, and as this one takes them.

use forge_core::{
    ModelRequest, ModelResponse,
    request::{Delivery, FunctionTool, OutputFormat},
};
use forge_testkit::Reply;
use serde_json::{Value, json};

use crate::exchange;

async fn asked(request: ModelRequest, answer: &Value) -> (Value, ModelResponse) {
    let text = json!([{"type": "text", "text": answer.to_string()}]);
    let done = json!({"id": "m", "model": "m", "content": text, "stop_reason": "end_turn"});
    let request = request.with_user_message("hi").with_delivery(Delivery::Whole);
    let (outcome, sent) = exchange("claude-opus-5", request, Reply::json(200, &done.to_string())).await;
    (sent[0].body.clone(), outcome.unwrap())
}

fn warned(response: &ModelResponse) -> Vec<&str> {
    response.warnings.iter().map(|warning| warning.about.as_str()).collect()
}

fn obeying(schema: Value) -> ModelRequest {
    ModelRequest::new("").with_output(OutputFormat::json_schema("x", schema))
}

#[tokio::test]
async fn an_open_object_is_closed_and_nothing_is_said_about_it() {
    let schema = json!({"type": "object", "required": ["cities"],
        "properties": {"cities": {"type": "array", "items": {"type": "string"}}}});
    let (body, response) = asked(obeying(schema), &json!({"cities": []})).await;
    assert_eq!(body["output_config"]["format"]["schema"]["additionalProperties"], false);
    assert_eq!(warned(&response), [""; 0]);
}

#[tokio::test]
async fn what_the_vendor_refuses_is_told_to_the_model_and_checked_afterwards() {
    let schema = json!({"type": "object", "properties": {
        "n": {"type": "integer", "minimum": 1, "maximum": 10}, "a": {"$ref": "#/$defs/A", "description": "d"}},
        "$defs": {"A": {"type": "string", "minLength": 2}}});
    let (body, response) = asked(obeying(schema.clone()), &json!({"n": 7, "a": "xy"})).await;
    let sent = &body["output_config"]["format"]["schema"]["properties"];
    assert_eq!(sent["n"], json!({"type": "integer", "description": "(minimum: 1, maximum: 10)"}).clone());
    assert_eq!(sent["a"], json!({"type": "string", "description": "d (minLength: 2)"}));
    assert_eq!(warned(&response), ["schema"]);
    let (_, response) = asked(obeying(schema), &json!({"n": 70, "a": "xy"})).await;
    assert_eq!(warned(&response), ["schema", "schema"]);
}

#[tokio::test]
async fn a_schema_that_is_not_taken_is_put_into_words() {
    for (schema, good, bad) in [
        (json!({"type": "array", "items": {"type": "integer"}}), json!([1]), json!(["x"])),
        (
            json!({"type": "object", "properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}}),
            json!({"next": {"n": 1}}),
            json!({"next": {"n": "x"}}),
        ),
    ] {
        let (body, response) = asked(obeying(schema.clone()), &good).await;
        let told = body["system"][0]["text"].as_str().unwrap();
        assert!(told.contains("JSON alone") && told.contains(&schema.to_string()), "{told}");
        assert_eq!((&body["output_config"], warned(&response)), (&Value::Null, vec!["output"]));
        let (_, response) = asked(obeying(schema), &bad).await;
        assert_eq!(warned(&response), ["output", "schema"]);
    }
}

#[tokio::test]
async fn strict_tools_are_fitted_and_others_stay_as_they_are() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}});
    let recursive = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
    let request = ModelRequest::new("")
        .with_tool(FunctionTool::new("strict", schema.clone()).strict())
        .with_tool(FunctionTool::new("loose", schema.clone()))
        .with_tool(FunctionTool::new("deep", recursive.clone()).strict());
    let (body, response) = asked(request, &json!({})).await;
    let fitted = json!({"type": "object", "additionalProperties": false,
        "properties": {"n": {"type": "integer", "description": "(minimum: 1)"}}});
    let tool = |at: usize| (body["tools"][at]["input_schema"].clone(), body["tools"][at]["strict"].clone());
    assert_eq!(tool(0), (fitted, json!(true)));
    assert_eq!(tool(1), (schema, Value::Null));
    assert_eq!(tool(2), (recursive, Value::Null));
    assert_eq!(warned(&response), ["tools", "tools"]);
}
