use forge_core::{
    ErrorKind, ModelResponse, Participant, ParticipantRole, ProviderExt as _,
    event::{PartKind, Started, StopReason},
    request::Tool,
    time::{Clock as _, ManualTimer},
};

use super::*;
use crate::script::{
    Script, Step, context, fail, finished, part, reply, run, scripted, seconds, sleep, started, text,
};

fn cold() -> ModelRequest {
    ModelRequest::new("").with_user_message("hi").with_temperature(0.0)
}

fn tool() -> Tool {
    Tool::function("t", serde_json::json!({}))
}

struct Bench {
    timer: ManualTimer,
    script: Arc<Script>,
    cache: Cache,
}

impl Bench {
    fn new(policy: CachePolicy, plot: impl Fn(&CallContext) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let timer = ManualTimer::new();
        let script = scripted(&timer, plot);
        Self { cache: Cache::new(policy), script, timer }
    }

    fn ask_as(
        &self,
        participant: Participant,
        request: ModelRequest,
    ) -> Result<ModelResponse, ProviderError> {
        let cx = context(&self.timer).with_participant(participant);
        let cached = self.cache.layer(Arc::clone(&self.script) as _);
        run(&self.timer, cached.complete(&cx, request))
    }

    fn ask(&self, request: ModelRequest) -> Result<ModelResponse, ProviderError> {
        self.ask_as(Participant::claude_sonnet(), request)
    }

    fn calls(&self) -> usize {
        self.script.calls().len()
    }
}

#[test]
fn a_hit_gives_the_same_reply_without_tokens_and_says_so() {
    let bench = Bench::new(CachePolicy::default(), |_| reply(&["Hello", ", ", "world"]));
    let first = bench.ask(cold()).unwrap();
    let again = bench.ask(cold().with_delivery(Delivery::Whole)).unwrap();
    assert_eq!(bench.calls(), 1);
    assert_eq!((&again.content, &again.model), (&first.content, &first.model));
    assert_eq!(again.stop_reason, first.stop_reason);
    assert_eq!((again.tokens.total_input(), again.tokens.total_output()), (Some(0), Some(0)));
    assert!(first.warnings.is_empty() && again.warnings[0].about == "cache");
}

#[test]
fn what_is_kept_tells_nothing_of_the_call_it_was_kept_from() {
    let mut reply = Reply { key: "k".into(), events: Vec::new(), bytes: 0 };
    let mut began = Started::new(Some("id".into()), None);
    (began.route, began.rate_limit) = (Some(Arc::default()), Some(Box::default()));
    reply.push(&began.into());
    assert_eq!(reply.events, [Started::new(Some("id".into()), None).into()]);
}

#[test]
fn what_differs_in_anything_that_counts_is_another_request() {
    let bench = Bench::new(CachePolicy::default(), |_| reply(&["hi"]));
    let someone = Participant::claude_sonnet;
    for (calls, participant, request) in [
        (1, someone(), cold()),
        (2, someone(), cold().with_user_message("hi")),
        (3, someone(), cold().with_max_tokens(5)),
        (4, Participant::claude_haiku(), cold()),
        (5, someone().with_provider_id("other"), cold()),
        (6, someone().with_role(ParticipantRole::Critic), cold()),
        (6, someone().with_display_name("Another name"), cold()),
    ] {
        bench.ask_as(participant, request).unwrap();
        assert_eq!(bench.calls(), calls);
    }
}

#[test]
fn requests_with_tools_or_chance_pass_through() {
    let extra = || {
        let mut request = cold();
        request.extra.insert(forge_core::ModelProvider::OpenAI, "temperature", 1);
        request
    };
    let unset = || ModelRequest::new("").with_user_message("hi");
    let bench = Bench::new(CachePolicy::default(), |_| reply(&["hi"]));
    for request in [
        unset(),
        unset().with_temperature(0.1),
        cold().with_temperature(f64::NAN),
        cold().with_tool(tool()),
        extra(),
    ] {
        let before = bench.calls();
        bench.ask(request.clone()).unwrap();
        bench.ask(request).unwrap();
        assert_eq!(bench.calls(), before + 2);
    }
    let policy = CachePolicy { allow_default_temperature: true, ..CachePolicy::default() };
    let bench = Bench::new(policy, |_| reply(&["hi"]));
    bench.ask(unset()).unwrap();
    bench.ask(unset()).unwrap();
    assert_eq!(bench.calls(), 1);
}

