//! What a user sees while a session runs, and decides between its cycles.

use std::{
    io::{self, BufRead as _},
    sync::Arc,
};

use forge::{
    Money, async_trait,
    session::{Attendant, Decree, Notice, Observer, State},
};

use crate::show::{self, note};

/// A line on stderr for each participant that is done, and for what the user should know.
pub(super) fn lines(quiet: bool) -> Observer {
    Arc::new(move |notice| {
        if let Some(line) = line(notice) {
            note(quiet, &line);
        }
    })
}

/// Everything that happens as a line of JSON on stdout.
pub(super) fn json_lines() -> Observer {
    Arc::new(|notice| {
        if let Ok(line) = serde_json::to_string(notice) {
            // A reader that has seen enough is no reason to stop a session that is paid for.
            let _ = show::out(&format!("{line}\n"));
        }
    })
}

fn line(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::SessionStarted { resumed: true } => "the session goes on".into(),
        Notice::ParticipantDone { call, participant, tokens, cost, took, error } => {
            let seconds = std::time::Duration::from_millis(*took).as_secs_f64();
            let who = format!("{}/{}", participant.provider_id, participant.model);
            match error {
                Some(error) => format!("{:<9} {who:<32} failed after {seconds:.1} s: {error}", call.stage),
                None => {
                    let tokens = tokens.map_or_else(|| "?".into(), |tokens| tokens.to_string());
                    let cost = cost.map_or_else(|| "price unknown".into(), money);
                    format!("{:<9} {who:<32} {tokens:>7} tokens  {cost:>9}  {seconds:>6.1} s", call.stage)
                }
            }
        }
        Notice::Budget { percent, money: spent, tokens } => {
            format!("{percent} % of the budget is used or set aside: {}, {tokens} tokens", money(*spent))
        }
        Notice::Warning { message } => format!("warning: {message}"),
        Notice::Paused => "paused".into(),
        Notice::Completed { reason, .. } => format!("done: {reason}"),
        Notice::SessionStarted { resumed: false }
        | Notice::StageStarted { .. }
        | Notice::StageCompleted { .. }
        | Notice::ParticipantDelta { .. }
        | Notice::Finding { .. }
        | Notice::Disposition { .. } => return None,
    })
}

fn money(money: Money) -> String {
    format!("${:.4}", money.dollars())
}

/// Asks at the terminal.
#[derive(Debug)]
pub(super) struct Terminal;

#[async_trait]
impl Attendant for Terminal {
    async fn decide(&self, cycle: u32, state: &State) -> Decree {
        note(
            false,
            &format!("cycle {cycle} is over; {} serious findings are open", state.ledger.open_blocking()),
        );
        // Reading blocks; the session waits for the answer in any case.
        tokio::task::spawn_blocking(ask).await.unwrap_or(Decree::Abort)
    }
}

const HELP: &str = "continue: go on by the rules; skip: leave the remaining cycles out; feedback TEXT: one more \
                    cycle with this in mind; abort: break off, to be resumed later";

fn ask() -> Decree {
    let mut lines = io::stdin().lock().lines();
    loop {
        note(false, "continue | skip | feedback TEXT | abort | help");
        // Nobody there to answer: the session can be resumed.
        let Some(Ok(line)) = lines.next() else { return Decree::Abort };
        match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
            ("continue", "") => return Decree::Continue,
            ("skip", "") => return Decree::Skip,
            ("abort", "") => return Decree::Abort,
            ("feedback", text) if !text.trim().is_empty() => return Decree::Feedback(text.trim().to_owned()),
            _ => note(false, HELP),
        }
    }
}
