//! `forge watch SESSION`: what one session does, and a say in it.

use std::{
    ffi::OsString,
    io::BufRead as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokio::{io::AsyncBufReadExt as _, sync::mpsc};

use super::{
    check, follow,
    place::{Answer, Place},
    said::{HELP, Said, said},
};
use crate::{
    error::CliError,
    files,
    terminal::{self, note},
};

/// One session, and somebody who attends it.
pub(super) struct Attending<'a> {
    place: &'a Place,
    session: &'a str,
    /// The name of who attends; none where a key has one.
    by: Option<String>,
    /// The version of the document that was shown last.
    shown: Option<u64>,
}

impl<'a> Attending<'a> {
    pub(super) fn new(place: &'a Place, session: &'a str, by: Option<String>) -> Self {
        Self { place, session, by, shown: None }
    }

    /// Shows what the session does and does what is typed, until the session ends.
    pub(super) async fn run(mut self, after: Option<u64>, json: bool) -> Result<(), CliError> {
        // The events first, so that none is missed behind what is told now.
        let mut server = self.place.ask(&super::path(after, Some(self.session))).await?;
        check(&mut server).await?;
        let now = self.view().await?;
        note(false, &about(&now));
        let mut typed = typed();
        let mut events = server.lines();
        loop {
            tokio::select! {
                line = events.next_line() => {
                    let line = line.map_err(|error| super::broke_off(&error))?;
                    let Some(line) = line else { return Err(super::ended()) };
                    if told(&line, json)? {
                        return Ok(());
                    }
                }
                Some(line) = typed.recv() => match said(&line) {
                    // What is refused ends nothing: somebody else was quicker, or it is not the time.
                    Some(wanted) => self.act(wanted).await.unwrap_or_else(|error| note(false, &error.to_string())),
                    None => note(false, HELP),
                },
            }
        }
    }

    async fn act(&mut self, wanted: Said) -> Result<(), CliError> {
        match wanted {
            Said::Show(file) => self.show(file.as_deref()).await,
            Said::Edit(file) => self.edit(&file).await,
            Said::Pause => self.command(json!({"command": "pause"})).await,
            Said::Resume => self.command(json!({"command": "resume"})).await,
            Said::Abort => self.command(json!({"command": "abort"})).await,
            Said::Continue => self.decide(json!("continue"), None).await,
            Said::Skip => self.decide(json!("skip"), Some(json!({"command": "skip"}))).await,
            Said::Feedback(text) => {
                let feedback = json!({"command": "feedback", "text": text});
                self.decide(json!({ "feedback": text }), Some(feedback)).await
            }
        }
    }

    async fn show(&mut self, file: Option<&Path>) -> Result<(), CliError> {
        let view = self.view().await?;
        self.shown = view["version"].as_u64();
        let text = view["result"]["document"].as_str().unwrap_or_default();
        match file {
            Some(file) => files::write(file, text, false),
            None => terminal::out(&format!("{}\n", text.trim_end())),
        }
    }

    async fn edit(&mut self, file: &Path) -> Result<(), CliError> {
        let Some(version) = self.shown else {
            let next = format!("type `show {}` first, and change that", file.display());
            return Err(CliError::usage("nobody knows which version that text is made of", next));
        };
        let text = files::read(file)?;
        let answer = self.send(json!({"command": "edit", "version": version, "text": text})).await?;
        let error = &answer.body["error"];
        if error["type"] != "edited" {
            self.shown = answer.checked()?["version"].as_u64();
            return Ok(());
        }
        let theirs = beside(file);
        files::write(&theirs, error["text"].as_str().unwrap_or_default(), true)?;
        self.shown = error["version"].as_u64();
        let next = format!("bring {} and {} together, and type it again", file.display(), theirs.display());
        Err(CliError::usage(error["message"].as_str().unwrap_or_default(), next))
    }

    /// Decides where that is waited for; else `otherwise` is meant.
    async fn decide(&self, decision: Value, otherwise: Option<Value>) -> Result<(), CliError> {
        let waits_for = self.view().await?["waits_for"].as_u64();
        match (waits_for, otherwise) {
            (Some(cycle), _) => {
                self.command(json!({"command": "decide", "cycle": cycle, "decision": decision})).await
            }
            (None, Some(otherwise)) => self.command(otherwise).await,
            (None, None) => {
                let next = "wait for the end of the cycle";
                Err(CliError::usage("the session goes on, and waits for no decision", next))
            }
        }
    }

    async fn view(&self) -> Result<Value, CliError> {
        self.place.get(&format!("/v1/forge/sessions/{}", self.session)).await?.checked()
    }

    async fn command(&self, command: Value) -> Result<(), CliError> {
        self.send(command).await?.checked().map(drop)
    }

    async fn send(&self, mut command: Value) -> Result<Answer, CliError> {
        if let Some(by) = &self.by {
            command["by"] = json!(by);
        }
        self.place.post(&format!("/v1/forge/sessions/{}/commands", self.session), &command).await
    }
}

/// Shows an event of the session; whether it was its end.
fn told(line: &str, json: bool) -> Result<bool, CliError> {
    let Some((data, event)) = follow::event(line)? else { return Ok(false) };
    follow::show(data, &event, json)?;
    if event["type"] == "session.waiting" {
        let cycle = &event["cycle"];
        note(false, &format!("cycle {cycle} is over: continue | skip | feedback TEXT | abort | help"));
    }
    Ok(event["type"] == "session.ended")
}

/// How the session is, on one line.
fn about(view: &Value) -> String {
    let (status, version) = (view["result"]["status"].as_str().unwrap_or_default(), &view["version"]);
    let waits = match view["waits_for"].as_u64() {
        Some(cycle) => format!("; it waits for a decision about cycle {cycle}"),
        None => String::new(),
    };
    let name = view["session"].as_str().unwrap_or_default();
    format!("session {name}: {status}, version {version} of the document{waits}; `help` shows what to type")
}

/// Lines of standard input. A thread of its own reads them, which the end of the process does not wait for.
fn typed() -> mpsc::Receiver<String> {
    let (sender, typed) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    typed
}

/// The file for the text of others, beside one's own.
fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".theirs");
    name.into()
}
