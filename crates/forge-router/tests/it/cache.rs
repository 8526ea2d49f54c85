//! Replies that are given again.

use std::time::Duration;

use forge_core::{ModelRequest, ProviderExt as _};
use forge_layers::CachePolicy;
use forge_router::Router;

use crate::stage::{Stage, chain, question};

fn ask(stage: &Stage, router: &Router, request: &ModelRequest) -> forge_core::ModelResponse {
    stage.run(router.complete(&stage.context("coder"), request.clone())).unwrap()
}

#[test]
fn a_reply_is_given_again_without_a_call_until_it_is_too_old() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1"]);
    plan.cache = Some(CachePolicy { time_to_live: Duration::from_secs(60), ..CachePolicy::default() });
    let router = stage.router(plan.clone());
    let mut request = question();
    request.sampling.temperature = Some(0.0);
    let first = ask(&stage, &router, &request);
    // Another configuration with the same cache keeps what is in it.
    router.reload(plan.clone()).unwrap();
    let again = ask(&stage, &router, &request);
    assert_eq!((stage.calls("a-1"), again.text()), (1, first.text()));
    assert_eq!(
        (again.tokens.total_input(), again.tokens.total_output()),
        (Some(0), Some(0)),
        "nothing is paid for twice"
    );
    assert!(again.warnings.iter().any(|warning| warning.about == "cache"));
    stage.timer.advance(Duration::from_secs(60));
    ask(&stage, &router, &request);
    assert_eq!(stage.calls("a-1"), 2);
    plan.cache = None;
    router.reload(plan).unwrap();
    ask(&stage, &router, &request);
    assert_eq!(stage.calls("a-1"), 3);
}

#[test]
fn without_a_cache_or_with_chance_in_the_answer_every_call_is_made() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1"]);
    let router = stage.router(plan.clone());
    let mut request = question();
    request.sampling.temperature = Some(0.0);
    ask(&stage, &router, &request);
    ask(&stage, &router, &request);
    assert_eq!(stage.calls("a-1"), 2);
    plan.cache = Some(CachePolicy::default());
    router.reload(plan).unwrap();
    ask(&stage, &router, &question());
    ask(&stage, &router, &question());
    assert_eq!(stage.calls("a-1"), 4, "a temperature that is not set is left to the vendor");
}
