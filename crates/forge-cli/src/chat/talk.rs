//! A conversation while it runs.

use std::process::ExitCode;

use forge::{
    commands::{CommandContext, CommandError, Question, SlashCommandRegistry, Talk},
    storage::journal::StreamName,
};

use super::{
    input::{Input, Typed},
    screen::Screen,
};
use crate::{
    args::GlobalArgs,
    ask,
    commands::{Asking, refused},
    error::CliError,
    setup::Setup,
    signals::{Signal, Signals},
    terminal::{self, note},
};

/// What shells give to a program that a signal has ended: 128 and its number.
const INTERRUPTED: u8 = 130;
const HUNG_UP: u8 = 129;

/// A conversation at a terminal or over pipes.
pub(super) struct Conversing<'a> {
    pub(super) system: &'a Setup,
    pub(super) registry: SlashCommandRegistry,
    pub(super) name: StreamName,
    pub(super) talk: Talk,
    pub(super) raw: bool,
    pub(super) globals: GlobalArgs<'a>,
}

/// What became of a line.
enum Ended {
    /// The next one may be typed.
    Line {
        /// Whether it was answered.
        answered: bool,
    },
    /// The conversation is over.
    All,
}

impl Conversing<'_> {
    pub(super) async fn greet(&self, is_terminal: bool) -> Result<(), CliError> {
        let quiet = self.globals.quiet;
        if self.system.is_simulated() {
            terminal::out("SIMULATED\n\n")?;
        }
        if is_terminal {
            let who = self.registry.execute("/model", &self.context()).await.map_err(refused)?;
            note(quiet, &format!("{}; /help lists commands, Ctrl-D ends", who.text.trim_end()));
        }
        if let said @ 1.. = self.talk.lock().await.exchanges().count() {
            note(quiet, &format!("conversation {} goes on after {said} questions", self.name));
        }
        Ok(())
    }

    fn context(&self) -> CommandContext {
        CommandContext { session: Some(self.name.clone()), workflow: None }
    }

    /// Answers what is typed until it ends.
    pub(super) async fn go_on(&self, mut input: Input, signals: &mut Signals) -> Result<ExitCode, CliError> {
        let screen = Screen::new();
        let mut code = ExitCode::SUCCESS;
        loop {
            // Reading blocks, and the accounts are written meanwhile.
            let reading = tokio::task::spawn_blocking(move || {
                let typed = input.next();
                (input, typed)
            });
            let read = tokio::select! {
                read = reading => read,
                signal = signals.next() => {
                    screen.restore();
                    return Ok(of_signal(signal));
                }
            };
            let typed;
            (input, typed) =
                read.map_err(|error| CliError::failed("standard input cannot be read", &error))?;
            let text = match typed? {
                Typed::End => return Ok(code),
                Typed::Nothing => {
                    note(self.globals.quiet, "Ctrl-D ends the conversation");
                    continue;
                }
                Typed::Text(text) if text.trim().is_empty() => continue,
                Typed::Text(text) => text,
            };
            let ended = tokio::select! {
                ended = self.line(text.trim_end()) => ended?,
                signal = signals.next() => {
                    terminal::out("\n")?;
                    if signal == Signal::Reload {
                        return Ok(of_signal(signal));
                    }
                    note(false, "the answer was cancelled; the question is not part of the conversation");
                    Ended::Line { answered: false }
                }
            };
            match ended {
                Ended::All => return Ok(code),
                // Programs learn whether the last line was answered.
                Ended::Line { answered } => {
                    code = if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
                }
            }
        }
    }

    /// A question or a command. A failure ends it and not the conversation.
    async fn line(&self, text: &str) -> Result<Ended, CliError> {
        let question = match self.registry.question(text) {
            // A path at the beginning of a line is no command.
            Err(CommandError::NoCommand(_)) => Some(Question::new(text)),
            Ok(Some(own)) => Some(own),
            Ok(None) => None,
            Err(error) => return Ok(failed(&refused(error))),
        };
        if let Some(question) = question {
            return match self.ask(&question).await {
                Ok(()) => Ok(Ended::Line { answered: true }),
                Err(error) if error.is_quiet() => Err(error),
                Err(error) => Ok(failed(&error)),
            };
        }
        match self.registry.execute(text, &self.context()).await {
            Ok(answer) => {
                for line in &answer.notes {
                    note(self.globals.quiet, line);
                }
                if answer.markdown {
                    terminal::prose(&answer.text, self.raw)?;
                } else {
                    terminal::out(&answer.text)?;
                }
                Ok(if answer.ends { Ended::All } else { Ended::Line { answered: true } })
            }
            Err(error) => Ok(failed(&refused(error))),
        }
    }

    /// Asks, shows and keeps.
    async fn ask(&self, question: &Question) -> Result<(), CliError> {
        let quiet = self.globals.quiet;
        let asking = Asking::new(self.system, question, Some(&self.talk), quiet).await.map_err(refused)?;
        let request = std::sync::Arc::clone(&asking.request);
        let outcome = ask::call(&asking.cx, self.system, request, self.raw, self.globals).await?;
        asking.end(self.system, outcome, (question, Some(&self.talk)), quiet).await
    }
}

fn failed(error: &CliError) -> Ended {
    note(false, error.to_string().trim_end());
    Ended::Line { answered: false }
}

fn of_signal(signal: Signal) -> ExitCode {
    match signal {
        Signal::End => INTERRUPTED.into(),
        Signal::Reload => HUNG_UP.into(),
    }
}
