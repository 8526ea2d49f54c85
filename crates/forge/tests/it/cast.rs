//! Who takes part in a session, by the roles of a file.

use forge::{Casting, Participant, config::Trust, router::Router};

use crate::load;

/// Five providers, two of them of one vendor, and what else the file says.
fn file(rest: &str) -> String {
    format!(
        r#"schema_version: "1.0"
providers:
  paid: {{ type: anthropic, model: claude-opus-5-5, api_key: "${{ANTHROPIC_API_KEY}}" }}
  aa: {{ type: anthropic, model: claude-sonnet-5-5, api_key: "${{ANTHROPIC_API_KEY}}" }}
  bb: {{ type: openai, model: gpt-6.2-sol, api_key: "${{OPENAI_API_KEY}}" }}
  cc: {{ type: google, model: gemini-3.8-flash, api_key: "${{GOOGLE_API_KEY}}" }}
  dd: {{ type: local, model: qwen3 }}
{rest}"#
    )
}

fn cast_of(text: &str, critics: u32) -> Casting {
    let file = load(text, Trust::Trusted).unwrap_or_else(|error| panic!("{error}"));
    forge::cast(&Router::build(file.plan, forge::router_deps()).unwrap(), critics)
}

fn cast(rest: &str, critics: u32) -> Casting {
    cast_of(&file(rest), critics)
}

fn ids(chain: &[Participant]) -> String {
    chain.iter().map(|one| one.provider_id.as_str()).collect::<Vec<_>>().join(" ")
}

fn seats(casting: &Casting) -> String {
    casting.cast.critics.iter().map(|chain| ids(chain)).collect::<Vec<_>>().join(", ")
}

/// Drafter, critics, synthesizer, checker.
fn shown(casting: &Casting) -> [String; 4] {
    let cast = &casting.cast;
    [ids(&cast.drafter), seats(casting), ids(&cast.synthesizer), ids(&cast.checker)]
}

#[test]
fn a_panel_and_a_chain_are_closed_lists_also_for_the_checker_and_with_a_default() {
    for default in ["", "default_provider: paid\n"] {
        let text = "roles:\n  drafter: { provider: aa, fallback: [cc] }\n  critic: { panel: [cc, dd] }\n  \
                    synthesizer: { provider: aa }\n";
        let casting = cast(&format!("{text}{default}"), 3);
        assert_eq!(shown(&casting), ["aa cc", "cc, dd", "aa", "cc dd aa"]);
        assert_eq!((casting.judges, casting.notes), (2, vec!["3 critics wanted, 2 possible".to_owned()]));
    }
    let reviewer = "roles:\n  critic: { panel: [cc, dd] }\n  reviewer: { provider: bb, fallback: [dd] }\n";
    let casting = cast(reviewer, 2);
    assert_eq!(shown(&casting)[3], "bb dd");
    assert!(casting.notes.is_empty(), "{:?}", casting.notes);
    let roles: Vec<_> = casting.cast.everyone().map(|one| one.role.to_string()).collect();
    assert_eq!(roles.first().map(String::as_str), Some("drafter"));
    assert_eq!(roles.last().map(String::as_str), Some("reviewer"));
}

#[test]
fn those_without_a_seat_and_the_fallbacks_stand_in_other_families_first() {
    let roles = |panel: &str, fallback: &str| {
        format!(
            "roles:\n  drafter: {{ provider: dd }}\n  critic: {{ panel: [{panel}], fallback: [{fallback}] }}\n"
        )
    };
    assert_eq!(seats(&cast(&roles("bb, cc, aa", "paid"), 2)), "bb aa paid, cc aa paid");
    assert_eq!(seats(&cast(&roles("aa, bb", "paid, cc"), 3)), "aa cc paid, bb cc paid");
    assert_eq!(seats(&cast(&roles("aa, bb", "dd, cc"), 2)), "aa cc dd, bb cc dd", "the author last");
    let one = "roles:\n  critic: { provider: bb, fallback: [cc, aa] }\n";
    assert_eq!(seats(&cast(one, 3)), "bb cc aa", "a fallback is no second critic");
}

