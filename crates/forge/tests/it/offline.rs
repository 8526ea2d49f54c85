//! The simulated vendors answer the stages of a session.

use std::{collections::HashMap, sync::Arc};

use forge::{
    AnthropicProvider, CallContext, GoogleProvider, ModelRequest, OpenAIProvider, Participant, Provider,
    ProviderExt as _, ProviderId,
    request::OutputFormat,
    session::{Cast, DocumentLabel, OutputType, Plan, Session, SessionDeps, Stage, Topic},
    storage::{journal::StreamName, memory::MemoryJournal},
    time::SystemTimer,
};
use forge_sim::{Sim, SimConfig, Vendor};
use serde_json::{Value, json};

async fn start() -> Sim {
    Sim::start(SimConfig { seed: 7, ..forge::offline::config() }).await.unwrap()
}

async fn ask(sim: &Sim, system: &str, user: &str, format: Option<Value>) -> String {
    let mut request = ModelRequest::new(system).with_user_message(user).with_max_tokens(8_000);
    if let Some(schema) = format {
        request = request.with_output(OutputFormat::json_schema("x", schema));
    }
    let provider = AnthropicProvider::new("sk-test").with_base_url(sim.base_url(Vendor::Anthropic));
    let cx = CallContext::new(Participant::new("anthropic".into(), "claude-sonnet-4-6"));
    provider.complete(&cx, request).await.unwrap().text().into_owned()
}

fn object(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().unwrap().keys().collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn string() -> Value {
    json!({"type": "string"})
}

fn findings() -> Value {
    object(&json!({"findings": {"type": "array", "items": object(&json!({
        "severity": {"enum": ["critical", "major", "minor", "nit"]},
        "category": {"enum": ["correctness", "clarity"]},
        "quote": string(),
        "claim": string(),
        "suggested_change": string(),
    }))}}))
}

async fn draft(sim: &Sim) -> String {
    ask(sim, "You are the drafter.", "Topic: A rate limiter for an API", None).await
}

#[tokio::test]
async fn a_draft_has_sections_about_the_topic_and_names_no_vendor() {
    let sim = start().await;
    let text = draft(&sim).await;
    assert!(text.starts_with("# A rate limiter for an API\n"), "{text}");
    assert!(text.contains("SIMULATED"));
    assert_eq!(text.matches("\n## ").count(), 4);
    for vendor in Vendor::ALL {
        assert!(!text.contains(vendor.display_name()), "{vendor}");
    }
}

#[tokio::test]
async fn a_critique_quotes_the_draft() {
    let sim = start().await;
    let draft = draft(&sim).await;
    let prompt = format!("Judge the document.\n<<<DOC 4711\n{draft}\n<<<END 4711\nNow answer.");
    let text = ask(&sim, "You are a critic.", &prompt, Some(findings())).await;
    let value: Value = serde_json::from_str(&text).unwrap();
    let findings = value["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let quote = finding["quote"].as_str().unwrap();
        assert!(draft.contains(quote), "{quote}");
        assert!(finding["claim"].as_str().unwrap().starts_with("Simulated finding"));
    }
}

#[tokio::test]
async fn a_synthesis_disposes_of_every_finding_and_changes_what_it_says() {
    let sim = start().await;
    let draft = draft(&sim).await;
    let quote = draft
        .lines()
        .find(|line| line.len() > 40 && !line.starts_with(['#', '>']))
        .and_then(|line| line.split_inclusive('.').next())
        .unwrap();
    let prompt =
        format!("Revise.\n<<<DOC\n{draft}\n<<<END\n<<<FINDINGS\nF1 major: \"{quote}\"\nF2 minor\n<<<END");
    let schema = object(&json!({
        "document": string(),
        "dispositions": {"type": "array", "items": object(&json!({
            "finding": string(),
            "decision": {"enum": ["accept", "reject", "defer"]},
            "changed_span": string(),
        }))},
    }));
    let text = ask(&sim, "You are the synthesizer.", &prompt, Some(schema)).await;
    let value: Value = serde_json::from_str(&text).unwrap();
    let document = value["document"].as_str().unwrap();
    let dispositions = value["dispositions"].as_array().unwrap();
    let ids: Vec<&str> = dispositions.iter().map(|one| one["finding"].as_str().unwrap()).collect();
    assert_eq!(ids, ["F1", "F2"]);
    let span = dispositions[0]["changed_span"].as_str().unwrap();
    assert!(document.contains(span) && !draft.contains(span), "{span}");
    assert!(document.contains("SIMULATED"));
}

#[tokio::test]
async fn a_check_settles_each_finding_and_finds_nothing_new() {
    let sim = start().await;
    let schema = object(&json!({
        "results": {"type": "array", "items": object(&json!({"finding": string(), "settled": {"type": "boolean"}}))},
        "new_findings": {"type": "array", "items": string()},
    }));
    let text = ask(&sim, "You are the checker.", "Findings: F1, F3.", Some(schema)).await;
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["results"][1], json!({"finding": "F3", "settled": true}));
    assert_eq!(value["new_findings"], json!([]));
}

#[tokio::test]
async fn a_council_of_simulated_vendors_settles_what_it_finds() {
    let sim = start().await;
    let providers: HashMap<ProviderId, Arc<dyn Provider>> = HashMap::from([
        (
            "anthropic".into(),
            Arc::new(AnthropicProvider::new("k").with_base_url(sim.base_url(Vendor::Anthropic)))
                as Arc<dyn Provider>,
        ),
        ("openai".into(), Arc::new(OpenAIProvider::new("k").with_base_url(sim.base_url(Vendor::OpenAi)))),
        ("google".into(), Arc::new(GoogleProvider::new("k").with_base_url(sim.base_url(Vendor::Google)))),
    ]);
    let cast = Cast {
        drafter: vec![Participant::claude_sonnet()],
        critics: vec![
            vec![Participant::gpt()],
            vec![Participant::gemini_flash()],
            vec![Participant::gpt_luna()],
        ],
        synthesizer: vec![Participant::claude_opus()],
        checker: vec![Participant::gemini_flash()],
    };
    for (seed, kind) in OutputType::ALL.into_iter().enumerate() {
        let mut plan =
            Plan::new(Topic::new("Rate limiting for a public API").with_output(kind), cast.clone());
        plan.simulated = true;
        plan.settings.seed = seed as u64;
        let deps = SessionDeps::new(
            providers.clone(),
            Arc::new(MemoryJournal::default()),
            SystemTimer::shared(),
            "t",
        )
        .unwrap();
        let result =
            Session::start(deps, StreamName::new("s").unwrap(), plan).await.unwrap().run().await.unwrap();
        let facts = format!("{:?} {:?} {:#?}", result.stop_reason, result.degraded, result.findings);
        assert_eq!((result.label, &result.degraded[..]), (DocumentLabel::Synthesis, &[][..]), "{facts}");
        assert!(result.findings.iter().all(|finding| finding.anchored && !finding.is_open()), "{facts}");
        let repairs = result.calls.iter().filter(|call| call.call.step > 0).count();
        assert_eq!(repairs, 0, "{facts}");
        assert!(
            result.by_stage.contains_key(&Stage::Check) && result.document.contains("SIMULATED"),
            "{}",
            result.document
        );
    }
    sim.shutdown().await;
}
