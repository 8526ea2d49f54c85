//! What an index of a folder takes: `cargo run --release -p forge-index --example figures -- FOLDER [CACHE]`. Time and memory of
//! the process are read from Linux. With a second folder what is known is kept there for the next run.

#![allow(clippy::print_stdout, reason = "a program prints")]

use std::{error::Error, fs, time::Instant};

use forge_index::{Index, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().ok_or("name a folder")?;
    let mut options = Options::default();
    if let Some(cache) = arguments.next() {
        options = options.with_cache(cache);
    }
    let start = Instant::now();
    let mut index = Index::open(root, options)?;
    index.refresh();
    println!("up to date  {}", taken(start));
    let status = index.status();
    println!("            {} files, {} read, {:?}", status.files, status.read, status.skipped);
    let start = Instant::now();
    let found = index.find("new", None)?;
    println!("find new    {}, {} rows", taken(start), found.rows.len() + found.more);
    let start = Instant::now();
    let used = index.refs("new", None)?;
    println!("refs new    {}, {} rows", taken(start), used.rows.len() + used.more);
    let start = Instant::now();
    let map = index.map(2_000, &[])?;
    println!("map         {}, {} tokens", taken(start), map.tokens);
    Ok(())
}

/// Wall time since `start`; time of the processor and the most memory of the whole process.
fn taken(start: Instant) -> String {
    let wall = start.elapsed().as_secs_f64();
    let field = |text: String, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.and_then(|line| line.split_whitespace().nth(1).map(str::to_owned)).unwrap_or_default()
    };
    let memory = field(fs::read_to_string("/proc/self/status").unwrap_or_default(), "VmHWM:");
    let ran = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let ran = ran.split(' ').next().and_then(|ran| ran.parse::<f64>().ok()).unwrap_or_default() / 1e9;
    format!("{wall:.2} s, in all {ran:.2} s CPU, at most {memory} kB")
}
