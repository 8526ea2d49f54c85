//! What a session is about and how it is to run, as the user says.

use forge::session::{Mode, OutputType, Plan, Reference, Settings, Topic};

use crate::{
    args::{Run, RunMode, RunOutput},
    error::CliError,
    files,
    material::{self, Content, Material},
    setup::Setup,
};

pub(super) fn topic(run: &Run, quiet: bool) -> Result<Topic, CliError> {
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
    material::tell_of_mentions(text, quiet);
    let mut all = material::read(&run.references, quiet)?;
    // Whoever attends answers on standard input.
    let is_taken = run.going.attended
        || run.prompt.as_deref() == Some("-")
        || run.references.iter().any(|path| path.as_os_str() == "-");
    if !is_taken {
        all.extend(material::piped()?);
    }
    for Material { name, content } in all {
        topic = topic.with_reference(match content {
            Content::Text(text) => Reference::file(name, text),
            Content::Media(part) => Reference::media(name, part),
        });
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
