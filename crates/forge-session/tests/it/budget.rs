//! Sessions never use more than they may.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use forge_core::{ErrorKind, Money, TokenCount, event::StopReason};
use forge_session::{DocumentLabel, Mode, PerStage, Plan, SessionResult, Stop};

use crate::stage::{Meter, Play, Theatre, critique, model, plan, price, scale, sensible};

/// A plan of any size with caps from far too small to ample.
fn random_plan(dice: &mut fastrand::Rng) -> Plan {
    let mut plan = plan();
    if dice.bool() {
        plan.cast.drafter.push(model("drafter-2"));
        plan.cast.critics[0].push(model("alpha-2"));
        plan.cast.synthesizer.push(model("synth-2"));
        plan.cast.checker.push(model("checker-2"));
    }
    let settings = &mut plan.settings;
    settings.mode = [Mode::Council, Mode::Council, Mode::Review, Mode::Direct][dice.usize(0..4)];
    settings.max_tokens = PerStage { draft: 300, critique: 500, synthesis: 900, check: 200 };
    settings.caps.tokens = Some(dice.u64(1_000..120_000));
    settings.caps.money = Some(Money::from_nanos(dice.u64(1_000_000..150_000_000)));
    settings.caps.at_once = dice.u32(1..6);
    settings.cycles = dice.u32(1..4);
    settings.seed = dice.u64(..);
    plan
}

fn any_answer(mut dice: fastrand::Rng, model: &str, request: &forge_core::ModelRequest) -> Play {
    let longest = || "word ".repeat(request.max_tokens.unwrap() as usize / 5);
    match dice.u8(0..14) {
        0 => Play::Fail(ErrorKind::Server),
        1 => Play::Break,
        2 => Play::Say("mumble".into()),
        3 => Play::Say(longest()),
        4 => Play::Say(critique(&[])),
        5 => Play::End(longest(), StopReason::MaxTokens),
        6 => Play::Stall,
        _ => Play::Late(dice.u64(0..30), sensible(model, request)),
    }
}

/// What must be true of every end.
fn check(round: usize, plan: &Plan, result: &SessionResult, billed: (u64, u64)) {
    let caps = plan.settings.caps;
    let said = (result.total.input_tokens, result.total.output_tokens);
    for (input, output) in [said, billed] {
        let tokens = TokenCount::default().with_input(input).with_output(output);
        let cost = price(&plan.cast.drafter[0], &tokens, None).unwrap();
        let fits = input + output <= caps.tokens.unwrap() && cost <= caps.money.unwrap();
        assert!(fits, "round {round}: {input} + {output} tokens, {cost}, of {caps:?}");
    }
    assert!(result.stop_reason.is_some(), "round {round}");
    let labelled = match result.label {
        DocumentLabel::Synthesis => true,
        DocumentLabel::Nothing => result.degraded.iter().any(|one| !one.reason.is_empty()),
        // Less than planned and labelled so, or all that was planned.
        DocumentLabel::Draft => {
            result.is_degraded() && !result.degraded.is_empty()
                || matches!(
                    result.stop_reason,
                    Some(Stop::NothingFound | Stop::NothingOpen | Stop::AllStagesDone | Stop::Contested)
                )
        }
    };
    assert!(labelled, "round {round}: {:?} {:?} {:?}", result.label, result.stop_reason, result.degraded);
}

#[test]
fn random_sessions_never_overrun_and_end_in_a_synthesis_or_a_labelled_draft() {
    let mut dice = fastrand::Rng::with_seed(5);
    let mut ends = std::collections::BTreeMap::new();
    for round in 0..500 * scale() {
        let mut theatre = Theatre::new();
        theatre.structured = false;
        theatre.meter = if dice.u8(0..5) == 0 { Meter::Silent } else { Meter::Greedy };
        let plan = random_plan(&mut dice);
        for one in plan.cast.everyone().map(|one| one.model_id.to_string()) {
            let seed = dice.u64(..);
            theatre.plays(&one.clone(), move |nth, request| {
                any_answer(fastrand::Rng::with_seed(seed.wrapping_add(nth as u64)), &one, request)
            });
        }
        let result = theatre.session(plan.clone());
        check(round, &plan, &result, *theatre.billed.lock().unwrap());
        *ends.entry((result.label.as_str(), result.stop_reason.map_or("", Stop::as_str))).or_insert(0) += 1;
    }
    // Every kind of end is among them.
    for end in
        [("synthesis", "nothing_open"), ("synthesis", "budget"), ("draft", "budget"), ("nothing", "budget")]
    {
        assert!(ends.contains_key(&end), "{end:?} in {ends:?}");
    }
    println!("{ends:?}");
}

#[test]
fn what_later_stages_need_is_reckoned_once_for_a_panel() {
    let theatre = Theatre::new();
    let reckoned = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reckoned);
    let deps = theatre.deps().with_prices(Arc::new(move |who, tokens, how| {
        // Without a word on how it was served, the price is that of a call to come.
        let is_check = who.model_id.as_str() == "checker-1" && how.is_none();
        count.fetch_add(usize::from(is_check), Relaxed);
        price(who, tokens, how)
    }));
    theatre.session_of(deps, plan());
    // For three critics together, and for the check itself.
    assert_eq!((reckoned.load(Relaxed), theatre.calls("checker-1")), (2, 1));
}
