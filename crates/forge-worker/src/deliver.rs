//! Text for an agent: put in once, only where it can arrive, and believed only when the agent has a record of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::{
    agent::AgentDefinition,
    hex::hex,
    home::WorkerPlace,
    id::WorkerId,
    launch::{LauncherError, WorkerLauncher},
    lock::lock,
    private,
    record::WorkerSpec,
    state::WorkerState,
    status::{MessageRecord, Outcome, events, messages},
    tmux::TmuxError,
};

/// The longest text that is pasted, in bytes. A longer one becomes a file that the pasted line names.
pub const LONGEST_PASTE: usize = 256 * 1024;

/// How long the agent has to write its record.
const RECORD: Duration = Duration::from_secs(10);

/// How old the observation may be that an agent takes a prompt, in milliseconds. An Enter that comes later may answer a dialog.
const FRESH_MS: i64 = 2_000;

/// A text for an agent. The same message is put in once, however often it is sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Message {
    /// What makes it the same message.
    pub id: String,
    /// What the agent is to read.
    pub text: String,
}

impl Message {
    /// A message.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: id.into(), text: text.into() }
    }

    /// A message that is the same as no other.
    pub fn of_its_own(text: impl Into<String>) -> Result<Self, DeliverError> {
        let mut bytes = [0_u8; 8];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self::new(hex(&bytes), text))
    }
}

/// How a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The agent has a record of it.
    Delivered,
    /// It was put in; this agent keeps no record that could be asked.
    Unconfirmed,
}

impl Delivery {
    /// The word of files and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// The text holds a control character, which a terminal would obey.
    #[error(
        "the text holds the control character U+{code:04X} at byte {at}; only tabs and line ends may stand in it"
    )]
    ControlCharacter {
        /// The character.
        code: u32,
        /// Where it stands.
        at: usize,
    },
    /// There is no text.
    #[error("there is no text to send")]
    Empty,
    /// The worker does not take a prompt now.
    #[error("the worker is {state} ({evidence}), and takes text only when it is ready")]
    NotReady {
        /// How it is.
        state: &'static str,
        /// What was seen.
        evidence: String,
    },
    /// The pane takes no input.
    #[error("the pane takes no input; `tmux select-pane -e` turns it on again")]
    InputOff,
    /// The pane is in a mode that it does not leave.
    #[error("the pane is in copy mode, and stays there")]
    InMode,
    /// Another message has this id.
    #[error("a message with the id `{id}` was sent before, with another text")]
    OtherText {
        /// The id.
        id: String,
    },
    /// Another message is being put in.
    #[error("another message is on its way to this worker")]
    Busy,
    /// It was put in, and the agent has no record of it. It is not put in a second time.
    #[error("the agent has no record of the message; look at its screen before you send it under another id")]
    Undelivered,
    /// The worker is not reached.
    #[error(transparent)]
    Worker(#[from] LauncherError),
}

impl From<std::io::Error> for DeliverError {
    fn from(error: std::io::Error) -> Self {
        Self::Worker(error.into())
    }
}

impl From<TmuxError> for DeliverError {
    fn from(error: TmuxError) -> Self {
        Self::Worker(error.into())
    }
}

impl WorkerLauncher {
    /// Puts a text into the terminal of an agent that waits for one.
    ///
    /// # Errors
    ///
    /// Before anything was put in, but for [`DeliverError::Undelivered`].
    pub async fn deliver(&self, worker_id: &WorkerId, message: &Message) -> Result<Delivery, DeliverError> {
        check(&message.text)?;
        let (place, spec) = self.known(worker_id)?;
        let _lock = lock(&place, "deliver.lock", true)?.ok_or(DeliverError::Busy)?;
        let definition = AgentDefinition::find(place.home(), &spec.agent).map_err(LauncherError::from)?;
        let mut delivering = Delivering { launcher: self, place, spec, definition, message };
        if let Some(before) = delivering.before() {
            return before;
        }
        delivering.put_in().await
    }
}

/// Whether a terminal would only show the text. An end of a paste inside of it would make the rest typed keys.
fn check(text: &str) -> Result<(), DeliverError> {
    if text.trim().is_empty() {
        return Err(DeliverError::Empty);
    }
    let obeyed = |c: char| c.is_control() && c != '\t' && c != '\n';
    match text.char_indices().find(|(_, c)| obeyed(*c)) {
        Some((at, c)) => Err(DeliverError::ControlCharacter { code: c.into(), at }),
        None => Ok(()),
    }
}

struct Delivering<'a> {
    launcher: &'a WorkerLauncher,
    place: WorkerPlace,
    spec: WorkerSpec,
    definition: AgentDefinition,
    message: &'a Message,
}

