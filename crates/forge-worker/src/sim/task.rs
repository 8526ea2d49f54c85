//! A bead that the scripted agent does: files are written, committed, and the bead is closed with the commit.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Component, Path},
    process::Command,
};

/// Does what stands in the lines of a prompt; what it did, in one line.
pub(super) fn carry_out(prompt: &str) -> io::Result<String> {
    let lines = prompt.lines().filter_map(|line| line.strip_prefix("write ")?.split_once(' '));
    for (path, text) in lines {
        write(Path::new(path), text)?;
    }
    let title =
        prompt.lines().next().and_then(|line| line.split_once(": ")).map_or("a task", |(_, title)| title);
    git(&["add", "--all"])?;
    git(&["-c", "user.name=sim", "-c", "user.email=sim@example.com", "commit", "--quiet", "-m", title])?;
    let commit = git(&["rev-parse", "HEAD"])?;
    close(prompt, commit.trim())
}

/// A line at the end of a file in the current folder, and nowhere else.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::other(format!("{} leads out of the folder", path.display())));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    writeln!(OpenOptions::new().create(true).append(true).open(path)?, "{text}")
}

/// Runs the line of the prompt that closes the bead, by this program.
fn close(prompt: &str, commit: &str) -> io::Result<String> {
    let line = prompt.lines().find(|line| line.trim_start().starts_with("done: "));
    let (_, words) = line
        .and_then(|line| line.split_once(" bead close "))
        .ok_or_else(|| io::Error::other("the prompt does not say how it is closed"))?;
    // The workspace comes from the environment.
    let words = words.split_whitespace().take(5).map(|word| if word == "HASH" { commit } else { word });
    run(Command::new(std::env::current_exe()?).args(["bead", "close"]).args(words))?;
    Ok(format!("done with {commit}"))
}

fn git(arguments: &[&str]) -> io::Result<String> {
    run(Command::new("git").args(arguments))
}

fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
