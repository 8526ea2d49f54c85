//! Money and tokens are set aside before a call and settled after it.

use forge_core::{
    CallContext, ErrorKind, ModelProvider, ModelRequest, Money, ParticipantRole, Provider, ProviderExt as _,
    route::Verdict,
    storage::budget::{Amount, BudgetCap, BudgetStore as _, Scope, Spent},
    tags::Tags,
};
use forge_layers::RetryPolicy;
use forge_router::{Budget, Cap, RouterPlan};
use futures_util::{FutureExt as _, future::join_all};

use crate::stage::{Play, Stage, able, chain, question};

fn nanos(nanos: u64) -> Money {
    Money::from_nanos(nanos)
}

fn money(cap: u64) -> Cap {
    Cap { money: Some(nanos(cap)), tokens: None }
}

/// A question may take at most 34 tokens of input at 1,000 nano-dollars and 100 of output at 2,000. An answer
/// takes 100 and 10.
const MOST: u64 = 234_000;
const TAKEN: u64 = 120_000;

fn with_budget(budget: Budget) -> RouterPlan {
    RouterPlan { budget, ..chain("coder", &["a-1", "o-1"]) }
}

fn in_session(stage: &Stage, session: &str) -> CallContext {
    let tags = Tags::default().with_session(session);
    stage.context("coder").with_tags(tags)
}

fn spent(stage: &Stage, key: &str) -> Spent {
    stage.run(stage.budgets.spent(key)).unwrap()
}

#[test]
fn what_is_set_aside_is_settled_by_what_was_taken() {
    let stage = Stage::new();
    let router = stage.router(with_budget(Budget {
        session: money(MOST),
        day: money(10 * MOST),
        ..Budget::default()
    }));
    let cx = in_session(&stage, "s");
    let mut stream = stage.run(Provider::stream(&router, &cx, question().into())).unwrap();
    assert_eq!(spent(&stage, "session:s").reserved, Amount { money: nanos(MOST), tokens: 134 });
    while stage.run(stream.next()).is_some() {}
    let taken = Amount { money: nanos(TAKEN), tokens: 110 };
    for key in ["session:s", "day:1970-01-01"] {
        assert_eq!(spent(&stage, key), Spent { booked: taken, reserved: Amount::default() });
    }
    let error = stage.run(router.complete(&cx, question())).unwrap_err();
    assert_eq!((error.kind, stage.calls("a-1"), stage.calls("o-1")), (ErrorKind::BudgetExceeded, 1, 0));
    assert!(error.message.contains("session:s"), "{error}");
    stage.run(router.complete(&in_session(&stage, "t"), question())).unwrap();
}

#[test]
fn a_dearer_tier_is_set_aside_at_its_own_price_and_one_of_unknown_price_is_not_asked_for() {
    let stage = Stage::new();
    let plan = |tier: Option<&str>| {
        let budget = Budget { session: money(10 * MOST), ..Budget::default() };
        let mut plan = RouterPlan { budget, ..chain("coder", &["a-1"]) };
        let extra = &mut plan.providers[0].parameters.extra;
        extra.extend(tier.map(|tier| ("service_tier".to_owned(), tier.into())));
        plan
    };
    for (said, asked, held) in [
        (None, None, MOST),
        (None, Some("auto"), MOST),
        (None, Some("flex"), MOST),
        (None, Some("priority"), MOST * 5 / 2),
        (Some("priority"), None, MOST * 5 / 2),
        (Some("priority"), Some("auto"), MOST),
    ] {
        let stage = Stage::new();
        let router = stage.router(plan(said));
        let mut request = question();
        if let Some(tier) = asked {
            request.extra.insert(ModelProvider::Anthropic, "service_tier", tier);
        }
        let stream = stage.run(Provider::stream(&router, &in_session(&stage, "s"), request.into())).unwrap();
        assert_eq!(spent(&stage, "session:s").reserved.money, nanos(held), "{said:?} {asked:?}");
        drop(stream);
    }
    let router = stage.router(plan(Some("ultrafast")));
    let error = stage.run(router.complete(&in_session(&stage, "s"), question())).unwrap_err();
    assert_eq!((stage.calls("a-1"), error.kind), (0, ErrorKind::BudgetExceeded), "{error}");
}

