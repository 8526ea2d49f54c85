use std::collections::BTreeMap;

use forge_session::{Notice, OutputType, Prompts, Reference};

use crate::stage::{Play, Theatre, critique, fenced, model, plan, user};

#[test]
fn each_call_has_a_marker_of_its_own() {
    let theatre = Theatre::new();
    theatre.session(plan());
    let sent = theatre.sent.lock().unwrap();
    let markers: std::collections::BTreeSet<&str> = sent
        .iter()
        .filter_map(|one| user(&one.request).split("<<<DOCUMENT ").nth(1))
        .map(|rest| &rest[..16])
        .collect();
    assert_eq!(markers.len(), 5);
}

#[test]
fn references_are_cut_on_a_border_and_say_so() {
    let theatre = Theatre::new();
    let mut plan = plan();
    let text = format!("# One\n\n{}\n\n# Two\n\nsecret tail", "word ".repeat(300));
    plan.topic = plan.topic.with_reference(Reference::file("spec.md", text));
    plan.settings.reference_tokens = Some(380);
    theatre.session(plan);
    let prompt = theatre.sent.lock().unwrap()[0].text();
    let reference = fenced(&prompt, "REFERENCE");
    assert!(reference.starts_with("# One") && reference.trim_end().ends_with("word"), "{reference}");
    assert!(prompt.contains("of this reference are left out") && !prompt.contains("secret tail"));
}

#[test]
fn each_kind_of_document_has_its_own_rubric() {
    let rubrics: std::collections::BTreeSet<String> = OutputType::ALL
        .into_iter()
        .map(|kind| {
            let theatre = Theatre::new();
            let mut plan = plan();
            plan.topic = plan.topic.with_output(kind);
            theatre.session(plan);
            let prompt = theatre.sent.lock().unwrap()[1].text();
            prompt.split("What to look for").nth(1).unwrap().to_owned()
        })
        .collect();
    assert_eq!(rubrics.len(), OutputType::ALL.len());
}

#[test]
fn a_template_can_be_replaced_also_for_one_kind_of_document() {
    let theatre = Theatre::new();
    let replaced = |name: &str, text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
    let mut deps = theatre.deps();
    let special = replaced("draft.freeform.user.jinja", "Only this: {{ topic.title }}");
    deps.prompts = Prompts::with(&special).unwrap().into();
    theatre.session_of(deps, plan());
    assert_eq!(user(&theatre.sent.lock().unwrap()[0].request), "Only this: A rate limiter");

    let broken = Prompts::with(&replaced("draft.user.jinja", "{% if %}"));
    assert_eq!(broken.unwrap_err().name, "draft.user.jinja");
}

#[test]
fn a_template_that_cannot_be_used_is_refused_before_anything_is_asked() {
    let huge = "{% for i in range(100000) %}{{ \"x\" * 1000000 }}{% endfor %}";
    let endless =
        "{% for i in range(100000) %}{% for j in range(100000) %}{{ i * j }}{% endfor %}{% endfor %}";
    for (name, text, why) in [
        (
            "draft.user.jinja",
            "{{ toppic }}",
            "1:4: error[E142]: `toppic` is not declared; did you mean `topic`?",
        ),
        ("draft.design.user.jinja", "{{ topic.titel }}", "undefined value"),
        ("critique.user.jinja", "{{ findings[7].id }}", "undefined value"),
        ("repair.user.jinja", endless, "out of fuel"),
        ("check.user.jinja", huge, "more than 16777216 bytes"),
        ("form.jinja", "{{ range(1000000000) }}", "too many elements"),
        ("draught.user.jinja", "x", "no stage uses a template of this name"),
        ("draft.poem.user.jinja", "x", "no stage uses a template of this name"),
    ] {
        let error = Prompts::with(&BTreeMap::from([(name.to_owned(), text.to_owned())])).unwrap_err();
        let chain = std::iter::successors(Some(&error.source as &dyn std::error::Error), |one| one.source());
        let causes = chain.map(ToString::to_string).collect::<Vec<_>>().join("; ");
        assert!(error.name == name && causes.contains(why), "{name}: {causes}");
    }
}