#[test]
fn only_a_complete_reply_is_kept() {
    let cut = |reason| vec![Step::Open, started(), part(0, PartKind::Text), text(0, "a"), finished(reason)];
    let broken = || vec![Step::Open, started(), part(0, PartKind::Text), fail(ErrorKind::Transport)];
    let ends: [fn() -> Vec<Step>; 2] = [|| vec![fail(ErrorKind::Server)], broken];
    for end in ends {
        let bench = Bench::new(CachePolicy::default(), move |_| end());
        assert!(bench.ask(cold()).is_err() && bench.ask(cold()).is_err());
        assert_eq!(bench.calls(), 2);
    }
    for (reason, calls) in [
        (StopReason::StopSequence, 1),
        (StopReason::MaxTokens, 2),
        (StopReason::Refusal, 2),
        (StopReason::ToolUse, 2),
    ] {
        let bench = Bench::new(CachePolicy::default(), move |_| cut(reason));
        bench.ask(cold()).unwrap();
        bench.ask(cold()).unwrap();
        assert_eq!(bench.calls(), calls, "{reason:?}");
    }
    let bench = Bench::new(CachePolicy::default(), |_| {
        let mut steps = reply(&["hi"]);
        steps.insert(4, sleep(5));
        steps
    });
    let cached = bench.cache.layer(Arc::clone(&bench.script) as _);
    let mut dropped = run(&bench.timer, cached.stream(&context(&bench.timer), cold().into())).unwrap();
    for _ in 0..3 {
        run(&bench.timer, dropped.next()).unwrap().unwrap();
    }
    drop(dropped);
    bench.ask(cold()).unwrap();
    assert_eq!(bench.calls(), 2);
}

#[test]
fn replies_age_and_the_one_not_asked_for_the_longest_goes_first() {
    let policy = CachePolicy { max_entries: 2, time_to_live: seconds(10), ..CachePolicy::default() };
    let bench = Bench::new(policy, |_| reply(&["hi"]));
    let numbered = |number| cold().with_max_tokens(number);
    for (number, calls) in [(1, 1), (2, 2), (1, 2), (3, 3), (1, 3), (2, 4), (3, 5)] {
        bench.ask(numbered(number)).unwrap();
        assert_eq!(bench.calls(), calls, "{number}");
    }
    bench.timer.advance(seconds(10));
    bench.ask(numbered(3)).unwrap();
    assert_eq!(bench.calls(), 6);
}

#[test]
fn the_bytes_stay_within_bounds_and_none_is_ever_printed() {
    let max_bytes = 20_000;
    let policy = CachePolicy { max_bytes, ..CachePolicy::default() };
    let bench = Bench::new(policy, |_| reply(&[&"secret".repeat(500)]));
    for number in 1..100 {
        bench.ask(cold().with_max_tokens(number)).unwrap();
        let entries = bench.cache.lock();
        assert_eq!(entries.bytes, entries.replies.values().map(|entry| entry.bytes).sum::<usize>());
        assert_eq!(entries.replies.len(), entries.order.len());
        assert!(entries.bytes <= max_bytes && !entries.replies.is_empty());
    }
    assert!(!format!("{:?}", bench.cache).contains("secret"));
}

#[test]
fn a_reply_larger_than_the_cache_takes_no_others_place() {
    let policy = CachePolicy { max_bytes: 20_000, ..CachePolicy::default() };
    let bench = Bench::new(policy, |cx| match cx.participant.role {
        ParticipantRole::Drafter => reply(&vec!["a"; 25_000]),
        _ => reply(&["a"]),
    });
    let drafter = || Participant::claude_sonnet().with_role(ParticipantRole::Drafter);
    bench.ask(cold()).unwrap();
    bench.ask_as(drafter(), cold()).unwrap();
    bench.ask_as(drafter(), cold()).unwrap();
    assert_eq!(bench.calls(), 3);
    bench.ask(cold()).unwrap();
    assert_eq!(bench.calls(), 3);
}

#[test]
fn a_policy_without_room_keeps_nothing() {
    let bench = Bench::new(CachePolicy { max_entries: 0, ..CachePolicy::default() }, |_| reply(&["hi"]));
    bench.ask(cold()).unwrap();
    bench.ask(cold()).unwrap();
    assert_eq!(bench.calls(), 2);
}

