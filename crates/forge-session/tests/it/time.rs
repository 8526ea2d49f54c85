//! How long sessions take, by a clock that moves by hand.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use forge_core::ErrorKind;
use forge_session::{DocumentLabel, Prompts, Stage, Stop};

use crate::stage::{Play, Theatre, critique, plan, scale, sensible};

/// Prompts that say nothing but their stage: the panel is what is looked at.
fn short_prompts() -> Arc<Prompts> {
    let mut replaced = BTreeMap::new();
    for stage in Stage::ALL {
        replaced.insert(format!("{stage}.system.jinja"), stage.to_string());
        replaced.insert(format!("{stage}.user.jinja"), String::from("x"));
    }
    Arc::new(Prompts::with(&replaced).unwrap())
}

/// A lognormal latency around 20 s, 3 % of them four times slower; 1 % never answer.
fn latency(dice: &mut fastrand::Rng) -> Option<Duration> {
    let normal = (-2.0 * dice.f64().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * dice.f64()).cos();
    let slow = if dice.f64() < 0.03 { 4.0 } else { 1.0 };
    (dice.f64() >= 0.01).then(|| Duration::from_secs_f64(20.0 * (0.5 * normal).exp() * slow))
}

#[test]
fn panels_with_stragglers_are_closed_early_and_lose_few_answers() {
    // Each session is one round of a panel.
    let rounds = 3_000 * scale();
    let prompts = short_prompts();
    let mut dice = fastrand::Rng::with_seed(3);
    let (mut times, mut kept, mut failed) = (Vec::new(), 0, 0);
    for _ in 0..rounds {
        let mut theatre = Theatre::new();
        theatre.structured = false;
        theatre.always("drafter-1", Play::Say("# A\n\nThe limit is one hundred requests a minute.".into()));
        for critic in ["alpha-1", "beta-1", "gamma-1"] {
            theatre.always(
                critic,
                match latency(&mut dice) {
                    Some(latency) => Play::Over(latency, critique(&[])),
                    None => Play::Hang,
                },
            );
        }
        let mut deps = theatre.deps();
        deps.prompts = Arc::clone(&prompts);
        let result = theatre.session_of(deps, plan());
        let answers =
            result.calls.iter().filter(|call| call.call.stage == Stage::Critique && call.error.is_none());
        let answers = answers.count();
        let expected = [Stop::NoCritic, Stop::BelowQuorum, Stop::NothingFound][answers.min(2)];
        assert_eq!(result.stop_reason, Some(expected));
        assert_eq!(result.degraded.is_empty(), answers == 3, "{:?}", result.degraded);
        times.push(result.duration_ms);
        kept += answers;
        failed += usize::from(answers < 2);
    }
    times.sort_unstable();
    let (p95, p99) = (times[rounds * 95 / 100], times[rounds * 99 / 100]);
    let (kept, failed) = (kept as f64 / rounds as f64, failed as f64 / rounds as f64);
    println!("{rounds} rounds: p95 {p95} ms, p99 {p99} ms, {kept} kept, {failed} failed");
    assert!(p95 <= 55_000 && p99 <= 75_000 && kept >= 2.5 && failed <= 0.002, "{p95} {p99} {kept} {failed}");
}

/// What each call takes, by model, in the order of its calls.
type Latencies = Arc<Mutex<HashMap<String, Vec<Duration>>>>;

/// Sessions over vendors that take 1 to 60 s for each call. Some first choices fail when they are done.
fn over_slow_vendors(dice: &mut fastrand::Rng, required: u32) -> (Duration, Duration) {
    let theatre = Theatre::new();
    let latencies = Latencies::default();
    let mut plan = plan();
    for (chain, second) in [
        (&mut plan.cast.drafter, "drafter-2"),
        (&mut plan.cast.critics[1], "beta-2"),
        (&mut plan.cast.synthesizer, "synth-2"),
        (&mut plan.cast.checker, "checker-2"),
    ] {
        chain.push(crate::stage::model(second));
    }
    (plan.settings.required, plan.settings.seed) = (required, dice.u64(..));
    let open = dice.bool();
    for model in plan.cast.everyone().map(|one| one.model_id.to_string()) {
        let (latencies, seed) = (Arc::clone(&latencies), dice.u64(..));
        theatre.plays(&model.clone(), move |nth, request| {
            let mut dice = fastrand::Rng::with_seed(seed.wrapping_add(nth as u64));
            let latency = Duration::from_millis(dice.u64(1_000..60_000));
            latencies.lock().unwrap().entry(model.clone()).or_default().push(latency);
            if model.ends_with("-1")
                && dice.u8(0..10) == 0
                && !["alpha-1", "gamma-1"].contains(&model.as_str())
            {
                return Play::FailAfter(latency, ErrorKind::Server);
            }
            let text = sensible(&model, request);
            // Every other session needs its second cycle.
            let text = if open && nth == 0 { text.replace("true", "false") } else { text };
            Play::Over(latency, text)
        });
    }
    let result = theatre.session(plan);
    assert_eq!(result.label, DocumentLabel::Synthesis);
    // In each stage the seat that took longest, second choices after first ones.
    let mut next: HashMap<&str, usize> = HashMap::new();
    let mut seats: BTreeMap<(u32, Stage, u32), Duration> = BTreeMap::new();
    let latencies = latencies.lock().unwrap();
    for call in &result.calls {
        let model = call.participant.model_id.as_str();
        let nth = next.entry(model).or_default();
        *seats.entry((call.call.cycle, call.call.stage, call.call.seat)).or_default() +=
            latencies[model][*nth];
        *nth += 1;
    }
    let mut stages: BTreeMap<(u32, Stage), Duration> = BTreeMap::new();
    for ((cycle, stage, _), took) in seats {
        let longest = stages.entry((cycle, stage)).or_default();
        *longest = took.max(*longest);
    }
    if required == 3 {
        let said = Duration::from_millis(result.critical_path_ms).as_secs_f64();
        let ideal = stages.values().sum::<Duration>().as_secs_f64();
        assert!((said / ideal - 1.0).abs() < 0.001, "the result says {said} s, it is {ideal} s");
    }
    (Duration::from_millis(result.duration_ms), stages.values().sum())
}

#[test]
fn a_session_takes_as_long_as_the_calls_that_have_to_follow_each_other() {
    let mut dice = fastrand::Rng::with_seed(60);
    let mut worst: f64 = 0.0;
    for round in 0..300 {
        let required = 2 + round % 2;
        let (wall, ideal) = over_slow_vendors(&mut dice, required);
        let times = wall.as_secs_f64() / ideal.as_secs_f64();
        // A panel that needs only two of three answers may end before the third.
        assert!(times <= 1.02 && (required == 2 || times > 0.999), "{times} times {ideal:?}");
        worst = worst.max(times);
    }
    println!("at most {worst:.4} times the critical path");
}
