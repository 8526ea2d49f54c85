//! Keys, read on a thread of their own.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::event::{self, Event};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

/// How long it may take until a stopped reader reads no more.
const LOOK: Duration = Duration::from_millis(100);

/// What is typed. Unlike crossterm's `EventStream` it can be stopped and begun again without losing a key: that one's wake-up hides
/// a key which arrives at the same moment (0.29).
#[derive(Debug)]
pub(super) struct Keys {
    events: UnboundedReceiver<io::Result<Event>>,
    is_stopped: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl Keys {
    pub(super) fn start() -> Self {
        let (sender, events) = unbounded_channel();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_stopped);
        let reader = tokio::task::spawn_blocking(move || read(&seen, &sender));
        Self { events, is_stopped, reader }
    }

    /// The next event; `None` where no more can come.
    pub(super) async fn next(&mut self) -> Option<io::Result<Event>> {
        self.events.recv().await
    }

    /// Returns when nothing is read any more, so that another program can have the terminal.
    pub(super) async fn stop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        // A reader that has panicked reads no more either.
        let _ = (&mut self.reader).await;
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}

fn read(is_stopped: &AtomicBool, sender: &UnboundedSender<io::Result<Event>>) {
    while !is_stopped.load(Ordering::Relaxed) {
        let event = match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let is_over = event.is_err();
        if sender.send(event).is_err() || is_over {
            return;
        }
    }
}
