//! What simulated agents of a workflow do: they carry out a task that says word for word what to change.
//!
//! A sentence such as "In `greet.py`, replace `nam` with `name`." or "Create `notes.md` with `# Notes\n`." is one task; `\n` between back
//! quotes is a line end. A task without such a sentence becomes a file that says that nobody understood it.

use forge_sim::responder::Turn;
use serde_json::{Value, json};

/// The agents of a workflow, recognised by the first heading of what they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agent {
    Clarifier,
    Planner,
    Editor,
    Reviewer,
}

/// What is to be done to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Instruction<'t> {
    /// The sentence.
    said: &'t str,
    path: String,
    /// The text that goes; `None` for a new file.
    old: Option<String>,
    new: String,
}

impl Agent {
    pub(super) fn of(turn: &Turn) -> Option<Self> {
        Some(match turn.system.lines().find(|line| line.starts_with("# "))? {
            "# Clarify" => Self::Clarifier,
            "# Plan" => Self::Planner,
            "# Edit" => Self::Editor,
            "# Inspect" => Self::Reviewer,
            _ => return None,
        })
    }

    pub(super) fn answer(self, turn: &Turn) -> String {
        match self {
            Self::Clarifier => json!({"questions": []}).to_string(),
            Self::Planner => plan(fenced(&turn.user, "TASK")).to_string(),
            Self::Editor => edits(&turn.user),
            Self::Reviewer => {
                json!({"summary": "Simulated: a script has looked at it.", "findings": []}).to_string()
            }
        }
    }
}

/// What stands between the fences of this name.
fn fenced<'t>(prompt: &'t str, name: &str) -> &'t str {
    let after = prompt.split_once(&format!("<<<{name} ")).map(|(_, rest)| rest);
    let Some((marker, rest)) = after.and_then(|rest| rest.split_once('\n')) else { return "" };
    rest.split_once(&format!("\n<<<END {marker}")).map_or("", |(text, _)| text)
}

/// The sentences of a task that say what to change.
fn instructions(task: &str) -> Vec<Instruction<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    // A sentence ends with a dot outside of back quotes.
    let mut quoted = false;
    for (at, letter) in task.char_indices().chain([(task.len(), '.')]) {
        match letter {
            '`' => quoted = !quoted,
            '.' | '\n' if !quoted || at == task.len() => {
                found.extend(instruction(task[from..at].trim_matches(['.', ' ', '\n'])));
                from = at;
            }
            _ => {}
        }
    }
    found
}

fn instruction(said: &str) -> Option<Instruction<'_>> {
    let spans: Vec<String> =
        said.split('`').skip(1).step_by(2).map(|span| span.replace("\\n", "\n")).collect();
    let words = said.to_lowercase();
    match spans.as_slice() {
        [path, old, new] if words.starts_with("in ") && words.contains("replace") => {
            Some(Instruction { said, path: path.clone(), old: Some(old.clone()), new: new.clone() })
        }
        [path, new] if words.starts_with("create ") => {
            Some(Instruction { said, path: path.clone(), old: None, new: new.clone() })
        }
        _ => None,
    }
}

fn plan(task: &str) -> Value {
    let found = instructions(task);
    let mut tasks: Vec<Value> = Vec::new();
    for (at, one) in found.iter().enumerate() {
        // What changes the same file waits for what came before.
        let before = found[..at].iter().rposition(|other| other.path == one.path);
        let depends_on: Vec<String> =
            before.map(|number| format!("task-{}", number + 1)).into_iter().collect();
        let verb = if one.old.is_some() { "Change" } else { "Create" };
        tasks.push(json!({"id": format!("task-{}", at + 1), "title": format!("{verb} {}", one.path),
            "detail": format!("{}.", one.said), "kind": "code", "files": {"read": [], "write": [one.path]},
            "depends_on": depends_on, "acceptance": [format!("{} is as the task says", one.path)], "size": "small"}));
    }
    if tasks.is_empty() {
        let detail = "Create `SIMULATED.md` with `# Simulated\\n\\nNo model was asked, and a script understands only tasks that say \
                      what to replace.\\n`.";
        tasks.push(json!({"id": "task-1", "title": "Say that nobody understood the task", "detail": detail,
            "files": {"write": ["SIMULATED.md"]}, "size": "small"}));
    }
    json!({"summary": "Simulated: each sentence that says what to change is a task.", "tasks": tasks,
        "risks": [], "questions": []})
}

/// One block for the task in the prompt.
fn edits(prompt: &str) -> String {
    let task = fenced(prompt, "TASK");
    let Some(Instruction { path, old, new, .. }) = instructions(task).into_iter().next() else {
        return "Simulated: the task does not say what to replace.".to_owned();
    };
    let (old, new) = match old {
        None => (String::new(), new),
        Some(old) => whole_lines(fenced(prompt, "FILE"), &old, &new),
    };
    let line = |text: &str| {
        if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
    };
    format!("Simulated.\n\n{path}\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n", line(&old), line(&new))
}

/// The lines in which the old text stands, before and afterwards.
fn whole_lines(file: &str, old: &str, new: &str) -> (String, String) {
    let Some(at) = file.find(old) else { return (old.to_owned(), new.to_owned()) };
    let from = file[..at].rfind('\n').map_or(0, |line| line + 1);
    let to = file[at + old.len()..].find('\n').map_or(file.len(), |line| at + old.len() + line);
    (file[from..to].to_owned(), format!("{}{new}{}", &file[from..at], &file[at + old.len()..to]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_that_say_what_to_change_are_tasks_and_others_are_not() {
        let task = "Mend it. In `a.py`, replace `x = 1.5` with `x = 2.5`. Then create nothing.\nCreate `b.md` with `# B\\n`. In `a.py`, \
                    replace `y` with `z`.";
        let plan = plan(task);
        let ids: Vec<_> =
            plan["tasks"].as_array().unwrap().iter().map(|task| &task["files"]["write"][0]).collect();
        assert_eq!(ids, ["a.py", "b.md", "a.py"]);
        assert_eq!(plan["tasks"][2]["depends_on"], json!(["task-1"]));
        assert_eq!(super::plan("Make it nice.")["tasks"][0]["files"]["write"][0], "SIMULATED.md");
    }

    #[test]
    fn an_edit_names_whole_lines() {
        let prompt = "<<<TASK 1\nIn `a.py`, replace `nam` with `name`.\n<<<END 1\n\na.py:\n<<<FILE 1\ndef f():\n    return nam + 1\n<<<END 1\n";
        let edit = edits(prompt);
        assert!(
            edit.ends_with(
                "a.py\n<<<<<<< SEARCH\n    return nam + 1\n=======\n    return name + 1\n>>>>>>> REPLACE\n"
            ),
            "{edit}"
        );
    }
}
