//! What is on the screen, and what a key makes of it. Pure: it reads nothing and does nothing, it says what is to be done.

mod mode;
mod typed;
mod views;

use chrono::{DateTime, Utc};
use crossterm::event::KeyEvent;

pub(crate) use self::{
    mode::{Mode, Purpose, Request},
    views::View,
};
use crate::{
    data::{Records, Searched, WorkerRow},
    keys::{self, Command},
    source::Action,
    theme::Theme,
};

/// The state of the dashboard.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) view: View,
    pub(crate) mode: Mode,
    pub(crate) theme: Theme,
    /// Whether workers have emoji, and not letters.
    pub(crate) emoji: bool,
    pub(crate) now: DateTime<Utc>,
    pub(crate) workers: Vec<WorkerRow>,
    pub(crate) records: Records,
    /// Why the workers could not be read.
    pub(crate) problem: Option<String>,
    /// What the terminal of the selected worker shows.
    pub(crate) screen: Option<String>,
    /// The last lines of the selected worker.
    pub(crate) log: Vec<String>,
    /// What was said last, and whether it is bad.
    pub(crate) message: Option<(String, bool)>,
    /// What rows must contain, for each view.
    pub(crate) search: [String; 9],
    /// The selected row of each view; that of workers is one for all views of workers.
    selected: [usize; 9],
    /// The worker that is selected, which stays so when others come and go.
    pub(crate) worker: Option<String>,
}

impl App {
    pub(crate) fn new(theme: Theme, emoji: bool, now: DateTime<Utc>) -> Self {
        Self {
            view: View::default(),
            mode: Mode::default(),
            theme,
            emoji,
            now,
            workers: Vec::new(),
            records: Records::default(),
            problem: None,
            screen: None,
            log: Vec::new(),
            message: None,
            search: Default::default(),
            selected: [0; 9],
            worker: None,
        }
    }

    /// Takes the workers as they are now. The selection stays at its worker.
    pub(crate) fn set_workers(&mut self, workers: Result<Vec<WorkerRow>, String>) {
        match workers {
            Ok(workers) => (self.workers, self.problem) = (workers, None),
            Err(problem) => self.problem = Some(problem),
        }
        self.keep_selection();
    }

    pub(crate) fn set_records(&mut self, records: Records) {
        self.records = records;
        self.keep_selection();
    }

    /// The search of this view.
    pub(crate) fn wanted(&self) -> &str {
        &self.search[self.view.index()]
    }

