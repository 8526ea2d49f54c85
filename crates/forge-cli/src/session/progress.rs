//! What a user sees while a session runs.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use forge::{
    Money, Participant,
    session::{CallKey, Notice, Observer, Stage},
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{
    layout,
    terminal::{self, note},
};

/// What a user sees of a session: on a terminal a line for each participant at work, and everywhere a line for
/// each that is done and for what the user should know.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(crate) quiet: bool,
    /// The lines at work; `None` where nothing can be drawn anew.
    board: Option<MultiProgress>,
}

/// A participant at work.
struct Line {
    bar: ProgressBar,
    /// Bytes of its text so far.
    written: usize,
}

/// How often a line at work is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// Bytes of a token, about; the vendor's own count comes with the end of the answer.
const TOKEN: usize = 4;

impl Progress {
    /// `asks`: questions are put at the terminal meanwhile, which lines that move would disturb.
    pub(crate) fn new(quiet: bool, asks: bool) -> Self {
        let draws = !quiet && !asks && io::stderr().is_terminal();
        Self { quiet, board: draws.then(MultiProgress::new) }
    }

    /// Writes a line above those at work.
    pub(crate) fn note(&self, text: &str) {
        match &self.board {
            // The width is asked anew for each line, because a window may change it meanwhile.
            Some(board) => board.suspend(|| note(self.quiet, &fitted(text, terminal::width()))),
            None => note(self.quiet, text),
        }
    }

    pub(crate) fn observer(&self) -> Observer {
        let (progress, lines) = (self.clone(), Mutex::new(BTreeMap::new()));
        Arc::new(move |notice| {
            if let Some(board) = &progress.board {
                draw(board, &mut lines.lock().unwrap_or_else(PoisonError::into_inner), notice);
            }
            if let Some(line) = line(notice) {
                progress.note(&line);
            }
        })
    }
}

fn draw(board: &MultiProgress, lines: &mut BTreeMap<CallKey, Line>, notice: &Notice) {
    match notice {
        Notice::StageStarted { call, participant, .. } => {
            let style = ProgressStyle::with_template("{prefix} {msg:>14} {elapsed:>18}");
            let bar = ProgressBar::new_spinner()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            let bar = board.add(bar.with_prefix(layout::clean(&place(call.stage, participant)).into_owned()));
            bar.set_message("waiting");
            bar.enable_steady_tick(TICK);
            lines.insert(*call, Line { bar, written: 0 });
        }
        Notice::ParticipantDelta { call, text } => {
            if let Some(line) = lines.get_mut(call) {
                line.written += text.len();
                line.bar.set_message(format!("~{} tokens", line.written.div_ceil(TOKEN)));
            }
        }
        Notice::ParticipantDone { call, .. } => {
            if let Some(line) = lines.remove(call) {
                line.bar.finish_and_clear();
            }
        }
        // What is still at work is no longer waited for.
        Notice::Completed { .. } => {
            for line in std::mem::take(lines).into_values() {
                line.bar.finish_and_clear();
            }
        }
        Notice::SessionStarted { .. }
        | Notice::StageCompleted { .. }
        | Notice::Finding { .. }
        | Notice::Disposition { .. }
        | Notice::Budget { .. }
        | Notice::Warning { .. }
        | Notice::Waiting { .. }
        | Notice::Contributed { .. }
        | Notice::Paused => {}
    }
}

/// Stage and participant, the beginning of each line.
fn place(stage: Stage, participant: &Participant) -> String {
    let who = format!("{}/{}", participant.provider_id, participant.model_id);
    format!("{stage:<9} {who:<32}")
}

fn line(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::SessionStarted { resumed: true } => "the session goes on".into(),
        Notice::ParticipantDone { call, participant, tokens, cost, duration_ms, error } => {
            let seconds = Duration::from_millis(*duration_ms).as_secs_f64();
            let place = place(call.stage, participant);
            match error {
                Some(error) => format!("{place} failed after {seconds:.1} s: {error}"),
                None => {
                    let tokens = tokens.map_or_else(|| "?".into(), |tokens| tokens.to_string());
                    let cost = cost.map_or_else(|| "price unknown".into(), money);
                    format!("{place} {tokens:>7} tokens  {cost:>9}  {seconds:>6.1} s")
                }
            }
        }
        Notice::Budget { percent, cost, tokens } => {
            format!("{percent} % of the budget is used or set aside: {}, {tokens} tokens", money(*cost))
        }
        Notice::Warning { message } => format!("warning: {message}"),
        Notice::Paused => "paused".into(),
        Notice::Completed { reason, .. } => format!("done: {reason}"),
        // At a terminal, who decides is asked there, and knows what they said.
        Notice::SessionStarted { resumed: false }
        | Notice::Waiting { .. }
        | Notice::Contributed { .. }
        | Notice::StageStarted { .. }
        | Notice::StageCompleted { .. }
        | Notice::ParticipantDelta { .. }
        | Notice::Finding { .. }
        | Notice::Disposition { .. } => return None,
    })
}

/// The line within so many columns: first without what lines up its columns, then without its end.
fn fitted(line: &str, columns: usize) -> String {
    let narrow = || line.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = layout::cut(line, columns);
    if whole == line { line.to_owned() } else { layout::cut(&narrow(), columns).into_owned() }
}

fn money(money: Money) -> String {
    format!("${:.4}", money.dollars())
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;

    #[test]
    fn a_line_gives_up_its_gaps_before_its_words() {
        let line = "critique  gpt/gpt-6.2-sol                    885 tokens    $0.0037     0.1 s";
        assert_eq!(fitted(line, 80), line);
        assert_eq!(fitted(line, 60), "critique gpt/gpt-6.2-sol 885 tokens $0.0037 0.1 s");
        assert_eq!(fitted(line, 30), "critique gpt/gpt-6.2-sol 885…");
    }

    #[test]
    fn a_line_is_there_as_long_as_its_participant_is_at_work() {
        let screen = InMemoryTerm::new(9, 100);
        let board = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let mut lines = BTreeMap::new();
        let (call, participant) =
            (CallKey { cycle: 0, stage: Stage::Draft, seat: 0, step: 0 }, Participant::claude_sonnet());
        let started = Notice::StageStarted { call, stage: Stage::Draft, participant: participant.clone() };
        draw(&board, &mut lines, &started);
        draw(&board, &mut lines, &Notice::ParticipantDelta { call, text: "eleven char".into() });
        lines[&call].bar.force_draw();
        let shown = screen.contents();
        assert!(shown.starts_with("draft     anthropic/claude-sonnet-5-5"), "{shown}");
        assert!(shown.contains(" ~3 tokens "), "{shown}");
        let done = Notice::ParticipantDone {
            call,
            participant,
            tokens: None,
            cost: None,
            duration_ms: 1,
            error: None,
        };
        draw(&board, &mut lines, &done);
        assert_eq!(screen.contents(), "");
    }
}
