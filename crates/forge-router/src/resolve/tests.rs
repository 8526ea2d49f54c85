use std::time::Duration;

use forge_config::Problem;
use forge_core::{ErrorKind, ExposeSecret, Money, ParticipantRole, request::Effort, storage::budget::Scope};
use serde_json::{Value, json};

use super::fixture::{codes, resolve};
use crate::plan::{RouterPlan, Target};

/// A file without problems: `aa` and `bb` can do everything, `text` takes text only.
fn base() -> Value {
    json!({
        "schema_version": "1.0",
        "providers": {
            "aa": {"type": "anthropic", "model": "able", "api_key": "${KEY}"},
            "bb": {"type": "local", "model": "m"},
            "text": {"type": "local", "model": "basic"},
        },
        "default_provider": "aa",
    })
}

/// `base` with `patch` on top: mappings are merged, `null` removes.
fn with(patch: Value) -> Value {
    fn merge(into: &mut Value, patch: Value) {
        match (into, patch) {
            (Value::Object(into), Value::Object(patch)) => {
                for (key, value) in patch {
                    if value.is_null() {
                        into.remove(&key);
                    } else {
                        merge(into.entry(key).or_insert(Value::Null), value);
                    }
                }
            }
            (into, patch) => *into = patch,
        }
    }
    let mut file = base();
    merge(&mut file, patch);
    file
}

fn plan(patch: Value) -> RouterPlan {
    let (plan, problems) = resolve(with(patch));
    plan.unwrap_or_else(|| panic!("{problems:?}"))
}

/// Every case gives exactly these problems, and its plan is there unless one is a mistake.
fn check(cases: Vec<(Value, &[&str])>) {
    for (patch, expected) in cases {
        assert_eq!(codes(with(patch.clone())), expected, "{patch}");
    }
}

fn only_message(patch: Value) -> String {
    let (_, problems) = resolve(with(patch));
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    problem.to_string()
}

#[test]
fn a_good_file_has_no_problems() {
    check(vec![(json!({}), &[])]);
    let plan = plan(json!({}));
    assert_eq!(plan.providers.len(), 3);
    assert_eq!(plan.default, Some(Target::Provider(0)));
}

#[test]
fn the_version_is_1() {
    check(vec![
        (json!({"schema_version": null}), &["W101 schema_version"]),
        (json!({"schema_version": "1.7"}), &[]),
        (json!({"schema_version": "2.0"}), &["E129 schema_version"]),
        (json!({"schema_version": "1."}), &["E129 schema_version"]),
    ]);
}

#[test]
fn ids_keep_to_their_form_and_are_given_once() {
    let one = json!({"type": "local", "model": "m"});
    check(vec![
        (json!({"providers": {"Claude": one}}), &["E111 providers.Claude"]),
        (json!({"providers": {"c": one}}), &["E111 providers.c"]),
        (json!({"providers": {"-c": one}}), &["E111 providers.-c"]),
        (json!({"providers": {"c_d": one}}), &["E111 providers.c_d"]),
        (json!({"providers": {"c-d-3": one}}), &[]),
        (json!({"pools": {"P": {"members": [{"provider": "aa"}]}}}), &["E111 pools.P"]),
        (json!({"pools": {"aa": {"members": [{"provider": "bb"}]}}}), &["E112 pools.aa"]),
        (json!({"roles": {"my role": {"provider": "aa"}}}), &["E111 roles.my role"]),
        (json!({"roles": {"naming_expert-2": {"provider": "aa"}}}), &[]),
        (
            json!({"providers": {"aa": {"preferred_roles": ["critic", "a b"]}}}),
            &["E111 providers.aa.preferred_roles[1]"],
        ),
    ]);
}

#[test]
fn a_provider_needs_a_known_type_and_a_model() {
    check(vec![
        (json!({"providers": {"bb": {"type": null}}}), &["E113 providers.bb.type"]),
        (json!({"providers": {"bb": {"type": "lokal"}}}), &["E114 providers.bb.type"]),
        (json!({"providers": {"bb": {"model": null}}}), &["E113 providers.bb.model"]),
        (json!({"providers": {"bb": {"model": " "}}}), &["E113 providers.bb.model"]),
        (json!({"providers": {"bb": {"model": "a\nb"}}}), &["E120 providers.bb.model"]),
        (json!({"providers": {"bb": {"display_name": "\u{1b}[2J"}}}), &["E120 providers.bb.display_name"]),
    ]);
    let message = only_message(json!({"providers": {"bb": {"type": "lokal"}}}));
    assert_eq!(message, "providers.bb.type: there is no type `lokal`; did you mean `local`?");
}

