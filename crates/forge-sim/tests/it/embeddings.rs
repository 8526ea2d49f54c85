use forge_sim::Vendor;
use serde_json::{Value, json};

use crate::client::{post, start, with};

fn asked(model: &str) -> Value {
    json!({"model": model, "input": ["a queue without a bound", "the queue with a bound", "red herring"]})
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().filter_map(Value::as_f64).collect()
}

fn nearness(one: &Value, other: &Value) -> f64 {
    numbers(one).iter().zip(numbers(other)).map(|(one, other)| one * other).sum()
}

#[tokio::test]
async fn vectors_tell_texts_apart_and_are_the_same_everywhere() {
    let sim = start().await;
    let small = asked("text-embedding-3-small");
    let reply = post(&sim, Vendor::OpenAi, "/embeddings", &small).await.json();
    let at = |index: usize| &reply["data"][index]["embedding"];
    assert_eq!(numbers(at(0)).len(), 1536);
    assert!(nearness(at(0), at(1)) > nearness(at(0), at(2)) + 0.1);
    assert_eq!(reply["usage"]["prompt_tokens"], reply["usage"]["total_tokens"]);
    assert_eq!(post(&sim, Vendor::OpenAi, "/embeddings", &small).await.json(), reply);

    let short =
        post(&sim, Vendor::OpenAi, "/embeddings", &with(small, json!({"dimensions": 256}))).await.json();
    let ollama = json!({"model": "nomic-embed-text:latest", "input": asked("")["input"], "dimensions": 256});
    let ollama = post(&sim, Vendor::Ollama, "/api/embed", &ollama).await.json();
    assert_eq!(ollama["embeddings"][2], short["data"][2]["embedding"]);
    let gemini = json!({"content": {"parts": [{"text": "red herring"}]}, "outputDimensionality": 256});
    let gemini =
        post(&sim, Vendor::Google, "/models/gemini-embedding-001:embedContent", &gemini).await.json();
    assert_eq!(gemini["embedding"]["values"], short["data"][2]["embedding"]);
}

#[tokio::test]
async fn each_dialect_has_its_own_shapes() {
    let sim = start().await;
    let one = json!({"model": "nomic-embed-text", "prompt": "a"});
    let old = post(&sim, Vendor::Ollama, "/api/embeddings", &one).await.json();
    assert_eq!(numbers(&old["embedding"]).len(), 768);
    let request = json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}});
    let path = "/models/gemini-embedding-001:batchEmbedContents";
    let many = post(&sim, Vendor::Google, path, &json!({"requests": [request, request]})).await.json();
    assert_eq!(numbers(&many["embeddings"][1]["values"]).len(), 3072);
    let packed = with(asked("text-embedding-3-large"), json!({"encoding_format": "base64"}));
    let packed = post(&sim, Vendor::OpenAi, "/embeddings", &packed).await.json();
    // Four bytes for each number, four letters for three bytes.
    assert_eq!(packed["data"][0]["embedding"].as_str().unwrap().len(), 3072 * 4 / 3 * 4);
    for vendor in [Vendor::Ollama, Vendor::LlamaCpp, Vendor::Vllm, Vendor::LmStudio] {
        let reply = post(&sim, vendor, "/v1/embeddings", &asked("nomic-embed-text")).await;
        assert_eq!(reply.json()["data"].as_array().map(Vec::len), Some(3), "{vendor}");
    }
    let mistral = "mistral".parse().unwrap();
    assert_eq!(post(&sim, mistral, "/embeddings", &asked("mistral-embed")).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused() {
    let sim = start().await;
    let small = "text-embedding-3-small";
    let cases = [
        (asked("nought"), 404),
        (json!({"model": small}), 400),
        (json!({"model": small, "input": ""}), 400),
        (json!({"model": small, "input": []}), 400),
        (json!({"model": small, "input": "a", "encoding_format": "hex"}), 400),
        (json!({"model": small, "input": "a", "dimensions": 5000}), 400),
        (json!({"model": "text-embedding-ada-002", "input": "a", "dimensions": 512}), 400),
    ];
    for (body, status) in cases {
        assert_eq!(post(&sim, Vendor::OpenAi, "/embeddings", &body).await.status, status, "{body}");
    }
    let deepseek = "deepseek".parse().unwrap();
    assert_eq!(post(&sim, deepseek, "/embeddings", &asked("deepseek-chat")).await.status, 404);
    let empty = json!({"requests": []});
    let path = "/models/gemini-embedding-001:batchEmbedContents";
    assert_eq!(post(&sim, Vendor::Google, path, &empty).await.status, 400);
}
