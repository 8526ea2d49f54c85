//! One text, attacked by somebody else.

use forge::{ModelProvider, ModelRequest, Participant, ParticipantRole, router::Router};
use rmcp::model::JsonObject;
use serde::Deserialize;
use serde_json::Value;

use super::{ModelMcpServer, ask::answer, budget, question};
use crate::{call::Call, failure::Failure, files, tool::arguments};

/// What is wanted. The roles of a configuration have words of their own, which come before.
const WANTED: &str = "You are shown a claim or a change that somebody else has made. Find the strongest objections to it: what is \
    wrong, what breaks, what was overlooked. For each objection give the evidence: the line, the input, the case or the fact that \
    shows it, so that it can be checked. The strongest comes first, at most five. Leave out matters of taste. If you find nothing \
    that would hold, say `No objection found.` and what you have checked.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChallengeArguments {
    claim: Option<String>,
    diff: Option<String>,
    #[serde(default)]
    files: Vec<String>,
    author: Option<String>,
}

impl ModelMcpServer {
    pub(super) async fn challenge(&self, given: Option<JsonObject>, call: &Call) -> Result<Value, Failure> {
        let ChallengeArguments { claim, diff, files, author } = arguments(given)?;
        let (what, text) = match (claim, diff) {
            (Some(claim), None) => ("claim", claim),
            (None, Some(diff)) => ("diff", diff),
            _ => return Err(Failure::arguments("give one of `claim` and `diff`")),
        };
        let text = question::checked(what, &text)?;
        let files = files::read(self.roots.as_ref(), &files)?;
        let cx = budget::context(&self.system, &call.caller);
        let mut texts = vec![(what, text.as_str())];
        texts.extend(files.iter().map(|file| (file.name.as_str(), file.text.as_str())));
        let asked = question::fenced(&format!("Attack this {what}."), &texts, &cx);
        let request = ModelRequest::new(WANTED).with_user_message(asked);
        let cx = cx.with_participant(Router::participant(ParticipantRole::DevilsAdvocate));
        let cx =
            cx.with_exclusions(author.map(|author| self.of_vendor(&author)).transpose()?.unwrap_or_default());
        let response = self.complete(&cx, request, call).await?;
        Ok(answer(&self.system, &response))
    }

    /// Everybody of a vendor, none of whom judges what one of them has made.
    fn of_vendor(&self, author: &str) -> Result<Vec<Participant>, Failure> {
        let plan = self.system.router().plan();
        let author = author.to_lowercase();
        // A model is as good a name: whoever calls may know that alone.
        let vendor =
            self.system.router().models().find_id(&author.as_str().into()).map(|row| row.provider.clone());
        let vendor = vendor.unwrap_or_else(|| ModelProvider::from(author.as_str()));
        let (own, others): (Vec<_>, Vec<_>) = plan.providers.iter().partition(|one| one.vendor() == vendor);
        if others.is_empty() {
            let message = format!("every provider is of {vendor}, which made it");
            return Err(Failure::new(
                "nobody_else",
                message,
                "leave `author` out, or have the user add a provider of another vendor",
            ));
        }
        Ok(own.iter().filter_map(|one| self.system.participant(one.id.as_str())).collect())
    }
}
