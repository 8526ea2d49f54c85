//! What a session is about and how it is to run, as the user says.

use std::path::Path;

use forge::{
    Participant,
    config::SeatSpec,
    session::{Cast, Mode, OutputType, Plan, Reference, Settings, Topic},
};

use crate::{
    args::{Review, Run, RunMode, RunOutput, SessionArgs, TopicArgs},
    error::CliError,
    files,
    material::{self, Content, Material},
    setup::Setup,
};

/// What is to be judged, and who judges it how.
pub(super) struct SessionRequest<'a> {
    pub(super) topic: Topic,
    /// The text that is there already.
    pub(super) draft: Option<String>,
    pub(super) mode: Mode,
    pub(super) cycles: Option<u32>,
    pub(super) compare: bool,
    /// Whether the text is judged alone.
    pub(super) review: bool,
    pub(super) topic_args: &'a TopicArgs,
    pub(super) session_args: &'a SessionArgs,
    pub(super) seed: u64,
}

impl<'a> SessionRequest<'a> {
    pub(super) fn of_run(run: &'a Run, quiet: bool) -> Result<Self, CliError> {
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
        let (cycles, compare, seed) = (run.cycles, run.compare, run.source.seed);
        let (topic_args, session_args) = (&run.topic, &run.session);
        Ok(Self { topic, draft, mode, cycles, compare, review: false, topic_args, session_args, seed })
    }

    pub(super) fn of_review(review: &'a Review, quiet: bool) -> Result<Self, CliError> {
        let path = review.document.as_deref().or(review.target.as_deref()).unwrap_or(Path::new("-"));
        let draft = Some(document(path)?);
        let name = if is_stdin(Some(path)) { "a document".into() } else { path.display().to_string() };
        let text = review.task.clone().unwrap_or_else(|| format!("Review of {name}"));
        let is_taken = is_stdin(Some(path)) || review.session.attended;
        let topic = topic(&text, &review.topic, is_taken, quiet)?;
        let (topic_args, session_args, seed) = (&review.topic, &review.session, review.source.seed);
        let (mode, cycles) = (Mode::Council, Some(1));
        Ok(Self { topic, draft, mode, cycles, compare: false, review: true, topic_args, session_args, seed })
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

/// The plan, and in its notes what is less than the user wants.
pub(super) fn plan(request: SessionRequest<'_>, system: &Setup) -> Plan {
    let mut settings = settings(&request, system);
    let wanted = match settings.mode {
        Mode::Direct => 0,
        Mode::Review => 1,
        Mode::Council => settings.critics,
    };
    let mut casting = match request.draft {
        Some(_) => forge::cast_of_draft(system.router(), wanted),
        None => forge::cast(system.router(), wanted),
    };
    let seats = &system.session_plan().seats;
    casting.notes.extend(seat(&mut casting.cast, seats));
    let mut lenses: Vec<String> = seats.iter().map(|seat| seat.lens.clone().unwrap_or_default()).collect();
    if !request.topic_args.lenses.is_empty() {
        lenses.clone_from(&request.topic_args.lenses);
    }
    let mut notes = casting.notes;
    let judges = casting.judges.max(1);
    if wanted > 0 && settings.required > judges {
        if settings.mode == Mode::Council && system.session_plan().required.is_some() {
            let required = settings.required;
            notes.push(format!("{required} critics are required, but only {judges} can be asked"));
        }
        // A quorum that nobody can reach would make every panel fail.
        settings.required = judges;
    }
    let (simulated, brands) = (system.is_simulated(), forge::registry().brands());
    Plan {
        draft: request.draft,
        lenses,
        settings,
        simulated,
        notes,
        brands,
        ..Plan::new(request.topic, casting.cast)
    }
}

/// Puts those whom the file names in front at their seats, and tells who cannot be a critic.
fn seat(cast: &mut Cast, seats: &[SeatSpec]) -> Vec<String> {
    let mut notes = Vec::new();
    for (at, seat) in seats.iter().enumerate() {
        let Some(id) = &seat.provider else { continue };
        let here = |chain: &[Participant]| chain.iter().position(|one| one.provider_id == id.as_str());
        // Who heads another chain changes places with whoever sits here.
        let first = cast.critics.iter().position(|chain| here(chain) == Some(0));
        let found = cast.critics.get(at).and_then(|chain| here(chain));
        if let Some(other) = first.filter(|_| at < cast.critics.len()) {
            cast.critics.swap(at, other);
        } else if let Some((found, chain)) = found.zip(cast.critics.get_mut(at)) {
            chain[..=found].rotate_right(1);
        } else {
            notes.push(format!("{id}, which the file seats as critic {}, is not one of the critics", at + 1));
        }
    }
    notes
}

fn settings(request: &SessionRequest<'_>, system: &Setup) -> Settings {
    let written = &system.session_plan();
    let mut settings = Settings {
        mode: request.mode,
        seed: request.seed,
        interactive: request.session_args.attended,
        compare: request.compare,
        review: request.review,
        ..Settings::default()
    };
    let lenses = u32::try_from(request.topic_args.lenses.len()).unwrap_or(u32::MAX);
    let usual = settings.critics.max(lenses);
    settings.critics = request.topic_args.critics.or(written.critics).unwrap_or(usual);
    // More than there are critics can never answer.
    settings.required = written.required.unwrap_or(settings.required).min(settings.critics);
    settings.cycles = request.cycles.or(written.cycles).unwrap_or(settings.cycles);
    settings.reference_tokens = written.reference_tokens;
    settings.caps.money =
        request.session_args.max_cost.or(system.plan().budget.session.money).or(settings.caps.money);
    settings.caps.tokens =
        request.topic_args.max_tokens.or(system.plan().budget.session.tokens).or(settings.caps.tokens);
    settings.caps.time = request.topic_args.deadline.map(Into::into).or(settings.caps.time);
    settings
}