impl Delivering<'_> {
    /// What came of the same message before.
    fn before(&self) -> Option<Result<Delivery, DeliverError>> {
        let last = messages(&self.place).into_iter().rev().find(|record| record.id == self.message.id)?;
        if last.sha256 != self.hash() {
            return Some(Err(DeliverError::OtherText { id: self.message.id.clone() }));
        }
        Some(match last.outcome {
            Outcome::Delivered => Ok(Delivery::Delivered),
            Outcome::Unconfirmed => Ok(Delivery::Unconfirmed),
            // Whoever put it in has ended since. The agent's record tells how far that came; a second paste could be a second order.
            Outcome::Begun | Outcome::Undelivered
                if self.is_recorded(&self.pasted().unwrap_or_default(), last.at) =>
            {
                self.note(Outcome::Delivered).map(|()| Delivery::Delivered)
            }
            Outcome::Begun | Outcome::Undelivered => {
                self.note(Outcome::Undelivered).and(Err(DeliverError::Undelivered))
            }
        })
    }

    async fn put_in(&mut self) -> Result<Delivery, DeliverError> {
        let pasted = self.pasted()?;
        if pasted != self.message.text {
            private::folder(&self.place.file("messages"))?;
            private::replace(&self.file(), self.message.text.as_bytes())?;
        }
        let pane = self.ready_pane().await?;
        let tmux = self.launcher.tmux();
        let buffer = format!("forge-{}", &self.hash()[..16]);
        tmux.run_with(&["load-buffer", "-b", &buffer, "-"], Some(pasted.as_bytes())).await?;
        let begun = self.launcher.timer().now();
        self.note(Outcome::Begun)?;
        tmux.run(&["paste-buffer", "-p", "-r", "-d", "-b", &buffer, "-t", &pane]).await?;
        tmux.run(&["send-keys", "-t", &pane, "Enter"]).await?;
        if self.definition.delivery.record.is_none() || !self.definition.knows(self.spec.version.as_deref()) {
            return self.note(Outcome::Unconfirmed).map(|()| Delivery::Unconfirmed);
        }
        if self.launcher.wait_for(RECORD, || self.is_recorded(&pasted, begun)).await {
            return self.note(Outcome::Delivered).map(|()| Delivery::Delivered);
        }
        self.note(Outcome::Undelivered)?;
        Err(DeliverError::Undelivered)
    }

    /// The pane of an agent that takes a prompt at this moment.
    async fn ready_pane(&self) -> Result<String, DeliverError> {
        let gone = || LauncherError::NotRunning { worker_id: self.spec.worker_id.to_string() };
        let seen = self.launcher.observe(&self.spec.worker_id).await?;
        // Paused means no new task from the queue; a person may still say something.
        if !matches!(seen.state, WorkerState::Ready | WorkerState::Paused) {
            return Err(DeliverError::NotReady { state: seen.state.as_str(), evidence: seen.evidence });
        }
        let tmux = self.launcher.tmux();
        let pane = self.launcher.pane(&self.spec).await.ok_or_else(gone)?;
        let format = "#{pane_in_mode} #{pane_input_off} #{pane_dead}";
        let mut said = tmux.ask(&pane, format).await.ok_or_else(gone)?;
        if !said.starts_with("0 ") {
            // In copy mode a paste arrives without its brackets, and Enter is swallowed.
            tmux.run(&["send-keys", "-t", &pane, "-X", "cancel"]).await?;
            said = tmux.ask(&pane, format).await.ok_or_else(gone)?;
        }
        match said.as_str() {
            "0 0 0" => {}
            "0 1 0" => return Err(DeliverError::InputOff),
            said if said.ends_with(" 1") => return Err(gone().into()),
            _ => return Err(DeliverError::InMode),
        }
        let age = self.launcher.timer().now() - seen.observed_at;
        if age.num_milliseconds() >= FRESH_MS {
            let evidence = "this was seen more than 2 s ago; the machine is too slow to know".to_owned();
            return Err(DeliverError::NotReady { state: seen.state.as_str(), evidence });
        }
        Ok(pane)
    }

    /// What is pasted: the text, or a line that names the file with it.
    fn pasted(&self) -> Result<String, DeliverError> {
        if self.message.text.len() <= LONGEST_PASTE {
            return Ok(self.message.text.clone());
        }
        let line = format!("Read the file {} and do what it says.", self.file().display());
        check(&line).map(|()| line)
    }

    fn file(&self) -> std::path::PathBuf {
        self.place.file("messages").join(format!("{}.txt", &self.hash()[..16]))
    }

    /// Whether the agent has told that it was given this text. Some agents leave out white space around it.
    fn is_recorded(&self, text: &str, since: DateTime<Utc>) -> bool {
        let Some(record) = &self.definition.delivery.record else { return false };
        let told = events(&self.place, &self.spec.run);
        told.iter().any(|event| {
            let prompt = event.text("prompt").unwrap_or_default();
            event.event == *record && event.at >= since && prompt.trim() == text.trim()
        })
    }

    fn hash(&self) -> String {
        hex(&Sha256::digest(self.message.text.as_bytes()))
    }

    fn note(&self, outcome: Outcome) -> Result<(), DeliverError> {
        let (id, run, at) = (self.message.id.clone(), self.spec.run.clone(), self.launcher.timer().now());
        let record = MessageRecord { id, at, run, sha256: self.hash(), outcome };
        let line = serde_json::to_string(&record).map_err(std::io::Error::from)?;
        Ok(private::append(&self.place.messages(), &line)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_character_but_tab_and_line_end_is_refused() {
        for code in (0..0x20).chain(0x7f..0xa0) {
            let c = char::from_u32(code).unwrap();
            let text = format!("ä{c}x");
            match check(&text) {
                Ok(()) => assert!(c == '\t' || c == '\n', "{code:x}"),
                Err(DeliverError::ControlCharacter { code: found, at: 2 }) => assert_eq!(found, code),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(check("/plan `$HOME`; ü 漢字 🎉\n\tx\\").is_ok());
        assert!(matches!(check(" \n"), Err(DeliverError::Empty)));
    }
}
