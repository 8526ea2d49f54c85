//! `forge eval critics`: who finds planted faults.

use std::{cell::RefCell, process::ExitCode, time::Duration};

use forge::{Money, ParticipantRole, session::Settings};
use forge_eval::{
    Critic, CriticState, CriticsReport, Evaluation, EvaluationEstimate, Progress, SessionCritic,
    SimulatedCritic,
    corpus::{Corpus, CorpusError},
};
use serde_json::json;

use super::{page, text};
use crate::{
    args::{EvalCritics, GlobalArgs},
    config,
    error::CliError,
    files,
    setup::Setup,
    terminal::{self, note, with_cost},
};

/// What all readings may cost unless the user says, in nano-dollars: as much as a session.
const USUAL_CAP: u64 = 10_000_000_000;
/// Simulated critics unless the user declares some: rates for critical, major and minor faults, and false claims.
const SIMULATED: [(&str, [f64; 3], f64); 4] = [
    ("alpha", [0.64, 0.5, 0.4], 1.0),
    ("beta", [0.55, 0.5, 0.34], 0.6),
    ("gamma", [0.45, 0.4, 0.5], 1.5),
    ("delta", [0.4, 0.34, 0.3], 0.3),
];

pub(super) async fn run(typed: EvalCritics, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    // Before anything is sent: a report is paid for whether or not it can be written.
    typed.wish.html.as_deref().map(files::check_output).transpose()?;
    if args.injects {
        let next = "leave `--inject` out: no vendor is simulated here, critics are";
        return Err(CliError::usage("`--inject` changes nothing in an evaluation", next));
    }
    let corpus = corpus(&typed)?;
    if args.source.offline {
        note(args.quiet, "SIMULATED: offline; simulated critics read, no model is asked");
        return go(&typed, args, &corpus, &simulated(&typed)?, true).await;
    }
    let system = Setup::open(args).await?;
    if system.is_simulated() {
        return go(&typed, args, &corpus, &simulated(&typed)?, true).await;
    }
    if !typed.simulate.is_empty() {
        return Err(CliError::usage("`--simulate` declares critics that no model plays", "add `--offline`"));
    }
    let critics = participants(&typed, &system)?;
    let ended = go(&typed, args, &corpus, &critics, false).await;
    system.close(Duration::from_secs(1)).await;
    ended
}

fn corpus(typed: &EvalCritics) -> Result<Corpus, CliError> {
    let read = typed.corpus.as_deref().map_or_else(Corpus::built_in, Corpus::read);
    let corpus = read.map_err(|error| match &error {
        CorpusError::Unreadable { path, source } => CliError::file(path.as_ref(), source),
        error => CliError::usage(error.to_string(), "see docs/evaluation.md for the form of a document"),
    })?;
    Ok(match typed.documents {
        Some(count) => corpus.sample(count, typed.source.seed),
        None => corpus,
    })
}

fn simulated(typed: &EvalCritics) -> Result<Vec<Box<dyn Critic>>, CliError> {
    let usual = SIMULATED.map(|(name, rates, wrong)| (name.to_owned(), rates, wrong));
    let declared = typed.simulate.iter().map(|one| (one.name.clone(), one.rates, one.false_claims));
    let all: Vec<_> = if typed.simulate.is_empty() { usual.to_vec() } else { declared.collect() };
    let names: Vec<String> = all.iter().map(|(name, ..)| name.clone()).collect();
    let chosen = chosen(typed, &names)?;
    let critic = |(name, rates, wrong): &(String, [f64; 3], f64)| {
        let critic = SimulatedCritic::new(name.as_str(), *rates, *wrong);
        Box::new(critic.with_correlation(typed.correlation).with_seed(typed.source.seed)) as Box<dyn Critic>
    };
    Ok(chosen.iter().flat_map(|name| all.iter().filter(move |one| one.0 == *name)).map(critic).collect())
}

fn participants(typed: &EvalCritics, system: &Setup) -> Result<Vec<Box<dyn Critic>>, CliError> {
    // A session among the providers is no critic: it asks some.
    let models = system.providers().filter(|(one, _)| !one.is_composite);
    let known: Vec<String> = models.map(|(one, _)| one.id.to_string()).collect();
    let deps = system.session_deps().map_err(config::refused)?;
    let settings = Settings { seed: typed.source.seed, ..Settings::default() };
    let ids = chosen(typed, &known)?;
    // In the role of a critic, so that what the configuration says of that role holds.
    let participants = ids.iter().filter_map(|id| system.participant(id));
    let participants = participants.map(|one| one.with_role(ParticipantRole::Critic));
    let critic = |one| Box::new(SessionCritic::new(one, deps.clone(), settings.clone())) as Box<dyn Critic>;
    Ok(participants.map(critic).collect())
}

