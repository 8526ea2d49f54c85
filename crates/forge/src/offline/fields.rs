//! What stands in the fields of the answers that a session asks for.

use forge_sim::responder::{Fields, Place, Rng, Turn};
use serde_json::Value;

use super::{
    change,
    document::document,
    prompt, remarks,
    stage::{self, Revision, Stage},
};

/// What simulated critics do not agree on.
const POSITIONS: [&str; 2] = ["Refuse what nobody has allowed.", "Let through what nobody has forbidden."];
/// Faults that a critic finds at most.
const FAULTS: usize = 3;

pub(super) struct StageFields<'a> {
    turn: &'a Turn,
    stage: Option<Stage>,
    finding_ids: Vec<String>,
    quotes: Vec<String>,
    revision: Option<Revision>,
    /// For each array that is being filled: whether its items answer findings.
    answering: Vec<bool>,
    /// Position among the findings that are being answered.
    finding: usize,
}

impl<'a> StageFields<'a> {
    /// For a structured answer.
    pub(super) fn of_answer(turn: &'a Turn, rng: &mut Rng) -> Self {
        let stage = Stage::of(turn);
        let quotes = stage::quotes(turn, rng, FAULTS + 1);
        let revision = (stage == Some(Stage::Synthesis)).then(|| stage::revised(turn, rng));
        let finding_ids = prompt::finding_ids(&turn.user);
        Self { stage, finding_ids, quotes, revision, ..Self::of_arguments(turn) }
    }

    /// For the arguments of a call, which belong to no stage.
    pub(super) fn of_arguments(turn: &'a Turn) -> Self {
        Self {
            turn,
            stage: None,
            finding_ids: Vec::new(),
            quotes: Vec::new(),
            revision: None,
            answering: Vec::new(),
            finding: 0,
        }
    }

    /// The position in the innermost array; remembers which finding is being answered.
    fn item(&mut self, place: &Place<'_>) -> usize {
        for (item, answers) in place.items.iter().zip(&self.answering) {
            if *answers {
                self.finding = item.index;
            }
        }
        place.items.last().map_or(0, |item| item.index)
    }

    /// Whether the document in the prompt is a change.
    fn reads_change(&self) -> bool {
        prompt::document(&self.turn.user).is_some_and(change::is_one)
    }

    /// Why a finding was accepted, or counts as settled.
    fn reason(&self) -> Option<String> {
        let id = self.finding_ids.get(self.finding)?;
        if self.reads_change() {
            let said = match self.stage? {
                Stage::Check => "Simulated: nothing in the change refutes it.",
                _ => "Simulated: the line stands there as it is quoted.",
            };
            return Some(said.into());
        }
        let addition = remarks::about(prompt::quote_of(&self.turn.user, id).unwrap_or_default()).addition;
        Some(match self.stage? {
            Stage::Check => format!("Simulated: the text says so now: {addition}"),
            _ => format!("Simulated: the passage left this open; added: {addition}"),
        })
    }
}

impl Fields for StageFields<'_> {
    fn text(&mut self, place: &Place<'_>, rng: &mut Rng) -> Option<String> {
        let (name, item) = (place.field, self.item(place));
        // What is praised is not what is found wanting.
        let praise = place.items.iter().any(|item| item.array == "strengths");
        let at = |list: &[String], index: usize| list.get(index).or_else(|| list.last()).cloned();
        match name {
            "quote" | "excerpt" if praise => self.quotes.last().cloned(),
            "quote" | "excerpt" => at(&self.quotes, item),
            "finding" | "finding_id" => at(&self.finding_ids, item),
            "id" if self.stage == Some(Stage::Critique) => Some(format!("F{}", item + 1)),
            "old" | "new" => self.finding_ids.get(self.finding).map(|id| {
                let (old, new) = stage::edit(self.turn, id);
                if name == "old" { old } else { new }
            }),
            // Empty is the session's word for a finding that repeats none.
            "same_as" => Some(String::new()),
            "changed_span" | "span" => self.revision.as_ref().and_then(|revision| at(&revision.spans, item)),
            "document" | "markdown" | "content" | "draft" | "text" => match self.stage {
                Some(Stage::Draft) => Some(document(self.turn, rng)),
                _ => self.revision.as_ref().map(|revision| revision.document.clone()),
            },
            "claim" if praise => Some("Simulated strength: this can be done as it is written.".into()),
            "claim" if self.reads_change() => Some(
                "Simulated finding: nothing in the change shows what this line does with bad input.".into(),
            ),
            "suggested_change" if self.reads_change() => Some("Add a test that gives it bad input.".into()),
            "claim" => {
                let remark = remarks::about(&at(&self.quotes, item).unwrap_or_default());
                Some(format!("Simulated finding: {}", remark.claim))
            }
            "suggested_change" => {
                let remark = remarks::about(&at(&self.quotes, item).unwrap_or_default());
                Some(format!("Add: {}", remark.addition))
            }
            "about" => Some("Simulated: how strict the default is".into()),
            "positions" => POSITIONS.get(item).map(|position| (*position).to_owned()),
            "resolution" => Some("The one that does less harm when it is forgotten.".into()),
            "reason" | "because" => self.reason(),
            "location" => {
                let document = prompt::document(&self.turn.user).filter(|text| change::is_one(text));
                let file = document
                    .zip(self.quotes.get(item))
                    .and_then(|(text, quote)| change::file_of(text, quote));
                Some(file.map_or_else(|| "the passage quoted".into(), str::to_owned))
            }
            _ => None,
        }
    }

    fn choice(&mut self, place: &Place<'_>, values: &[Value], rng: &mut Rng) -> Option<Value> {
        let item = self.item(place);
        if self.reads_change() {
            let word = match place.field {
                "severity" => change::severity(self.quotes.get(item).map_or("", String::as_str)),
                "category" => "completeness",
                _ => return None,
            };
            return values.iter().find(|value| *value == word).cloned();
        }
        let remark = remarks::about(self.quotes.get(item).map_or("", String::as_str));
        let word = match place.field {
            "severity" => remark.severity,
            "category" => remark.category,
            _ => return None,
        };
        let fitting = values.iter().find(|value| *value == word);
        fitting.or_else(|| values.get(rng.below(values.len()))).cloned()
    }

    /// One item, but an entry for each finding, and no new faults found in a check.
    fn items(&mut self, place: &Place<'_>, item: &Value, rng: &mut Rng) -> Option<usize> {
        self.item(place);
        let (name, answers) = (place.field, answers_findings(item));
        self.answering.truncate(place.items.len());
        self.answering.push(answers);
        match self.stage {
            // A check that finds more every time would never let a session end.
            Some(Stage::Check) if name.contains("findings") => Some(0),
            // A document that was revised has no fault left that this critic would know.
            Some(Stage::Critique) if name == "findings" && stage::is_revised(self.turn) => Some(0),
            Some(Stage::Critique) if name == "findings" => {
                Some((1 + rng.below(FAULTS)).min(self.quotes.len()))
            }
            _ if answers => Some(self.finding_ids.len().max(1)),
            _ => (name == "positions").then_some(POSITIONS.len()),
        }
    }
}

/// Whether an array of these has an entry for each finding.
fn answers_findings(item: &Value) -> bool {
    let properties = item.get("properties");
    properties.is_some_and(|all| all.get("finding").is_some() || all.get("finding_id").is_some())
}
