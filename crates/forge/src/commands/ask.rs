//! Questions: what a call is told beside them, and who is asked.

use std::{fmt::Write as _, sync::Arc};

use super::{
    answer::CommandAnswer,
    call::CommandCall,
    context::{self, Beside},
    error::CommandError,
};
use crate::{
    CallContext, ModelRequest, ProviderExt as _,
    agent::command::OwnCommand,
    asked::Asked,
    conversation::{Conversation, tokens},
    request::SystemText,
    router::TaskContext,
    system::System,
};

/// A question of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// The model that is asked, if it is not that of the conversation.
    pub model: Option<String>,
    /// What whoever typed it should know, a line each.
    pub notes: Vec<String>,
}

impl Question {
    /// A question that somebody typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), model: None, notes: Vec::new() }
    }

    pub(super) fn of(own: &OwnCommand, arguments: &str) -> Self {
        let model = own.front.model.clone();
        let notes = own.left_as_text().into_iter().map(|(line, why)| format!("{}:{line}: {why}", own.file));
        Self { text: own.prompt(arguments), model, notes: notes.collect() }
    }

    /// The call that asks it: who is asked, what is sent, and what of the workspace could not be carried.
    ///
    /// # Errors
    /// Nobody can be asked who is meant.
    pub async fn call(
        &self,
        system: &System,
        workspace: &std::path::Path,
        conversation: Option<&Conversation>,
    ) -> Result<(CallContext, ModelRequest, Vec<String>), CommandError> {
        let mut asked = conversation.and_then(Conversation::asked).cloned().unwrap_or_default();
        if let Some(model) = &self.model {
            asked = Asked { provider: None, model: Some(model.clone()), ..asked };
        }
        let (beside, mut notes) = match conversation {
            Some(conversation) => context::beside(conversation, system, workspace).await,
            None => (Vec::new(), Vec::new()),
        };
        notes.extend(self.notes.iter().cloned());
        let told = told(&beside, &self.text);
        let request = match conversation {
            Some(conversation) => conversation.request_with(&told, tokens(&told) - tokens(&self.text)),
            None => ModelRequest::new("").with_user_message(told),
        };
        let request = request.with_system_text(SystemText::new(asked.role.system_prompt_modifier()));
        let mut cx = system.call_for(&asked, &Arc::default())?;
        if let Some(conversation) = conversation {
            cx.tags = cx.tags.with_session(conversation.name().as_str());
        }
        Ok((cx, request, notes))
    }
}

/// What is carried, each in a fence that it cannot leave, and the question behind all of it.
fn told(beside: &[Beside], question: &str) -> String {
    let mut text = String::new();
    for one in beside.iter().flat_map(|one| &one.texts) {
        // As many backticks as nothing in the text has.
        let longest = one.text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let _ = write!(text, "{}:\n\n{fence}\n{}\n{fence}\n\n", one.name, one.text.trim_end());
    }
    text + question
}

/// Asks, and keeps the question with its answer.
pub(super) async fn answer(
    system: &System,
    question: &Question,
    call: CommandCall,
) -> Result<CommandAnswer, CommandError> {
    let mut conversation = call.any_conversation().await;
    let asked = question.call(system, &call.workspace, conversation.as_deref()).await?;
    let (mut cx, request, notes) = asked;
    let task = TaskContext::new(cx.call_id.to_string(), cx.participant.role.clone());
    cx.tags = cx.tags.with_task(task.id());
    let outcome = system.router().complete(&cx, request).await;
    system.log(task, &outcome);
    let response = outcome?;
    if let Some(conversation) = &mut conversation {
        let cost = system.router().cost(&response);
        conversation.keep(&question.text, &cx, &response, cost).await?;
    }
    Ok(CommandAnswer { notes, markdown: true, ..CommandAnswer::text(response.text()) })
}
