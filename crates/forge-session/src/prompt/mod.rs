//! The requests of each stage: system and user texts from templates, and the schema of the answer.
//!
//! What models wrote goes into a prompt as material: without hidden characters, under neutral names, between
//! markers that it does not contain. All of this is done to the values before a template sees them, so that
//! no template of a user's can leave it out.

pub(crate) mod names;
pub(crate) mod references;
mod sample;
mod schema;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock},
};

use forge_core::{
    Capabilities, Message, ModelRequest,
    request::{MessageRole, Part},
    storage::prompts::PromptText,
};
use forge_prompt::{
    PromptError, PromptFile, PromptOrigin, PromptSet, Pseudonyms, Values, clean, fence_marker, one_line,
    read_folder,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    finding::{Finding, FindingState},
    plan::Plan,
    profile::ModelProfile,
    seed,
    stage::{CallKey, Mode, Purpose, Stage},
    topic::OutputType,
};

/// The prompt templates of sessions, each of which can be replaced.
///
/// A template is named after its stage and part (`critique.user`). One with the output type in its name
/// (`critique.code.user`) is preferred for that type.
#[derive(Debug, Clone)]
pub struct Prompts(Arc<PromptSet>);

impl Prompts {
    /// The built-in templates.
    ///
    /// # Errors
    /// None in practice; a test renders every one of them.
    pub fn built_in() -> Result<Self, PromptError> {
        // Sessions of a server begin one after the other, and these are always the same.
        static BUILT_IN: OnceLock<Arc<PromptSet>> = OnceLock::new();
        if let Some(set) = BUILT_IN.get() {
            return Ok(Self(Arc::clone(set)));
        }
        let set = Arc::new(PromptSet::built_in()?);
        Ok(Self(Arc::clone(BUILT_IN.get_or_init(|| set))))
    }

    /// The built-in templates, with the files of a folder in their place or beside them.
    ///
    /// # Errors
    /// See [`with`](Self::with); and a file that cannot be read.
    pub fn from_folder(folder: &Path) -> Result<Self, PromptError> {
        Self::over(Vec::new(), read_folder(folder)?)
    }

    /// The built-in templates, with these in their place or beside them, by the names of their files.
    ///
    /// # Errors
    /// A template that no stage uses, that does not parse, or that cannot be rendered with the values of its
    /// stage: one it does not have, too many steps, too much text.
    pub fn with(replaced: &BTreeMap<String, String>) -> Result<Self, PromptError> {
        let files = replaced.iter().map(|(name, text)| PromptFile::new(name, text));
        Self::over(Vec::new(), files.collect())
    }

    /// The built-in templates, with those of general `sets` that a stage uses over them, and `own` over all.
    ///
    /// # Errors
    /// As of [`with`](Self::with). General sets may also hold what no stage uses.
    pub fn over(
        sets: Vec<(PromptOrigin, Vec<PromptFile>)>,
        own: Vec<PromptFile>,
    ) -> Result<Self, PromptError> {
        let own_paths: Vec<String> = own.iter().map(|file| file.path.clone()).collect();
        let set = PromptSet::with(sets.into_iter().chain([(PromptOrigin::Configured, own)]))?;
        // A file that nothing looks for is most likely misspelt, and its text would never be used.
        let own = || set.iter().filter(|prompt| own_paths.contains(&prompt.file.path));
        if let Some(prompt) = own().find(|prompt| !is_used(&prompt.name)) {
            let known: Vec<_> = built_in_names(&set).map(|name| format!("{name}.jinja")).collect();
            let message = format!(
                "no stage uses a template of this name; there are {}, and `stage.type.part.jinja` for one type of \
                 document",
                known.join(", ")
            );
            return Err(PromptError::unknown(&prompt.file.path, message));
        }
        let is_replaced =
            set.iter().any(|prompt| prompt.origin != PromptOrigin::BuiltIn && is_used(&prompt.name));
        let prompts = Self(Arc::new(set));
        // The built-in ones are tested. Of others, a mistake must show before anything is paid for.
        if is_replaced {
            sample::render_all(&prompts)?;
        }
        Ok(prompts)
    }