#[test]
fn sixty_four_calls_at_once_never_overspend() {
    let stage = Stage::new();
    stage.always("a-1", Play::Late(1));
    let cap = 10 * MOST + 5;
    let router = stage.router(with_budget(Budget { day: money(cap), ..Budget::default() }));
    let cx = stage.context("coder");
    let outcomes = stage.run(join_all((0..64).map(|_| router.complete(&cx, question()))));
    let (answered, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((answered.len(), refused.len(), stage.calls("a-1")), (10, 54, 10));
    assert!(refused.iter().all(|one| one.as_ref().is_err_and(|e| e.kind == ErrorKind::BudgetExceeded)));
    let now = spent(&stage, "day:1970-01-01");
    assert_eq!(
        now,
        Spent { booked: Amount { money: nanos(10 * TAKEN), tokens: 1_100 }, reserved: Amount::default() }
    );
}

#[test]
fn a_call_outside_of_a_session_is_one_of_its_own() {
    let stage = Stage::new();
    let router = stage.router(with_budget(Budget { session: money(MOST), ..Budget::default() }));
    for _ in 0..3 {
        stage.ask(&router, "coder").unwrap();
    }
    let router = stage.router(with_budget(Budget { session: money(MOST - 1), ..Budget::default() }));
    assert_eq!(stage.ask(&router, "coder").unwrap_err().kind, ErrorKind::BudgetExceeded);
}

#[test]
fn a_providers_own_quota_sends_the_call_to_the_next() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.providers[0].budget.day = Cap { money: None, tokens: Some(300) };
    let router = stage.router(plan);
    let who: Vec<String> = (0..4).map(|_| stage.who(&router, "coder")).collect();
    assert_eq!(who, ["a-1", "a-1", "o-1", "o-1"]);
    assert_eq!(spent(&stage, "provider:a-1:day:1970-01-01").booked.tokens, 220);
    stage.timer.advance(std::time::Duration::from_secs(86_400));
    assert_eq!(stage.who(&router, "coder"), "a-1", "a new day");
}

#[test]
fn a_providers_own_cap_on_sessions_sends_a_call_outside_of_one_to_the_next() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.providers[0].budget.session = money(MOST - 1);
    let router = stage.router(plan);
    assert_eq!((stage.who(&router, "coder").as_str(), stage.calls("a-1")), ("o-1", 0));
}

#[test]
fn a_roles_budget_holds_for_that_role_only() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1"]);
    plan.default = Some(forge_router::Target::Provider(0));
    plan.roles.get_mut(&ParticipantRole::Coder).unwrap().budget.day = money(MOST - 1);
    let router = stage.router(plan);
    assert_eq!(stage.ask(&router, "coder").unwrap_err().kind, ErrorKind::BudgetExceeded);
    assert_eq!(stage.who(&router, "critic"), "a-1");
}

#[test]
fn under_a_money_budget_a_model_of_unknown_price_is_not_asked() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["u-1", "o-1"]);
    assert_eq!(stage.who(&stage.router(plan.clone()), "coder"), "u-1");
    plan.budget.day = money(MOST);
    let response = stage.ask(&stage.router(plan), "coder").unwrap();
    assert_eq!((response.text().as_ref(), stage.calls("u-1")), ("o-1", 1));
}

#[test]
fn refusals_take_nothing_and_a_reply_that_breaks_off_takes_what_it_had() {
    let stage = Stage::new();
    stage.plays("a-1", |call| match call {
        0 => Play::Fail(ErrorKind::Overloaded),
        1 => Play::Break,
        _ => Play::Answer,
    });
    let mut plan = with_budget(Budget { day: money(100 * MOST), ..Budget::default() });
    plan.roles.values_mut().next().unwrap().fallback.clear();
    let router = stage.router(plan);
    stage.ask(&router, "coder").unwrap_err();
    assert_eq!(spent(&stage, "day:1970-01-01"), Spent::default());
    stage.ask(&router, "coder").unwrap_err();
    // One token of input was expected and one was written.
    let now = spent(&stage, "day:1970-01-01");
    assert_eq!((now.booked.tokens, now.reserved.tokens), (2, 0));
}