#[test]
fn a_cloud_vendor_needs_a_key_unless_the_endpoint_is_its_own() {
    check(vec![
        (json!({"providers": {"aa": {"api_key": null}}}), &["E113 providers.aa.api_key"]),
        (
            json!({"providers": {"aa": {"api_key": null, "endpoint": "http://127.0.0.1:1"}}}),
            &["W103 providers.aa.api_key"],
        ),
        (json!({"providers": {"aa": {"api_key": "sk-secret"}}}), &["W102 providers.aa.api_key"]),
        (json!({"providers": {"aa": {"api_key": "${X:-sk-secret}"}}}), &["W102 providers.aa.api_key"]),
        (json!({"providers": {"aa": {"api_key": ""}}}), &["E113 providers.aa.api_key"]),
        (json!({"providers": {"aa": {"api_key": "${UNSET}"}}}), &["E117 providers.aa.api_key"]),
        (json!({"providers": {"aa": {"api_key": "${UNSET:-}"}}}), &["E113 providers.aa.api_key"]),
        (json!({"providers": {"aa": {"api_key": "${file:x}"}}}), &["E118 providers.aa.api_key"]),
        (json!({"providers": {"aa": {"api_key": "${BROKEN}"}}}), &["E120 providers.aa.api_key"]),
    ]);
    let message = only_message(json!({"providers": {"aa": {"api_key": "${UNSET}"}}}));
    assert!(
        message.ends_with("`UNSET` is not set; set it, or disable the provider with `enabled: false`"),
        "{message}"
    );
    let message = only_message(json!({"providers": {"bb": {"model": "${UNSET}"}}}));
    assert!(message.ends_with("`UNSET` is not set; set it, or write `${UNSET:-default}`"), "{message}");
}

#[test]
fn several_keys_take_the_place_of_one() {
    let keys = |keys: Value| json!({"providers": {"aa": {"api_key": null, "api_keys": keys}}});
    check(vec![
        (keys(json!(["${KEY}"])), &[]),
        (keys(json!(["${KEY}", "${X:-sk-secret}"])), &["W102 providers.aa.api_keys[1]"]),
        (keys(json!(["sk-secret", "${KEY}"])), &["W102 providers.aa.api_keys[0]"]),
        (
            keys(json!(["${UNSET}", "${KEY}", "", "${BROKEN}"])),
            &[
                "E117 providers.aa.api_keys[0]",
                "E113 providers.aa.api_keys[2]",
                "E120 providers.aa.api_keys[3]",
            ],
        ),
        (keys(json!(["${KEY}", "${file:x}"])), &["E118 providers.aa.api_keys[1]"]),
        (keys(json!([])), &["E123 providers.aa.api_keys"]),
        (json!({"providers": {"aa": {"api_keys": ["${KEY}"]}}}), &["E126 providers.aa.api_keys"]),
        (json!({"providers": {"bb": {"api_keys": []}}}), &["E123 providers.bb.api_keys"]),
    ]);
    let message = only_message(keys(json!(["${KEY}", "${UNSET}"])));
    assert!(message.ends_with("set it, or disable the provider with `enabled: false`"), "{message}");

    let one = &plan(keys(json!(["${KEY}"]))).providers[0];
    assert!(one.api_key.is_some() && one.more_keys.is_empty());
    let (plan, _) = resolve(with(keys(json!(["${KEY}", "sk-other", "sk-third"]))));
    let three = &plan.unwrap().providers[0];
    let all = three.api_key.iter().chain(&three.more_keys).map(ExposeSecret::expose_secret);
    assert_eq!(all.collect::<Vec<_>>(), ["sk-test-secret", "sk-other", "sk-third"]);
}

#[test]
fn an_endpoint_is_a_url_without_credentials() {
    for (endpoint, good) in [
        ("http://127.0.0.1:11434", true),
        ("https://example.com/v1", true),
        ("http://[::1]:8080", true),
        ("http://[::1]", true),
        ("${UNSET:-http://localhost}", true),
        ("example.com", false),
        ("ftp://example.com", false),
        ("https://", false),
        ("https:///v1", false),
        ("https://:80", false),
        ("https://me:secret@example.com", false),
        ("https://me@example.com", false),
        ("https://example.com:port", false),
        ("https://exa mple.com", false),
        ("https://example.com/v1?key=secret", false),
    ] {
        let expected: &[&str] = if good { &[] } else { &["E121 providers.bb.endpoint"] };
        check(vec![(json!({"providers": {"bb": {"endpoint": endpoint}}}), expected)]);
    }
    check(vec![(json!({"providers": {"bb": {"endpoint": "${BROKEN}"}}}), &["E120 providers.bb.endpoint"])]);
}