#[test]
fn of_equal_calls_at_once_one_goes_out_and_the_others_get_its_reply() {
    let bench = Bench::new(CachePolicy::default(), |_| {
        let mut steps = reply(&["Hello"]);
        steps.insert(3, sleep(5));
        steps
    });
    let cached = bench.cache.layer(Arc::clone(&bench.script) as _);
    let (one, other) = (context(&bench.timer), context(&bench.timer));
    let calls = async {
        let asking = (0..8).map(|_| cached.complete(&one, cold()));
        let elsewhere = cached.complete(&other, cold().with_max_tokens(5));
        futures_util::future::join(futures_util::future::join_all(asking), elsewhere).await
    };
    let (answers, _) = run(&bench.timer, calls);
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().text() == "Hello"));
    let paid = answers.iter().filter(|answer| answer.as_ref().unwrap().warnings.is_empty()).count();
    assert_eq!((bench.calls(), paid), (2, 1));
    assert_eq!(bench.cache.figures(), CacheFigures { hits: 0, shared: 7, misses: 2 });
    bench.ask(cold()).unwrap();
    assert_eq!(bench.cache.figures().hits, 1);
}

#[test]
fn whoever_waited_for_a_call_that_leaves_no_reply_goes_out_alone_and_at_once() {
    let ends: [fn() -> Vec<Step>; 3] = [
        || vec![sleep(5), fail(ErrorKind::Server)],
        || vec![Step::Open, started(), part(0, PartKind::Text), sleep(5), finished(StopReason::MaxTokens)],
        || vec![Step::Open, started(), part(0, PartKind::Text), sleep(5), fail(ErrorKind::Transport)],
    ];
    for end in ends {
        let bench = Bench::new(CachePolicy::default(), move |_| end());
        let cached = bench.cache.layer(Arc::clone(&bench.script) as _);
        let cx = context(&bench.timer);
        let begun = bench.timer.instant();
        let all = futures_util::future::join_all((0..8).map(|_| cached.complete(&cx, cold())));
        run(&bench.timer, all);
        assert_eq!(bench.calls(), 8);
        // The first, and then all others side by side.
        assert_eq!(bench.timer.instant() - begun, seconds(10));
        assert!(bench.cache.lock().waiting.is_empty());
    }
}

#[test]
fn a_call_that_is_given_up_leads_nobody_and_one_that_is_read_slowly_holds_up_nobody_for_ever() {
    let bench = Bench::new(CachePolicy::default(), |_| {
        let mut steps = reply(&["hi"]);
        steps.insert(0, sleep(5));
        steps
    });
    let cached = bench.cache.layer(Arc::clone(&bench.script) as _);
    let cx = context(&bench.timer);
    let given_up = cached.stream(&cx, cold().into());
    // Polled once, so that it goes out.
    assert!(futures_util::FutureExt::now_or_never(given_up).is_none());
    assert_eq!(bench.ask(cold()).unwrap().text(), "hi");
    let slow = run(&bench.timer, cached.stream(&cx, cold().with_max_tokens(1).into())).unwrap();
    let begun = bench.timer.instant();
    assert_eq!(bench.ask(cold().with_max_tokens(1)).unwrap().text(), "hi");
    assert_eq!(
        bench.timer.instant() - begun,
        seconds(120 + 5),
        "as long as patience lasts, and its own call"
    );
    let hurried = cx.clone().with_timeout(seconds(10));
    run(&bench.timer, cached.complete(&hurried, cold().with_max_tokens(1))).unwrap();
    assert_eq!(bench.calls(), 4, "what the one before has left is kept");
    let another = run(&bench.timer, cached.stream(&cx, cold().with_max_tokens(2).into())).unwrap();
    let begun = bench.timer.instant();
    run(&bench.timer, cached.complete(&hurried, cold().with_max_tokens(2))).unwrap();
    assert!(bench.timer.instant() - begun <= seconds(15), "no longer than its own time");
    drop((slow, another));
}

#[test]
fn a_cache_is_for_the_roles_and_names_that_it_is_set_up_for() {
    let only = CacheScope { roles: vec![ParticipantRole::Drafter], models: vec!["notes".into()] };
    let bench = Bench::new(CachePolicy { only, ..CachePolicy::default() }, |_| reply(&["hi"]));
    let ask = |role: ParticipantRole, alias: &str| {
        let cached = bench.cache.layer(Arc::clone(&bench.script) as _);
        let cx = context(&bench.timer).with_participant(Participant::claude_sonnet().with_role(role));
        let cx = cx.with_tags(forge_core::tags::Tags::default().with_alias(alias));
        run(&bench.timer, cached.complete(&cx, cold())).unwrap();
        bench.calls()
    };
    let (drafter, critic) = (|| ParticipantRole::Drafter, || ParticipantRole::Critic);
    let asked = [
        (drafter(), "x"),
        (drafter(), "x"),
        (critic(), "x"),
        (critic(), "x"),
        (critic(), "notes"),
        (critic(), "notes"),
    ];
    assert_eq!(asked.map(|(role, alias)| ask(role, alias)), [1, 1, 2, 3, 4, 4]);
}