#[test]
fn a_call_dropped_at_any_poll_gives_everything_back() {
    let stage = Stage::new();
    // Two waits before a retry, one for the answer of the next route, one turn for each event of it.
    stage.always("a-1", Play::Fail(ErrorKind::Overloaded));
    stage.always("o-1", Play::Late(1));
    let mut plan = with_budget(Budget { day: money(1_000 * MOST), ..Budget::default() });
    plan.retry = RetryPolicy::default();
    plan.breaker.consecutive_failures = u32::MAX;
    plan.breaker.error_rate = 2.0;
    for provider in &mut plan.providers {
        provider.concurrent = Some(1);
        provider.rate.output_tokens_per_minute = std::num::NonZeroU64::new(1_000_000);
    }
    let router = stage.router(plan);
    let cx = stage.context("coder");
    let (mut polls, mut done) = (0, false);
    while !done {
        let mut call = Box::pin(async {
            let mut events = Provider::stream(&router, &cx, question().into()).await.unwrap();
            while let Some(event) = events.next().await {
                event.unwrap();
                yield_once().await;
            }
        });
        for _ in 0..polls {
            done = call.as_mut().now_or_never().is_some();
            if done {
                break;
            }
            if let Some(wake) = stage.timer.next_wake() {
                stage.timer.advance(wake);
            }
        }
        drop(call);
        assert_eq!(spent(&stage, "day:1970-01-01").reserved, Amount::default(), "after {polls} polls");
        assert_eq!(router.in_flight(), 0);
        polls += 1;
    }
    println!("dropped after each of {polls} numbers of polls");
    let begun = stage.calls("a-1") + stage.calls("o-1");
    assert!(polls > 8 && begun > 20, "{polls} {begun}");
    assert_eq!(stage.ledger.records.lock().unwrap().len(), begun, "one usage row per attempt");
    stage.ask(&router, "coder").unwrap();
}

/// Lets whoever polls have a turn.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut yielded, true) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// Two routes of which the second takes half as much.
fn dear_and_cheap(cap: u64) -> RouterPlan {
    let mut plan = with_budget(Budget { day: money(cap), ..Budget::default() });
    plan.providers[0].price = Some(price("2", "4"));
    plan
}

fn price(input: &str, output: &str) -> forge_core::model::Price {
    let row = format!(
        r#"[{{"provider": "p", "id": "m", "source": "s", "checked": "c",
        "prices": [{{"tiers": [{{"input": "{input}", "output": "{output}"}}]}}]}}]"#
    );
    forge_core::ModelTable::from_json(&row).unwrap().rows()[0].prices[0].clone()
}

#[test]
fn the_next_route_whose_worst_case_fits_answers() {
    let stage = Stage::new();
    let router = stage.router(dear_and_cheap(2 * MOST - 1));
    let response = stage.ask(&router, "coder").unwrap();
    assert_eq!((response.text().as_ref(), stage.calls("a-1")), ("o-1", 0));
    let error = stage.router(dear_and_cheap(MOST - 1));
    let error = stage.ask(&error, "coder").unwrap_err();
    assert_eq!(error.kind, ErrorKind::BudgetExceeded);
    assert!(error.message.contains("the cheapest route, o-1, may use up to $0.000234"), "{error}");
}

#[test]
fn an_answer_of_open_length_gets_the_longest_that_fits() {
    let stage = Stage::new();
    let open = || ModelRequest::new("").with_user_message("hi");
    for id in ["a-1", "o-1"] {
        let mut long = able();
        long.max_output_tokens = Some(100_000);
        stage.is_able(id, long);
    }
    let ask = |cap: u64| {
        let plan = with_budget(Budget { day: money(cap), ..Budget::default() });
        stage.run(stage.router(plan).complete(&stage.context("coder"), open()))
    };
    // 34 tokens of input at 1,000 nano-dollars, 10,000 of output at 2,000.
    let response = ask(34_000 + 10_000 * 2_000).unwrap();
    assert_eq!(response.warnings[0].about, "max_tokens");
    assert_eq!(stage.last_request("a-1").max_tokens, Some(10_000));
    assert_eq!(ask(34_000 + 4_000 * 2_000).unwrap_err().kind, ErrorKind::BudgetExceeded);
    assert!(ask(u64::MAX / 2).unwrap().warnings.is_empty());
}

