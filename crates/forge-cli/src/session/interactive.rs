//! What a user decides between the cycles of a session.

use std::io::{self, BufRead as _};

use forge::{
    async_trait,
    session::{Approver, Conflict, ConflictResolution, Decision, Resolution, State},
};

use crate::terminal::note;

/// Asks at the terminal.
#[derive(Debug)]
pub(super) struct Terminal;

#[async_trait]
impl Approver for Terminal {
    async fn decide(&self, cycle: u32, state: &State) -> Decision {
        let open = state.ledger.open_blocking();
        note(false, &format!("cycle {cycle} is over; {open} serious findings are open"));
        let conflicts: Vec<Conflict> = state
            .conflicts
            .iter()
            .filter(|(at, _)| *at == cycle)
            .map(|(_, conflict)| conflict.clone())
            .collect();
        // Reading blocks; the session waits for the answer in any case.
        // Should that fail, the session breaks off, which can be taken back: it resumes.
        tokio::task::spawn_blocking(move || ask(&conflicts)).await.unwrap_or(Decision::Abort)
    }
}

const HELP: &str = "continue: go on as configured; skip: leave out the remaining cycles; feedback TEXT: one more \
                    cycle with this in mind; abort: stop, and resume later";

const CONFLICT_HELP: &str = "accept: keep the synthesizer's resolution; choose N: take position N; custom TEXT: \
                             resolve it this way; defer: not in this session";

/// Settles the conflicts one by one, then the cycle. Without anybody to answer, the session breaks off and can
/// be resumed.
fn ask(conflicts: &[Conflict]) -> Decision {
    let mut resolutions = Vec::new();
    for conflict in conflicts {
        note(false, &format!("conflict about {}: {}", conflict.about, conflict.resolution));
        for (at, position) in conflict.positions.iter().enumerate() {
            note(false, &format!("  {}: {position}", at + 1));
        }
        let prompt = "accept | choose N | custom TEXT | defer | help";
        let Some(choice) = answer(prompt, CONFLICT_HELP, |line| choice(line, conflict)) else {
            return Decision::Abort;
        };
        resolutions.push(ConflictResolution { about: conflict.about.clone(), choice });
    }
    if resolutions.iter().any(|one| one.choice != Resolution::Accept) {
        return Decision::Resolve(resolutions);
    }
    answer("continue | skip | feedback TEXT | abort | help", HELP, decision).unwrap_or(Decision::Abort)
}

/// The first answer that makes sense; `None` at the end of the input.
fn answer<T>(prompt: &str, help: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    loop {
        // Shown also to those who want quiet, because they wanted to be asked.
        note(false, prompt);
        let mut line = String::new();
        // Asked again at the end of the input, the question would repeat without end.
        if io::stdin().lock().read_line(&mut line).ok()? == 0 {
            return None;
        }
        match read(line.trim()) {
            Some(answer) => return Some(answer),
            None => note(false, help),
        }
    }
}

fn decision(line: &str) -> Option<Decision> {
    match words(line) {
        ("continue", "") => Some(Decision::Continue),
        ("skip", "") => Some(Decision::Skip),
        ("abort", "") => Some(Decision::Abort),
        ("feedback", text) if !text.is_empty() => Some(Decision::Feedback(text.to_owned())),
        _ => None,
    }
}

fn choice(line: &str, conflict: &Conflict) -> Option<Resolution> {
    match words(line) {
        ("accept", "") => Some(Resolution::Accept),
        ("defer", "") => Some(Resolution::Defer),
        ("choose", number) => {
            let position = conflict.positions.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
            Some(Resolution::Choose(position.clone()))
        }
        ("custom", text) if !text.is_empty() => Some(Resolution::Custom(text.to_owned())),
        _ => None,
    }
}

/// The first word, and the rest.
fn words(line: &str) -> (&str, &str) {
    line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_what_is_decided_and_nonsense_is_nothing() {
        assert_eq!(decision("continue"), Some(Decision::Continue));
        assert_eq!(decision("feedback  be brief"), Some(Decision::Feedback("be brief".into())));
        for nonsense in ["", "help", "continue now", "feedback", "Abort"] {
            assert_eq!(decision(nonsense), None, "{nonsense}");
        }
        let conflict = Conflict {
            about: "size".into(),
            positions: vec!["small".into(), "large".into()],
            resolution: "small".into(),
            rationale: String::new(),
        };
        assert_eq!(choice("choose 2", &conflict), Some(Resolution::Choose("large".into())));
        assert_eq!(choice("custom as it fits", &conflict), Some(Resolution::Custom("as it fits".into())));
        for nonsense in ["choose 0", "choose 3", "choose", "custom", "accept it"] {
            assert_eq!(choice(nonsense, &conflict), None, "{nonsense}");
        }
    }
}