    /// The names of the lenses that a critic may look through, in alphabetical order; those of a folder among
    /// them.
    pub fn lenses(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|prompt| lens(&prompt.name))
    }

    /// All of the prompts, those that no stage uses among them.
    pub fn set(&self) -> &PromptSet {
        &self.0
    }

    /// The same set, shared.
    pub fn share(&self) -> Arc<PromptSet> {
        Arc::clone(&self.0)
    }

    /// The same with these files in place of those of their names: earlier versions.
    ///
    /// # Errors
    /// One of them does not fit the others or its stage.
    pub fn pinned(&self, files: Vec<PromptFile>) -> Result<Self, PromptError> {
        let prompts = Self(Arc::new(self.0.and(PromptOrigin::Stored, files)?));
        sample::render_all(&prompts)?;
        Ok(prompts)
    }

    /// The templates that a session may use, as they are kept.
    pub fn texts(&self) -> Vec<PromptText> {
        self.0.iter().filter(|prompt| is_used(&prompt.name)).map(|prompt| self.0.text(prompt)).collect()
    }

    /// What the calls of a stage are told by, for their accounts: the two templates of the stage, each with its version.
    pub(crate) fn tag(&self, stage: Stage, kind: OutputType) -> String {
        let name = |part: &str| {
            let name = format!("{}.{part}", stage.as_str());
            let name = self.name(&name, kind);
            self.0.get(&name).map(|prompt| format!("{name}@{}", prompt.version))
        };
        ["system", "user"].into_iter().filter_map(name).collect::<Vec<_>>().join(" ")
    }

    /// The text of a template, in its form for this type of document where there is one.
    fn render(&self, name: &str, kind: OutputType, values: &impl Serialize) -> Result<String, PromptError> {
        self.0.render_as_is(&self.name(name, kind), values)
    }

    /// The name of a template for this type of document.
    fn name<'n>(&self, name: &'n str, kind: OutputType) -> Cow<'n, str> {
        let (stage, part) = name.split_once('.').unwrap_or((name, ""));
        let special = format!("{stage}.{}{}{part}", kind.as_str(), if part.is_empty() { "" } else { "." });
        if self.0.get(&special).is_some() { Cow::Owned(special) } else { Cow::Borrowed(name) }
    }
}

/// What a template adds to the request of a stage, by its name.
const PARTS: [&str; 10] = [
    "draft.system",
    "draft.user",
    "critique.system",
    "critique.user",
    "synthesis.system",
    "synthesis.user",
    "check.system",
    "check.user",
    "repair.user",
    "form",
];

/// The lens of this name.
fn lens(name: &str) -> Option<&str> {
    name.strip_prefix("lens.").filter(|lens| !lens.is_empty() && !lens.contains('.'))
}

/// The names of the built-in templates of sessions.
fn built_in_names(set: &PromptSet) -> impl Iterator<Item = &str> {
    let names = set.iter().map(|prompt| prompt.name.as_str());
    names.filter(|name| PARTS.contains(name) || name.starts_with("rubric.") || lens(name).is_some())
}

/// Whether a stage looks for a template of this name, or a critic may look through it.
fn is_used(name: &str) -> bool {
    let is_special = |known: &str| {
        let (stage, part) = known.split_once('.').unwrap_or((known, ""));
        let dot = if part.is_empty() { "" } else { "." };
        OutputType::ALL.iter().any(|kind| name == format!("{stage}.{}{dot}{part}", kind.as_str()))
    };
    let rubrics = OutputType::ALL.map(|kind| format!("rubric.{}", kind.as_str()));
    let is_known = |known: &str| name == known || is_special(known);
    lens(name).is_some() || PARTS.into_iter().chain(rubrics.iter().map(String::as_str)).any(is_known)
}

/// The input of a prompt, besides the topic.
#[derive(Debug, Clone, Default)]
pub(crate) struct PromptInput<'a> {
    /// The document to judge or to revise, as prompts [show](shown) it.
    pub(crate) document: Cow<'a, str>,
    /// The findings to decide or to check, with the labels of those who raised them and the claims of those that they
    /// stand for.
    pub(crate) findings: Vec<(&'a Finding, Vec<String>, Vec<&'a str>)>,
    /// What the user said, latest last.
    pub(crate) feedback: Vec<&'a str>,
    /// The answer to put into form, for a repair.
    pub(crate) answer: Cow<'a, str>,
    /// What is wrong with it.
    pub(crate) problem: String,
}