#[test]
fn pools_stand_for_their_members_and_nobody_stands_twice_in_a_chain() {
    let pools = "pools:\n  in: { members: [ { provider: cc }, { provider: dd } ] }\n  \
                 out: { strategy: lowest_cost, members: [ { provider: bb }, { provider: in } ] }\n";
    let roles = "roles:\n  drafter: { provider: in, fallback: [aa, out] }\n  \
                 critic: { panel: [out, cc], fallback: [aa] }\n";
    let casting = cast(&format!("{pools}{roles}"), 8);
    assert_eq!(shown(&casting)[..2], ["cc dd aa bb", "bb aa, cc aa, dd aa"]);
    let note = "8 critics wanted, 3 possible: cc writes the draft";
    assert_eq!((casting.judges, casting.notes), (3, vec![note.to_owned()]), "the fallback stands in for cc");
}

#[test]
fn fewer_critics_than_wanted_are_said_once_with_the_reason() {
    let twins = file("").replace("  dd: {", "  beta: { type: local, model: qwen3 }\n  gamma: {");
    let said = |roles: &str, critics| cast_of(&format!("{twins}roles:\n{roles}"), critics).notes;
    let twin = "  drafter: { provider: aa }\n  critic: { panel: [beta, gamma] }\n";
    assert_eq!(said(twin, 2), ["2 critics wanted, 1 possible: beta and gamma are one model"]);
    assert_eq!(said(twin, 1), [""; 0], "one is wanted and there is one");
    let three = "  drafter: { provider: bb }\n  critic: { panel: [beta, bb, gamma, cc] }\n";
    let reasons = "4 critics wanted, 2 possible: beta and gamma are one model; bb writes the draft";
    assert_eq!(said(three, 4), [reasons]);
    let spare = "  drafter: { provider: bb }\n  critic: { panel: [bb, cc], fallback: [beta] }\n";
    assert_eq!(said(spare, 2), [""; 0], "the fallback takes the author's seat");
    assert_eq!(seats(&cast_of(&format!("{twins}roles:\n{twin}"), 2)), "beta gamma", "the twin stands in");
}

#[test]
fn a_role_that_the_file_does_not_name_keeps_to_those_whom_another_role_names() {
    let casting = cast("roles:\n  coder: { provider: bb }\n  drafter: { provider: aa, fallback: [cc] }\n", 3);
    assert_eq!(shown(&casting), ["aa cc", "bb aa, cc aa", "aa bb cc", "bb cc aa"]);
    assert_eq!(casting.notes, ["3 critics wanted, 2 possible: aa writes the draft"]);
    let default =
        "roles:\n  drafter: { provider: aa }\n  clarifier: { provider: bb }\ndefault_provider: dd\n";
    assert_eq!(shown(&cast(default, 2)), ["aa", "dd aa, bb aa", "dd aa bb", "bb aa dd"]);
    let prefers = file("roles:\n  drafter: { provider: aa }\n  synthesizer: { provider: bb }\n")
        .replace("model: claude-opus-5-5,", "model: claude-opus-5-5, preferred_roles: [critic, coder],");
    let casting = cast_of(&prefers, 2);
    assert_eq!(shown(&casting), ["aa", "bb aa, paid aa", "bb", "paid aa bb"]);
    // A role that says only how, not who, closes nothing.
    let bare = "roles:\n  critic: { parameters: { temperature: 0 } }\ndefault_provider: aa\n";
    assert_eq!(seats(&cast(bare, 1)), "bb paid cc dd aa");
}

#[test]
fn without_roles_everybody_takes_part_those_who_prefer_a_role_and_the_default_first() {
    let casting = cast("default_provider: aa\n", 3);
    assert_eq!(shown(&casting)[0], "aa paid bb cc dd");
    assert_eq!(seats(&casting), "bb paid aa, cc paid aa, dd paid aa");
    assert_eq!(shown(&casting)[3], "bb cc dd paid aa");
    assert!(casting.notes.is_empty());
}

#[test]
fn a_role_whose_people_are_all_disabled_is_played_by_nobody_else() {
    let text =
        file("roles:\n  drafter: { provider: aa }\n  critic: { panel: [dd] }\ndefault_provider: paid\n")
            .replace("{ type: local,", "{ enabled: false, type: local,");
    let casting = cast_of(&text, 2);
    assert!(casting.cast.critics.is_empty(), "{casting:?}");
    assert_eq!(shown(&casting)[2..], ["paid aa", "aa paid"]);
}

