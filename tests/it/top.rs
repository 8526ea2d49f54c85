//! `forge top` in a real terminal, which tmux is.

use std::{
    process::{Command, Output},
    time::{Duration, Instant},
};

use crate::{forms::TmuxServer, place::Place};

const PATIENCE: Duration = Duration::from_secs(20);

/// Where tmux is.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A place with workers, and a terminal on a server of its own in which the dashboard runs.
struct Screen {
    place: Place,
    server: TmuxServer,
    _workers: TmuxServer,
}

impl Screen {
    fn new(name: &str, workers: &[&str], size: (u16, u16)) -> Self {
        let place = Place::new(name);
        let said = |words: &[&str]| {
            let output = place.command(words).env("PATH", PATH).output().unwrap();
            assert!(output.status.success(), "{words:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let doctor: serde_json::Value = serde_json::from_str(&said(&["worker", "doctor", "--json"])).unwrap();
        let own = TmuxServer(doctor["socket"].as_str().unwrap().to_owned());
        for worker in workers {
            said(&["worker", "spawn", worker, "--agent", "sim", "-q"]);
        }
        said(&["bead", "add", "Mend the parser"]);
        let server = TmuxServer(format!("{name}-{}", std::process::id()));
        let screen = Self { place, server, _workers: own };
        let top = screen.place.command(&["top"]);
        // The shell stays behind, so that the terminal can be seen afterwards.
        let line = format!(
            "cd {here}; FORGE_HOME={here} PATH={PATH} {program} top; echo ended $?; cat",
            here = screen.place.path("."),
            program = top.get_program().display()
        );
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let output =
            screen.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", &height, &line]);
        assert!(output.status.success(), "{output:?}");
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-u", "-L", &self.server.0])
            .args(arguments)
            .env("PATH", PATH)
            .output()
            .unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"], keys].concat()).status.success());
    }

    /// What is on the screen, once all of this is.
    fn shows(&self, texts: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let shown = String::from_utf8(self.tmux(&["capture-pane", "-p"]).stdout).unwrap();
            if texts.iter().all(|text| shown.contains(text)) {
                return shown;
            }
            assert!(Instant::now() < end, "{texts:?} are not on the screen:\n{shown}");
        }
    }
}

#[test]
fn the_dashboard_shows_what_is_there_and_every_size_has_a_layout() {
    let screen = Screen::new("top-sizes", &["alpha", "beta"], (80, 24));
    screen.shows(&["alpha", "beta", "2 idle, 2 in all", "1 ready", "1Overview 2Workers"]);
    screen.keys(&["3"]);
    screen.shows(&["Mend the parser", "P2"]);
    for (width, height, mark) in
        [("120", "40", "1 Overview   2 Workers"), ("200", "55", "Alerts"), ("80", "24", "1Overview")]
    {
        screen.keys(&["1"]);
        screen.tmux(&["resize-window", "-x", width, "-y", height]);
        let shown = screen.shows(&[mark, "alpha", "beta", "? help"]);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), height.parse::<usize>().unwrap(), "the last line is the last line:\n{shown}");
    }
    // What another process does is on the screen without a key.
    let add = screen.place.command(&["bead", "add", "Come later"]).output().unwrap();
    assert!(add.status.success());
    screen.shows(&["2 ready"]);
    screen.keys(&["q"]);
    screen.shows(&["ended 0"]);
}

#[test]
fn a_worker_is_told_looked_at_frozen_and_removed_from_the_dashboard() {
    let screen = Screen::new("top-keys", &["alpha"], (100, 30));
    screen.keys(&["2"]);
    screen.shows(&["alpha", "ready", "sim>"]);
    screen.keys(&["m"]);
    screen.shows(&["to alpha:"]);
    screen.keys(&["-l", "hello; $(id)"]);
    screen.keys(&["Enter"]);
    screen.shows(&["alpha: delivered", "12 bytes"]);
    screen.keys(&["Enter"]);
    // The terminal of the agent itself: tmux has its line at the bottom.
    screen.shows(&["sim> 12 bytes", "[forge-wor"]);
    screen.keys(&["C-q"]);
    screen.shows(&["2 Workers", "? help"]);
    screen.keys(&["f"]);
    screen.shows(&["alpha: frozen"]);
    screen.shows(&["P   alpha"]);
    screen.keys(&["f"]);
    screen.shows(&["alpha: thawed"]);
    screen.keys(&["D"]);
    screen.shows(&["Remove alpha", "no worktree", "[y/N]"]);
    screen.keys(&["x"]);
    screen.shows(&["nothing was done", "alpha"]);
    screen.keys(&["D"]);
    screen.shows(&["[y/N]"]);
    screen.keys(&["y"]);
    screen.shows(&["No workers"]);
    screen.keys(&["C-c"]);
    screen.shows(&["ended 0"]);
}

#[test]
fn a_dashboard_that_is_terminated_leaves_the_terminal_as_it_was() {
    let screen = Screen::new("top-ends", &[], (80, 24));
    screen.shows(&["No workers"]);
    let shell = String::from_utf8(screen.tmux(&["display-message", "-p", "#{pane_pid}"]).stdout).unwrap();
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", shell.trim())).unwrap();
    let kill = Command::new("kill").args(["-TERM", children.trim()]).status().unwrap();
    assert!(kill.success());
    screen.shows(&["ended 0"]);
    // What is typed is echoed again, and the cursor is there.
    screen.keys(&["-l", "echoed"]);
    screen.shows(&["echoed"]);
    let flags = screen.tmux(&["display-message", "-p", "#{cursor_flag} #{alternate_on}"]).stdout;
    assert_eq!(String::from_utf8(flags).unwrap().trim(), "1 0");
}

#[test]
fn without_a_terminal_it_says_what_to_do_and_the_overview_is_text() {
    let place = Place::new("top-text");
    let refused = place.run(&["top"]);
    assert_eq!((refused.code, &*refused.stdout), (Some(2), ""));
    assert!(refused.stderr.contains("--once"), "{}", refused.stderr);
    let once = place.run(&["top", "--once"]);
    assert_eq!(once.code, Some(0), "{}", once.stderr);
    assert!(once.stdout.contains("workers    0 active, 0 idle, 0 in all"), "{}", once.stdout);
    let elsewhere = place.run(&["top", "--once", "--workspace", "missing"]);
    assert_eq!(elsewhere.code, Some(2), "{}", elsewhere.stderr);
}
