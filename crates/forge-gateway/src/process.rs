//! What the process itself takes, under the names that Prometheus' own libraries give it.

use std::{fmt::Write as _, fs};

/// Ticks of the system's clock in a second, as programs are told of them on Linux.
const TICKS: f64 = 100.0;

/// The figures in the text format of Prometheus; nothing where the system does not tell them.
pub(crate) fn figures() -> String {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let open = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    let mut text = String::new();
    let mut figure = |name: &str, kind: &str, help: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    };
    let seconds = cpu_seconds(&stat).map(|seconds| seconds.to_string());
    figure("process_cpu_seconds_total", "counter", "Seconds of all cores that were used.", seconds);
    let memory = resident_bytes(&status).map(|bytes| bytes.to_string());
    figure("process_resident_memory_bytes", "gauge", "Memory of the process.", memory);
    figure("process_open_fds", "gauge", "Open files and connections.", open.map(|open| open.to_string()));
    text
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name of the program stands in brackets before them and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / TICKS)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_any_name_is_told_of() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 12345 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t   20 kB\n"), Some(20 * 1024));
        assert_eq!((cpu_seconds(""), resident_bytes("")), (None, None));
    }
}