#[test]
fn headers_are_tokens_that_forge_does_not_set() {
    let header = |name: &str, value: &str| json!({"providers": {"bb": {"headers": {name: value}}}});
    check(vec![
        (header("X-Team", "a ${KEY}"), &[]),
        (header("X Team", "a"), &["E122 providers.bb.headers.X Team"]),
        (header("Authorization", "a"), &["E122 providers.bb.headers.Authorization"]),
        (header("X-Api-Key", "a"), &["E122 providers.bb.headers.X-Api-Key"]),
        (header("X-Team", "a\r\nHost: b"), &["E120 providers.bb.headers.X-Team"]),
    ]);
}

#[test]
fn parameters_have_ranges() {
    for (key, good, bad) in [
        ("temperature", json!([0, 2, 0.7]), json!([-0.1, 2.1])),
        ("top_p", json!([0, 1]), json!([-0.1, 1.1])),
        ("presence_penalty", json!([-2, 2]), json!([-2.1, 2.1])),
        ("frequency_penalty", json!([-2, 2]), json!([-2.1, 2.1])),
        ("max_tokens", json!([1, u32::MAX]), json!([0, -1, u64::from(u32::MAX) + 1])),
        ("top_k", json!([1]), json!([0, -3])),
        ("seed", json!([-5, 0, i64::MAX]), json!([])),
        ("effort", json!(["low", "high"]), json!([])),
        ("stop_sequences", json!([["END"]]), json!([])),
    ] {
        for (values, code) in [(good, None), (bad, Some("E115"))] {
            for value in values.as_array().unwrap() {
                for path in ["providers.aa", "roles.critic"] {
                    let (section, name) = path.split_once('.').unwrap();
                    let patch = json!({section: {name: {"parameters": {key: value}}}});
                    let expected: Vec<String> =
                        code.map(|code| format!("{code} {path}.parameters.{key}")).into_iter().collect();
                    assert_eq!(codes(with(patch.clone())), expected, "{patch}");
                }
            }
        }
    }
    check(vec![
        (
            json!({"roles": {"critic": {"parameters": {"effort": "hgih"}}}}),
            &["E114 roles.critic.parameters.effort"],
        ),
        (
            json!({"roles": {"critic": {"parameters": {"stop_sequences": ["a", ""]}}}}),
            &["E115 roles.critic.parameters.stop_sequences[1]"],
        ),
    ]);
}

#[test]
fn what_is_not_a_number_is_refused() {
    let mut spec: crate::spec::RouterSpec = serde_json::from_value(base()).unwrap();
    let parameters = crate::spec::ParameterSpec {
        temperature: Some(f64::NAN),
        top_p: Some(f64::INFINITY),
        ..crate::spec::ParameterSpec::default()
    };
    spec.providers.get_mut("bb").unwrap().parameters = Some(parameters);
    let registry = forge_core::AdapterRegistry::new();
    let section = super::RouterSection {
        registry: &registry,
        models: &forge_core::ModelTable::default(),
        today: "2026-11-20".parse().unwrap(),
    };
    let (_, problems) = RouterPlan::resolve(&spec, &section, &super::fixture::Table::default());
    let found = problems.iter().filter(|problem| problem.code == crate::code::OUT_OF_RANGE).count();
    assert_eq!(found, 2, "{problems:?}");
}

