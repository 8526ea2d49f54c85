//! The simulated vendors over real sockets: their scripted minds know the stages of a session.

use std::{collections::HashMap, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use forge_anthropic::AnthropicProvider;
use forge_core::{Clock, MemoryJournal, Participant, Provider, ProviderId, SystemClock, Timer, Wait};
use forge_google::GoogleProvider;
use forge_openai::OpenAIProvider;
use forge_session::{Cast, DocumentLabel, OutputType, Plan, Session, SessionDeps, Stage, Topic};
use forge_sim::{Sim, SimConfig, Vendor};

use crate::stage::name;

#[derive(Debug)]
struct Real;

impl Clock for Real {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    fn instant(&self) -> Instant {
        SystemClock.instant()
    }
}

impl Timer for Real {
    fn sleep_until(&self, at: Instant) -> Wait {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}

#[tokio::test]
async fn a_council_of_simulated_vendors_settles_what_it_finds() {
    let sim = Sim::start(SimConfig { seed: 7, ..SimConfig::default() }).await.unwrap();
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
        let deps =
            SessionDeps::new(providers.clone(), Arc::new(MemoryJournal::default()), Arc::new(Real), "t")
                .unwrap();
        let result = Session::start(deps, name(), plan).await.unwrap().run().await.unwrap();
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
