//! The edits of a task: found, written, undone.

use std::collections::BTreeSet;

use forge_edit::{
    Checkpoint, EditFormat, EditPath, EditSet, Intent, Recovered, Resolved, UserChanges, Workspace,
    resolve as find,
};
use forge_prompt::PromptSet;
use serde_json::json;

use super::Place;
use crate::{
    agent::{AgentLimits, AgentStep},
    workflow::{
        brief::Cast,
        event::{AgentId, Outcome},
        state::State,
    },
};

/// Answers in one format before the next one is asked for.
const TRIES: usize = 2;

/// The format after so many answers that were no edits in it.
fn chosen(formats: &[EditFormat], refusals: usize) -> EditFormat {
    let last = formats.len().saturating_sub(1);
    formats.get((refusals / TRIES).min(last)).copied().unwrap_or(EditFormat::SearchReplace)
}

/// What an editor answered.
pub(super) struct Answer {
    task: String,
    text: String,
    /// The files that it may write.
    write: BTreeSet<EditPath>,
    cast: Cast,
    formats: Vec<EditFormat>,
    refusals: usize,
    /// How often its checks were run, so that each set of edits has a name of its own.
    round: u32,
}

impl Answer {
    pub(super) fn of(state: &State, id: &str) -> Option<Self> {
        let task = state.task(id)?;
        let dialogue = state.dialogues.get(&AgentId::Editor(id.to_owned()))?;
        let AgentStep::Answer(text) = dialogue.next(&AgentLimits::default()) else { return None };
        Some(Self {
            task: id.to_owned(),
            text,
            write: task.task.files.write.iter().filter_map(|path| EditPath::new(path).ok()).collect(),
            cast: state.brief.as_ref()?.casting.editor.clone(),
            formats: state.brief.as_ref()?.formats.clone(),
            refusals: task.refusals,
            round: task.check_rounds,
        })
    }

    fn set(&self) -> Result<EditSet, String> {
        let set = self.cast.editor(chosen(&self.formats, self.refusals)).read(&self.text)?;
        let moved = |action: &forge_edit::Action| match action {
            forge_edit::Action::Move { to, .. } => Some(to.clone()),
            _ => None,
        };
        let named =
            set.files.iter().flat_map(|file| std::iter::once(file.path.clone()).chain(moved(&file.action)));
        let allowed = |path: &String| EditPath::new(path).is_ok_and(|path| self.write.contains(&path));
        match named.clone().find(|path| !allowed(path)) {
            None => Ok(set),
            Some(path) => {
                let write: Vec<&str> = self.write.iter().map(EditPath::as_str).collect();
                Err(format!("{path} is no file of this task, which writes {}", write.join(", ")))
            }
        }
    }

    fn resolved(&self, workspace: &Workspace) -> Result<Resolved, String> {
        find(&self.set()?, |path| workspace.read(path)).map_err(|why| why.to_string())
    }

    /// What is wrong, for the model, and the form of its next answer where that is another one.
    fn unfit(&self, problem: &str, prompts: &PromptSet) -> Result<Outcome, String> {
        let (now, next) = (chosen(&self.formats, self.refusals), chosen(&self.formats, self.refusals + 1));
        let form = if now == next {
            "Answer once more with all edits of the task in the same form.".to_owned()
        } else {
            let name = format!("form.{next}");
            let form = prompts.render_as_is(&name, &json!({})).map_err(|why| why.to_string())?;
            format!("Answer once more with all edits of the task, now in another form.\n\n{form}")
        };
        let told = format!("Nothing was written, because your edits cannot be made:\n\n{problem}\n\n{form}");
        Ok(Outcome::Unfit { problem: problem.to_owned(), told })
    }
}

/// Finds the place of every edit, and keeps the state before.
pub(super) fn resolve(place: &Place, prompts: &PromptSet, answer: &Answer) -> Result<Outcome, String> {
    let workspace = Workspace::open(&place.root).map_err(|why| why.to_string())?;
    let resolved = match answer.resolved(&workspace) {
        Ok(resolved) => resolved,
        Err(problem) => return answer.unfit(&problem, prompts),
    };
    let before = place.take().map_err(|why| why.to_string())?;
    let name = format!("{}-{}", answer.task, answer.round);
    match workspace.intent(&name, &resolved) {
        Ok(intent) => {
            let intent = Box::new(intent.with_checkpoint(before.commit.clone()));
            Ok(Outcome::Resolved { intent, before })
        }
        Err(problem) => answer.unfit(&problem.to_string(), prompts),
    }
}

/// Writes them: all, or none.
pub(super) fn apply(place: &Place, answer: &Answer, intent: &Intent) -> Result<Outcome, String> {
    let workspace = Workspace::open(&place.root).map_err(|why| why.to_string())?;
    // An earlier run may have ended in between, before or behind it.
    if workspace.recover(intent).map_err(|why| why.to_string())? != Recovered::Finished {
        let resolved = answer.resolved(&workspace)?;
        workspace.apply(intent, &resolved).map_err(|why| why.to_string())?;
    }
    let after = place.take().map_err(|why| why.to_string())?;
    Ok(Outcome::Applied { after, objection: None })
}

/// Undoes what was written since the checkpoint. `last` is the state after the last edits where others may write, too: what differs
/// from it is theirs, and stays.
pub(super) fn rollback(
    place: &Place,
    before: Option<&Checkpoint>,
    last: Option<&Checkpoint>,
) -> Result<Outcome, String> {
    let Some(before) = before else { return Ok(Outcome::Done) };
    let checkpoints = place.checkpoints().map_err(|why| why.to_string())?;
    let last = match last {
        Some(last) => last.clone(),
        None => checkpoints.take(&place.run).map_err(|why| why.to_string())?,
    };
    let restored = checkpoints.restore(before, &last, UserChanges::Keep).map_err(|why| why.to_string())?;
    match restored.conflicts.first() {
        None => Ok(Outcome::Done),
        Some(path) => Err(format!("{} was changed by somebody else and stays as it is", path.display())),
    }
}

/// What is different from the beginning in the files that tasks may write. What checks leave behind is no part of the result.
pub(super) fn diff(
    place: &Place,
    base: Option<&Checkpoint>,
    written: &[EditPath],
) -> Result<Outcome, String> {
    let base = base.ok_or("there is no state to compare with")?;
    let checkpoints = place.checkpoints().map_err(|why| why.to_string())?;
    let now = checkpoints.take(&place.run).map_err(|why| why.to_string())?;
    let text = checkpoints.diff(base, &now, written).map_err(|why| why.to_string())?;
    Ok(Outcome::Diff { text })
}
