//! Which critics found which planted faults, and at what price.

mod critic;
mod scores;

use serde::Serialize;

pub use self::critic::{CriticFigures, CriticState};
use self::scores::Scores;
use crate::{
    corpus::Corpus,
    critic::Critic,
    evaluation::Measurement,
    matrix::Matrix,
    panels::{PanelReport, Wish},
};

/// What every report of planted faults has to say of itself.
pub const PLANTED: &str = "Planted faults order critics; they do not say what these find in real work: in a study of 2026 the same \
                           reviewer had an F1 of .847 on planted faults and of .066 on real ones.";

/// Pairs that cannot be told apart, as far as a note names them.
const NAMED: usize = 6;

/// Which critics found which planted faults.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CriticsReport {
    /// How many documents there are.
    pub documents: usize,
    /// How many faults are planted in them.
    pub faults: usize,
    /// How often each text was read.
    pub runs: u32,
    /// Each critic, in the order in which they were given.
    pub critics: Vec<CriticFigures>,
    /// What panels of them find: of the readings in which every critic that answers took part, identified faults alone. `None`
    /// with fewer than two of them.
    pub panels: Option<PanelReport>,
    /// Who identified what, which `forge eval panels` reads; `None` as `panels`.
    pub matrix: Option<Matrix>,
    /// What to know of these figures, a sentence each. The first one is [`PLANTED`].
    pub notes: Vec<String>,
}

impl CriticsReport {
    /// The report over what these critics answered on this corpus. The wish picks the recommended panel; what a critic costs is
    /// taken from its readings. The seed is that of the bootstrap interval.
    pub fn of(
        corpus: &Corpus,
        critics: &[Box<dyn Critic>],
        measured: &Measurement,
        wish: &Wish,
        seed: u64,
    ) -> Self {
        let scores: Vec<Scores<'_>> =
            critics.iter().enumerate().map(|(at, one)| Scores::of(corpus, at, &**one, measured)).collect();
        let figures: Vec<CriticFigures> = scores.iter().map(critic::figures).collect();
        let matrix = scores::matrix(corpus, measured.runs, &scores);
        let costs = scores.iter().filter_map(|one| Some((one.name.to_owned(), one.mean_cost()?)));
        let wish = wish.clone().with_costs(costs.collect());
        let panels = matrix.as_ref().map(|matrix| PanelReport::of(matrix, &wish, seed));
        let notes = notes(&figures, measured, panels.as_ref());
        Self {
            documents: corpus.documents().len(),
            faults: corpus.faults(),
            runs: measured.runs,
            critics: figures,
            panels,
            matrix,
            notes,
        }
    }

    /// The recommended panel as a block for `roles:` of a configuration; `None` where there is none.
    pub fn panel_block(&self) -> Option<String> {
        let panel = self.panels.as_ref()?.recommended.panel.panel.join(", ");
        Some(format!("roles:\n  critic: {{ panel: [{panel}] }}\n"))
    }
}

fn notes(critics: &[CriticFigures], measured: &Measurement, panels: Option<&PanelReport>) -> Vec<String> {
    let mut notes = vec![PLANTED.to_owned()];
    if measured.out_of_money {
        notes.push("The money was used up: these are the figures of what was read until then.".to_owned());
    }
    for one in critics {
        if let CriticState::Failed { reason } = &one.state {
            notes.push(format!("{} failed every time and is in no panel: {reason}", one.name));
        }
    }
    let Some(panels) = panels else {
        notes.push("Fewer than two critics answered: there is no panel to choose.".to_owned());
        return notes;
    };
    let alike = panels.pairs.iter().filter(|pair| !pair.told_apart);
    let alike: Vec<String> = alike.map(|pair| format!("{} and {}", pair.names[0], pair.names[1])).collect();
    if !alike.is_empty() {
        let (faults, more) = (panels.issues, alike.len().saturating_sub(NAMED));
        let more = if more > 0 { format!("; and {more} more pairs") } else { String::new() };
        let named = alike.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
        notes.push(format!("With {faults} readings of faults these cannot be told apart: {named}{more}."));
    }
    let others = panels.recommended.alike.len();
    if others > 0 {
        let plural = if others == 1 { "other panel" } else { "other panels" };
        notes.push(format!(
            "{others} {plural} of the same size cannot be told apart from the recommended one."
        ));
    }
    if measured.runs > 1 {
        notes.push(
            "Readings of one text are not independent: differences between critics look surer than they are."
                .to_owned(),
        );
    }
    notes
}