    /// The rows of a list that are shown in this view.
    pub(crate) fn shown<'a, R: Searched>(&self, rows: &'a [R]) -> Vec<&'a R> {
        let wanted = self.wanted().to_lowercase();
        let shows = |row: &&R| row.words().iter().any(|word| word.to_lowercase().contains(&wanted));
        rows.iter().filter(shows).collect()
    }

    pub(crate) fn shown_workers(&self) -> Vec<&WorkerRow> {
        self.shown(&self.workers)
    }

    /// The task of a worker: the one that it has claimed, or was started for.
    pub(crate) fn task_of<'a>(&'a self, worker: &'a WorkerRow) -> Option<&'a str> {
        let mut tasks = self.records.tasks.iter();
        let claimed =
            tasks.find(|task| task.owner.as_deref() == Some(&worker.name)).map(|task| task.id.as_str());
        claimed.or(worker.bead.as_deref())
    }

    /// How many rows the view has.
    fn rows(&self) -> usize {
        let records = &self.records;
        match self.view {
            View::Overview | View::Workers | View::Logs => self.shown_workers().len(),
            View::Tasks => self.shown(&records.tasks).len(),
            View::Costs | View::Metrics => self.shown(&records.usage).len(),
            View::Sessions => self.shown(&records.sessions).len(),
            View::Routing => self.shown(&records.routes).len(),
            View::Alerts => self.shown(&records.alerts).len(),
        }
    }

    /// The row that is selected in this view.
    pub(crate) fn selected(&self) -> usize {
        if self.view.is_of_workers() {
            let name = self.worker.as_deref();
            return self
                .shown_workers()
                .iter()
                .position(|row| Some(row.name.as_str()) == name)
                .unwrap_or_default();
        }
        self.selected[self.view.index()].min(self.rows().saturating_sub(1))
    }

    fn select(&mut self, row: usize) {
        let row = row.min(self.rows().saturating_sub(1));
        if self.view.is_of_workers() {
            let name = self.shown_workers().get(row).map(|worker| worker.name.clone());
            if name != self.worker {
                // What belonged to another one is not shown as its own.
                (self.screen, self.log) = (None, Vec::new());
                self.worker = name;
            }
        } else {
            self.selected[self.view.index()] = row;
        }
    }

    fn keep_selection(&mut self) {
        let row = self.selected();
        self.select(row);
    }

    /// The worker that a command is about.
    fn current(&self) -> Option<&WorkerRow> {
        let name = self.worker.as_deref()?;
        self.shown_workers().into_iter().find(|row| row.name == name).filter(|_| self.view.is_of_workers())
    }

    /// What a key makes of it.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> Option<Request> {
        match &self.mode {
            Mode::Help => {
                self.mode = Mode::Browse;
                None
            }
            Mode::Typing { .. } => self.typed(key),
            Mode::Confirm { .. } => self.answered(key),
            Mode::Browse => {
                self.message = None;
                self.command(keys::command(key)?)
            }
        }
    }

    fn command(&mut self, command: Command) -> Option<Request> {
        match command {
            Command::Quit => return Some(Request::Quit),
            Command::Refresh => return Some(Request::Refresh),
            Command::View(number) => self.go(number - 1),
            Command::NextView => self.go((self.view.index() + 1) % View::ALL.len()),
            Command::PreviousView => self.go((self.view.index() + View::ALL.len() - 1) % View::ALL.len()),
            Command::Down => self.select(self.selected() + 1),
            Command::Up => self.select(self.selected().saturating_sub(1)),
            Command::First => self.select(0),
            Command::Last => self.select(usize::MAX),
            Command::Help => self.mode = Mode::Help,
            Command::Theme => self.theme = self.theme.next(),
            Command::Back => {
                self.search[self.view.index()].clear();
                self.keep_selection();
            }
            Command::Search => {
                let text = self.wanted().to_owned();
                self.mode = Mode::Typing { purpose: Purpose::Search, text };
            }
            Command::Spawn => self.mode = Mode::Typing { purpose: Purpose::Spawn, text: String::new() },
            Command::Acknowledge => return self.acknowledge(),
            _ => return self.on_worker(command),
        }
        None
    }

    fn go(&mut self, index: usize) {
        self.view = View::ALL[index];
        self.keep_selection();
    }

    fn acknowledge(&mut self) -> Option<Request> {
        let row = self.selected();
        let alert = (self.view == View::Alerts)
            .then(|| self.shown(&self.records.alerts).get(row).and_then(|alert| alert.id));
        if let Some(Some(id)) = alert {
            return Some(Request::Act(Action::Acknowledge(id)));
        }
        self.message =
            Some(("there is no alert here that can be acknowledged; 9 shows them".to_owned(), true));
        None
    }

    fn on_worker(&mut self, command: Command) -> Option<Request> {
        let Some(worker) = self.current() else {
            self.message = Some(("no worker is selected; 2 shows them, n starts one".to_owned(), true));
            return None;
        };
        let (name, state) = (worker.name.clone(), worker.state.as_str());
        Some(match command {
            Command::Attach => Request::Attach(name),
            Command::Pause if state == "paused" => Request::Act(Action::Resume(name)),
            Command::Pause => Request::Act(Action::Pause(name)),
            Command::Freeze if state == "frozen" => Request::Act(Action::Thaw(name)),
            Command::Freeze => Request::Act(Action::Freeze(name)),
            Command::Restart => Request::Confirm(Action::Restart(name.clone()), name),
            Command::Stop => Request::Confirm(Action::Stop(name.clone()), name),
            Command::Kill => Request::Confirm(Action::Kill(name.clone()), name),
            Command::Discard => Request::Confirm(Action::Discard(name.clone()), name),
            Command::Send => {
                self.mode = Mode::Typing { purpose: Purpose::Send { worker: name }, text: String::new() };
                return None;
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
