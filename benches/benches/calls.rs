//! What one call costs beside the network: allocations, instructions (where valgrind is installed), and
//! the memory of many streams at once. The vendor is a process of its own.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// The program that makes and answers the calls.
const PROGRAM: &str = env!("CARGO_BIN_EXE_call-cost");
/// Calls of the shorter and the longer run under callgrind; the difference is what is counted.
const RUNS: [u64; 2] = [100, 1_100];

struct Vendor(Child);

impl Drop for Vendor {
    fn drop(&mut self) {
        // Either fails only if the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let mut serve =
        Command::new(PROGRAM).arg("serve").stdout(Stdio::piped()).spawn().expect("the vendor starts");
    let mut url = String::new();
    BufReader::new(serve.stdout.take().expect("a pipe")).read_line(&mut url).expect("an address");
    let (url, _vendor) = (url.trim(), Vendor(serve));

    for form in ["unary", "stream"] {
        println!("{form}: {} allocations a call", output(&mut Command::new(PROGRAM), &[form, "1000", url]));
        match RUNS.map(|calls| instructions(form, calls, url)) {
            [Some(short), Some(long)] => {
                println!("{form}: {} instructions a call", (long - short) / (RUNS[1] - RUNS[0]));
            }
            _ => println!("{form}: instructions not counted, because valgrind is not installed"),
        }
    }
    println!("1000 streams at once: {}", output(&mut Command::new(PROGRAM), &["many", "1000", url]));
}

fn output(command: &mut Command, arguments: &[&str]) -> String {
    let output = command.args(arguments).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn instructions(form: &str, calls: u64, url: &str) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, form, &calls.to_string(), url])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    report.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok())
}