#[test]
fn nobody_gets_what_another_team_or_key_has_asked() {
    let bench = Bench::new(CachePolicy::default(), |_| reply(&["hi"]));
    let ask = |key: Option<&str>, team: Option<&str>| {
        let mut tags = forge_core::tags::Tags::default();
        tags = key.map_or(tags.clone(), |key| tags.with_key(key));
        tags = team.map_or(tags.clone(), |team| tags.with_team(team));
        let cached = bench.cache.layer(Arc::clone(&bench.script) as _);
        run(&bench.timer, cached.complete(&context(&bench.timer).with_tags(tags), cold())).unwrap();
        bench.calls()
    };
    let asked = [
        (None, None),
        (Some("a"), None),
        (Some("b"), None),
        (Some("a"), None),
        (Some("a"), Some("red")),
        (Some("b"), Some("red")),
        (Some("red"), None),
    ];
    assert_eq!(asked.map(|(key, team)| ask(key, team)), [1, 2, 3, 3, 4, 4, 5]);
}

/// A request that may be kept, of many fields.
fn any_cold(dice: &mut fastrand::Rng) -> ModelRequest {
    let mut word = || -> String { (0..dice.usize(1..9)).map(|_| dice.alphabetic()).collect() };
    let (system, user, reply, next, stop) = (word(), word(), word(), word(), word());
    let mut request = ModelRequest::new(system)
        .with_user_message(user)
        .with_message(forge_core::Message::assistant(reply))
        .with_user_message(next)
        .with_temperature(0.0)
        .with_max_tokens(dice.u32(1..9_000));
    request.stop_sequences = vec![stop];
    request.sampling.top_p = Some(f64::from(dice.u8(0..100)) / 100.0);
    request.sampling.seed = Some(dice.i64(0..1_000_000));
    request.effort = dice.bool().then_some(forge_core::request::Effort::Low);
    request.thinking_budget = Some(dice.u32(1_024..9_000));
    request.show_thinking = Some(dice.bool());
    request.parallel_tools = Some(dice.bool());
    request
}

/// The places of all values in it that hold no others.
fn leaves(value: &serde_json::Value, place: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{place}/{name}"), found));
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{place}/{at}"), found));
        }
        _ => found.push(place.to_owned()),
    }
}

/// Another value of the same kind.
fn changed(value: &mut serde_json::Value) {
    use serde_json::{Value, json};
    *value = match &*value {
        Value::Bool(flag) => json!(!flag),
        Value::String(text) => json!(format!("{text}x")),
        Value::Number(number) if number.is_f64() => json!(number.as_f64().unwrap() / 2.0 + 0.001),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        _ => json!(1),
    };
}

#[test]
fn no_request_that_differs_in_one_field_gets_the_reply_of_another() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let echo = |request: &ModelRequest| serde_json::to_string(request).unwrap();
    let timer = ManualTimer::new();
    let script = Arc::new(Script::new(move |_, request| echo(request)).with_timer(timer.clone()));
    let cache = Cache::new(CachePolicy { max_entries: 100_000, ..CachePolicy::default() });
    let cached = cache.layer(Arc::clone(&script) as _);
    let cx = context(&timer);
    let asked = |request: &ModelRequest| {
        let reply = run(&timer, cached.complete(&cx, request.clone())).unwrap();
        assert_eq!(reply.text(), echo(request));
    };
    let mut pairs = 0_u64;
    while pairs < 10_000 {
        let one = any_cold(&mut dice);
        let mut json = serde_json::to_value(&one).unwrap();
        let mut places = Vec::new();
        leaves(&json, "", &mut places);
        let place = &places[dice.usize(..places.len())];
        changed(json.pointer_mut(place).unwrap());
        // Of words that mean something there are few, and a change makes none of them.
        let Ok(other) = serde_json::from_value::<ModelRequest>(json) else { continue };
        assert_ne!(one, other, "{place}");
        pairs += 1;
        for request in [&one, &other, &one, &other] {
            asked(request);
        }
    }
    let figures = cache.figures();
    println!("{pairs} pairs, {figures:?}");
    assert!(figures.hits >= 2 * pairs - pairs / 2, "{figures:?}");
}