#[test]
fn limits_budgets_and_prices_have_ranges() {
    let aa = |key: &str, value: Value| json!({"providers": {"aa": {key: value}}});
    check(vec![
        (aa("limits", json!({"requests_per_minute": 0})), &["E115 providers.aa.limits.requests_per_minute"]),
        (
            aa("limits", json!({"input_tokens_per_minute": -1})),
            &["E115 providers.aa.limits.input_tokens_per_minute"],
        ),
        (aa("limits", json!({"concurrent": 4_294_967_296_i64})), &["E115 providers.aa.limits.concurrent"]),
        (aa("limits", json!({"requests_per_minute": 9, "burst": 0})), &["E115 providers.aa.limits.burst"]),
        (aa("limits", json!({"burst": 2})), &["E113 providers.aa.limits.burst"]),
        (aa("budget", json!({"per_day_usd": 0})), &[]),
        (json!({"budget": {"per_call_usd": -1}}), &["E115 budget.per_call_usd"]),
        (json!({"budget": {"total_tokens": 0}}), &["E115 budget.total_tokens"]),
        (
            json!({"budgets": [{"tag": "team"}, {"budget": {"per_month_usd": 1}}, {"tag": "", "budget": {"total_usd": 1}}]}),
            &["E113 budgets[0].budget", "E113 budgets[1].tag", "E115 budgets[2].tag"],
        ),
        (aa("budget", json!({"per_day_usd": -0.01})), &["E115 providers.aa.budget.per_day_usd"]),
        (json!({"budget": {"per_session_usd": 1e7}}), &["E115 budget.per_session_usd"]),
        (json!({"budget": {"per_day_tokens": 0}}), &["E115 budget.per_day_tokens"]),
        (
            json!({"roles": {"critic": {"budget": {"per_session_tokens": -1}}}}),
            &["E115 roles.critic.budget.per_session_tokens"],
        ),
        (aa("price", json!({"input": 1})), &["E113 providers.aa.price.output"]),
        (aa("price", json!({"input": -1, "output": 1})), &["E115 providers.aa.price.input"]),
    ]);
    let plan = plan(json!({
        "providers": {"aa": {
            "price": {"input": 0.1, "output": 2.5, "cache_read": 0},
            "limits": {"requests_per_minute": 50, "burst": 20, "concurrent": 8},
        }},
        "budgets": [{"tag": "team", "value": "red", "budget": {"per_month_usd": 5}}],
        "budget": {"per_day_usd": 0.3, "per_session_tokens": 7},
    }));
    let provider = &plan.providers[0];
    let tier = &provider.price.as_ref().unwrap().tiers[0];
    assert_eq!(tier.input.money_per_million(), Money::from_nanos(100_000_000));
    assert_eq!(tier.cache_read.unwrap().money_per_million(), Money::ZERO);
    assert_eq!(provider.rate.requests_per_minute.unwrap().get(), 50);
    assert_eq!(provider.concurrent, Some(8));
    assert_eq!(plan.budget.day.money, Some(Money::from_nanos(300_000_000)));
    assert_eq!(plan.budget.session.tokens, Some(7));
    assert_eq!(provider.rate.burst.unwrap().get(), 20);
    let (scope, budget) = &plan.budgets[0];
    assert_eq!(*scope, Scope::Tag { key: "team".into(), value: Some("red".into()) });
    assert_eq!(budget.month.money, Some(Money::from_nanos(5_000_000_000)));
}

#[test]
fn durations_have_units_and_ends() {
    for (text, good) in [
        ("500ms", true),
        ("30s", true),
        ("24h", true),
        ("1m 30s", true),
        ("30", false),
        ("0s", false),
        ("25h", false),
        ("soon", false),
        ("", false),
        ("-1s", false),
    ] {
        let expected: &[&str] = if good { &[] } else { &["E116 breaker.window"] };
        check(vec![(json!({"breaker": {"window": text}}), expected)]);
    }
    let message = only_message(json!({"retry": {"max_backoff": "30"}}));
    assert_eq!(message, "retry.max_backoff: `30` has no unit; write `30s` or `30ms`");
}

#[test]
fn policies_keep_the_usual_values_for_what_is_not_set() {
    check(vec![
        (json!({"retry": {"max_attempts": 0}}), &["E115 retry.max_attempts"]),
        (json!({"retry": {"max_attempts": 11}}), &["E115 retry.max_attempts"]),
        (json!({"retry": {"multiplier": 0.5}}), &["E115 retry.multiplier"]),
        (json!({"retry": {"initial_backoff": "31s"}}), &["E115 retry.initial_backoff"]),
        (json!({"retry": {"max_backoff": "1ms"}}), &["E115 retry.max_backoff"]),
        (json!({"breaker": {"error_rate": 0}}), &["E115 breaker.error_rate"]),
        (json!({"breaker": {"error_rate": 1.1}}), &["E115 breaker.error_rate"]),
        (json!({"breaker": {"consecutive_failures": 0}}), &["E115 breaker.consecutive_failures"]),
    ]);
    let plan = plan(json!({
        "retry": {"max_attempts": 1, "max_backoff": "10s"},
        "breaker": {"cooldown": "10m"},
        "providers": {"bb": {"timeouts": {"total": "1h"}}, "aa": {"timeouts": {}}},
    }));
    assert_eq!((plan.retry.max_retries, plan.retry.max_backoff), (0, Duration::from_secs(10)));
    assert_eq!(plan.retry.initial_backoff, Duration::from_millis(500));
    assert_eq!(plan.breaker.max_cooldown, Duration::from_secs(600));
    assert_eq!(plan.breaker.consecutive_failures, 5);
    let timeouts = plan.providers[1].timeouts.unwrap();
    assert_eq!((timeouts.total, timeouts.connect), (Duration::from_secs(3600), Duration::from_secs(5)));
    assert_eq!(plan.providers[0].timeouts, None);
}

