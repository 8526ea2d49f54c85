//! What reaches a shim: signals, and commands over a socket in the folder of the worker.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use serde_json::Value;
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};

use crate::{home::WorkerPlace, private};

/// A command is one short word.
const LONGEST: u64 = 64;

/// Whoever connects and says nothing holds others up for no longer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) enum Event {
    /// A child has changed.
    Child,
    /// The terminal is gone.
    HangUp,
    Terminate,
    Control(String, Answer),
}

/// Where the answer to a command goes.
pub(super) struct Answer(UnixStream);

impl Answer {
    pub(super) fn send(mut self, answer: &Value) {
        // Whoever asked may have left.
        let _ = self.0.write_all(format!("{answer}\n").as_bytes());
    }
}

/// Signals and commands, in the order in which they come.
pub(super) fn listen(place: &WorkerPlace) -> io::Result<Receiver<Event>> {
    let (sender, events) = channel();
    // SIGINT and SIGQUIT go to the agent by its terminal; one that reaches the shim changes nothing.
    let mut signals = Signals::new([SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGQUIT])?;
    let (folder, path) = short(place)?;
    private::remove(&place.file("ctl"))?;
    let listener = UnixListener::bind(path)?;
    drop(folder);
    let control = sender.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let event = match signal {
                SIGCHLD => Event::Child,
                SIGHUP => Event::HangUp,
                SIGTERM => Event::Terminate,
                _ => continue,
            };
            if sender.send(event).is_err() {
                return;
            }
        }
    })?;
    thread::Builder::new().name("control".into()).spawn(move || accept(&listener, &control))?;
    Ok(events)
}

fn accept(listener: &UnixListener, events: &Sender<Event>) {
    for stream in listener.incoming().flatten() {
        let Ok(command) = read_command(&stream) else { continue };
        if events.send(Event::Control(command, Answer(stream))).is_err() {
            return;
        }
    }
}

fn read_command(stream: &UnixStream) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// A path of the socket that is short enough for the kernel however deep the folder is; good as long as the file is open.
fn short(place: &WorkerPlace) -> io::Result<(File, PathBuf)> {
    let folder = File::open(place.folder())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/ctl", folder.as_raw_fd()));
    Ok((folder, path))
}

/// Why a shim did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the shim of the worker does not answer: {0}")]
pub(crate) struct ControlError(#[from] io::Error);

/// Asks the shim of a worker.
pub(crate) fn ask(place: &WorkerPlace, command: &str) -> Result<Value, ControlError> {
    let (_folder, path) = short(place)?;
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line).map_err(io::Error::from)?)
}