/// All that the templates of a request see.
#[derive(Serialize)]
struct RequestView<'a> {
    topic: serde_json::Value,
    marker: &'a str,
    document: &'a str,
    findings: &'a [FindingView],
    rubric: &'a str,
    form: &'a str,
    feedback: &'a [&'a str],
    answer: &'a str,
    problem: &'a str,
    stage: &'a str,
}

/// A finding as templates see it.
#[derive(Serialize)]
struct FindingView {
    id: String,
    severity: &'static str,
    category: &'static str,
    location: String,
    quote: String,
    claim: String,
    suggested_change: String,
    reviewers: String,
    /// What others said of the same fault.
    also: Vec<String>,
    /// The new passages of an accepted finding.
    changed_span: String,
    /// Why it was rejected; empty if it was not.
    rejected: String,
}

impl Prompts {
    /// The name of the task of `stage` in the names of its templates: a judgement decides and checks in another way.
    const fn task(mode: Mode, stage: Stage) -> &'static str {
        match (mode, stage) {
            (Mode::Judge, Stage::Synthesis) => "judge",
            (Mode::Judge, Stage::Check) => "refute",
            _ => stage.as_str(),
        }
    }

    /// The request for one call.
    pub(crate) fn request(
        &self,
        plan: &Plan,
        names: &Pseudonyms,
        call: CallKey,
        purpose: Purpose,
        profile: &ModelProfile,
        input: &PromptInput<'_>,
    ) -> Result<ModelRequest, PromptError> {
        let (stage, settings) = (call.stage, &plan.settings);
        let kind = plan.topic.output;
        let peer = |text: &str| shown(names, text).into_owned();
        let document: &str = &input.document;
        let items: Vec<FindingView> =
            input.findings.iter().map(|(finding, labels, also)| view(finding, labels, also, &peer)).collect();
        let (answer, problem) = (peer(&input.answer), peer(&input.problem));
        let topic = topic(plan, &profile.capabilities);
        let findings = serde_json::to_string(&items).unwrap_or_default();
        let mut rng = seed::rng(settings.seed, &format!("fence {call}"));
        // Over everything that models and references say, so that none of it can end its own fence.
        let marker = fence_marker(|| rng.u64(..), &[document, &findings, &answer, &topic.to_string()]);
        let rubric = self.render(&format!("rubric.{}", kind.as_str()), kind, &json!({}))?;
        let task = Self::task(settings.mode, stage);
        let form = self.render("form", kind, &json!({"stage": task}))?;
        let values = Values::of(&RequestView {
            topic,
            marker: &marker,
            document,
            findings: &items,
            rubric: &rubric,
            form: &form,
            feedback: &input.feedback,
            answer: &answer,
            problem: &problem,
            stage: task,
        });
        let user = match purpose {
            // A judgement is given the same as a synthesis.
            Purpose::Answer if task == "judge" => "synthesis.user".to_owned(),
            Purpose::Answer => format!("{task}.user"),
            Purpose::Repair => "repair.user".to_owned(),
        };
        let mut system = self.render(&format!("{task}.system"), kind, &values)?;
        if let Some(lens) = plan.lens(call) {
            let lens = self.render(&format!("lens.{lens}"), kind, &values)?;
            system = format!("{system}\n\nYour part of the reading: {lens}");
        }
        let references = plan.topic.references.iter().filter(|one| one.is_readable_by(&profile.capabilities));
        let seen = references.filter_map(|one| one.media.clone());
        let parts = std::iter::once(Part::text(self.render(&user, kind, &values)?)).chain(seen).collect();
        let mut request = ModelRequest::new(system);
        request.messages.push(Message::new(MessageRole::User, parts));
        request.max_tokens = Some(profile.max_tokens(plan, stage));
        // Some models refuse a temperature; it is set only where it is taken.
        if profile.capabilities.sampling {
            let configured = profile.configured.temperature;
            request.sampling.temperature = configured.or(Some(settings.temperatures.of(stage)));
        }
        // Others are asked for the same form in words alone.
        if profile.capabilities.structured_output {
            request.output = schema::output(settings.mode, stage);
        }
        Ok(request)
    }
}

