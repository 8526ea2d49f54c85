use serde_json::{Value, json};

use super::Output;
use crate::tokens::CHARS_PER_TOKEN;

/// A made-up probability for each token of a text; null where the client wants none.
pub(super) fn logprobs(text: &str, output: Output) -> Value {
    if !output.logprobs {
        return Value::Null;
    }
    let entry =
        |token: &str, logprob: f64| json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()});
    let characters: Vec<char> = text.chars().collect();
    let size = usize::try_from(CHARS_PER_TOKEN).unwrap_or(4);
    let content: Vec<Value> = characters
        .chunks(size)
        .map(|chunk| {
            let token: String = chunk.iter().collect();
            let chosen = -0.01 * chunk.len() as f64;
            let mut value = entry(&token, chosen);
            let others = (0..output.top_logprobs).map(|rank| {
                // The chosen token heads its own alternatives, as the vendor lists it.
                if rank == 0 {
                    entry(&token, chosen)
                } else {
                    entry(&format!("~{rank}"), chosen - rank as f64)
                }
            });
            value["top_logprobs"] = others.collect();
            value
        })
        .collect();
    json!({"content": content, "refusal": null})
}
