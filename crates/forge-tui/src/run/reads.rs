//! What is read beside the dashboard, so that a slow store delays no key.

use std::sync::Arc;

use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle};

use crate::{
    app::{App, Request, View},
    data::{Records, WorkerRow},
    source::{Action, Changed, Source},
};

/// What has come of it.
#[derive(Debug)]
pub(super) enum Message {
    Changed(Changed),
    Workers(Result<Vec<WorkerRow>, String>),
    Records(Box<Records>),
    Screen { worker: String, screen: Option<String> },
    Log { worker: String, log: Vec<String> },
    AtStake { action: Action, words: String },
    Done(Result<String, String>),
}

/// One kind of reading: at most one is under way, and one more is owed.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    is_under_way: bool,
    is_owed: bool,
}

impl Turn {
    /// Whether to begin one now.
    fn begin(&mut self) -> bool {
        self.is_owed = self.is_under_way;
        !std::mem::replace(&mut self.is_under_way, true)
    }

    /// Whether to begin the next, now that one has ended.
    fn end(&mut self) -> bool {
        self.is_under_way = false;
        std::mem::take(&mut self.is_owed)
    }
}

/// Everything that is read.
#[derive(Debug)]
pub(super) struct Reads {
    source: Arc<dyn Source>,
    sender: UnboundedSender<Message>,
    workers: Turn,
    records: Turn,
    terminal: Turn,
    /// What was read last of a worker's terminal: the view and the worker.
    shown: Option<(View, String)>,
    watch: JoinHandle<()>,
}

impl Drop for Reads {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Reads {
    /// Begins to watch, and reads everything once.
    pub(super) fn start(source: Arc<dyn Source>, sender: UnboundedSender<Message>) -> Self {
        let (watched, told) = (Arc::clone(&source), sender.clone());
        let watch =
            tokio::spawn(
                async move { while told.send(Message::Changed(watched.changed().await)).is_ok() {} },
            );
        let turn = Turn::default();
        let mut reads =
            Self { source, sender, workers: turn, records: turn, terminal: turn, shown: None, watch };
        reads.everything();
        reads
    }

    pub(super) fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// Reads everything again.
    pub(super) fn everything(&mut self) {
        self.read_workers();
        self.read_records();
    }

    fn read_workers(&mut self) {
        if self.workers.begin() {
            self.spawn(|source| async move { Message::Workers(source.workers().await) });
        }
    }

    fn read_records(&mut self) {
        if self.records.begin() {
            self.spawn(|source| async move { Message::Records(Box::new(source.records().await)) });
        }
    }

    fn spawn<F: Future<Output = Message> + Send + 'static>(&self, work: impl FnOnce(Arc<dyn Source>) -> F) {
        let (work, sender) = (work(Arc::clone(&self.source)), self.sender.clone());
        tokio::spawn(async move {
            // After the end nobody listens.
            let _ = sender.send(work.await);
        });
    }

    /// Reads the terminal of the worker that is selected, where it is another one than before.
    pub(super) fn of_selection(&mut self, app: &App) {
        let now = wanted(app);
        if now != self.shown {
            self.shown = now;
            self.terminal(app);
        }
    }

    /// Reads what the view shows of a worker.
    fn terminal(&mut self, app: &App) {
        let Some((view, worker)) = wanted(app) else { return };
        if !self.terminal.begin() {
            return;
        }
        if view == View::Logs {
            self.spawn(|source| async move {
                let log = source.log(&worker).await;
                Message::Log { worker, log }
            });
        } else {
            self.spawn(|source| async move {
                let screen = source.screen(&worker).await;
                Message::Screen { worker, screen }
            });
        }
    }

    /// Takes what has come.
    pub(super) fn take(&mut self, message: Message, app: &mut App) {
        match message {
            Message::Changed(Changed::Workers) => self.read_workers(),
            Message::Changed(Changed::Records) => self.read_records(),
            Message::Workers(workers) => {
                app.set_workers(workers);
                if self.workers.end() {
                    self.read_workers();
                }
                self.terminal(app);
            }
            Message::Records(records) => {
                app.set_records(*records);
                if self.records.end() {
                    self.read_records();
                }
            }
            Message::Screen { worker, screen } => {
                if app.worker.as_ref() == Some(&worker) {
                    app.screen = screen;
                }
                self.read_terminal_again(app);
            }
            Message::Log { worker, log } => {
                if app.worker.as_ref() == Some(&worker) {
                    app.log = log;
                }
                self.read_terminal_again(app);
            }
            Message::AtStake { action, words } => app.ask(action, &words),
            Message::Done(done) => {
                app.message = Some(match done {
                    Ok(words) => (words, false),
                    Err(problem) => (problem, true),
                });
                self.everything();
            }
        }
    }

    fn read_terminal_again(&mut self, app: &App) {
        if self.terminal.end() {
            self.terminal(app);
        }
    }

    /// Has done what a person asked for.
    pub(super) fn ask(&mut self, request: Request) {
        match request {
            Request::Refresh => self.everything(),
            Request::Act(action) => {
                self.spawn(|source| async move { Message::Done(source.act(action).await) });
            }
            Request::Confirm(action, worker) => self.spawn(|source| async move {
                let words = source.at_stake(&worker).await;
                Message::AtStake { action, words }
            }),
            // The loop itself does these.
            Request::Quit | Request::Attach(_) => {}
        }
    }
}

/// Whose terminal the view shows.
fn wanted(app: &App) -> Option<(View, String)> {
    let shows = matches!(app.view, View::Overview | View::Workers | View::Logs);
    app.worker.clone().filter(|_| shows).map(|worker| (app.view, worker))
}
