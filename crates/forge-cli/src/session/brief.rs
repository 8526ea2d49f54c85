//! What a session is about and how it is to run, as the user says.

use forge::session::{Mode, OutputType, Reference, ReferenceKind, Settings, Topic};

use crate::{
    args::{Run, RunMode, RunOutput},
    error::CliError,
    files,
    setup::System,
};

pub(super) fn topic(run: &Run) -> Result<Topic, CliError> {
    let text = match (&run.file, run.prompt.as_deref()) {
        (Some(path), _) => files::read(path)?,
        (None, Some("-")) => files::standard_input()?,
        (None, prompt) => prompt.unwrap_or_default().to_owned(),
    };
    if text.trim().is_empty() {
        return Err(CliError::usage("the prompt is empty", "say what is wanted"));
    }
    let text = text.trim();
    let title = text.lines().next().unwrap_or_default().chars().take(120).collect::<String>();
    let description = if title == text { String::new() } else { text.to_owned() };
    let output = match run.output_type {
        RunOutput::Specification => OutputType::Specification,
        RunOutput::Code => OutputType::Code,
        RunOutput::Documentation => OutputType::Documentation,
        RunOutput::Design => OutputType::Design,
        RunOutput::Freeform => OutputType::Freeform,
    };
    let mut topic = Topic::new(title).with_description(description).with_output(output);
    for constraint in &run.constraints {
        topic = topic.with_constraint(constraint.as_str());
    }
    for path in &run.references {
        let (name, text) = (path.display().to_string(), files::read(path)?);
        topic = topic.with_reference(Reference { kind: ReferenceKind::File, name, text });
    }
    Ok(topic)
}

pub(super) fn settings(run: &Run, system: &System) -> Settings {
    let written = &system.session;
    let mut settings = Settings {
        mode: match run.mode {
            RunMode::Direct => Mode::Direct,
            RunMode::Review => Mode::Review,
            RunMode::Council => Mode::Council,
        },
        seed: run.source.seed,
        attended: run.going.attended,
        compare: run.compare,
        ..Settings::default()
    };
    settings.critics = run.critics.or(written.critics).unwrap_or(settings.critics);
    settings.required = written.required.unwrap_or(settings.required).min(settings.critics);
    settings.cycles = run.cycles.or(written.cycles).unwrap_or(settings.cycles);
    settings.caps.money = run.going.max_cost.or(system.plan.budget.session.money).or(settings.caps.money);
    settings.caps.tokens = run.max_tokens.or(system.plan.budget.session.tokens).or(settings.caps.tokens);
    settings.caps.time = run.deadline.map(Into::into).or(settings.caps.time);
    settings
}
