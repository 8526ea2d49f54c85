//! Over random configurations: no call of a session reaches a provider that no role names, whatever fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
    sync::Arc,
    time::Duration,
};

use fastrand::Rng;
use forge::{
    AdapterRegistry, Participant,
    config::{ConfigFile, Loader},
    router::{Router, RouterDeps},
};
use serde_json::{Value, json};

use crate::{
    Machine,
    scripted::{KINDS, World},
};

const ROLES: [&str; 4] = ["drafter", "critic", "synthesizer", "reviewer"];

/// A configuration in which roles, panels, chains, pools, a default and preferences come and go.
fn random(dice: &mut Rng) -> Value {
    let count = dice.usize(3..10);
    let ids: Vec<String> = (0..count).map(|at| format!("p{at}")).collect();
    let mut providers = serde_json::Map::new();
    for id in &ids {
        let kind = KINDS[dice.usize(0..4)];
        let mut one = json!({ "type": kind, "model": format!("{kind}-{}", dice.u8(0..2)), "api_key": "${OPENAI_API_KEY}" });
        if dice.u8(0..10) == 0 {
            one["enabled"] = json!(false);
        }
        if dice.u8(0..8) == 0 {
            one["preferred_roles"] = json!([ROLES[dice.usize(0..4)]]);
        }
        if dice.u8(0..3) == 0 {
            one["limits"] = json!({ "requests_per_minute": dice.u8(1..100), "concurrent": 1 });
        }
        providers.insert(id.clone(), one);
    }
    let mut names = ids.clone();
    let mut pools = serde_json::Map::new();
    for at in 0..dice.usize(0..3) {
        let strategies =
            ["priority", "round_robin", "weighted", "least_connections", "lowest_cost", "lowest_latency"];
        let members: Vec<_> = some(dice, &names, 3).into_iter().map(|id| json!({ "provider": id })).collect();
        let id = format!("pool{at}");
        pools.insert(id.clone(), json!({ "strategy": strategies[dice.usize(0..6)], "members": members }));
        names.push(id);
    }
    // Some providers stay outside of every role.
    dice.shuffle(&mut names);
    names.truncate(dice.usize(1..=names.len()));
    let mut roles = serde_json::Map::new();
    for role in ROLES.into_iter().chain(["coder"]) {
        let mut one = match dice.u8(0..4) {
            0 => continue,
            1 => json!({ "panel": some(dice, &names, 4) }),
            2 => json!({ "provider": some(dice, &names, 1)[0] }),
            _ => json!({ "parameters": { "max_tokens": 100 } }),
        };
        if dice.bool() && one.get("parameters").is_none() {
            one["fallback"] = json!(some(dice, &names, 3));
        }
        one["hedge"] = json!(dice.bool());
        roles.insert(role.to_owned(), one);
    }
    let mut file = json!({ "schema_version": "1.0", "providers": providers, "pools": pools, "roles": roles });
    if dice.bool() {
        file["default_provider"] = json!(ids[dice.usize(0..count)]);
    }
    file
}

/// One to `most` of `names`, none twice.
fn some(dice: &mut Rng, names: &[String], most: usize) -> Vec<String> {
    let count = dice.usize(1..=most.min(names.len()));
    dice.choose_multiple(names.iter().cloned(), count)
}

/// The providers behind `id`.
fn behind(file: &Value, id: &str, into: &mut BTreeSet<String>) {
    match file["pools"][id]["members"].as_array() {
        Some(members) => {
            for one in members {
                behind(file, one["provider"].as_str().unwrap(), into);
            }
        }
        None => drop(into.insert(id.to_owned())),
    }
}

/// Whom a role of the file names; `None` if it names nobody.
fn named(file: &Value, role: &str) -> Option<BTreeSet<String>> {
    let role = &file["roles"][role];
    let lists = [&role["panel"], &role["fallback"]].into_iter().filter_map(Value::as_array).flatten();
    let ids: Vec<_> = lists.chain(Some(&role["provider"])).filter_map(Value::as_str).collect();
    let mut people = BTreeSet::new();
    for id in &ids {
        behind(file, id, &mut people);
    }
    (!ids.is_empty()).then_some(people)
}

/// The providers that prefer `role`.
fn preferring(file: &Value, role: &str) -> BTreeSet<String> {
    let prefers =
        |one: &Value| one["preferred_roles"].as_array().is_some_and(|all| all.contains(&json!(role)));
    let providers = file["providers"].as_object().unwrap().iter();
    providers.filter(|(_, one)| prefers(one)).map(|(id, _)| id.clone()).collect()
}

