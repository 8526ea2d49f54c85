//! `/council`: several models answer a question together.

use serde_json::json;

use super::{answer::CommandAnswer, call::CommandCall, error::CommandError, slash::SlashCommand};
use crate::{
    ParticipantRole,
    agent::command::{Argument, ArgumentKind, CommandSpec, Form, Permission},
    conversation::Exchange,
    session::{Mode, Reference, Session, SessionError, Topic},
    session_model::SESSION,
    sessions::{SessionRequest, session_name},
};

pub(super) fn command() -> SlashCommand {
    let question = Argument::new("QUESTION", ArgumentKind::Text);
    let form = Form::new([question], "have several models answer and check each other");
    SlashCommand::new(CommandSpec::new("council", Permission::Ask, [form]), council)
}

async fn council(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let question = call.arguments.text(0).unwrap_or_default().to_owned();
    // Held throughout: the answer belongs behind what was said before the question.
    let mut conversation = call.any_conversation().await;
    let mut topic = Topic::new(question.clone());
    for said in conversation.iter().flat_map(|one| one.exchanges()) {
        topic = topic.with_reference(Reference::file(
            "what was said before",
            format!("{}\n\n{}", said.question, said.answer),
        ));
    }
    let plan = call.system.plan_session(SessionRequest::new(topic, Mode::Council));
    let notes = plan.notes.clone();
    let name = session_name().map_err(SessionError::from)?;
    let mut deps = call.system.session_deps()?;
    if let Some(observer) = &call.observer {
        deps = deps.with_observer(observer.clone());
    }
    let (deps, warnings) = call.system.assigned(deps, &name);
    let result = Session::start(deps, name.clone(), plan).await?.run().await?;
    let (document, cost) = (result.document, result.total.cost);
    if document.trim().is_empty() {
        let what = format!("the council wrote nothing; see `forge sessions show {name}`");
        return Err(CommandError::Failed(what));
    }
    let data = json!({"session": name.as_str(), "cost_nano_usd": cost.nanos(), "cost_usd": cost.dollars()});
    if let Some(conversation) = &mut conversation {
        let exchange = Exchange {
            at: chrono::Utc::now(),
            question,
            answer: document.clone(),
            role: ParticipantRole::Synthesizer,
            provider: SESSION.into(),
            model: "council".into(),
            cost: Some(cost),
        };
        conversation.keep_said(exchange).await?;
    }
    let notes = notes.into_iter().chain(warnings).chain([format!("session {name}, {cost}")]);
    Ok(CommandAnswer {
        notes: notes.collect(),
        markdown: true,
        ..CommandAnswer::text(document).with_data(data)
    })
}
