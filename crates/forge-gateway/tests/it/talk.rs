//! Conversations as clients of the four dialects have them, which send back what they were given and know of nothing else.

use serde_json::{Value, json};

use crate::{
    client::{Reply, read, send},
    server::Server,
};

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Chat,
    Responses,
    Messages,
    Gemini,
}

/// A conversation with a tool in it.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) speaks: Speaks,
    pub(crate) items: Vec<Value>,
    /// The key that the client has.
    pub(crate) key: Option<String>,
}

impl Talk {
    pub(crate) fn new(speaks: Speaks) -> Self {
        let mut talk = Self { speaks, items: Vec::new(), key: None };
        talk.say("Search for the answer.");
        talk
    }

    /// Adds words of the user's.
    pub(crate) fn say(&mut self, words: &str) {
        self.items.push(match self.speaks {
            Speaks::Gemini => json!({"role": "user", "parts": [{"text": words}]}),
            _ => json!({"role": "user", "content": words}),
        });
    }

    /// Asks a model; `calls` says that it may call the tool.
    pub(crate) async fn ask(&self, server: &Server, model: &str, calls: bool) -> Reply {
        let schema =
            json!({"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]});
        let (name, about) = ("search", "Search.");
        let (path, body) = match self.speaks {
            Speaks::Chat => (
                "/v1/chat/completions".to_owned(),
                json!({"model": model, "max_tokens": 2_000, "reasoning_effort": "high", "messages": self.items,
                    "tool_choice": if calls { "auto" } else { "none" },
                    "tools": [{"type": "function", "function": {"name": name, "description": about, "parameters": schema}}]}),
            ),
            Speaks::Responses => (
                "/v1/responses".to_owned(),
                json!({"model": model, "max_output_tokens": 2_000, "input": self.items, "store": false,
                    "reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
                    "tool_choice": if calls { "auto" } else { "none" },
                    "tools": [{"type": "function", "name": name, "description": about, "parameters": schema}]}),
            ),
            Speaks::Messages => (
                "/v1/messages".to_owned(),
                json!({"model": model, "max_tokens": 2_000, "messages": self.items,
                    "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"},
                    "tool_choice": {"type": if calls { "auto" } else { "none" }},
                    "tools": [{"name": name, "description": about, "input_schema": schema}]}),
            ),
            Speaks::Gemini => (
                format!("/v1beta/models/{model}:generateContent"),
                json!({"contents": self.items,
                    "generationConfig": {"maxOutputTokens": 2_000,
                        "thinkingConfig": {"includeThoughts": true, "thinkingLevel": "HIGH"}},
                    "toolConfig": {"functionCallingConfig": {"mode": if calls { "AUTO" } else { "NONE" }}},
                    "tools": [{"functionDeclarations": [
                        {"name": name, "description": about, "parametersJsonSchema": schema}]}]}),
            ),
        };
        let key = self.key.as_ref().map(|key| format!("x-api-key: {key}\r\n")).unwrap_or_default();
        let headers = format!("content-type: application/json\r\n{key}");
        read(send(server.address, &format!("POST {path}"), &headers, &body.to_string()).await).await
    }

    /// Asks, and keeps the answer as the client does.
    pub(crate) async fn go_on(&mut self, server: &Server, model: &str, calls: bool) -> Reply {
        let reply = self.ask(server, model, calls).await;
        assert_eq!(reply.status, 200, "{:?} {model}: {}", self.speaks, reply.body);
        self.keep(&reply.json());
        reply
    }

    fn keep(&mut self, reply: &Value) {
        match self.speaks {
            Speaks::Chat => {
                let message = &reply["choices"][0]["message"];
                // Most clients know of no thoughts.
                let mut kept = json!({"role": "assistant", "content": message["content"]});
                if message["tool_calls"].is_array() {
                    kept["tool_calls"] = message["tool_calls"].clone();
                    for call in kept["tool_calls"].as_array_mut().unwrap() {
                        call.as_object_mut().unwrap().remove("extra_content");
                    }
                }
                self.items.push(kept);
            }
            Speaks::Responses => self.items.extend(reply["output"].as_array().unwrap().iter().cloned()),
            Speaks::Messages => self.items.push(json!({"role": "assistant", "content": reply["content"]})),
            Speaks::Gemini => {
                let mut content = reply["candidates"][0]["content"].clone();
                // As an agent does it that shows thoughts and forgets them.
                content["parts"].as_array_mut().unwrap().retain(|part| part["thought"] != true);
                self.items.push(content);
            }
        }
    }

    /// Answers the calls of the last turn, and returns their ids.
    pub(crate) fn answer(&mut self) -> Vec<String> {
        let last = self.items.last().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let ids: Vec<String> = match self.speaks {
            Speaks::Chat => list(&last["tool_calls"]).iter().map(|call| text(&call["id"])).collect(),
            Speaks::Responses => {
                let calls = self.items.iter().rev().take_while(|item| item["type"] == "function_call");
                calls.map(|call| text(&call["call_id"])).collect()
            }
            Speaks::Messages => {
                let calls = list(&last["content"]);
                calls
                    .iter()
                    .filter(|block| block["type"] == "tool_use")
                    .map(|call| text(&call["id"]))
                    .collect()
            }
            Speaks::Gemini => {
                let parts = list(&last["parts"]);
                let calls = parts.iter().map(|part| &part["functionCall"]).filter(|call| call.is_object());
                // Google's own calls, which are passed on, have no ids.
                calls.map(|call| call["id"].as_str().unwrap_or_default().to_owned()).collect()
            }
        };
        assert!(!ids.is_empty(), "{:?}: no call in {last}", self.speaks);
        let results: Vec<Value> = ids.iter().map(|id| self.result(id)).collect();
        match self.speaks {
            Speaks::Chat | Speaks::Responses => self.items.extend(results),
            Speaks::Messages => self.items.push(json!({"role": "user", "content": results})),
            Speaks::Gemini => self.items.push(json!({"role": "user", "parts": results})),
        }
        ids
    }

    fn result(&self, id: &str) -> Value {
        match self.speaks {
            Speaks::Chat => json!({"role": "tool", "tool_call_id": id, "content": "42"}),
            Speaks::Responses => json!({"type": "function_call_output", "call_id": id, "output": "42"}),
            Speaks::Messages => json!({"type": "tool_result", "tool_use_id": id, "content": "42"}),
            Speaks::Gemini => {
                let id = (!id.is_empty()).then_some(id);
                json!({"functionResponse": {"id": id, "name": "search", "response": {"output": "42"}}})
            }
        }
    }

    /// The same conversation with one text in it replaced by what `change` makes of it, wherever it stands.
    pub(crate) fn changed(&self, is_meant: impl Fn(&str) -> bool, change: impl Fn(&str) -> String) -> Self {
        fn walk(value: &mut Value, is_meant: &dyn Fn(&str) -> bool, change: &dyn Fn(&str) -> String) {
            match value {
                Value::String(text) if is_meant(text) => *text = change(text),
                Value::Array(list) => list.iter_mut().for_each(|one| walk(one, is_meant, change)),
                Value::Object(fields) => fields.values_mut().for_each(|one| walk(one, is_meant, change)),
                _ => {}
            }
        }
        let mut talk = self.clone();
        talk.items.iter_mut().for_each(|item| walk(item, &is_meant, &change));
        talk
    }
}
