//! Which member of a pool is asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use forge_core::{ErrorKind, ProviderExt as _, route::Verdict, time::Clock as _};
use forge_router::{Member, PoolPlan, Router, RouterPlan, Strategy, Target};

use crate::stage::{Play, Stage, chain, question};

const IDS: [&str; 3] = ["a-1", "o-1", "g-1"];

/// A plan whose role is a pool of three providers with these weights.
fn pool(strategy: Strategy, weights: [u32; 3]) -> RouterPlan {
    let mut plan = chain("coder", &IDS);
    let members = weights.iter().enumerate();
    let members = members.map(|(at, weight)| Member { target: Target::Provider(at), weight: *weight });
    plan.pools = vec![PoolPlan { id: "pool".into(), strategy, members: members.collect() }];
    let role = plan.roles.values_mut().next().unwrap();
    (role.primary, role.fallback) = (vec![Target::Pool(0)], Vec::new());
    plan
}

fn asked(stage: &Stage, router: &Router, calls: usize) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for _ in 0..calls {
        *count.entry(stage.who(router, "coder")).or_default() += 1;
    }
    count
}

fn counts(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect()
}

#[test]
fn priority_takes_the_first_and_the_next_only_when_it_fails() {
    let stage = Stage::new();
    let router = stage.router(pool(Strategy::Priority, [1, 1, 1]));
    assert_eq!(asked(&stage, &router, 10), counts(&[("a-1", 10)]));
    stage.always("a-1", Play::Fail(ErrorKind::ModelNotFound));
    assert_eq!(asked(&stage, &router, 10), counts(&[("o-1", 10)]));
}

#[test]
fn round_robin_takes_each_in_turn() {
    let stage = Stage::new();
    let router = stage.router(pool(Strategy::RoundRobin, [1, 1, 1]));
    let order: Vec<String> = (0..6).map(|_| stage.who(&router, "coder")).collect();
    assert_eq!(order, ["a-1", "o-1", "g-1", "a-1", "o-1", "g-1"]);
}

#[test]
fn weights_share_the_load_and_a_missing_member_leaves_its_share_to_the_others() {
    let stage = Stage::new();
    let router = stage.router(pool(Strategy::Weighted, [6, 3, 1]));
    let all = asked(&stage, &router, 1_000);
    for (id, share) in [("a-1", 600), ("o-1", 300), ("g-1", 100)] {
        assert!(all[id].abs_diff(share) < 50, "{all:?}");
    }
    stage.health("a-1", Err(ErrorKind::Transport));
    stage.run(router.check());
    let rest = asked(&stage, &router, 1_000);
    assert!(rest["o-1"].abs_diff(750) < 50 && rest["g-1"].abs_diff(250) < 50, "{rest:?}");
}

#[test]
fn the_one_with_the_fewest_calls_under_way_in_proportion_to_its_weight_is_asked() {
    let stage = Stage::new();
    let router = stage.router(pool(Strategy::LeastConnections, [1, 2, 1]));
    for id in IDS {
        stage.always(id, Play::Hang);
    }
    let cx = stage.context("coder");
    let mut calls: Vec<_> = (0..8).map(|_| Box::pin(router.complete(&cx, question()))).collect();
    for call in &mut calls {
        assert!(futures_util::FutureExt::now_or_never(call).is_none());
    }
    assert_eq!(IDS.map(|id| stage.calls(id)), [2, 4, 2]);
    drop(calls);
    assert_eq!(router.in_flight(), 0);
}

