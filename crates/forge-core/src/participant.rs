//! Who takes part: a model, the vendor behind it, and the role it plays.

use std::{borrow::Cow, convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{ModelId, ProviderId};

/// The vendor family a model belongs to.
///
/// Written as `anthropic`, `openai`, `google`, `local`, or the custom name itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ModelProvider {
    /// Anthropic's Claude models.
    Anthropic,
    /// `OpenAI`'s GPT and o models.
    OpenAI,
    /// Google's Gemini models.
    Google,
    /// A server under the user's own control: Ollama, llama.cpp, vLLM, LM Studio.
    Local,
    /// Any other vendor, by name.
    Custom(String),
}

impl ModelProvider {
    /// The vendor's name in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAI => "openai",
            Self::Google => "google",
            Self::Local => "local",
            Self::Custom(name) => name,
        }
    }
}

impl fmt::Display for ModelProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<&str> for ModelProvider {
    fn from(name: &str) -> Self {
        match name {
            "anthropic" => Self::Anthropic,
            "openai" => Self::OpenAI,
            "google" => Self::Google,
            "local" => Self::Local,
            other => Self::Custom(other.to_owned()),
        }
    }
}

impl From<String> for ModelProvider {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<ModelProvider> for String {
    fn from(provider: ModelProvider) -> Self {
        provider.as_str().to_owned()
    }
}

/// The part a participant plays in a job.
///
/// Written in snake case (`devils_advocate`); any other word is a custom role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ParticipantRole {
    /// No special task.
    #[default]
    Generalist,
    /// Writes the first version.
    Drafter,
    /// Finds faults in a version.
    Critic,
    /// Merges a draft and its findings into the next version.
    Synthesizer,
    /// Judges from knowledge of one field.
    DomainExpert,
    /// Reads code for defects.
    CodeReviewer,
    /// Argues the opposite case.
    DevilsAdvocate,
    /// Breaks a task into steps.
    Planner,
    /// Writes code.
    Coder,
    /// Checks finished work.
    Reviewer,
    /// Asks what is unclear before work starts.
    Clarifier,
    /// A role of the user's own.
    Custom(String),
}

/// Every built-in role with its written name.
const ROLES: [(&str, ParticipantRole); 11] = [
    ("generalist", ParticipantRole::Generalist),
    ("drafter", ParticipantRole::Drafter),
    ("critic", ParticipantRole::Critic),
    ("synthesizer", ParticipantRole::Synthesizer),
    ("domain_expert", ParticipantRole::DomainExpert),
    ("code_reviewer", ParticipantRole::CodeReviewer),
    ("devils_advocate", ParticipantRole::DevilsAdvocate),
    ("planner", ParticipantRole::Planner),
    ("coder", ParticipantRole::Coder),
    ("reviewer", ParticipantRole::Reviewer),
    ("clarifier", ParticipantRole::Clarifier),
];

impl ParticipantRole {
    /// The role's written name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Custom(name) => name,
            built_in => {
                ROLES.iter().find(|(_, role)| role == built_in).map_or("generalist", |(name, _)| name)
            }
        }
    }

    /// The written names of the built-in roles.
    pub fn built_in() -> impl Iterator<Item = &'static str> {
        ROLES.iter().map(|(name, _)| *name)
    }

    /// A sentence or two for the system prompt that puts a model into the role.
    /// Empty for [`Generalist`](Self::Generalist).
    pub fn system_prompt_modifier(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Generalist => "",
            Self::Drafter => {
                "You write the first full version. Be complete and concrete; state every assumption."
            }
            Self::Critic => {
                "You look for faults. Quote the exact words you object to, say what is wrong, how severe \
                 it is, and what would settle it. Do not praise and do not rewrite the whole."
            }
            Self::Synthesizer => {
                "You merge a draft and the findings about it into one better version. Decide every \
                 finding: accept it and change the text, reject it with a reason, or defer it."
            }
            Self::DomainExpert => {
                "You judge as a practitioner of the field in question. Point out what a specialist \
                 would do differently, and why."
            }
            Self::CodeReviewer => {
                "You review code. Look for defects, unsafe assumptions and missing tests; name the \
                 line and the input that would go wrong."
            }
            Self::DevilsAdvocate => {
                "You argue the strongest honest case against the proposal and name what would have to \
                 be true for it to fail."
            }
            Self::Planner => {
                "You break the task into ordered steps, each with its result and a way to check it."
            }
            Self::Coder => "You write working code that fits the surrounding style. No placeholders.",
            Self::Reviewer => {
                "You check finished work against its task and say plainly what is met and what is not."
            }
            Self::Clarifier => {
                "You ask the few questions whose answers would change the work, and nothing else."
            }
            Self::Custom(name) => return Cow::Owned(format!("Your role is: {name}.")),
        })
    }
}

impl fmt::Display for ParticipantRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<&str> for ParticipantRole {
    fn from(name: &str) -> Self {
        ROLES
            .iter()
            .find(|(known, _)| *known == name)
            .map_or_else(|| Self::Custom(name.to_owned()), |(_, role)| role.clone())
    }
}

impl FromStr for ParticipantRole {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(name.into())
    }
}

