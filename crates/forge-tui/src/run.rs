//! The dashboard at work: keys, what changes, and when it is drawn.

mod keys;
mod reads;

use std::{io, pin::pin, sync::Arc, time::Duration};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, KeyEventKind};
use forge_core::time::Timer;
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;

use self::{keys::Keys, reads::Reads};
use crate::{
    app::{App, Request},
    source::Source,
    theme::Theme,
    view,
};

/// How often the times on the screen are brought up to date.
const TICK: Duration = Duration::from_secs(1);

/// How it looks.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "the flags of the command")]
pub struct Options {
    /// The colours.
    pub theme: Theme,
    /// Whether workers have emoji, and not letters.
    pub emoji: bool,
}

/// Shows the dashboard until a person quits it or `stop` is over. The terminal is as before afterwards.
///
/// # Errors
///
/// Where the terminal cannot be read or written.
pub async fn run(
    source: Arc<dyn Source>,
    timer: Arc<dyn Timer>,
    options: Options,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (sender, mut messages) = mpsc::unbounded_channel();
    let mut reads = Reads::start(source, sender);
    let mut app = App::new(options.theme, options.emoji, timer.now());
    let mut screen = open()?;
    let mut keys = Keys::start();
    let mut stop = pin!(stop);
    let mut tick = timer.sleep_until(timer.instant() + TICK);
    let ended = loop {
        app.now = timer.now();
        if let Err(error) = screen.draw(|frame| view::draw(frame, &app)) {
            break Err(error);
        }
        let request = tokio::select! {
            () = &mut stop => break Ok(()),
            () = &mut tick => {
                tick = timer.sleep_until(timer.instant() + TICK);
                None
            }
            Some(message) = messages.recv() => {
                reads.take(message, &mut app);
                None
            }
            event = keys.next() => match event {
                // The terminal is gone.
                None => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok(event)) => heard(event, &mut app),
            },
        };
        match request {
            Some(Request::Quit) => break Ok(()),
            Some(Request::Attach(worker)) => {
                // Keys are for tmux until it ends.
                keys.stop().await;
                let attached = attach(&mut screen, &mut app, reads.source(), &worker);
                keys = Keys::start();
                if let Err(error) = attached {
                    break Err(error);
                }
                reads.everything();
            }
            Some(request) => reads.ask(request),
            None => {}
        }
        reads.of_selection(&app);
    };
    close();
    ended
}

fn heard(event: Event, app: &mut App) -> Option<Request> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => app.on_key(key),
        Event::Paste(text) => {
            app.pasted(&text);
            None
        }
        _ => None,
    }
}

fn open() -> io::Result<DefaultTerminal> {
    let screen = ratatui::try_init()?;
    // Without it, each line end of a pasted text would be an Enter.
    crossterm::execute!(io::stdout(), EnableBracketedPaste)?;
    Ok(screen)
}

fn close() {
    // Nothing can be done about a terminal that is gone.
    let _ = crossterm::execute!(io::stdout(), DisableBracketedPaste);
    let _ = ratatui::try_restore();
}

/// Gives the terminal to tmux until it ends.
fn attach(screen: &mut DefaultTerminal, app: &mut App, source: &dyn Source, worker: &str) -> io::Result<()> {
    let mut command = match source.attach(worker) {
        Ok(command) => command,
        Err(problem) => {
            app.message = Some((problem, true));
            return Ok(());
        }
    };
    close();
    let ended = command.status();
    // A new one draws every cell: nothing is known of what tmux has left.
    *screen = open()?;
    match ended {
        Ok(status) if status.success() => {}
        Ok(status) => app.message = Some((format!("tmux ended with {status}"), true)),
        Err(error) => app.message = Some((format!("tmux did not start: {error}"), true)),
    }
    Ok(())
}
