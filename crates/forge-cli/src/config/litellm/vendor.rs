//! Which provider of ours a model's prefix means.

/// How a vendor is reached here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) kind: &'static str,
    pub(super) dialect: Option<&'static str>,
    /// The variable in which the other program looks for the key where the file names none.
    pub(super) key: Option<&'static str>,
}

/// Prefixes, and how their vendors are reached.
const KNOWN: &[(&str, &str, Option<&str>, Option<&str>)] = &[
    ("openai", "openai", None, Some("OPENAI_API_KEY")),
    ("text-completion-openai", "openai", None, Some("OPENAI_API_KEY")),
    ("anthropic", "anthropic", None, Some("ANTHROPIC_API_KEY")),
    ("gemini", "google", None, Some("GEMINI_API_KEY")),
    ("azure", "openai", Some("azure"), Some("AZURE_API_KEY")),
    ("azure_ai", "openai", Some("azure"), Some("AZURE_AI_API_KEY")),
    ("openrouter", "openai", Some("openrouter"), Some("OPENROUTER_API_KEY")),
    ("groq", "openai", Some("groq"), Some("GROQ_API_KEY")),
    ("mistral", "openai", Some("mistral"), Some("MISTRAL_API_KEY")),
    ("deepseek", "openai", Some("deepseek"), Some("DEEPSEEK_API_KEY")),
    ("xai", "openai", Some("xai"), Some("XAI_API_KEY")),
    ("together_ai", "openai", Some("together"), Some("TOGETHERAI_API_KEY")),
    ("fireworks_ai", "openai", Some("fireworks"), Some("FIREWORKS_AI_API_KEY")),
    ("cerebras", "openai", Some("cerebras"), Some("CEREBRAS_API_KEY")),
    ("perplexity", "openai", Some("perplexity"), Some("PERPLEXITYAI_API_KEY")),
    ("moonshot", "openai", Some("moonshot"), Some("MOONSHOT_API_KEY")),
    ("zai", "openai", Some("zai"), Some("ZAI_API_KEY")),
    ("nvidia_nim", "openai", Some("nvidia"), Some("NVIDIA_NIM_API_KEY")),
    ("dashscope", "openai", Some("alibaba"), Some("DASHSCOPE_API_KEY")),
    ("ollama", "local", None, None),
    ("ollama_chat", "local", None, None),
    ("hosted_vllm", "local", Some("vllm"), None),
    ("vllm", "local", Some("vllm"), None),
    ("lm_studio", "local", Some("lmstudio"), None),
];

/// Prefixes of vendors that are not reached here.
const UNKNOWN: &[&str] = &[
    "bedrock",
    "bedrock_converse",
    "vertex_ai",
    "vertex_ai_beta",
    "sagemaker",
    "cohere",
    "cohere_chat",
    "replicate",
    "huggingface",
    "watsonx",
    "databricks",
    "predibase",
    "ai21",
    "cloudflare",
    "github",
    "sap",
    "snowflake",
    "triton",
    "petals",
    "nlp_cloud",
    "aleph_alpha",
    "baseten",
    "oci",
    "voyage",
    "jina_ai",
];

/// How the model is reached, and its name there; else the prefix of its vendor, if it has one.
pub(super) fn of(
    model: &str,
    named: Option<&str>,
    has_address: bool,
) -> Result<(Reached, String), Option<String>> {
    let known = |prefix: &str| {
        let (_, kind, dialect, key) = KNOWN.iter().find(|(known, ..)| *known == prefix)?;
        Some(Reached { kind, dialect: *dialect, key: *key })
    };
    let (prefix, rest) = match (named, model.split_once('/')) {
        (Some(named), Some((prefix, rest))) if prefix == named => (Some(named), rest),
        (Some(named), _) => (Some(named), model),
        (None, Some((prefix, rest))) if known(prefix).is_some() || UNKNOWN.contains(&prefix) => {
            (Some(prefix), rest)
        }
        (None, _) => (None, model),
    };
    if let Some(prefix) = prefix {
        return known(prefix)
            .map(|reached| (reached, rest.to_owned()))
            .ok_or_else(|| Some(prefix.to_owned()));
    }
    let begins = |begins: &[&str]| begins.iter().any(|begin| model.starts_with(begin));
    let usual = if begins(&["claude"]) {
        known("anthropic")
    } else if begins(&["gpt-", "chatgpt-", "o1", "o3", "o4"]) || has_address {
        // Behind an address without a vendor there is most likely a server that speaks OpenAI's dialect.
        known("openai")
    } else {
        None
    };
    usual.map(|reached| (reached, model.to_owned())).ok_or(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_how_a_model_is_reached() {
        let reached = |model, named, has_address| {
            of(model, named, has_address).map(|(reached, model)| (reached.kind, reached.dialect, model))
        };
        for (model, named, has_address, expected) in [
            ("openai/gpt-6.2-sol", None, false, Ok(("openai", None, "gpt-6.2-sol"))),
            ("gpt-6.2-sol", None, false, Ok(("openai", None, "gpt-6.2-sol"))),
            ("claude-opus-5-5", None, false, Ok(("anthropic", None, "claude-opus-5-5"))),
            ("openrouter/google/gemini", None, false, Ok(("openai", Some("openrouter"), "google/gemini"))),
            ("qwen3", Some("ollama"), false, Ok(("local", None, "qwen3"))),
            ("org/model", None, true, Ok(("openai", None, "org/model"))),
            ("bedrock/x", None, true, Err(Some("bedrock"))),
            ("x", Some("sagemaker"), true, Err(Some("sagemaker"))),
            ("org/model", None, false, Err(None)),
        ] {
            let expected = expected
                .map(|(kind, dialect, model): (_, Option<&str>, &str)| (kind, dialect, model.to_owned()))
                .map_err(|prefix: Option<&str>| prefix.map(str::to_owned));
            assert_eq!(reached(model, named, has_address), expected, "{model}");
        }
    }
}