/// A file with one provider, as somebody with one key has it.
fn alone(provider: &str) -> String {
    format!("schema_version: \"1.0\"\nproviders:\n  one: {{ {provider} }}\n")
}

fn models(chain: &[Participant]) -> String {
    chain.iter().map(|one| one.model_id.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn with_one_key_other_models_of_its_vendor_judge_the_nearest_in_price_and_it_is_said() {
    for (provider, first) in [
        ("type: anthropic, model: claude-sonnet-5-5, api_key: \"${ANTHROPIC_API_KEY}\"", "claude-sonnet-5"),
        ("type: openai, model: gpt-6.2-sol, api_key: \"${OPENAI_API_KEY}\"", "gpt-6.1-sol"),
        ("type: google, model: gemini-3.8-flash, api_key: \"${GOOGLE_API_KEY}\"", "gemini-"),
    ] {
        let casting = cast_of(&alone(provider), 2);
        let (author, critics) = (&casting.cast.drafter[0], &casting.cast.critics);
        assert_eq!((critics.len(), casting.judges), (2, 2));
        // Prices that will change make another Gemini the nearest one.
        assert!(critics[0][0].model_id.as_str().starts_with(first), "{}", critics[0][0].model_id);
        let table = forge::models();
        for one in critics.iter().flatten() {
            assert_eq!((&one.provider_id, &one.provider), (&author.provider_id, &author.provider));
            assert_ne!(one.model_id, author.model_id);
            let row = table.find(&one.provider, &one.model_id).unwrap();
            assert!(row.retires.is_none() && row.routed.is_none(), "{}", one.model_id);
        }
        assert_ne!(critics[0][0].model_id, critics[1][0].model_id);
        let seated = format!("{}, {}", critics[0][0].model_id, critics[1][0].model_id);
        assert_eq!(
            casting.notes,
            [format!("critics and checker are other models of the drafter's vendor: {seated}")]
        );
        let checker = models(&casting.cast.checker);
        assert!(checker.starts_with(first) && checker.ends_with(author.model_id.as_str()), "{checker}");
    }
}

#[test]
fn where_nobody_else_can_judge_it_is_said_before_anything_is_sent() {
    let one = "type: local, model: qwen3";
    let said = "nobody else can judge what one/qwen3 writes, so that the result will be a draft, labelled as one; \
                add a provider, or use `--mode direct`";
    assert_eq!(cast_of(&alone(one), 3).notes, [said]);
    assert_eq!(cast_of(&alone(one), 1).notes, [said]);
    let direct = cast_of(&alone(one), 0);
    assert_eq!(
        (direct.notes.len(), direct.cast.critics.len(), ids(&direct.cast.drafter)),
        (0, 0, "one".into())
    );
    // What the file says stands, also where it leaves nobody to judge; an unknown model has no known neighbours.
    let key = "api_key: \"${ANTHROPIC_API_KEY}\"";
    let named = alone(&format!("type: anthropic, model: claude-sonnet-5-5, {key}"));
    let named = format!("{named}roles:\n  critic: {{ provider: one }}\n");
    let unknown = alone(&format!("type: anthropic, model: claude-of-ours, {key}"));
    for text in [named, unknown] {
        let casting = cast_of(&text, 2);
        assert_eq!((casting.judges, casting.notes.len(), seats(&casting)), (0, 1, "one".into()));
        assert!(casting.notes[0].contains("nobody else can judge what one/"), "{:?}", casting.notes);
    }
}

#[test]
fn a_model_that_no_provider_has_for_its_own_can_do_what_its_vendor_says() {
    let plan = load(&file("default_provider: aa\n"), Trust::Trusted).unwrap().plan;
    let router = Router::build(plan, forge::router_deps()).unwrap();
    for (kind, model) in
        [("openai", "gpt-6-luna"), ("anthropic", "claude-haiku-4-5"), ("google", "gemini-2.5-pro")]
    {
        let model = model.into();
        let expected = forge::registry().capabilities(kind, &model).unwrap();
        assert_eq!(forge::Provider::capabilities(&router, &model), expected, "{model}");
    }
}
