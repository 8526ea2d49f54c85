//! Orders for a workflow that another process runs. They are lines of a file beside its working tree, which is of one machine as well.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use forge_core::time::Timer;
use forge_durable::Controls;
use serde::{Deserialize, Serialize};

use super::{command::Command, machine::Order};

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(200);

#[derive(Serialize, Deserialize)]
struct Line {
    command: Command,
    by: Option<String>,
}

/// The file of a workflow, from what was left in it when this process claimed it: older orders were for another run.
#[derive(Debug)]
pub(super) struct Orders {
    path: PathBuf,
    from: u64,
}

impl Orders {
    pub(super) fn of(folder: &Path) -> Self {
        let path = folder.join("orders");
        let from = fs::metadata(&path).map(|facts| facts.len()).unwrap_or_default();
        Self { path, from }
    }

    /// Leaves an order.
    pub(super) fn leave(&self, command: &Command, by: Option<String>) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut line = serde_json::to_vec(&Line { command: command.clone(), by })?;
        line.push(b'\n');
        // Whole lines in one write, so that two who leave orders do not mix them.
        OpenOptions::new().create(true).append(true).open(&self.path)?.write_all(&line)
    }

    /// Hands on what is left, until it is dropped.
    pub(super) async fn follow(mut self, timer: Arc<dyn Timer>, controls: Controls<Order>) {
        loop {
            for Line { command, by } in self.read() {
                controls.send(Order { command, by });
            }
            timer.sleep_until(timer.instant() + EVERY).await;
        }
    }

    /// The whole lines that are new. What cannot be read is no order.
    fn read(&mut self) -> Vec<Line> {
        let mut text = String::new();
        let read = fs::File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.from))?;
            file.read_to_string(&mut text)
        });
        if read.is_err() {
            return Vec::new();
        }
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.from += whole as u64;
        text[..whole].lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}