/// What models wrote as prompts show it: without hidden characters, under neutral names.
pub(crate) fn shown<'a>(names: &Pseudonyms, text: &'a str) -> Cow<'a, str> {
    // Cleaned first: a hidden character inside a name would keep it from being found.
    match clean(text) {
        Cow::Borrowed(text) => names.hide(text),
        Cow::Owned(text) => Cow::Owned(names.hide(&text).into_owned()),
    }
}

/// A finding as templates see it, without a name of whoever wrote it.
fn view(finding: &Finding, labels: &[String], also: &[&str], peer: &impl Fn(&str) -> String) -> FindingView {
    // Labels of findings start a line. Lines of critics are indented, so that no critic can forge a finding.
    let peer = |text: &str| peer(text).replace('\n', "\n    ");
    let issue = &finding.issue;
    let given = finding.disposition.as_ref();
    let changed = given.map_or_else(String::new, |given| {
        let edits = given.edits.iter().map(|edit| edit.new.as_str());
        let spans = edits.chain([given.changed_span.as_str()]).filter(|span| !span.is_empty());
        spans.collect::<Vec<_>>().join("\n")
    });
    let rejected = given.filter(|_| finding.state == FindingState::Rejected);
    FindingView {
        id: finding.id.to_string(),
        severity: finding.severity(),
        category: issue.category.as_str(),
        location: peer(&issue.location),
        quote: peer(&issue.quote),
        claim: peer(&issue.claim),
        suggested_change: peer(&issue.suggested_change),
        reviewers: labels.join(", "),
        also: also.iter().map(|claim| peer(claim)).collect(),
        changed_span: peer(&changed),
        rejected: rejected.map_or_else(String::new, |given| peer(&given.reason)),
    }
}

/// The topic as templates see it, its references within their budget, for a model with these capabilities.
fn topic(plan: &Plan, capabilities: &Capabilities) -> serde_json::Value {
    let topic = &plan.topic;
    let references: Vec<_> = references::fitted(plan)
        .into_iter()
        .zip(&topic.references)
        .map(|(one, reference)| {
            let notice = match (&reference.media, reference.is_readable_by(capabilities)) {
                (None, _) => one.notice().map_or_else(String::new, |notice| format!("[{notice}]")),
                (Some(_), true) => "[It is attached to this message.]".to_owned(),
                (Some(_), false) => "[It is a file that you cannot see.]".to_owned(),
            };
            json!({"kind": one.kind, "name": one.name, "text": one.text, "notice": notice})
        })
        .collect();
    json!({
        "title": one_line(&topic.title), "description": clean(&topic.description), "references": references,
        "constraints": topic.constraints.iter().map(|text| one_line(text)).collect::<Vec<_>>(),
        "output": topic.output.as_str(),
    })
}

/// The seats in a random order, with labels: the first is `Reviewer A` and so on.
pub(crate) fn assign_labels(seed: u64, uses: &str, seats: &[u32]) -> Vec<crate::stage::Label> {
    let mut seats = seats.to_vec();
    // Models favour what comes first, which would be the same critic in every cycle.
    seed::rng(seed, uses).shuffle(&mut seats);
    let label = |(index, seat): (usize, u32)| {
        let letter = char::from_u32(u32::from(b'A') + u32::try_from(index % 26).unwrap_or(0)).unwrap_or('?');
        crate::stage::Label { seat, label: format!("Reviewer {letter}") }
    };
    seats.into_iter().enumerate().map(label).collect()
}

/// Bytes that a token stands for where a text is not there yet; more of them would be unusual.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;

/// How large the answer of a stage may be as part of a later prompt, in bytes: half of what it may be, since
/// a part of its tokens is form and thoughts.
pub(crate) fn carried_bytes(plan: &Plan, stage: Stage) -> u64 {
    u64::from(plan.settings.max_tokens.of(stage)) * BYTES_PER_TOKEN / 2
}
