//! No body breaks the server, whatever is wrong with it.

use forge_sim::Vendor;
use serde_json::{Value, json};

use crate::client::{post, start};

/// Paths of every value inside a body.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| pointers(value, &format!("{at}/{name}"), all));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| pointers(value, &format!("{at}/{index}"), all));
        }
        _ => {}
    }
}

fn named(body: &Value, model: &str) -> Value {
    let mut body = body.clone();
    body["model"] = model.into();
    body
}

fn bodies() -> Vec<(Vendor, &'static str, Value)> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let function = json!({"name": "f", "parameters": schema, "strict": true});
    let chat = json!({
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "f"}, {"type": "image_url", "image_url": {"url": "data:"}}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
            {"role": "user", "content": "f"},
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        "stream": true, "stream_options": {"include_usage": true}, "stop": ["x"], "temperature": 1,
    });
    let mut local = chat.clone();
    local["model"] = "qwen3".into();
    let native = json!({
        "model": "qwen3", "messages": chat["messages"], "tools": chat["tools"],
        "options": {"num_ctx": 5, "num_predict": 50, "stop": ["x"]}, "format": schema, "think": true,
    });
    vec![
        (
            Vendor::Anthropic,
            "/v1/messages",
            json!({
                "model": "claude-opus-4-6", "max_tokens": 50,
                "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "f"}, {"type": "image", "source": {"type": "url", "url": "u"}}]},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "r"}]}]},
                ],
                "tools": [{"name": "f", "input_schema": schema, "strict": true}],
                "tool_choice": {"type": "auto"}, "thinking": {"type": "adaptive"},
                "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}},
                "stop_sequences": ["x"], "stream": true, "top_k": 4,
            }),
        ),
        (Vendor::OpenAi, "/chat/completions", chat.clone()),
        (
            Vendor::OpenAi,
            "/responses",
            json!({
                "model": "gpt-6.2-sol",
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "f"}]},
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c", "output": "r"},
                ],
                "tools": [{"type": "function", "name": "f", "parameters": schema, "strict": true}],
                "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}},
                "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
                "stream": true, "store": false,
            }),
        ),
        (
            Vendor::Google,
            "/models/gemini-2.5-pro:streamGenerateContent",
            json!({
                "systemInstruction": {"parts": [{"text": "s"}]},
                "contents": [
                    {"role": "user", "parts": [{"text": "f"}, {"inlineData": {"mimeType": "image/png", "data": ""}}]},
                    {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
                    {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
                ],
                "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
                "generationConfig": {"maxOutputTokens": 50, "stopSequences": ["x"], "thinkingConfig": {"thinkingBudget": 5}},
            }),
        ),
        (Vendor::Vllm, "/v1/chat/completions", local.clone()),
        (Vendor::LlamaCpp, "/v1/chat/completions", local),
        (Vendor::Ollama, "/api/chat", native),
        ("deepseek".parse().unwrap(), "/chat/completions", named(&chat, "deepseek-v4-pro")),
        ("openrouter".parse().unwrap(), "/chat/completions", named(&chat, "deepseek/deepseek-v4-pro")),
        ("mistral".parse().unwrap(), "/chat/completions", named(&chat, "mistral-large-latest")),
    ]
}

/// Bodies of coding agents, and with attachments.
fn richer_bodies() -> Vec<(Vendor, &'static str, Value)> {
    vec![
        (
            Vendor::OpenAi,
            "/responses",
            json!({
                "model": "gpt-6.2-sol", "store": false, "tools": [{"type": "web_search"}],
                "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "exec"}]},
                "client_metadata": {"a": "b"}, "context_management": [{"type": "compaction"}],
                "input": [
                    {"type": "additional_tools", "tools": [
                        {"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "exec"}]}]},
                    {"role": "user", "content": [
                        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="},
                        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERg=="}]},
                    {"type": "custom_tool_call", "call_id": "c", "name": "exec", "input": "x"},
                    {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "r"}]},
                    {"type": "tool_search_output", "tools": [{"type": "function", "name": "g", "parameters": {}}]},
                    {"type": "compaction", "encrypted_content": "AAAA"},
                    {"role": "user", "content": "exec"},
                ],
            }),
        ),
        (
            Vendor::Anthropic,
            "/v1/messages",
            json!({
                "model": "claude-haiku-4-5", "max_tokens": 50,
                "messages": [
                    {"role": "user", "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                        {"type": "document", "citations": {"enabled": true},
                         "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
                        {"type": "text", "text": "q", "citations": [{"type": "char_location"}]}]},
                    {"role": "assistant", "content": "Answer:"},
                ],
            }),
        ),
    ]
}

#[tokio::test]
async fn a_mangled_body_always_gets_an_answer() {
    let sim = start().await;
    let replacements = [json!(null), json!(-1), json!("x"), json!([[]]), json!({"type": {}})];
    for (vendor, path, body) in bodies().into_iter().chain(richer_bodies()) {
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        assert!(post(&sim, vendor, path, &body).await.status != 0);
        for place in places {
            for replacement in &replacements {
                let mut mangled = body.clone();
                *mangled.pointer_mut(&place).unwrap() = replacement.clone();
                let status = post(&sim, vendor, path, &mangled).await.status;
                assert!((200..500).contains(&status), "{vendor} {place} {replacement}: {status}");
            }
        }
    }
}
