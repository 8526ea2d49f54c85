//! The scripted agent: a program in a terminal that does what its prompt says, to try everything around an agent without one.

mod task;

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::{self, Read as _, Write as _},
    process::{Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use rustix::{
    process::{Signal, getpid, kill_process, setsid},
    termios::{InputModes, LocalModes, OptionalActions, tcgetattr, tcsetattr},
};
use serde_json::{Value, json};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// What a terminal sends around a paste.
const PASTE: [&[u8]; 2] = [b"\x1b[200~", b"\x1b[201~"];

enum Event {
    Input(Vec<u8>),
    Interrupt,
    Terminate,
    Closed,
}

/// Runs it and returns its exit code.
///
/// | Prompt | Does |
/// |---|---|
/// | `work MS` | works so long |
/// | `fail KIND` | ends the turn with that failure |
/// | `permission`, `question`, `limit` | waits for the next input |
/// | `hang` | works for ever and says nothing |
/// | `spin` | prints without end |
/// | `imitate TITLE` | shows another title, and reports nothing |
/// | `fork SECS` | leaves a process in a session of its own |
/// | `stop` | stops itself as Ctrl-Z does |
/// | `exit CODE` | ends |
/// | a bead of a fleet | `write FILE TEXT` and `work MS` in its lines, a commit, and the command that closes it |
///
/// Anything else is a turn that ends at once. Flags: `--silent` reports nothing at its start, `--ignore-term`, `--prompt TEXT`,
/// `--record FILE` keeps every prompt byte for byte.
pub(crate) fn run(words: &[OsString]) -> u8 {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let value = |name: &str| words.iter().skip_while(|word| *word != name).nth(1).cloned();
    if let Some(seconds) = value("--daemon") {
        return daemon(&seconds);
    }
    let has = |name: &str| words.iter().any(|word| word == name);
    let ignores_term = has("--ignore-term");
    let Ok(events) = listen() else { return 1 };
    let mut agent = Agent { events, ignores_term, record: value("--record"), pending: Vec::new() };
    agent.set_title("sim: ready");
    if !has("--silent") {
        report("SessionStart", json!({}));
    }
    show("\x1b[?2004hsim> ");
    let ended = match value("--prompt") {
        Some(prompt) => agent.turn(&prompt).and_then(|()| agent.live()),
        None => agent.live(),
    };
    ended.err().unwrap_or(0)
}

/// A process that nobody waits for, in a session of its own.
fn daemon(seconds: &str) -> u8 {
    let _ = setsid();
    let (_sender, never) = channel::<()>();
    let _ = never.recv_timeout(Duration::from_secs(seconds.parse().unwrap_or(60)));
    0
}

/// Keys and signals.
fn listen() -> io::Result<Receiver<Event>> {
    if let Ok(mut modes) = tcgetattr(io::stdin()) {
        // Key by key, and Ctrl-C still a signal.
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        modes.input_modes.remove(InputModes::ICRNL);
        tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
    }
    let (sender, events) = channel();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let keys = sender.clone();
    thread::spawn(move || read_keys(&keys));
    thread::spawn(move || {
        for signal in signals.forever() {
            let _ = sender.send(if signal == SIGINT { Event::Interrupt } else { Event::Terminate });
        }
    });
    Ok(events)
}

fn read_keys(sender: &Sender<Event>) {
    let mut buffer = [0; 4096];
    loop {
        let read = match io::stdin().lock().read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.unwrap_or(0),
        };
        let event = if read == 0 { Event::Closed } else { Event::Input(buffer[..read].to_vec()) };
        let is_last = matches!(event, Event::Closed);
        if sender.send(event).is_err() || is_last {
            return;
        }
    }
}