/// Those that are to be measured, each once.
fn chosen(typed: &EvalCritics, known: &[String]) -> Result<Vec<String>, CliError> {
    let mut chosen: Vec<String> = Vec::new();
    for one in if typed.participants.is_empty() { known } else { &typed.participants } {
        if !known.contains(one) {
            let next = format!("choose of {}", known.join(", "));
            return Err(CliError::usage(format!("--participants: there is no `{one}`"), next));
        }
        if chosen.contains(one) {
            let next = "name each participant once";
            return Err(CliError::usage(format!("`{one}` stands there twice"), next));
        }
        chosen.push(one.clone());
    }
    Ok(chosen)
}

async fn go(
    typed: &EvalCritics,
    args: GlobalArgs<'_>,
    corpus: &Corpus,
    critics: &[Box<dyn Critic>],
    simulated: bool,
) -> Result<ExitCode, CliError> {
    let cap = typed.max_cost.unwrap_or(Money::from_nanos(USUAL_CAP));
    let evaluation = Evaluation::new(corpus, critics).with_runs(typed.runs).with_cap(Some(cap));
    let estimate = evaluation.estimate().map_err(|error| CliError::session(&error))?;
    if typed.dry {
        return dry(&estimate, corpus, critics, args.json, simulated);
    }
    note(args.quiet, &format!("{}; at most {cap}", told(&estimate)));
    let quarters = RefCell::new(vec![0; critics.len()]);
    let measured =
        evaluation.run(|progress| tell(progress, critics, &mut quarters.borrow_mut(), args.quiet)).await;
    let report = CriticsReport::of(corpus, critics, &measured, &super::wish(&typed.wish), typed.source.seed);
    if let Some(path) = &typed.wish.html {
        files::write(path, &page::critics(&report, simulated), args.quiet)?;
    }
    if args.json {
        let mut value = json!(report);
        value["simulated"] = simulated.into();
        terminal::json(&value)?;
    } else {
        let head = if simulated { "SIMULATED: no model was asked\n\n" } else { "" };
        terminal::out(&format!("{head}{}", text::critics(&report)))?;
    }
    if measured.out_of_money {
        note(args.quiet, "the money was used up; `--max-cost` allows more, `--documents` reads fewer");
        return Ok(4.into());
    }
    let answered = report.critics.iter().any(|one| one.state == CriticState::Measured);
    Ok(if answered { ExitCode::SUCCESS } else { 3.into() })
}

fn told(estimate: &EvaluationEstimate) -> String {
    let unknown = if estimate.priced { "" } else { ", not all prices known" };
    let (likely, most) = (estimate.likely, estimate.most);
    format!(
        "{} readings, likely {} and {} tokens, the most {}{unknown}",
        estimate.readings, likely.money, likely.tokens, most.money
    )
}

fn dry(
    estimate: &EvaluationEstimate,
    corpus: &Corpus,
    critics: &[Box<dyn Critic>],
    as_json: bool,
    simulated: bool,
) -> Result<ExitCode, CliError> {
    let names: Vec<&str> = critics.iter().map(|one| one.name()).collect();
    let (documents, faults) = (corpus.documents().len(), corpus.faults());
    if as_json {
        let amount = |amount: forge::storage::budget::Amount| {
            with_cost(json!({"tokens": amount.tokens}), Some(amount.money))
        };
        terminal::json(&json!({
            "simulated": simulated, "documents": documents, "faults": faults, "critics": names,
            "readings": estimate.readings, "likely": amount(estimate.likely), "most": amount(estimate.most),
            "priced": estimate.priced,
        }))?;
    } else {
        let names = names.join(", ");
        let told = told(estimate);
        let (documents, faults) =
            (text::counted(documents, "document"), text::counted(faults, "planted fault"));
        terminal::out(&format!("{documents} with {faults}\n{names}\n{told}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each quarter of the way of each participant.
fn tell(progress: &Progress, critics: &[Box<dyn Critic>], quarters: &mut [usize], quiet: bool) {
    let (ended, of) = progress.ended;
    let Some(told) = quarters.get_mut(progress.critic) else { return };
    let quarter = ended * 4 / of.max(1);
    if quarter > *told {
        *told = quarter;
        let name = critics.get(progress.critic).map_or("", |one| one.name());
        let missing =
            if progress.missing > 0 { format!(", {} missing", progress.missing) } else { String::new() };
        note(quiet, &format!("{name}: {ended} of {of} texts{missing}, {}", progress.cost));
    }
}
