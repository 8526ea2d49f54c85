//! When something of a worker changes.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use forge_core::time::Timer;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::ModifyKind};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{home::WorkerHome, private};

/// How often is looked without being told: no file says that a process has died.
const POLL: Duration = Duration::from_secs(2);

/// How far apart two answers are at least. An agent that prints without end costs ten looks a second.
const APART: Duration = Duration::from_millis(100);

/// What has changed since the last answer. Nothing in it means that it is time to look all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusChange {
    /// Names of workers of which a file has changed.
    pub workers: BTreeSet<String>,
    /// The other files that were asked for.
    pub files: BTreeSet<PathBuf>,
}

/// Tells when something of a worker changes: by its files, within 100 ms, and every 2 s in any case.
#[derive(Debug)]
pub struct StatusWatcher {
    home: WorkerHome,
    watcher: RecommendedWatcher,
    changed: UnboundedReceiver<PathBuf>,
    watched: HashSet<PathBuf>,
    files: HashSet<PathBuf>,
    timer: Arc<dyn Timer>,
    answered: Option<Instant>,
}

impl StatusWatcher {
    /// Watches the workers of a home, also those that come later.
    ///
    /// # Errors
    ///
    /// Where the folders cannot be made, or the kernel watches no more files.
    pub fn new(home: &WorkerHome, timer: Arc<dyn Timer>) -> io::Result<Self> {
        let (sender, changed) = unbounded_channel();
        let tell = move |event: notify::Result<notify::Event>| {
            // That a file is read, or gets the mode that it has, changes nothing in it. What was lost is found by the next poll.
            if let Ok(event) = event
                && !matches!(event.kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)))
            {
                event.paths.into_iter().for_each(|path| drop(sender.send(path)));
            }
        };
        let watcher = notify::recommended_watcher(tell).map_err(of_notify)?;
        let (watched, files) = (HashSet::new(), HashSet::new());
        let mut all = Self { home: home.clone(), watcher, changed, watched, files, timer, answered: None };
        for folder in [home.root().join("workers"), home.status()] {
            private::folder(&folder)?;
            all.watch(&folder)?;
        }
        all.watch_workers();
        Ok(all)
    }

    /// Watches another file as well, which need not be there yet. Its folder must be.
    ///
    /// # Errors
    ///
    /// Where the folder is not there, or the kernel watches no more files.
    pub fn and(mut self, file: &Path) -> io::Result<Self> {
        self.watch(file.parent().unwrap_or(Path::new("/")))?;
        self.files.insert(file.to_owned());
        Ok(self)
    }

    /// A folder without those in it: a worktree may hold many thousands.
    fn watch(&mut self, folder: &Path) -> io::Result<()> {
        if self.watched.insert(folder.to_owned()) {
            self.watcher.watch(folder, RecursiveMode::NonRecursive).map_err(of_notify)?;
        }
        Ok(())
    }

    /// Workers that are new. One that cannot be watched is looked at by the clock.
    fn watch_workers(&mut self) {
        let ids = self.home.workers().unwrap_or_default();
        let folders: Vec<_> = ids.iter().map(|id| self.home.worker(id).folder().to_owned()).collect();
        let above = self.home.root().join("workers");
        // The kernel forgets a folder that is removed, and one that is made anew is another one.
        self.watched.retain(|folder| folder.parent() != Some(&above) || folders.contains(folder));
        for folder in folders {
            if self.watch(&folder).is_err() {
                self.watched.remove(&folder);
            }
        }
    }

    /// Waits for a change, or for the time to look all the same.
    pub async fn changed(&mut self) -> StatusChange {
        let poll = self.timer.sleep_until(self.timer.instant() + POLL);
        let first = tokio::select! {
            // It cannot end: the watcher has the other side.
            path = self.changed.recv() => path,
            () = poll => None,
        };
        if let (Some(_), Some(answered)) = (&first, self.answered) {
            self.timer.sleep_until(answered + APART).await;
        }
        let mut change = StatusChange::default();
        let rest: Vec<PathBuf> = std::iter::from_fn(|| self.changed.try_recv().ok()).collect();
        first.into_iter().chain(rest).for_each(|path| self.note(path, &mut change));
        self.watch_workers();
        self.answered = Some(self.timer.instant());
        change
    }

    fn note(&self, path: PathBuf, change: &mut StatusChange) {
        if self.files.contains(&path) {
            change.files.insert(path);
            return;
        }
        let below = path
            .strip_prefix(self.home.root().join("workers"))
            .or_else(|_| path.strip_prefix(self.home.status()));
        let name = below.ok().and_then(|below| below.iter().next()?.to_str());
        if let Some(name) = name {
            change.workers.insert(name.trim_end_matches(".json").to_owned());
        }
    }
}

fn of_notify(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        _ => io::Error::other(error),
    }
}