#[test]
fn the_refusal_of_a_firm_cap_ends_the_call() {
    let stage = Stage::new();
    let mut plan = chain("coder", &["a-1", "o-1"]);
    plan.providers[0].price = Some(price("2", "4"));
    let router = stage.router(plan);
    let cap = BudgetCap::new("own").with_money(nanos(2 * MOST - 1));
    let ask = |cap: &BudgetCap, request: ModelRequest| {
        stage.run(router.complete(&stage.context("coder").with_caps([cap.clone()]), request))
    };
    let error = ask(&cap.clone().firm(), question()).unwrap_err();
    assert_eq!((error.kind, stage.calls("a-1"), stage.calls("o-1")), (ErrorKind::BudgetExceeded, 0, 0));
    assert!(error.message.contains("`own`"), "{error}");
    assert_eq!(
        ask(&cap, question()).unwrap().text(),
        "o-1",
        "a cap that is not firm has somebody cheaper answer"
    );
    // Others fail as ever.
    stage.always("a-1", Play::Fail(ErrorKind::Server));
    let wide = BudgetCap::new("wide").with_money(nanos(100 * MOST)).firm();
    assert_eq!(ask(&wide, question()).unwrap().text(), "o-1");
}

#[test]
fn every_period_has_a_budget_of_its_own() {
    for (budget, key) in [
        (Budget { call: money(MOST - 1), ..Budget::default() }, "call"),
        (Budget { month: money(MOST - 1), ..Budget::default() }, "month:1970-01"),
        (Budget { ever: money(MOST - 1), ..Budget::default() }, "ever"),
    ] {
        let stage = Stage::new();
        let error = stage.ask(&stage.router(with_budget(budget)), "coder").unwrap_err();
        assert_eq!(error.kind, ErrorKind::BudgetExceeded, "{key}");
        assert!(error.message.contains(&format!("`{key}`")), "{error}");
    }
}

#[test]
fn a_tags_budget_holds_for_the_calls_with_it_each_value_for_itself() {
    let stage = Stage::new();
    let cap = Budget { month: money(MOST), ..Budget::default() };
    let budgets = vec![(Scope::Tag { key: "team".into(), value: None }, cap)];
    let router = stage.router(RouterPlan { budgets, ..chain("coder", &["a-1"]) });
    let ask = |tags: Tags| {
        stage.run(router.complete(&stage.context("coder").with_tags(tags), question())).map_err(|e| e.kind)
    };
    ask(Tags::default().with_team("red")).unwrap();
    assert_eq!(ask(Tags::default().with_team("red")).unwrap_err(), ErrorKind::BudgetExceeded);
    ask(Tags::default().with_team("blue")).unwrap();
    for _ in 0..3 {
        ask(Tags::default()).unwrap();
    }
}

#[test]
fn an_explanation_says_which_budget_has_no_room_and_names_the_route_that_is_asked() {
    let stage = Stage::new();
    let router = stage.router(dear_and_cheap(2 * MOST - 1));
    let trace = stage.run(router.explain(&stage.context("coder"), &question().into()));
    let verdicts: Vec<_> = trace.candidates.iter().map(|one| one.verdict.clone()).collect();
    let Verdict::Passed(why) = &verdicts[0] else { panic!("{verdicts:?}") };
    assert!(why.contains("day:1970-01-01"), "{why}");
    assert_eq!(verdicts[1], Verdict::Chosen);
    assert_eq!(trace.participant.unwrap().provider_id.as_str(), stage.who(&router, "coder"));
    assert_eq!(spent(&stage, "day:1970-01-01").reserved, Amount::default(), "nothing is set aside");
}
