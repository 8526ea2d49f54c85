//! Renders every template once, so that a wrong one is found before anything is paid for.

use forge_prompt::{PromptError, Pseudonyms};

use super::{PromptInput, Prompts};
use crate::{
    answer::{Category, Disposition, DispositionKind, FindingId, Issue, Severity},
    finding::{Finding, FindingState},
    plan::{Cast, Plan},
    profile::ModelProfile,
    stage::{CallKey, Mode, Purpose, Stage},
    topic::{OutputType, Reference, ReferenceKind, Topic},
};

/// Every stage and type of document, with something in every value.
pub(super) fn render_all(prompts: &Prompts) -> Result<(), PromptError> {
    let finding = finding();
    let prompt_input = PromptInput {
        document: "document".into(),
        findings: vec![(&finding, vec!["Reviewer A".into()], vec!["also"])],
        feedback: vec!["feedback"],
        answer: "answer".into(),
        problem: "problem".into(),
    };
    for kind in OutputType::ALL {
        let mut plan = plan(kind);
        // By themselves: no seat of the sample has a lens.
        for lens in prompts.lenses() {
            prompts.render(&format!("lens.{lens}"), kind, &serde_json::json!({}))?;
        }
        let tasks = [Mode::Council, Mode::Judge].map(|mode| Stage::ALL.map(|stage| (mode, stage)));
        for (mode, stage) in tasks.into_iter().flatten() {
            plan.settings.mode = mode;
            let call = CallKey { cycle: 1, stage, seat: 0, step: 0 };
            for purpose in [Purpose::Answer, Purpose::Repair] {
                prompts.request(
                    &plan,
                    &Pseudonyms::default(),
                    call,
                    purpose,
                    &ModelProfile::default(),
                    &prompt_input,
                )?;
            }
        }
    }
    Ok(())
}

fn plan(kind: OutputType) -> Plan {
    let reference =
        Reference { kind: ReferenceKind::Inline, name: "name".into(), text: "text".into(), media: None };
    let topic = Topic::new("title").with_description("description").with_constraint("constraint");
    Plan::new(topic.with_reference(reference).with_output(kind), Cast::default())
}

fn finding() -> Finding {
    let id = FindingId(1);
    Finding {
        id,
        cycle: 1,
        issue: Issue {
            severity: Some(Severity::Major),
            rating: String::new(),
            category: Category::Clarity,
            location: "location".into(),
            quote: "quote".into(),
            claim: "claim".into(),
            suggested_change: "change".into(),
        },
        anchored: true,
        raised_by: Vec::new(),
        state: FindingState::Accepted,
        checked: false,
        disposition: Some(Disposition {
            finding: id,
            decision: DispositionKind::Accept,
            reason: "reason".into(),
            changed_span: "span".into(),
            ..Disposition::default()
        }),
        note: None,
    }
}