/// Prints on the terminal. One that is gone shows nothing.
fn show(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Reports by the hook of this program, as an agent does.
fn report(event: &str, mut payload: Value) {
    payload["hook_event_name"] = event.into();
    let Ok(program) = std::env::current_exe() else { return };
    let hook = Command::new(program).args(["hook", "sim"]).stdin(Stdio::piped()).spawn();
    if let Ok(mut hook) = hook {
        // Dropped before waiting: the hook reads to the end.
        let written = hook.stdin.take().map(|mut pipe| pipe.write_all(payload.to_string().as_bytes()));
        let _ = (written, hook.wait());
    }
}

struct Agent {
    events: Receiver<Event>,
    ignores_term: bool,
    record: Option<String>,
    /// What was typed and is not a prompt yet.
    pending: Vec<u8>,
}

impl Agent {
    #[expect(clippy::unused_self, reason = "the title is the agent's")]
    fn set_title(&self, title: &str) {
        show(&format!("\x1b]2;{title}\x07"));
    }

    /// Prompt by prompt; the error is the exit code.
    fn live(&mut self) -> Result<(), u8> {
        loop {
            if let Some(prompt) = self.prompt() {
                self.turn(&prompt)?;
                show("sim> ");
                continue;
            }
            match self.events.recv() {
                Ok(Event::Input(bytes)) => self.pending.extend(bytes),
                Ok(Event::Terminate) if !self.ignores_term => return Err(143),
                Ok(Event::Closed) | Err(_) => return Ok(()),
                Ok(_) => {}
            }
        }
    }

    /// The next prompt of what was typed: everything up to an Enter that is not part of a paste.
    fn prompt(&mut self) -> Option<String> {
        let (mut text, mut at, mut pasting) = (Vec::new(), 0, false);
        while at < self.pending.len() {
            let rest = &self.pending[at..];
            let mark = PASTE[usize::from(pasting)];
            if rest.starts_with(mark) {
                pasting = !pasting;
                at += mark.len();
            } else if !pasting && matches!(rest[0], b'\r' | b'\n') {
                self.pending.drain(..=at);
                return Some(String::from_utf8_lossy(&text).into_owned());
            } else {
                text.push(rest[0]);
                at += 1;
            }
        }
        None
    }

    /// One turn; the error is the exit code.
    fn turn(&mut self, prompt: &str) -> Result<(), u8> {
        if let Some(path) = &self.record {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let line = format!("{}\n", json!(prompt));
            let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
        }
        self.set_title("sim: working");
        report("UserPromptSubmit", json!({ "prompt": prompt }));
        let (word, rest) = prompt.split_once(' ').unwrap_or((prompt, ""));
        let (mut end, mut told) = ("Stop", json!({}));
        match word {
            "work" => self.wait(rest.parse().ok())?,
            "fail" => (end, told) = ("StopFailure", json!({ "error": rest })),
            "permission" => self.ask("PermissionRequest")?,
            "question" => self.ask("Question")?,
            "limit" => self.ask("Limit")?,
            "hang" => self.wait(None)?,
            "spin" => self.spin()?,
            "imitate" => {
                self.set_title(rest);
                return self.wait(None);
            }
            "fork" => leave_behind(rest),
            "stop" => {
                let _ = kill_process(getpid(), Signal::TSTP);
            }
            "exit" => return Err(rest.parse().unwrap_or(0)),
            "You" if prompt.starts_with("You are worker ") => self.bead(prompt)?,
            _ => show(&format!("{} bytes\r\n", prompt.len())),
        }
        self.set_title("sim: ready");
        report(end, told);
        Ok(())
    }

    /// Works for so many milliseconds, or without end. Ctrl-C ends it.
    fn wait(&mut self, millis: Option<u64>) -> Result<(), u8> {
        let limit = Duration::from_millis(millis.unwrap_or(u64::from(u32::MAX)));
        match self.events.recv_timeout(limit) {
            Ok(Event::Terminate) if self.ignores_term => self.wait(millis),
            Ok(Event::Terminate) => Err(143),
            Ok(Event::Closed) => Err(0),
            Ok(Event::Input(bytes)) => {
                self.pending.extend(bytes);
                self.wait(millis)
            }
            Ok(Event::Interrupt) => {
                report("Interrupt", json!({}));
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(1),
        }
    }

    /// A bead, as a fleet tells of it: what its lines say, and then the command that closes it.
    fn bead(&mut self, prompt: &str) -> Result<(), u8> {
        for line in prompt.lines() {
            if let Some(millis) = line.strip_prefix("work ") {
                self.wait(millis.trim().parse().ok())?;
            }
        }
        let told = task::carry_out(prompt).unwrap_or_else(|error| format!("not done: {error}"));
        show(&format!("{}\r\n", told.replace('\n', "\r\n")));
        Ok(())
    }

    /// Waits for the next input.
    fn ask(&mut self, event: &str) -> Result<(), u8> {
        report(event, json!({ "tool": "shell" }));
        loop {
            match self.events.recv() {
                Ok(Event::Input(_) | Event::Interrupt) => return Ok(()),
                Ok(Event::Terminate) if self.ignores_term => {}
                Ok(Event::Terminate) => return Err(143),
                Ok(Event::Closed) | Err(_) => return Err(0),
            }
        }
    }

    /// Prints until something comes.
    fn spin(&mut self) -> Result<(), u8> {
        let mut lines = 0_u64;
        loop {
            lines += 1;
            show(&format!("line {lines}\r\n"));
            match self.events.recv_timeout(Duration::from_millis(1)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Terminate) if self.ignores_term => {}
                Ok(Event::Terminate) => return Err(143),
                Ok(_) | Err(_) => return Ok(()),
            }
        }
    }
}

fn leave_behind(seconds: &str) {
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = Command::new(program);
    command.args(["worker-sim-agent", "--daemon", seconds]).stdin(Stdio::null()).stdout(Stdio::null());
    // Nobody waits for it, as for any daemon.
    let _ = command.stderr(Stdio::null()).spawn();
}
