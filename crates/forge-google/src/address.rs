//! Where the API is, from any form in which people write it.

/// The version of the API that this crate speaks.
const VERSION: &str = "v1beta";
/// The first segments of the paths of calls, and of a dialect that stands beside this one.
const CALLS: [&str; 3] = ["models", "openai", "interactions"];

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
            "/v1beta",
            "/v1beta/",
            "/v1beta/models",
            "/v1beta/models/gemini-4-argon:generateContent",
            "/v1beta/models/gemini-4-argon:streamGenerateContent/",
            "/v1beta/openai/",
            "/models",
        ] {
            assert_eq!(versioned(&format!("http://h:1{end}")), "http://h:1/v1beta", "{end}");
            assert_eq!(versioned(&format!("https://h/google{end}")), "https://h/google/v1beta", "{end}");
        }
        assert_eq!(versioned("http://h/v1/"), "http://h/v1");
        assert_eq!(versioned("http://h/v1/models/x:generateContent"), "http://h/v1");
        assert_eq!(versioned("http://h/v1/acc/gateway"), "http://h/v1/acc/gateway/v1beta");
        for other in ["ftp://h", "h", "http://h/?key=x", ""] {
            assert_eq!(versioned(other), other);
        }
    }
}