#[test]
fn pools_have_members_and_no_circles() {
    let pools = |pools: Value| json!({"pools": pools});
    let of = |names: &[&str]| {
        let members: Vec<Value> = names.iter().map(|name| json!({"provider": name})).collect();
        json!({"members": members})
    };
    check(vec![
        (pools(json!({"pp": of(&["aa", "bb"])})), &[]),
        (pools(json!({"pp": of(&[])})), &["E123 pools.pp.members"]),
        (pools(json!({"pp": of(&["aaa"])})), &["E110 pools.pp.members[0].provider"]),
        (pools(json!({"pp": of(&["aa", "bb", "aa"])})), &["E124 pools.pp.members[2].provider"]),
        (pools(json!({"pp": {"members": [{}]}})), &["E113 pools.pp.members[0].provider"]),
        (
            pools(json!({"pp": {"members": [{"provider": "aa", "weight": 0}]}})),
            &["E115 pools.pp.members[0].weight"],
        ),
        (
            pools(json!({"pp": {"members": [{"provider": "aa", "weight": 1001}]}})),
            &["E115 pools.pp.members[0].weight"],
        ),
        (
            pools(json!({"pp": {"strategy": "wieghted", "members": [{"provider": "aa"}]}})),
            &["E114 pools.pp.strategy"],
        ),
        (pools(json!({"pp": of(&["pp"])})), &["E125 pools.pp.members[0].provider"]),
        (
            pools(json!({"p1": of(&["aa", "p2"]), "p2": of(&["p3"]), "p3": of(&["bb", "p1"])})),
            &["E125 pools.p3.members[1].provider"],
        ),
        // Reached by two ways is no circle.
        (pools(json!({"p1": of(&["p2", "p3"]), "p2": of(&["p3"]), "p3": of(&["bb"])})), &[]),
    ]);
    let circle = json!({"p1": of(&["p2"]), "p2": of(&["p1"])});
    let message = only_message(pools(circle));
    assert_eq!(message, "pools.p2.members[0].provider: the pool contains itself: p1 -> p2 -> p1");
}

#[test]
fn pools_stand_at_most_16_deep_in_each_other() {
    let chain = |length: usize| -> Value {
        let pools = (1..=length).map(|at| {
            let below = if at == length { "aa".into() } else { format!("p{:05}", at + 1) };
            (format!("p{at:05}"), json!({"members": [{"provider": below}]}))
        });
        json!({"pools": pools.collect::<serde_json::Map<_, _>>()})
    };
    check(vec![
        (chain(16), &[]),
        (chain(17), &["E115 pools.p00001"]),
        (chain(5_000), &["E115 pools.p04984"]),
    ]);
}

