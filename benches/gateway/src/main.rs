//! What `forge serve` costs, beside nginx in front of the same vendor and in the same run, and a soak of it.
//!
//! ```sh
//! cargo run --release --manifest-path benches/gateway/Cargo.toml -- --forge target/release/forge
//! cargo run --manifest-path benches/gateway/Cargo.toml -- soak --minutes 60 --forge target/release/forge
//! ```

mod calls;
mod client;
mod cold;
mod counts;
mod frontier;
mod limit;
mod load;
mod memory;
mod mock;
mod process;
mod rig;
mod servers;
mod soak;
mod streams;
mod watchers;

use std::{env, error::Error, path::PathBuf, process::ExitCode, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

pub(crate) type Failure = Box<dyn Error>;

/// What is wanted.
#[derive(Debug)]
pub(crate) struct Wanted {
    soak: bool,
    minutes: f64,
    forge: PathBuf,
    /// Times that what is compared is measured in turns.
    pub(crate) rounds: usize,
    /// The parts that are measured; all of them if empty.
    parts: Vec<String>,
}

impl Wanted {
    fn read() -> Result<Self, Failure> {
        let mut wanted = Self {
            soak: false,
            minutes: 2.0,
            forge: "target/release/forge".into(),
            rounds: 5,
            parts: Vec::new(),
        };
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
            match word.as_str() {
                "soak" => wanted.soak = true,
                "--minutes" => wanted.minutes = value()?.parse()?,
                "--forge" => wanted.forge = value()?.into(),
                "--rounds" => wanted.rounds = value()?.parse()?,
                "--part" => wanted.parts.push(value()?),
                _ => return Err(format!("`{word}`: {USAGE}").into()),
            }
        }
        wanted.forge =
            wanted.forge.canonicalize().map_err(|error| format!("{}: {error}", wanted.forge.display()))?;
        Ok(wanted)
    }

    pub(crate) fn has(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }
}

const USAGE: &str = "gateway [soak] [--forge PROGRAM] [--minutes N] [--rounds N] \
                     [--part calls|streams|memory|cold|watchers|frontier|limit|counts]...";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            let (mut ended, mut interrupted) =
                (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            // Whatever was started goes with the work.
            tokio::select! {
                outcome = work() => outcome,
                _ = ended.recv() => Err("ended from outside".into()),
                _ = interrupted.recv() => Err("interrupted".into()),
            }
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn work() -> Result<(), Failure> {
    let wanted = Wanted::read()?;
    if wanted.soak {
        return soak::run(&wanted.forge, Duration::from_secs_f64(wanted.minutes * 60.0)).await;
    }
    let rig = rig::Rig::start(&wanted).await?;
    let mut table = vec![
        "| What | Goal | nginx | forge | forge / nginx |".to_owned(),
        "|---|---|--:|--:|--:|".to_owned(),
    ];
    // One after the other: each would disturb the others.
    for part in ["calls", "streams", "memory", "cold", "watchers", "frontier", "limit", "counts"] {
        if !wanted.has(part) {
            continue;
        }
        eprintln!("{part} ...");
        let rows = match part {
            "calls" => calls::rows(&rig, wanted.rounds).await?,
            "streams" => streams::rows(&rig, wanted.rounds).await?,
            "memory" => memory::rows(&rig).await?,
            "cold" => cold::rows(&rig, wanted.rounds).await?,
            "watchers" => watchers::rows(&rig, wanted.rounds).await?,
            "frontier" => frontier::rows(&rig).await?,
            "limit" => limit::rows(&rig).await?,
            _ => counts::rows(&rig).await?,
        };
        for row in &rows {
            eprintln!("{row}");
        }
        table.extend(rows);
    }
    println!("{}", table.join("\n"));
    Ok(())
}

/// A row of the table.
pub(crate) fn row(what: &str, goal: &str, values: [&str; 3]) -> String {
    format!("| {what} | {goal} | {} |", values.join(" | "))
}
