//! No name of a model or vendor reaches a peer.

use forge_core::{ModelProvider, ModelRequest, Participant};
use forge_session::{Cast, Mode, Plan, Stage, Topic};

use crate::stage::{Play, Theatre, scale, sensible, stage_of};

const FAMILIES: [&str; 10] =
    ["Claude", "GPT-6", "gemini", "qwen", "mistral", "Nova", "o9", "sonnet", "Ünik", "meta/llama"];
const VENDORS: [&str; 5] = ["anthropic", "openai", "google", "mistral", "Zen.ai"];

/// Somebody of one of these families, whose names go to `known`.
fn someone(dice: &mut fastrand::Rng, part: &str, known: &mut Vec<String>) -> Participant {
    let family = FAMILIES[dice.usize(0..FAMILIES.len())];
    let name = format!("{family}-{part}-{}", dice.u16(..));
    let vendor = VENDORS[dice.usize(0..VENDORS.len())];
    let provider = match vendor {
        "anthropic" => ModelProvider::Anthropic,
        "openai" => ModelProvider::OpenAI,
        "google" => ModelProvider::Google,
        other => other.into(),
    };
    let shown = format!("{name} {}", ["Pro", "(preview)", "“max”", "v2"][dice.usize(0..4)]);
    known.extend([vendor.to_owned(), name.clone(), shown.clone()]);
    Participant::new(provider, name.as_str()).with_display_name(shown)
}

/// Some of the names as somebody may write them who wants to be recognised.
fn boast(dice: &mut fastrand::Rng, names: &[String]) -> String {
    let spelled = dice.choose_multiple(names.iter(), 4).into_iter().map(|name| {
        let name = match dice.u8(0..4) {
            0 => name.to_uppercase(),
            1 => name.to_lowercase(),
            2 => name.chars().map(|c| if dice.bool() { c.to_ascii_uppercase() } else { c }).collect(),
            _ => name.clone(),
        };
        let (before, after) =
            [("", ","), ("by ", "!"), ("**", "**"), ("[", "]"), ("`", "`"), ("\n> ", ":")][dice.usize(0..6)];
        format!("{before}{name}{after} ")
    });
    spelled.collect()
}

/// A sensible answer with `boast` wherever there is room for it.
fn signed(model: &str, request: &ModelRequest, boast: &str) -> String {
    let text = sensible(model, request);
    let inside = serde_json::to_string(boast).unwrap();
    let inside = inside.trim_matches('"');
    match stage_of(request) {
        Stage::Draft => format!("{text}\n\nWritten by {boast}."),
        _ => text
            .replace("say more", &format!("as {inside} would"))
            .replace("unclear to", &format!("{inside} finds it unclear to"))
            .replace("right", &format!("{inside} is right"))
            .replace("Settled for", &format!("{inside} settled")),
    }
}

#[test]
fn no_name_of_a_model_or_vendor_reaches_a_peer() {
    let mut dice = fastrand::Rng::with_seed(11);
    for round in 0..500 * scale() {
        let mut theatre = Theatre::new();
        theatre.structured = false;
        let mut known = Vec::new();
        let cast = Cast {
            drafter: vec![someone(&mut dice, "d", &mut known)],
            critics: vec![
                vec![someone(&mut dice, "c", &mut known)],
                vec![someone(&mut dice, "e", &mut known)],
            ],
            synthesizer: vec![someone(&mut dice, "s", &mut known)],
            checker: vec![someone(&mut dice, "k", &mut known)],
        };
        for model in cast.everyone().map(|one| one.model_id.to_string()) {
            let (boast, mumbles) = (boast(&mut dice, &known), dice.u8(0..10) == 0);
            theatre.plays(&model.clone(), move |nth, request| {
                if mumbles && nth == 0 && stage_of(request) == Stage::Critique {
                    return Play::Say(format!("mumble {boast}"));
                }
                Play::Say(signed(&model, request, &boast))
            });
        }
        let mut plan = Plan::new(Topic::new("A limiter"), cast);
        (plan.settings.seed, plan.settings.cycles) = (dice.u64(..), 1);
        plan.settings.mode = if dice.bool() { Mode::Council } else { Mode::Review };
        let result = theatre.session(plan);
        for sent in theatre.sent.lock().unwrap().iter() {
            let text = sent.text().to_lowercase();
            for name in &known {
                let found = text.contains(&name.to_lowercase());
                assert!(!found, "round {round}: {name} in the prompt of {}:\n{text}", sent.model);
            }
        }
        // The reader gets the names back.
        let document = result.document.to_lowercase();
        assert!(known.iter().any(|name| document.contains(&name.to_lowercase())), "{}", result.document);
    }
}