#[test]
fn chains_name_everyone_once() {
    let critic = |role: Value| json!({"roles": {"critic": role}});
    check(vec![
        (critic(json!({"provider": "aa", "fallback": ["bb"]})), &[]),
        (critic(json!({"provider": "ab"})), &["E110 roles.critic.provider"]),
        (critic(json!({"panel": ["aa", "nobody-like-this"]})), &["E110 roles.critic.panel[1]"]),
        (critic(json!({"provider": "aa", "fallback": ["bb", "cc"]})), &["E110 roles.critic.fallback[1]"]),
        (critic(json!({"panel": ["aa", "aa"]})), &["E124 roles.critic.panel[1]"]),
        (critic(json!({"provider": "aa", "fallback": ["bb", "bb"]})), &["E124 roles.critic.fallback[1]"]),
        (critic(json!({"provider": "aa", "fallback": ["aa"]})), &["E125 roles.critic.fallback[0]"]),
        (critic(json!({"panel": []})), &["E123 roles.critic.panel"]),
        (critic(json!({"provider": "aa", "fallback": []})), &["E123 roles.critic.fallback"]),
        (critic(json!({"provider": "aa", "panel": ["bb"]})), &["E126 roles.critic.panel"]),
        (
            critic(json!({"provider": "aa", "fallback_on": ["refusal", "anger"]})),
            &["E114 roles.critic.fallback_on[1]"],
        ),
        (critic(json!({"provider": "aa", "needs": ["tool"]})), &["E114 roles.critic.needs[0]"]),
        (critic(json!({"min_context": 0})), &["E115 roles.critic.min_context"]),
        (
            json!({"roles": {"critic": {"provider": "aa", "fallback": ["pp"]}},
                   "pools": {"pp": {"members": [{"provider": "bb"}, {"provider": "aa"}]}}}),
            &["W111 roles.critic.fallback[0]"],
        ),
        (json!({"default_provider": "aaa"}), &["E110 default_provider"]),
    ]);
    let role = json!({
        "panel": ["bb", "aa"], "fallback_on": ["refusal"], "needs": ["tools"], "hedge": true,
        "parameters": {"effort": "low"},
    });
    let plan = plan(json!({"models": {"m": {"tools": true}}, "roles": {"critic": role}}));
    let critic = &plan.roles[&ParticipantRole::Critic];
    assert_eq!(critic.primary, [Target::Provider(1), Target::Provider(0)]);
    assert_eq!(critic.fallback_on, [ErrorKind::Refusal]);
    assert!(critic.needs.tools && critic.hedge);
    assert_eq!(critic.parameters.effort, Some(Effort::Low));
}

#[test]
fn every_role_has_someone() {
    check(vec![
        (json!({"default_provider": null, "roles": {"critic": {}}}), &["E127 roles.critic"]),
        (
            json!({"default_provider": null, "roles": {"critic": {"fallback": ["bb"]}}}),
            &["E127 roles.critic"],
        ),
        (json!({"roles": {"critic": {}}}), &[]),
        (json!({"providers": null}), &["E128 providers", "E110 default_provider"]),
    ]);
    // The only provider is the default.
    let file = json!({"schema_version": "1.0", "providers": {"aa": {"type": "local", "model": "m"}}, "roles": {"critic": {}}});
    let (plan, problems) = resolve(file);
    assert_eq!((plan.unwrap().default, problems), (Some(Target::Provider(0)), vec![]));
}

#[test]
fn a_disabled_provider_is_checked_and_left_out() {
    let off = |more: Value| {
        let mut patch = json!({"providers": {"bb": {"enabled": false}}});
        patch.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        patch
    };
    check(vec![
        (off(json!({})), &[]),
        (off(json!({"roles": {"critic": {"panel": ["aa", "bb"]}}})), &["W104 roles.critic.panel[1]"]),
        (
            off(json!({"roles": {"critic": {"provider": "bb"}}, "default_provider": null})),
            &["W104 roles.critic.provider", "E127 roles.critic"],
        ),
        (off(json!({"default_provider": "bb"})), &["W104 default_provider"]),
        (
            off(json!({"pools": {"pp": {"members": [{"provider": "bb"}]}}})),
            &["W104 pools.pp.members[0].provider", "E123 pools.pp.members"],
        ),
        // What the machine lacks is no mistake in a provider that is not used.
        (
            json!({"providers": {"cc": {"type": "openai", "model": "x", "api_key": "${UNSET}", "enabled": false}}}),
            &[],
        ),
        (
            json!({"providers": {"bb": {"enabled": false, "parameters": {"temperature": 3}}}}),
            &["E115 providers.bb.parameters.temperature"],
        ),
        (
            json!({"providers": {"aa": {"enabled": false}, "bb": {"enabled": false}, "text": {"enabled": false}}, "default_provider": null}),
            &["E128 providers"],
        ),
    ]);
    let plan = plan(off(json!({"roles": {"critic": {"provider": "bb", "fallback": ["text", "aa"]}}})));
    assert_eq!(plan.providers.len(), 2);
    let critic = &plan.roles[&ParticipantRole::Critic];
    assert_eq!(
        (&critic.primary[..], &critic.fallback[..]),
        (&[Target::Provider(1)][..], &[Target::Provider(0)][..])
    );
}

#[test]
fn the_old_single_form_is_the_provider_default() {
    let single = json!({"type": "local", "model": "m"});
    let (plan, problems) = resolve(json!({"provider": single}));
    let plan = plan.unwrap();
    assert_eq!(plan.providers[0].id, "default");
    assert_eq!(plan.default, Some(Target::Provider(0)));
    assert_eq!(problems.len(), 1, "{problems:?}");
    check(vec![
        (json!({"provider": single}), &["W118 provider"]),
        (json!({"provider": single, "providers": {"default": single}}), &["E126 provider"]),
        (json!({"provider": {"type": "local"}}), &["W118 provider", "E113 provider.model"]),
    ]);
    let both = resolve(with(json!({"provider": single, "default_provider": null}))).0.unwrap();
    assert_eq!((both.providers.len(), both.default), (4, Some(Target::Provider(3))));
}

