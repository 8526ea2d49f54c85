//! What a session is about and how it is to run, as the user says.

use std::path::Path;

use forge::{
    SessionRequest,
    session::{Mode, OutputType, Reference, Topic},
};

use crate::{
    args::{Review, ReviewMode, Run, RunMode, RunOutput, SessionArgs, TopicArgs},
    error::CliError,
    files,
    material::{self, Content, Material},
};

/// What `forge run` says of its session.
pub(super) fn of_run(run: &Run, quiet: bool) -> Result<SessionRequest, CliError> {
    let draft = run.draft.as_deref().map(document).transpose()?;
    let text = match (&run.file, run.prompt.as_deref(), &run.draft) {
        (Some(path), ..) => files::read(path)?,
        (None, Some("-"), _) => files::standard_input()?,
        (None, None, Some(path)) => format!("Improve {}", path.display()),
        (None, prompt, _) => prompt.unwrap_or_default().to_owned(),
    };
    let mode = match run.mode {
        RunMode::Direct => Mode::Direct,
        RunMode::Review => Mode::Review,
        RunMode::Council => Mode::Council,
    };
    let reads_stdin = run.prompt.as_deref() == Some("-") || is_stdin(run.draft.as_deref());
    let topic = topic(&text, &run.topic, reads_stdin || run.session.attended, quiet)?;
    let seed = run.source.seed;
    let request = SessionRequest {
        draft,
        cycles: run.cycles,
        compare: run.compare,
        seed,
        ..SessionRequest::new(topic, mode)
    };
    Ok(with_args(request, &run.topic, &run.session))
}

/// What `forge review` says of its session.
pub(super) fn of_review(path: &Path, review: &Review, quiet: bool) -> Result<SessionRequest, CliError> {
    let draft = Some(document(path)?);
    let name = if is_stdin(Some(path)) { "a document".into() } else { path.display().to_string() };
    let text = review.task.clone().unwrap_or_else(|| format!("Review of {name}"));
    let is_taken = is_stdin(Some(path)) || review.session.attended;
    let topic = topic(&text, &review.topic, is_taken, quiet)?;
    let seed = review.source.seed;
    let is_judged = review.mode == Some(ReviewMode::Judge);
    let mode = if is_judged { Mode::Judge } else { Mode::Council };
    let request = SessionRequest {
        draft,
        cycles: Some(1),
        // A judgement proposes nothing by itself.
        review: !is_judged,
        seed,
        ..SessionRequest::new(topic, mode)
    };
    Ok(with_args(request, &review.topic, &review.session))
}

/// What the arguments say that both commands have.
fn with_args(request: SessionRequest, topic: &TopicArgs, session: &SessionArgs) -> SessionRequest {
    SessionRequest {
        critics: topic.critics,
        lenses: topic.lenses.clone(),
        max_cost: session.max_cost,
        max_tokens: topic.max_tokens,
        deadline: topic.deadline.map(Into::into),
        attended: session.attended,
        ..request
    }
}

fn is_stdin(path: Option<&Path>) -> bool {
    path.is_some_and(|path| path.as_os_str() == "-")
}

/// A text to judge.
fn document(path: &Path) -> Result<String, CliError> {
    let text = if is_stdin(Some(path)) { files::standard_input()? } else { files::read(path)? };
    if text.trim().is_empty() {
        let what = format!("there is no text to judge in {}", path.display());
        return Err(CliError::usage(what, "name a file that has text"));
    }
    Ok(text)
}

/// `is_taken`: whether somebody else reads standard input.
fn topic(text: &str, topic_args: &TopicArgs, is_taken: bool, quiet: bool) -> Result<Topic, CliError> {
    if text.trim().is_empty() {
        return Err(CliError::usage("the prompt is empty", "say what is wanted"));
    }
    let text = text.trim();
    let title = text.lines().next().unwrap_or_default().chars().take(120).collect::<String>();
    let description = if title == text { String::new() } else { text.to_owned() };
    let output = match topic_args.output_type {
        RunOutput::Specification => OutputType::Specification,
        RunOutput::Code => OutputType::Code,
        RunOutput::Documentation => OutputType::Documentation,
        RunOutput::Design => OutputType::Design,
        RunOutput::Freeform => OutputType::Freeform,
    };
    let mut topic = Topic::new(title).with_description(description).with_output(output);
    for constraint in &topic_args.constraints {
        topic = topic.with_constraint(constraint.as_str());
    }
    material::tell_of_mentions(text, quiet);
    let mut all = material::read(&topic_args.references, quiet)?;
    // An attended session answers through standard input, which is then no material.
    if !is_taken && !topic_args.references.iter().any(|path| is_stdin(Some(path))) {
        all.extend(material::piped()?);
    }
    for Material { name, content } in all {
        topic = topic.with_reference(match content {
            Content::Text(text) => Reference::file(name, text),
            Content::Media(part) => Reference::media(name, *part),
        });
    }
    Ok(topic)
}
