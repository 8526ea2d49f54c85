//! From a file to a document, or to everything that is wrong with it.

use forge_session::Severity;
use serde::Deserialize;

use super::{
    claim::words,
    document::{CATEGORIES, Document, Fault, Kind},
    error::CorpusProblem,
    plant::{self, Planted},
    problems::Problems,
};

/// What stands before the text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    id: String,
    kind: Kind,
    task: String,
    faults: Vec<Written>,
}

/// A fault as it is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    severity: String,
    category: String,
    span: String,
    right: String,
    #[serde(default)]
    partners: Vec<String>,
    wrong: String,
    claims: Vec<String>,
}

/// Reads the text of `file`.
pub(super) fn document(file: &str, text: &str) -> Result<Document, Vec<CorpusProblem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let parts = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    let (head, body) = parts.unwrap_or_default();
    let mut problems = Problems::new(file, head);
    if parts.is_none() {
        problems.at(
            1,
            "there is no front matter",
            "begin with a line `---`, the id, kind, task and faults, and `---`",
        );
        return Err(problems.found);
    }
    let head: Head = match serde_yaml::from_str(head) {
        Ok(head) => head,
        Err(error) => {
            let line = error.location().map_or(1, |place| place.line()) + 1;
            problems.at(line, error.to_string(), "see the form of a document in docs/evaluation.md");
            return Err(problems.found);
        }
    };
    let document = build(head, body.trim_start_matches('\n'), &mut problems);
    if problems.found.is_empty() { Ok(document) } else { Err(problems.found) }
}

fn build(head: Head, text: &str, problems: &mut Problems<'_>) -> Document {
    let stem = problems.file.rsplit(['/', '\\']).next().unwrap_or_default().trim_end_matches(".md");
    if stem != head.id {
        let next = format!("call the file `{}.md`, or the document `{stem}`", head.id);
        problems.at(2, format!("its id is `{}`", head.id), next);
    }
    if head.faults.is_empty() {
        problems.at(2, "it has no faults", "plant some: a document without faults measures nothing");
    }
    let planted: Vec<Planted<'_>> = head.faults.iter().map(planted).collect();
    let (twin, places) = plant::plant(text, &planted, problems);
    let faults = head.faults.iter().zip(places).enumerate();
    let faults = faults.map(|(at, (written, (span, partners)))| {
        let (severity, category) = rated(at, written, problems);
        let claims = claims(at, written, problems);
        Fault {
            id: written.id.clone(),
            severity,
            category,
            span,
            partners,
            wrong: written.wrong.clone(),
            claims,
        }
    });
    let faults = faults.collect();
    Document { id: head.id, kind: head.kind, task: head.task, text: text.to_owned(), twin, faults }
}

fn planted(written: &Written) -> Planted<'_> {
    Planted { id: &written.id, span: &written.span, right: &written.right, partners: &written.partners }
}

/// The severity and the category of the fault at this place.
fn rated(at: usize, written: &Written, problems: &mut Problems<'_>) -> (Severity, &'static str) {
    let blocking = [Severity::Critical, Severity::Major, Severity::Minor];
    let severity = blocking.into_iter().find(|one| one.as_str() == written.severity);
    if severity.is_none() {
        let what = format!("there is no severity `{}`", written.severity);
        problems.of(at, &written.id, what, "write critical, major or minor");
    }
    let category = CATEGORIES.into_iter().find(|one| *one == written.category);
    if category.is_none() {
        let what = format!("there is no category `{}`", written.category);
        problems.of(at, &written.id, what, format!("write one of {}", CATEGORIES.join(", ")));
    }
    (severity.unwrap_or(Severity::Minor), category.unwrap_or_default())
}

/// The ways to say the fault at this place. One word alone would match what is said of other faults.
fn claims(at: usize, written: &Written, problems: &mut Problems<'_>) -> Vec<Vec<String>> {
    let words = |claim: &String| words(claim).collect();
    let claims: Vec<Vec<String>> = written.claims.iter().map(words).collect();
    if claims.is_empty() || claims.iter().any(|words| words.len() < 2) {
        let next = "give the beginnings of two words or more for each way to say it";
        problems.of(at, &written.id, "a claim of fewer than two words", next);
    }
    claims
}