#[test]
fn a_folder_replaces_the_templates_it_has() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    let _ = std::fs::remove_dir_all(&folder);
    let missing = Prompts::from_folder(&folder).unwrap_err();
    assert!(missing.name.ends_with("templates"), "{missing}");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("draft.user.jinja"), "Write about {{ topic.title }}").unwrap();
    std::fs::write(folder.join("README.md"), "what these are").unwrap();
    let theatre = Theatre::new();
    let mut deps = theatre.deps();
    deps.prompts = Prompts::from_folder(&folder).unwrap().into();
    theatre.session_of(deps, plan());
    assert_eq!(user(&theatre.sent.lock().unwrap()[0].request), "Write about A rate limiter");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn models_without_structured_output_or_sampling_get_neither() {
    let temperatures = |theatre: &Theatre| -> Vec<Option<f64>> {
        theatre.sent.lock().unwrap().iter().map(|one| one.request.sampling.temperature).collect()
    };
    let theatre = Theatre::new();
    theatre.session(plan());
    let usual = [0.7, 0.3, 0.3, 0.3, 0.3, 0.2].map(Some);
    assert_eq!(temperatures(&theatre), usual);

    let mut theatre = Theatre::new();
    (theatre.structured, theatre.sampling) = (false, false);
    let result = theatre.session(plan());
    assert!(!result.is_degraded());
    assert_eq!(temperatures(&theatre), [None; 6]);
    let told = theatre.sent.lock().unwrap()[1].text();
    assert!(told.contains("Answer with one JSON object"));
}

#[test]
fn a_critique_that_cannot_be_read_is_repaired_once() {
    for (second, calls, answered) in [(true, 2, true), (false, 2, false)] {
        let theatre = Theatre::new();
        theatre.plays("alpha-1", move |nth, request| {
            if nth == 1 {
                assert!(fenced(user(request), "ANSWER").contains("mumble"));
            }
            if nth == 1 && second { Play::Say(critique(&[])) } else { Play::Say("mumble mumble".into()) }
        });
        let result = theatre.session(plan());
        assert_eq!(theatre.calls("alpha-1"), calls);
        assert_eq!(result.degraded.is_empty(), answered, "{:?}", result.degraded);
    }
}

#[test]
fn a_watcher_is_told_of_every_step() {
    let theatre = Theatre::new();
    let told: std::sync::Arc<std::sync::Mutex<Vec<Notice>>> = std::sync::Arc::default();
    let into = std::sync::Arc::clone(&told);
    let deps = theatre
        .deps()
        .with_observer(std::sync::Arc::new(move |notice: &Notice| into.lock().unwrap().push(notice.clone())));
    theatre.session_of(deps, plan());
    let told = told.lock().unwrap();
    let count = |is: fn(&Notice) -> bool| told.iter().filter(|one| is(one)).count();
    assert!(matches!(told.first(), Some(Notice::SessionStarted { resumed: false })));
    assert!(matches!(told.last(), Some(Notice::Completed { .. })));
    assert_eq!(count(|one| matches!(one, Notice::StageStarted { .. })), 6);
    assert_eq!(count(|one| matches!(one, Notice::ParticipantDone { .. })), 6);
    assert_eq!(count(|one| matches!(one, Notice::StageCompleted { .. })), 4);
    assert!(count(|one| matches!(one, Notice::ParticipantDelta { .. })) >= 6);
    assert!(
        count(|one| matches!(one, Notice::Finding { .. })) > 2
            && count(|one| matches!(one, Notice::Disposition { .. })) > 1
    );
}

#[test]
fn a_single_family_can_still_hold_a_council() {
    let theatre = Theatre::new();
    let mut plan = plan();
    plan.cast.critics = vec![vec![model("drafter-2")], vec![model("drafter-3")], vec![model("drafter-4")]];
    assert!(!theatre.session(plan).is_degraded());
}
