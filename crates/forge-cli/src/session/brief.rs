//! What a session is about and how it is to run, as the user says.

use forge::session::{Mode, OutputType, Plan, Reference, ReferenceKind, Settings, Topic};

use crate::{
    args::{Run, RunMode, RunOutput},
    error::CliError,
    files,
    setup::Setup,
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

/// The plan, and in its notes what is less than the user wants.
pub(super) fn plan(topic: Topic, run: &Run, system: &Setup) -> Plan {
    let mut settings = settings(run, system);
    let wanted = match settings.mode {
        Mode::Direct => 0,
        Mode::Review => 1,
        Mode::Council => settings.critics,
    };
    let casting = forge::cast(system.router(), wanted);
    let mut notes = casting.notes;
    let judges = casting.judges.max(1);
    if wanted > 0 && settings.required > judges {
        if settings.mode == Mode::Council && system.session_plan().required.is_some() {
            let required = settings.required;
            notes.push(format!("{required} critics were to answer at least; {judges} will have to do"));
        }
        settings.required = judges;
    }
    let (simulated, brands) = (system.is_simulated(), forge::registry().brands());
    Plan { settings, simulated, notes, brands, ..Plan::new(topic, casting.cast) }
}

fn settings(run: &Run, system: &Setup) -> Settings {
    let written = &system.session_plan();
    let mut settings = Settings {
        mode: match run.mode {
            RunMode::Direct => Mode::Direct,
            RunMode::Review => Mode::Review,
            RunMode::Council => Mode::Council,
        },
        seed: run.source.seed,
        interactive: run.going.attended,
        compare: run.compare,
        ..Settings::default()
    };
    settings.critics = run.critics.or(written.critics).unwrap_or(settings.critics);
    settings.required = written.required.unwrap_or(settings.required).min(settings.critics);
    settings.cycles = run.cycles.or(written.cycles).unwrap_or(settings.cycles);
    settings.reference_tokens = written.reference_tokens;
    settings.caps.money = run.going.max_cost.or(system.plan().budget.session.money).or(settings.caps.money);
    settings.caps.tokens = run.max_tokens.or(system.plan().budget.session.tokens).or(settings.caps.tokens);
    settings.caps.time = run.deadline.map(Into::into).or(settings.caps.time);
    settings
}
