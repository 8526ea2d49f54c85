//! Where the API is, from any form in which people write it.

/// The version of the API that this crate speaks.
const VERSION: &str = "v1";
/// The first segments of the paths of calls.
const CALLS: [&str; 3] = ["messages", "models", "complete"];

/// The address with the API's version at its end.
pub(crate) fn versioned(url: &str) -> String {
    forge_http::versioned(url, VERSION, &CALLS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_the_same_address() {
        for end in [
            "",
            "/",
            "//",
            "/v1",
            "/v1/",
            "/v1/messages",
            "/v1/messages/",
            "/v1/messages/count_tokens",
            "/v1/models",
            "/messages",
        ] {
            assert_eq!(versioned(&format!("http://h:1{end}")), "http://h:1/v1", "{end}");
            assert_eq!(versioned(&format!("https://h/anthropic{end}")), "https://h/anthropic/v1", "{end}");
        }
        assert_eq!(versioned("http://h/v2/"), "http://h/v2");
        assert_eq!(versioned("http://h/v1/acc/gateway"), "http://h/v1/acc/gateway/v1");
        assert_eq!(versioned("http://messages"), "http://messages/v1");
        for other in ["ftp://h", "h", "http://h/?key=x", ""] {
            assert_eq!(versioned(other), other);
        }
    }
}
