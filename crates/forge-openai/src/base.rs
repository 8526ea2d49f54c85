//! Base URLs as people write them.

use forge_http::is_version;

use crate::compatible::Row;

/// What people copy together with the base URL.
const CALLS: [&[&str]; 5] =
    [&["chat", "completions"], &["responses"], &["completions"], &["models"], &["messages"]];

/// Where the version stands unless the vendor has another place.
const VERSION: &str = "v1";

/// Where the API of `row`'s vendor begins if `url` is what the user knows of it: the address of the host, of the API, or
/// of a call. A path with a version in it stands as it is.
pub(crate) fn api(url: &str, row: &Row) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // Refused later, with a text that says what is wrong; changed here, the user would not recognise it.
    if rest.contains(['?', '#']) {
        return url.to_owned();
    }
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    let Some(authority) = segments.next() else { return url.to_owned() };
    let mut path: Vec<&str> = segments.collect();
    if let Some(call) = CALLS.iter().find(|call| path.ends_with(call)) {
        path.truncate(path.len() - call.len());
    }
    let usual = usual_path(row);
    if usual.as_ref().is_some_and(|usual| usual.starts_with(&path)) {
        path = usual.unwrap_or_default();
    } else if !path.iter().any(|segment| is_version(segment) || *segment == "deployments") {
        // A version anywhere in a path, or a deployment, is a place that somebody has chosen.
        path.push(VERSION);
    }
    let path: String = path.iter().flat_map(|segment| ["/", segment]).collect();
    format!("{scheme}://{authority}{path}")
}

/// The path of the vendor's own base URL.
fn usual_path(row: &Row) -> Option<Vec<&str>> {
    let whole = row.habits.path.as_deref().or_else(|| {
        let (_, rest) = row.vendor.base_url.as_deref()?.split_once("://")?;
        Some(rest.split_once('/').map_or("", |(_, path)| path))
    })?;
    Some(whole.split('/').filter(|segment| !segment.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use forge_core::provider::AdapterSettings;

    use super::*;

    fn of(url: &str) -> String {
        let settings = AdapterSettings { base_url: Some(url.into()), ..AdapterSettings::new("p") };
        api(url, Row::of(&settings).unwrap())
    }

    #[test]
    fn every_usual_form_of_an_address_means_the_same() {
        for url in [
            "http://h",
            "http://h/",
            "http://h/v1",
            "http://h/v1/",
            "http://h/v1//",
            "http://h/v1/chat/completions",
            "http://h/v1/chat/completions/",
            "http://h/v1/responses",
            "http://h/v1/models",
            "http://h/chat/completions",
        ] {
            assert_eq!(of(url), "http://h/v1", "{url}");
        }
        for (url, expected) in [
            ("http://h:8080/llm/v1", "http://h:8080/llm/v1"),
            ("http://h/llm", "http://h/llm/v1"),
            ("http://h/v2beta1/x", "http://h/v2beta1/x"),
            ("http://h/vision", "http://h/vision/v1"),
            ("https://api.openai.com", "https://api.openai.com/v1"),
        ] {
            assert_eq!(of(url), expected, "{url}");
        }
    }

    #[test]
    fn vendors_with_other_paths_keep_them() {
        for url in [
            "https://api.groq.com/openai/v1",
            "https://openrouter.ai/api/v1",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "https://api.z.ai/api/paas/v4",
            "https://api.z.ai/api/coding/paas/v4",
            "https://api.fireworks.ai/inference/v1",
            "https://api.deepseek.com",
            "https://api.deepseek.com/v1",
            "https://api.perplexity.ai",
            "https://x.openai.azure.com/openai/v1",
            "https://x.openai.azure.com/openai/deployments/gpt",
            "http://gateway.test/openai/v1",
        ] {
            assert_eq!(of(url), url, "{url}");
            assert_eq!(of(&format!("{url}/chat/completions")), url, "{url}");
            assert_eq!(of(&format!("{url}/")), url, "{url}");
        }
        for (url, expected) in [
            ("https://api.groq.com", "https://api.groq.com/openai/v1"),
            ("https://api.groq.com/openai", "https://api.groq.com/openai/v1"),
            ("https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
            ("https://x.openai.azure.com/", "https://x.openai.azure.com/openai/v1"),
            ("https://a.snowflakecomputing.com", "https://a.snowflakecomputing.com/api/v2/cortex/v1"),
        ] {
            assert_eq!(of(url), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_left_to_those_who_can_say_so() {
        for url in ["", "h/v1", "://", "http://", "http://h?x=1", "http://h/v1#x"] {
            assert_eq!(of(url), url);
        }
    }
}