impl From<String> for ParticipantRole {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<ParticipantRole> for String {
    fn from(role: ParticipantRole) -> Self {
        role.as_str().to_owned()
    }
}

/// One model in one role, reached through one configured provider.
///
/// ```
/// use forge_core::{Participant, ParticipantRole};
///
/// let critic = Participant::gemini_flash().with_role(ParticipantRole::Critic);
/// assert_eq!(critic.provider.as_str(), "google");
/// assert_eq!(critic.role.as_str(), "critic");
/// ```
///
/// In JSON `provider` is the configured id and `vendor` the family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(
        description = "One model in one role. `provider` is the configured id, `vendor` the family of the model."
    )
)]
#[non_exhaustive]
pub struct Participant {
    /// The model asked for. The model that served a call stands in the response.
    #[serde(rename = "model")]
    pub model_id: ModelId,
    /// A name for people.
    pub display_name: String,
    /// The vendor family.
    #[serde(rename = "vendor")]
    pub provider: ModelProvider,
    /// The configured provider that reaches the model; the vendor's name unless set.
    #[serde(rename = "provider")]
    pub provider_id: ProviderId,
    /// The part it plays.
    pub role: ParticipantRole,
}

/// A participant in JSON; journals of earlier versions call the family `provider` and the id `provider_id`.
#[derive(Deserialize)]
struct Written {
    model: ModelId,
    display_name: String,
    vendor: Option<ModelProvider>,
    provider: String,
    provider_id: Option<ProviderId>,
    role: ParticipantRole,
}

impl<'de> Deserialize<'de> for Participant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { model, display_name, vendor, provider, provider_id, role } =
            Written::deserialize(deserializer)?;
        Ok(Self {
            model_id: model,
            display_name,
            provider: vendor.unwrap_or_else(|| provider.as_str().into()),
            provider_id: provider_id.unwrap_or_else(|| provider.as_str().into()),
            role,
        })
    }
}

impl Participant {
    /// A generalist that reaches `model` through the provider configured under the vendor's name.
    pub fn new(provider: ModelProvider, model: impl Into<ModelId>) -> Self {
        let model = model.into();
        Self {
            display_name: model.as_str().to_owned(),
            provider_id: ProviderId::from(provider.as_str()),
            provider,
            model_id: model,
            role: ParticipantRole::default(),
        }
    }

    /// Anthropic's Claude Opus 5.5.
    pub fn claude_opus() -> Self {
        Self::new(ModelProvider::Anthropic, "claude-opus-5-5").with_display_name("Claude Opus 5.5")
    }

    /// Anthropic's Claude Sonnet 5.5.
    pub fn claude_sonnet() -> Self {
        Self::new(ModelProvider::Anthropic, "claude-sonnet-5-5").with_display_name("Claude Sonnet 5.5")
    }

    /// Anthropic's Claude Haiku 5.5.
    pub fn claude_haiku() -> Self {
        Self::new(ModelProvider::Anthropic, "claude-haiku-5-5").with_display_name("Claude Haiku 5.5")
    }

    /// `OpenAI`'s GPT-6.2 Sol.
    pub fn gpt() -> Self {
        Self::new(ModelProvider::OpenAI, "gpt-6.2-sol").with_display_name("GPT-6.2 Sol")
    }

    /// `OpenAI`'s small GPT-6 Luna.
    pub fn gpt_luna() -> Self {
        Self::new(ModelProvider::OpenAI, "gpt-6-luna").with_display_name("GPT-6 Luna")
    }

    /// Google's largest generally available Gemini, 4 Argon.
    pub fn gemini_pro() -> Self {
        Self::new(ModelProvider::Google, "gemini-4-argon").with_display_name("Gemini 4 Argon")
    }

    /// Google's Gemini 3.8 Flash.
    pub fn gemini_flash() -> Self {
        Self::new(ModelProvider::Google, "gemini-3.8-flash").with_display_name("Gemini 3.8 Flash")
    }

    /// A model on a local server.
    pub fn local(model: impl Into<ModelId>) -> Self {
        Self::new(ModelProvider::Local, model)
    }

    /// The same participant in another role.
    pub fn with_role(mut self, role: ParticipantRole) -> Self {
        self.role = role;
        self
    }

    /// The same participant with another model.
    pub fn with_model(mut self, model: impl Into<ModelId>) -> Self {
        self.model_id = model.into();
        self
    }

    /// The same participant under another name for people.
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// The same participant, reached through the provider configured as `id`.
    pub fn with_provider_id(mut self, id: impl Into<ProviderId>) -> Self {
        self.provider_id = id.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_keeps_its_name_through_text() {
        for (name, role) in &ROLES {
            assert_eq!(role.as_str(), *name);
            assert_eq!(&ParticipantRole::from(*name), role);
        }
        let own = ParticipantRole::from("naming_expert");
        assert_eq!(own, ParticipantRole::Custom("naming_expert".into()));
        assert!(own.system_prompt_modifier().contains("naming_expert"));
    }

    #[test]
    fn a_participant_is_read_as_it_is_written_and_as_earlier_versions_wrote_it() {
        let one = Participant::gpt().with_provider_id("gpt");
        let written = serde_json::to_value(&one).unwrap();
        assert_eq!((&written["provider"], &written["vendor"]), (&"gpt".into(), &"openai".into()));
        assert_eq!(serde_json::from_value::<Participant>(written).unwrap(), one);
        let earlier = serde_json::json!({
            "model": "gpt-6.2-sol", "display_name": "GPT-6.2 Sol", "provider": "openai", "provider_id": "gpt",
            "role": "generalist",
        });
        assert_eq!(serde_json::from_value::<Participant>(earlier).unwrap(), one);
    }

    #[test]
    fn only_the_generalist_has_no_modifier() {
        for (_, role) in &ROLES {
            assert_eq!(role.system_prompt_modifier().is_empty(), *role == ParticipantRole::Generalist);
        }
    }
}