#[test]
fn the_cheapest_is_asked_and_one_of_unknown_price_last() {
    let stage = Stage::new();
    let mut plan = pool(Strategy::LowestCost, [1, 1, 1]);
    plan.providers[0].kind = "unpriced".into();
    let cheap = r#"{"tiers": [{"input": "0.1", "output": "0.2"}]}"#;
    plan.providers[2].price = Some(serde_json::from_str(cheap).unwrap());
    let router = stage.router(plan);
    assert_eq!(asked(&stage, &router, 5), counts(&[("g-1", 5)]));
    stage.always("g-1", Play::Fail(ErrorKind::ModelNotFound));
    assert_eq!(asked(&stage, &router, 5), counts(&[("o-1", 5)]));
    stage.always("o-1", Play::Fail(ErrorKind::ModelNotFound));
    assert_eq!(asked(&stage, &router, 5), counts(&[("a-1", 5)]));
}

#[test]
fn costs_are_compared_by_the_prices_of_the_day_and_for_a_prompt_of_this_size() {
    let stage = Stage::new();
    let mut plan = pool(Strategy::LowestCost, [1, 1, 1]);
    let today = stage.timer.now().date_naive();
    let prices = [
        // Only until midnight.
        format!(r#"{{"effective_to": "{today}", "tiers": [{{"input": "1", "output": "1"}}]}}"#),
        r#"{"tiers": [{"input": "2", "output": "2"}, {"above_input_tokens": 1000, "input": "9", "output": "9"}]}"#.into(),
        r#"{"tiers": [{"input": "3", "output": "3"}]}"#.into(),
    ];
    for (provider, price) in plan.providers.iter_mut().zip(prices) {
        provider.price = Some(serde_json::from_str(&price).unwrap());
    }
    let router = stage.router(plan);
    assert_eq!(asked(&stage, &router, 2), counts(&[("a-1", 2)]));
    stage.timer.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(asked(&stage, &router, 2), counts(&[("o-1", 2)]));
    let long = question().with_user_message("a long question ".repeat(2_000));
    let first = router.first_choice(&stage.context("coder"), &Arc::new(long));
    assert_eq!(first.unwrap().provider_id.as_str(), "g-1");
}

#[test]
fn after_each_has_been_tried_the_fastest_is_asked() {
    let stage = Stage::new();
    for (id, seconds) in [("a-1", 3), ("o-1", 1), ("g-1", 2)] {
        stage.always(id, Play::Late(seconds));
    }
    let router = stage.router(pool(Strategy::LowestLatency, [1, 1, 1]));
    assert_eq!(asked(&stage, &router, 3), counts(&[("a-1", 1), ("g-1", 1), ("o-1", 1)]));
    assert_eq!(asked(&stage, &router, 5), counts(&[("o-1", 5)]));
}

#[test]
fn a_call_goes_through_a_pool_and_then_on_along_the_chain() {
    let stage = Stage::new();
    for id in IDS {
        stage.always(id, Play::Fail(ErrorKind::Server));
    }
    let mut plan = pool(Strategy::RoundRobin, [1, 1, 1]);
    plan.providers.push(crate::stage::provider("o-2"));
    plan.default = Some(Target::Provider(3));
    let response = stage.ask(&stage.router(plan), "coder").unwrap();
    let route = response.route.unwrap();
    let origins: Vec<&str> = route.candidates.iter().map(|one| &*one.origin).collect();
    assert_eq!(origins, ["primary, pool pool", "primary, pool pool", "primary, pool pool", "default"]);
    assert_eq!(route.failed.len(), 3);
}

#[test]
fn pools_may_stand_in_pools() {
    let stage = Stage::new();
    let mut plan = pool(Strategy::Priority, [1, 1, 1]);
    let inner = PoolPlan {
        id: "inner".into(),
        strategy: Strategy::RoundRobin,
        members: (0..2).map(|at| Member { target: Target::Provider(at), weight: 1 }).collect(),
    };
    plan.pools.push(inner);
    plan.pools[0].members = vec![
        Member { target: Target::Pool(1), weight: 1 },
        Member { target: Target::Provider(2), weight: 1 },
    ];
    let router = stage.router(plan);
    assert_eq!(asked(&stage, &router, 4), counts(&[("a-1", 2), ("o-1", 2)]));
    let trace = stage.run(router.explain(&stage.context("coder"), &Arc::new(question())));
    let verdicts: Vec<_> = trace.candidates.iter().map(|one| &one.verdict).collect();
    assert_eq!(verdicts, [&Verdict::Chosen, &Verdict::Next, &Verdict::Next]);
}

#[test]
fn explaining_does_not_take_anybodys_turn() {
    let stage = Stage::new();
    let turns = [Strategy::RoundRobin, Strategy::LeastConnections, Strategy::LowestCost];
    for router in turns.map(|strategy| stage.router(pool(strategy, [1, 1, 1]))) {
        for expected in ["a-1", "o-1", "g-1", "a-1"] {
            for _ in 0..3 {
                assert_eq!(chosen(&stage, &router), expected);
            }
            assert_eq!(stage.who(&router, "coder"), expected);
        }
    }
}

#[test]
fn explaining_gives_a_pool_in_a_pool_one_turn() {
    let stage = Stage::new();
    let mut plan = pool(Strategy::RoundRobin, [1, 1, 1]);
    let outer = &mut plan.pools[0].members;
    let inner =
        PoolPlan { id: "inner".into(), strategy: Strategy::Priority, members: outer.drain(..2).collect() };
    outer.insert(0, Member { target: Target::Pool(1), weight: 1 });
    plan.pools.push(inner);
    let router = stage.router(plan);
    for expected in ["a-1", "g-1", "a-1"] {
        assert_eq!(chosen(&stage, &router), expected);
        assert_eq!(stage.who(&router, "coder"), expected);
    }
}

fn chosen(stage: &Stage, router: &Router) -> String {
    let trace = stage.run(router.explain(&stage.context("coder"), &Arc::new(question())));
    trace.participant.unwrap().provider_id.to_string()
}

/// A pool of four providers in two pools, nested in the three strategies whose order does not depend on chance.
fn nested([outer, first, second]: [Strategy; 3]) -> RouterPlan {
    let mut plan = chain("coder", &["a-1", "o-1", "g-1", "o-2"]);
    let of = |target| Member { target, weight: 1 };
    let pool = |id: &str, strategy, members: [Target; 2]| PoolPlan {
        id: id.into(),
        strategy,
        members: members.map(of).to_vec(),
    };
    plan.pools = vec![
        pool("outer", outer, [Target::Pool(1), Target::Pool(2)]),
        pool("first", first, [Target::Provider(0), Target::Provider(1)]),
        pool("second", second, [Target::Provider(2), Target::Provider(3)]),
    ];
    let role = plan.roles.values_mut().next().unwrap();
    (role.primary, role.fallback) = (vec![Target::Pool(0)], Vec::new());
    plan
}

#[test]
fn what_is_explained_is_the_order_in_which_routes_are_asked_also_in_nested_pools() {
    let strategies = [
        Strategy::Priority,
        Strategy::RoundRobin,
        Strategy::LeastConnections,
        Strategy::LowestCost,
        Strategy::LowestLatency,
    ];
    let all = strategies.iter().flat_map(|outer| {
        strategies.iter().flat_map(move |first| strategies.map(|second| [*outer, *first, second]))
    });
    for pools in all {
        let stage = Stage::new();
        for id in ["a-1", "o-1", "g-1", "o-2"] {
            stage.always(id, Play::Fail(ErrorKind::ModelNotFound));
        }
        let router = stage.router(nested(pools));
        for call in 0..5 {
            let trace = stage.run(router.explain(&stage.context("coder"), &Arc::new(question())));
            let explained: Vec<_> = trace.candidates.iter().map(|one| one.provider.clone()).collect();
            let error = stage.ask(&router, "coder").unwrap_err();
            let failed = &error.route.as_ref().unwrap().failed;
            let asked: Vec<_> = failed.iter().map(|one| one.provider.clone()).collect();
            assert_eq!(explained, asked, "call {call} in {pools:?}");
        }
    }
}
