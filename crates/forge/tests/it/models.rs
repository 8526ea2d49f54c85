//! What `models:` says holds for the choice of a route, its explanation, the price and the request itself.

use forge::{
    CallContext, ErrorKind, Message, Money, ProviderExt, TokenCount,
    config::Trust,
    request::{MessageRole, Part, Source},
    route::Verdict,
    router::Router,
};

use crate::load;

const FILE: &str = r#"
schema_version: "1.0"
providers:
  laptop: { type: local, model: "qwen3:32b" }
  claude: { type: anthropic, model: claude-opus-5-5, api_key: "${ANTHROPIC_API_KEY}" }
models:
  "qwen3:32b": { context_tokens: 4000, images: false, price: { input: 1, output: 3 } }
roles:
  reader: { provider: laptop, fallback: [claude] }
"#;

fn router() -> Router {
    let file = load(FILE, Trust::Trusted).unwrap();
    assert!(file.warnings.is_empty(), "{:?}", file.warnings);
    Router::build(file.plan, forge::router_deps()).unwrap()
}

fn a_picture() -> forge::ModelRequest {
    let source = Source::Base64 { media_type: "image/png".into(), data: "AAAA".into() };
    let parts = vec![Part::image(source)];
    forge::ModelRequest::new("").with_message(Message::new(MessageRole::User, parts))
}

#[tokio::test]
async fn a_model_that_is_said_to_lack_something_is_passed_over_with_the_reason() {
    let cx = CallContext::new(Router::participant("reader".into()));
    let explained = router().explain(&cx, &a_picture().into()).await;
    let first = &explained.candidates[0];
    assert_eq!(first.provider, "laptop");
    assert!(format!("{:?}", first.verdict).contains("accepts no pictures"), "{:?}", first.verdict);
    assert!(matches!(explained.candidates[1].verdict, Verdict::Chosen), "{explained:?}");
}

#[tokio::test]
async fn a_prompt_larger_than_the_window_that_is_said_is_passed_over() {
    let cx = CallContext::new(Router::participant("reader".into()));
    let long = forge::ModelRequest::new("").with_user_message("word ".repeat(20_000));
    let explained = router().explain(&cx, &long.into()).await;
    assert!(format!("{:?}", explained.candidates[0].verdict).contains("4000 tokens"), "{explained:?}");
}

#[tokio::test]
async fn the_adapter_itself_refuses_what_its_model_is_said_to_lack_before_it_sends() {
    let adapter = router().adapter(&"laptop".into()).unwrap();
    let model = "qwen3:32b".into();
    let able = adapter.capabilities(&model);
    assert_eq!((able.context_tokens, able.images, able.tools), (Some(4_000), false, true));
    let cx = CallContext::new(forge::Participant::local("qwen3:32b"));
    let error = adapter.complete(&cx, a_picture()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}

#[test]
fn a_price_that_is_said_is_what_is_counted() {
    let file = load(FILE, Trust::Trusted).unwrap();
    let laptop = &file.plan.providers[0];
    let table = forge::models().overlaid(&laptop.models);
    let tokens = TokenCount::default().with_input(1_000_000).with_output(1_000_000);
    let day = "2026-11-20".parse().unwrap();
    assert_eq!(
        table.cost(&laptop.vendor(), &laptop.model, day, &tokens),
        Some("4".parse::<Money>().unwrap())
    );
}