/// Who may see the texts of each role, read from the file alone; `None` if no role names anybody.
fn allowed(file: &Value) -> Option<BTreeMap<&'static str, BTreeSet<String>>> {
    let all = ROLES.iter().chain(&["coder"]).filter_map(|role| named(file, role));
    let anyone: BTreeSet<String> = all.flatten().collect();
    // The only provider that is enabled is the default of a file that names none.
    let enabled =
        || file["providers"].as_object().unwrap().iter().filter(|(_, one)| one["enabled"] != json!(false));
    let only = || enabled().map(|(id, _)| id.clone()).find(|_| enabled().count() == 1);
    let default = || file["default_provider"].as_str().map(str::to_owned).or_else(only);
    let people = |role| {
        named(file, role).unwrap_or_else(|| {
            preferring(file, role).into_iter().chain(default()).chain(anyone.iter().cloned()).collect()
        })
    };
    let mut each: BTreeMap<_, _> = ROLES.into_iter().map(|role| (role, people(role))).collect();
    if named(file, "reviewer").is_none() {
        let others = ["drafter", "critic", "synthesizer"].into_iter().flat_map(people);
        each.insert("reviewer", others.chain(preferring(file, "reviewer")).collect());
    }
    (!anyone.is_empty()).then_some(each)
}

fn load(file: &Value, registry: &AdapterRegistry) -> Option<ConfigFile> {
    let models = forge::models();
    let today = "2026-11-20".parse().unwrap();
    Loader::new(registry, &models, today, &Machine).load("forge.yaml", &file.to_string()).ok()
}

/// Two rounds of a session's calls and a whole session; how many calls reached whom they must not.
fn strays(seed: u64) -> Option<(usize, usize)> {
    let mut dice = Rng::with_seed(seed);
    let file = random(&mut dice);
    let ids = file["providers"].as_object().unwrap().keys();
    let failing = ids.map(|id| (id.clone(), dice.u8(0..101))).collect();
    let world = World::new(failing, dice.fork());
    let registry = world.registry();
    let plan = load(&file, &registry)?.plan;
    let timer = Arc::new(world.timer.clone());
    let deps = RouterDeps { registry: Arc::new(registry), timer, seed, ..forge::router_deps() };
    let router = Router::build(plan, deps).unwrap();
    let cast = forge::cast(&router, dice.u32(1..5)).cast;
    for _ in 0..2 {
        let left = dice.bool().then(|| dice.u64(1..200));
        let draft = world.ask(&router, &cast.drafter, &[], left);
        let writer: Vec<_> =
            draft.map(|answer| Participant::clone(&answer.participant)).into_iter().collect();
        for seat in &cast.critics {
            world.ask(&router, seat, &writer, left);
        }
        let revision = world.ask(&router, &cast.synthesizer, &[], left);
        let authors: Vec<_> = writer
            .into_iter()
            .chain(revision.map(|answer| Participant::clone(&answer.participant)))
            .collect();
        world.ask(&router, &cast.checker, &authors, left);
        world.timer.advance(Duration::from_secs(dice.u64(0..60)));
    }
    world.session(&router, cast, seed);
    let reached = world.reached();
    let allowed = allowed(&file)?;
    let strays = reached.iter().filter(|(id, role)| !allowed[role.as_str()].contains(id.as_str()));
    Some((reached.len(), strays.count()))
}

#[test]
fn no_call_reaches_a_provider_that_no_role_names() {
    #[allow(clippy::disallowed_methods, reason = "whoever runs the test may ask for more")]
    let scale = std::env::var("FORGE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    let wanted = 300 * scale.unwrap_or(NonZeroU64::MIN).get();
    let (mut configurations, mut calls) = (0, 0);
    for seed in 0..wanted * 20 {
        let Some((reached, strays)) = strays(seed) else { continue };
        assert_eq!(strays, 0, "seed {seed}: {:#}", random(&mut Rng::with_seed(seed)));
        (configurations, calls) = (configurations + 1, calls + reached);
        if configurations == wanted {
            println!("{configurations} configurations, {calls} calls, seeds 0..={seed}");
            return;
        }
    }
    panic!("only {configurations} of {wanted} random configurations could be used");
}