#[test]
fn models_are_looked_up_in_the_table() {
    let model = |name: &str| json!({"providers": {"aa": {"model": name}}});
    check(vec![
        (model("abel"), &["W105 providers.aa.model"]),
        (model("old"), &["W106 providers.aa.model"]),
        (model("moved"), &["W107 providers.aa.model"]),
        (
            json!({"providers": {"aa": {"model": "abel"}}, "budget": {"per_day_usd": 1}}),
            &["W105 providers.aa.model", "W108 providers.aa.model"],
        ),
        (
            json!({"providers": {"aa": {"model": "abel", "budget": {"per_session_usd": 1}}}}),
            &["W105 providers.aa.model", "W108 providers.aa.model"],
        ),
        (
            json!({"providers": {"aa": {"model": "abel", "price": {"input": 1, "output": 1}}}, "budget": {"per_day_usd": 1}}),
            &["W105 providers.aa.model"],
        ),
        (
            json!({"providers": {"aa": {"model": "abel"}}, "roles": {"coder": {"provider": "aa", "budget": {"per_session_usd": 1}}}}),
            &["W105 providers.aa.model", "W108 roles.coder.provider"],
        ),
        (json!({"budget": {"per_day_usd": 1}}), &[]),
    ]);
    assert!(only_message(model("abel")).ends_with("did you mean `able`?"));
    let old = only_message(model("old"));
    assert!(
        old.contains("on 2026-11-20") && old.ends_with("write `able`, the replacement that the vendor names"),
        "{old}"
    );
    for (name, more, expected) in [
        ("old2", json!({}), "is not in the table: its abilities are assumed, and its cost is unknown"),
        ("able-5-0", json!({}), "is not in the table: its abilities are assumed, and its cost is unknown"),
        (
            "able5",
            json!({}),
            "is not in the table: its abilities are assumed, and its cost is unknown; did you mean `able-5`?",
        ),
        (
            "new-model-9",
            json!({"price": {"input": 1, "output": 2}}),
            "is not in the table: its abilities are assumed",
        ),
        ("anthropic/able", json!({}), "has a prefix that anthropic does not use; write `able`"),
        (
            "other-1",
            json!({}),
            "belongs to openai, not to anthropic; write `type: openai`, or a model of anthropic",
        ),
        (
            "openai/other-1-2026-11-09",
            json!({}),
            "belongs to openai, not to anthropic; write `type: openai`, or a model of anthropic",
        ),
        // Who serves the models of others calls them as it likes.
        (
            "openai/other-1",
            json!({"endpoint": "https://gateway.test"}),
            "is not in the table: its abilities are assumed, and its cost is unknown",
        ),
    ] {
        let mut file = model(name);
        file["providers"]["aa"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let message = only_message(file);
        assert_eq!(message, format!("providers.aa.model: model `{name}` {expected}"));
    }
    assert!(only_message(model("moved")).contains("`able` answers for `moved`"));
}

#[test]
fn what_a_role_needs_every_model_of_it_can_do() {
    let coder = |role: Value| json!({"roles": {"coder": role}});
    check(vec![
        (coder(json!({"provider": "aa", "needs": ["tools", "images"]})), &[]),
        (
            coder(json!({"provider": "aa", "fallback": ["text"], "needs": ["tools", "images"]})),
            &["E130 roles.coder.fallback[0]", "E130 roles.coder.fallback[0]"],
        ),
        (coder(json!({"provider": "text", "min_context": 8_001})), &["E130 roles.coder.provider"]),
        (coder(json!({"provider": "text", "min_context": 8_000})), &[]),
        // A window that nobody knows is not too small.
        (coder(json!({"provider": "aa", "min_context": 8_001})), &[]),
        (
            json!({"default_provider": "text", "roles": {"coder": {"provider": "aa", "needs": ["documents"]}}}),
            &["E130 roles.coder"],
        ),
        (
            json!({"roles": {"coder": {"provider": "pp", "fallback": ["text"], "needs": ["tools"]}},
                   "pools": {"pp": {"members": [{"provider": "bb"}, {"provider": "text"}]}}}),
            &["E130 roles.coder.provider", "E132 roles.coder.provider"],
        ),
        (json!({"roles": {"critic": {"panel": ["aa", "text"]}}}), &["W110 roles.critic.panel[1]"]),
        (
            json!({"roles": {"critic": {"panel": ["text"], "needs": ["structured_output"]}}}),
            &["E130 roles.critic.panel[0]"],
        ),
        (json!({"roles": {"coder": {"provider": "text"}}}), &[]),
    ]);
    let message = only_message(
        json!({"default_provider": "text", "roles": {"coder": {"provider": "aa", "needs": ["tools"]}}}),
    );
    assert_eq!(message, "roles.coder: the role needs tools, which is not supported by `text` (the default)");
    let message = only_message(coder(json!({"provider": "text", "needs": ["tools"]})));
    assert_eq!(message, "roles.coder.provider: the role needs tools, which is not supported by `text`");
}

#[test]
fn settings_that_a_model_does_not_take_are_told() {
    let coder = |provider: &str, parameters: Value| json!({"roles": {"coder": {"provider": provider, "parameters": parameters}}});
    let at = "W109 roles.coder.provider";
    check(vec![
        (coder("aa", json!({"temperature": 1, "effort": "high", "max_tokens": 2_000})), &[]),
        (coder("text", json!({"temperature": 1, "top_k": 3})), &[at, at]),
        (coder("text", json!({"stop_sequences": ["END"]})), &[at]),
        (coder("text", json!({"effort": "none"})), &["W109 roles.coder"]),
        (coder("text", json!({"max_tokens": 1_001})), &[at]),
        (
            json!({"providers": {"text": {"parameters": {"temperature": 1}}}}),
            &["W109 providers.text.parameters"],
        ),
    ]);
    // Of a model that nobody knows nothing is claimed but what the file says of it.
    let new = |said: Value| {
        json!({"providers": {"text": {"type": "anthropic", "model": "basic-new", "api_key": "${KEY}",
                "parameters": {"temperature": 1, "effort": "max", "max_tokens": 9_000, "stop_sequences": ["END"]}}},
            "models": {"basic-new": said}})
    };
    check(vec![
        (new(json!({})), &[]),
        (
            new(json!({"sampling": false, "max_output_tokens": 8_000})),
            &["W109 providers.text.parameters", "W109 providers.text.parameters"],
        ),
    ]);
    let effort = only_message(
        json!({"roles": {"coder": {"provider": "bb", "parameters": {"effort": "max"}}}, "default_provider": "bb"}),
    );
    assert_eq!(effort, "roles.coder.provider: for `bb`, effort `max` is sent as `high`");
}

#[test]
fn many_members_share_one_message() {
    let mut patch = json!({"providers": {}, "pools": {"pp": {"members": []}}, "roles": {"coder": {"provider": "pp", "parameters": {"temperature": 1}}}});
    for at in 0..10 {
        let id = format!("t{at}");
        patch["providers"][&id] = json!({"type": "local", "model": "basic"});
        patch["pools"]["pp"]["members"].as_array_mut().unwrap().push(json!({"provider": id}));
    }
    let message = only_message(patch);
    assert!(message.contains("not supported by `t0`, `t1`, `t2` and 7 more"), "{message}");
}

#[test]
fn a_file_of_the_first_form_loads_with_warnings_only() {
    let provider = |kind: &str, model: &str| json!({"type": kind, "model": model, "api_key": "${KEY}", "parameters": {"max_tokens": 4096, "temperature": 0.7}});
    let (plan, problems) = resolve(json!({
        "schema_version": "1.0",
        "providers": {
            "openai-gpt4-turbo": provider("openai", "gpt-4-turbo"),
            "claude-3-opus": provider("anthropic", "claude-3-opus-20240229"),
            "local-llama": {"type": "local", "model": "llama2:70b", "endpoint": "http://localhost:11434"},
        },
        "roles": {
            "drafter": {"provider": "claude-3-opus", "fallback": ["openai-gpt4-turbo"], "parameters": {"temperature": 0.9}},
            "critic": {"provider": "openai-gpt4-turbo", "fallback": ["claude-3-opus", "local-llama"]},
        },
        "default_provider": "openai-gpt4-turbo",
        "retry": {"max_attempts": 3, "initial_backoff": "1s", "max_backoff": "30s", "multiplier": 2.0},
    }));
    assert_eq!(plan.unwrap().providers.len(), 3);
    assert!(!problems.is_empty() && problems.iter().all(Problem::is_warning), "{problems:?}");
}
