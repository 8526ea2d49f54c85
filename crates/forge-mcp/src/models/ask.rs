//! One question to one model.

use forge::{
    CallContext, ModelRequest, ModelResponse, Participant, ParticipantRole, ProviderExt as _, System,
    request::{Effort, Message},
    router::Router,
};
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ModelMcpServer, budget, cancelled, failed, question};
use crate::{
    call::{Call, Waited},
    failure::Failure,
    files,
    tool::arguments,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskArguments {
    question: String,
    role: Option<String>,
    model: Option<String>,
    #[serde(default)]
    files: Vec<String>,
    effort: Option<Effort>,
    thread: Option<String>,
}

impl ModelMcpServer {
    pub(super) async fn ask(&self, given: Option<JsonObject>, call: &Call) -> Result<Value, Failure> {
        let AskArguments { question, role, model, files, effort, thread } = arguments(given)?;
        let question = question::checked("question", &question)?;
        let files = files::read(self.roots.as_ref(), &files)?;
        let cx = budget::context(&self.system, &call.caller);
        let owner = cx.tags.key().unwrap_or_default().to_owned();
        let mut messages = match &thread {
            None => Vec::new(),
            Some(id) => self.threads.messages(id, &owner).ok_or_else(no_such_thread)?,
        };
        let asked = question::with_files(&question, &files, &cx);
        let mut bytes = asked.len();
        messages.push(Message::user(asked));
        let mut request = messages.iter().cloned().fold(ModelRequest::new(""), ModelRequest::with_message);
        request.effort = effort;
        let cx = cx.with_participant(self.participant(role, model)?);
        let response = self.complete(&cx, request, call).await?;
        let text = response.text();
        bytes += text.len();
        messages.push(Message::assistant(text));
        let thread = self.threads.remember(thread, &owner, messages, bytes, cx.timer.now());
        let mut answer = answer(&self.system, &response);
        answer["thread"] = json!(thread);
        Ok(answer)
    }

    /// One call, which ends with that of the client.
    pub(super) async fn complete(
        &self,
        cx: &CallContext,
        request: ModelRequest,
        call: &Call,
    ) -> Result<ModelResponse, Failure> {
        let router = self.system.router();
        match call.wait(router.complete(cx, request), None, "a model is asked").await {
            Waited::Done(answered) => answered.map_err(|error| failed(&error)),
            Waited::Cancelled | Waited::Late => Err(cancelled("the call was cancelled")),
        }
    }

    /// Who is asked: by name, else by role.
    fn participant(&self, role: Option<String>, model: Option<String>) -> Result<Participant, Failure> {
        match (role, model) {
            (Some(_), Some(_)) => Err(Failure::arguments("give one of `role` and `model`")),
            (None, Some(name)) => named(&self.system, &name),
            (role, None) => {
                Ok(Router::participant(role.map_or_else(ParticipantRole::default, ParticipantRole::from)))
            }
        }
    }
}

/// The provider or pool of this name, or a provider that has this model: as its own, or by its vendor.
fn named(system: &System, name: &str) -> Result<Participant, Failure> {
    if let Some(one) = system.participant(name) {
        return Ok(one);
    }
    let plan = system.router().plan();
    let (prefix, model) = name.split_once('/').map_or((None, name), |(prefix, model)| (Some(prefix), model));
    let vendor = system.router().models().find_id(&model.into()).map(|row| row.provider.clone());
    let is_meant = |one: &&forge::router::ProviderPlan| match prefix {
        Some(prefix) => one.id == prefix || one.vendor().as_str() == prefix,
        None => one.model == *model || vendor.as_ref() == Some(&one.vendor()),
    };
    let exact = plan.providers.iter().filter(is_meant).find(|one| one.model == *model);
    let found = exact.or_else(|| plan.providers.iter().find(is_meant));
    found.and_then(|one| Some(system.participant(one.id.as_str())?.with_model(model))).ok_or_else(|| {
        let known: Vec<_> = plan.providers.iter().map(|one| format!("{} ({})", one.id, one.model)).collect();
        Failure::new(
            "no_such_model",
            format!("nobody has the model `{name}`"),
            format!("choose one of: {}", known.join(", ")),
        )
    })
}

/// What a model said, and what that took; what is unknown is null.
pub(super) fn answer(system: &System, response: &ModelResponse) -> Value {
    let mut answer = json!({
        "text": response.text(),
        "provider": response.participant.provider_id,
        "model": response.model,
        "cost_usd": system.router().cost(response).map(forge::Money::dollars),
    });
    if system.is_simulated() {
        answer["simulated"] = true.into();
    }
    answer
}

fn no_such_thread() -> Failure {
    Failure::new(
        "no_such_thread",
        "there is no such conversation, or not any more",
        "leave `thread` out and say again what matters",
    )
}
