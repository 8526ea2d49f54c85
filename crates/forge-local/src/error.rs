//! Errors of local servers: the dialect's, and what only these servers say.

use std::sync::LazyLock;

use forge_core::{ErrorKind, ProviderError};
use forge_http::{ErrorReply, Failure, Meanings};

/// What only these servers say, beside the texts of the dialect.
static TABLE: LazyLock<Meanings> =
    LazyLock::new(|| Meanings::from_json(include_str!("../errors.json")).unwrap_or_default());

pub(crate) fn classify(reply: &ErrorReply<'_>) -> Failure {
    review(forge_openai::classify(reply))
}

/// The last word on what an error means. llama.cpp answers 500 to a client's own mistakes (a picture without
/// a projector, tools without a template), where only the text says that another attempt fails as well.
pub(crate) fn review(failure: Failure) -> Failure {
    TABLE.review(failure)
}

/// Whether the server is there and is still loading its model.
pub(crate) fn is_loading(error: &ProviderError) -> bool {
    // llama.cpp: 503 with this text until the model is there. It is no failure of the route.
    error.kind == ErrorKind::Overloaded && error.message.contains("Loading model")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> ErrorKind {
        let (headers, now) = (http::HeaderMap::new(), std::time::SystemTime::UNIX_EPOCH.into());
        classify(&ErrorReply { status, headers: &headers, body: body.as_bytes(), now }).kind
    }

    #[test]
    fn every_row_says_where_it_comes_from() {
        let table = Meanings::from_json(include_str!("../errors.json")).unwrap();
        assert_eq!(table.fault(), None);
    }

    #[test]
    fn every_shape_of_body_has_its_kind() {
        for (status, body, expected) in [
            (
                404,
                r#"{"error":{"message":"model 'x' not found","type":"not_found_error","code":null}}"#,
                ErrorKind::ModelNotFound,
            ),
            (404, r#"{"error":"model \"x\" not found, try pulling it first"}"#, ErrorKind::ModelNotFound),
            (
                404,
                r#"{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}"#,
                ErrorKind::ModelNotFound,
            ),
            (404, "404 page not found", ErrorKind::Decode),
            (
                404,
                r#"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#,
                ErrorKind::Decode,
            ),
            (
                400,
                r#"{"error":{"message":"No models loaded. Please load a model.","type":"invalid_request_error","param":"model"}}"#,
                ErrorKind::ModelNotFound,
            ),
            (
                400,
                r#"{"object":"error","message":"bad","type":"BadRequestError","param":null,"code":400}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#,
                ErrorKind::ContextTooLong,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#,
                ErrorKind::ContextTooLong,
            ),
            (
                400,
                r#"{"error":"registry.ollama.ai/library/gemma3:latest does not support tools"}"#,
                ErrorKind::Unsupported,
            ),
            (
                422,
                r#"{"detail":[{"loc":["body","model"],"msg":"field required"}]}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                401,
                r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#,
                ErrorKind::Authentication,
            ),
            (401, r#"{"error":"Unauthorized"}"#, ErrorKind::Authentication),
            (
                500,
                r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                500,
                r#"{"error":{"code":500,"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                500,
                r#"{"error":{"code":500,"message":"Either \"json_schema\" or \"grammar\" can be specified, but not both","type":"server_error"}}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                500,
                r#"{"error":{"code":500,"message":"slot unavailable","type":"server_error"}}"#,
                ErrorKind::Server,
            ),
            (
                501,
                r#"{"error":{"code":501,"message":"no embeddings","type":"not_supported_error"}}"#,
                ErrorKind::Unsupported,
            ),
            (
                503,
                r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
                ErrorKind::Overloaded,
            ),
            (
                503,
                r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#,
                ErrorKind::Overloaded,
            ),
        ] {
            assert_eq!(kind(status, body), expected, "{body}");
        }
    }

    #[test]
    fn the_window_is_told_with_the_error() {
        let body = r#"{"error":{"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#;
        let failure = forge_openai::chat::failure_inside(body).map(review).unwrap();
        assert_eq!(failure.message, "too long (5000 tokens, 4096 fit)");
    }
}
