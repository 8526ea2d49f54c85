//! Evaluations of critics: simulated ones, and ones that do as they are told.

use std::{sync::Mutex, time::Duration};

use forge_core::{Money, async_trait, storage::budget::Amount};
use forge_eval::{
    Assignment, Critic, CriticState, CriticsReport, Evaluation, Expected, Outcome, PLANTED, Reading,
    SimulatedCritic, Wish, corpus::Corpus,
};
use forge_session::{Issue, SessionError, Severity};

/// A document with a fault of each severity, under this name.
fn document(id: &str) -> String {
    format!(
        r#"---
id: {id}
kind: design
task: Design a queue for one process. It survives a restart.
faults:
  - {{ id: one, severity: critical, category: race, span: "reads and then writes", right: "adds in one step", wrong: "w", claims: ["race atomic"] }}
  - {{ id: two, severity: major, category: wrong-unit, span: "after 5 hours", right: "after 5 minutes", wrong: "w", claims: ["hour minute"] }}
  - {{ id: three, severity: minor, category: stale-name, span: "called the pool", right: "called the queue", wrong: "w", claims: ["pool queue"] }}
---

Each worker reads and then writes the count.

An idle worker ends after 5 hours, and the whole is called the pool by everybody.
"#
    )
}

pub(crate) fn corpus(documents: usize) -> Corpus {
    let files: Vec<_> = (0..documents).map(|at| (format!("d{at}.md"), document(&format!("d{at}")))).collect();
    Corpus::parse("here", files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap()
}

fn run(evaluation: &Evaluation<'_>) -> forge_eval::Measurement {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(evaluation.run(|_| {}))
}

fn report(corpus: &Corpus, critics: &[Box<dyn Critic>], runs: u32) -> CriticsReport {
    let measured = run(&Evaluation::new(corpus, critics).with_runs(runs));
    CriticsReport::of(corpus, critics, &measured, &Wish::default(), 1)
}

/// A critic that does as it is told for each text.
struct Told {
    name: &'static str,
    price: u64,
    answers: Box<dyn Fn(Assignment<'_>) -> Outcome + Send + Sync>,
}

fn told(
    name: &'static str,
    price: u64,
    answers: impl Fn(Assignment<'_>) -> Outcome + Send + Sync + 'static,
) -> Box<dyn Critic> {
    Box::new(Told { name, price, answers: Box::new(answers) })
}

#[async_trait]
impl Critic for Told {
    fn name(&self) -> &str {
        self.name
    }

    fn expected(&self, _: Assignment<'_>) -> Result<Expected, SessionError> {
        let most = Amount::new(Money::from_nanos(self.price), 1);
        Ok(Expected { likely: Amount::default(), most, priced: self.price > 0 })
    }

    async fn read(&self, assignment: Assignment<'_>) -> Reading {
        // Others have their turn, as with a real provider.
        tokio::task::yield_now().await;
        let outcome = (self.answers)(assignment);
        let cost = (!matches!(outcome, Outcome::Failed(_))).then(|| Money::from_nanos(self.price));
        Reading { outcome, cost, charged: cost.unwrap_or_default(), took: Duration::from_secs(2) }
    }
}

fn says(quote: &str, claim: &str) -> Issue {
    Issue { quote: quote.to_owned(), claim: claim.to_owned(), ..Issue::default() }
}

/// It finds the race in every document, and something in every clean twin.
fn race(assignment: Assignment<'_>) -> Outcome {
    let found = says("reads and then", "a race: not atomic");
    let wrong = says("Each worker", "unclear");
    Outcome::Findings(if assignment.clean { vec![wrong.clone(), wrong] } else { vec![found, wrong] })
}

#[test]
fn what_is_drawn_is_what_is_reported() {
    let corpus = corpus(40);
    let simulated =
        |name: &str, rates| SimulatedCritic::new(name, rates, 0.5).with_seed(7).with_correlation(0.3);
    let drawn = [simulated("a", [0.9, 0.5, 0.2]), simulated("b", [0.4, 0.6, 0.5])];
    let critics: Vec<Box<dyn Critic>> =
        drawn.iter().map(|one| Box::new(one.clone()) as Box<dyn Critic>).collect();
    for runs in [1, 3] {
        let report = report(&corpus, &critics, runs);
        assert_eq!((report.documents, report.faults), (40, 120));
        for (one, figures) in drawn.iter().zip(&report.critics) {
            for severity in [Severity::Critical, Severity::Major, Severity::Minor] {
                let fault = ["one", "two", "three"][[Severity::Critical, Severity::Major, Severity::Minor]
                    .iter()
                    .position(|other| *other == severity)
                    .unwrap()];
                let found = (0..40)
                    .flat_map(|at| (0..runs).map(move |run| (at, run)))
                    .filter(|(at, run)| one.finds(severity, &format!("d{at}/{fault}"), *run));
                let share = found.count() as f64 / f64::from(runs);
                let reported = figures.by_severity[severity.as_str()];
                assert!((reported.found - share).abs() < 1e-9 && reported.of == 40, "{reported:?} {share}");
            }
            assert_eq!(figures.state, CriticState::Measured);
            assert_eq!((figures.readings, figures.wanted), (80 * runs as usize, 80 * runs as usize));
            let alarms = figures.false_alarms_per_clean.unwrap();
            assert!((0.2..0.9).contains(&alarms), "{alarms}");
            // A claim at the place of a fault locates it, whatever it says.
            assert!(figures.located.found >= figures.identified.found);
        }
        assert_eq!(report.matrix.as_ref().unwrap().issues.len(), 120 * runs as usize);
        assert_eq!(report.panels.as_ref().unwrap().changes, Some(40));
        assert_eq!(report.notes[0], PLANTED);
        assert_eq!(report.panel_block().unwrap(), "roles:\n  critic: { panel: [a, b] }\n");
    }
    assert_eq!(report(&corpus, &critics, 2), report(&corpus, &critics, 2));
}

#[test]
fn figures_are_those_of_what_was_said() {
    let corpus = corpus(4);
    let critics: Vec<Box<dyn Critic>> = vec![
        told("race", 1_000, race),
        told("mute", 10, |_| Outcome::Findings(Vec::new())),
        told("prose", 0, |_| Outcome::Unreadable),
    ];
    let report = report(&corpus, &critics, 1);
    let [race, mute, prose] = report.critics.as_slice() else { panic!("{report:?}") };
    assert_eq!((race.identified.found, race.identified.of), (4.0, 12));
    assert_eq!(race.by_category["race"].share, Some(1.0));
    assert_eq!(race.by_severity["minor"].share, Some(0.0));
    assert_eq!((race.false_alarms_per_clean, race.false_claims_per_document), (Some(2.0), Some(1.0)));
    assert_eq!((race.precision, race.f1), (Some(0.5), Some(0.4)));
    assert_eq!((race.cost_nano_usd, race.cost_per_found_nano_usd), (Some(8_000), Some(2_000)));
    assert_eq!((race.duration_ms, race.seconds_per_found), (16_000, Some(4.0)));
    assert_eq!((mute.cost_per_found_nano_usd, mute.seconds_per_found, mute.precision), (None, None, None));
    assert_eq!((prose.unreadable, prose.state.clone(), prose.identified.of), (8, CriticState::Measured, 12));
    assert_eq!(prose.false_alarms_per_clean, Some(0.0));
    let panels = report.panels.unwrap();
    assert_eq!(panels.participants[0].false_claims, Some(4));
    // Nothing is known of three that differ in nothing else; the first is not worse for all that.
    assert_eq!(panels.recommended.panel.found, 4);
}

#[test]
fn whoever_fails_is_reported_and_the_others_go_on() {
    let corpus = corpus(20);
    let odd = Mutex::new(0);
    let now_and_then = move |assignment: Assignment<'_>| {
        let mut count = odd.lock().unwrap();
        *count += 1;
        // As often as would give up one that never answered.
        if *count == 1 || (3..=9).contains(&*count) {
            Outcome::Failed("busy".into())
        } else {
            race(assignment)
        }
    };
    let critics: Vec<Box<dyn Critic>> = vec![
        told("race", 0, race),
        told("dead", 0, |_| Outcome::Failed("no such key".into())),
        told("now-and-then", 0, now_and_then),
    ];
    let report = report(&corpus, &critics, 1);
    let [race, dead, other] = report.critics.as_slice() else { panic!("{report:?}") };
    assert_eq!(dead.state, CriticState::Failed { reason: "no such key".into() });
    // It is given up, but for what was under way.
    assert!((5..=10).contains(&dead.readings), "{}", dead.readings);
    assert_eq!((dead.wanted, dead.identified.of), (40, 0));
    assert_eq!((race.readings, other.readings, other.failed), (40, 40, 8));
    assert_eq!(other.state, CriticState::Measured);
    let panels = report.panels.unwrap();
    assert_eq!(
        panels.participants.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["race", "now-and-then"]
    );
    // What one of them has not read is in no panel's account.
    assert!(other.identified.of < 60);
    assert_eq!(panels.issues, other.identified.of);
    assert!(report.notes.iter().any(|note| note.starts_with("dead failed every time")), "{:?}", report.notes);
}

#[test]
fn the_money_is_never_overspent_and_what_was_measured_is_reported() {
    let corpus = corpus(10);
    for cap in [0, 999, 1_000, 7_500, 100_000] {
        let critics: Vec<Box<dyn Critic>> = vec![told("a", 1_000, race), told("b", 1_000, race)];
        let evaluation = Evaluation::new(&corpus, &critics).with_cap(Some(Money::from_nanos(cap)));
        let estimate = evaluation.estimate().unwrap();
        assert_eq!((estimate.readings, estimate.most.money.nanos(), estimate.priced), (40, 40_000, true));
        let measured = run(&evaluation);
        let report = CriticsReport::of(&corpus, &critics, &measured, &Wish::default(), 1);
        let spent: u64 = report.critics.iter().filter_map(|one| one.cost_nano_usd).sum();
        assert!(spent <= cap, "{spent} of {cap}");
        assert_eq!(measured.out_of_money, cap < 40_000);
        assert_eq!(spent, (cap / 1_000 * 1_000).min(40_000));
        assert_eq!(report.notes.iter().any(|note| note.contains("money was used up")), cap < 40_000);
        if cap < 1_000 {
            assert_eq!((report.critics[0].state.clone(), report.panels), (CriticState::NotAsked, None));
        }
    }
}

#[test]
fn when_the_money_is_used_up_every_critic_is_left_with_the_same_documents() {
    let corpus = corpus(10);
    let critics: Vec<Box<dyn Critic>> = vec![told("dear", 1_000, race), told("cheap", 10, race)];
    let evaluation =
        Evaluation::new(&corpus, &critics).with_cap(Some(Money::from_nanos(2_500))).with_concurrency(1);
    let report = CriticsReport::of(&corpus, &critics, &run(&evaluation), &Wish::default(), 1);
    assert_eq!(report.critics.iter().map(|one| one.readings).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(report.panels.unwrap().issues, 3);
}

#[test]
fn one_critic_is_no_panel() {
    let (corpus, critics) = (corpus(2), vec![told("alone", 0, race)]);
    let report = report(&corpus, &critics, 1);
    assert_eq!((report.panels.is_none(), report.matrix.is_none(), report.panel_block()), (true, true, None));
    assert_eq!(report.critics[0].identified.share, Some(1.0 / 3.0));
}
