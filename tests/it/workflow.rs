//! `forge workflow` as a user has it, on real repositories.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{Said, place::Place, run, run::object, with_sim};

/// A place with one of the example repositories in its folder `work`.
fn example(name: &str, test: &str) -> Place {
    let place = Place::new(&format!("workflow-{name}-{test}"));
    checkout(name, Path::new(&place.path("work")));
    place
}

/// One of the example repositories in a folder that is not there yet.
pub(crate) fn checkout(name: &str, folder: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/workflow").join(name);
    fs::create_dir_all(folder).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    }
    git_in(folder, &["init", "-q", "-b", "main", "."]);
    git_in(folder, &["add", "-A"]);
    git_in(folder, &["commit", "-q", "-m", "begin"]);
}

fn git(place: &Place, arguments: &[&str]) -> String {
    git_in(Path::new(&place.path("work")), arguments)
}

fn git_in(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-C"];
    let output = Command::new("git").args(identity).arg(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(&["workflow"]);
    command.args(arguments).arg("--offline").current_dir(place.path("work"));
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

fn forge(place: &Place, arguments: &[&str]) -> Said {
    run(&mut command(place, arguments))
}

fn passes(place: &Place) -> bool {
    Command::new("sh").arg("check.sh").current_dir(place.path("work")).output().unwrap().status.success()
}

fn task(place: &Place) -> String {
    fs::read_to_string(place.path("work/task.txt")).unwrap().trim().to_owned()
}

#[test]
fn each_example_goes_from_red_to_green_and_nothing_of_git_is_touched() {
    for (name, tasks) in [("greeting", 1), ("totals", 2), ("links", 2)] {
        let place = example(name, "whole");
        assert!(!passes(&place), "{name}");
        let head = git(&place, &["rev-parse", "HEAD"]);
        let started = forge(&place, &["start", &task(&place), "--check", "sh check.sh"]);
        assert_eq!(started.code, Some(0), "{name}: {}", started.stderr);
        assert!(started.stdout.contains("awaiting approval"), "{name}: {}", started.stdout);
        let approved = forge(&place, &["approve", "--json"]);
        let workflow = object(&approved);
        // Of two tasks, the first may leave the check red: then it is told, and cannot do more than it did.
        assert_eq!(workflow["tasks"].as_array().unwrap().len(), tasks, "{name}: {workflow:#}");
        assert_eq!(workflow["stage"], "awaiting_merge", "{name}: {workflow:#}\n{}", approved.stderr);
        assert!(!passes(&place), "{name}: nothing is in the folder before it is applied");
        let applied = forge(&place, &["apply"]);
        assert_eq!(applied.code, Some(0), "{name}: {}", applied.stderr);
        assert!(passes(&place), "{name}");
        assert_eq!(
            (git(&place, &["rev-parse", "HEAD"]), git(&place, &["diff", "--cached"])),
            (head, String::new())
        );
        assert_eq!(forge(&place, &["undo"]).code, Some(0));
        assert!(!passes(&place), "{name}");
        assert_eq!(git(&place, &["status", "--short"]), "");
    }
}

#[test]
fn wrong_words_say_what_to_type_and_do_nothing() {
    let place = example("greeting", "words");
    for (wrong, word) in [
        (&["approve"][..], "forge workflow start"),
        (&["show", "20990101-000000-abcd"], "forge workflow list"),
        (&["show", "Not A Name"], "forge workflow list"),
    ] {
        let said = forge(&place, wrong);
        assert_eq!(said.code, Some(2), "{wrong:?}: {}", said.stderr);
        assert!(said.stderr.contains(word), "{wrong:?}: {}", said.stderr);
    }
    assert_eq!(forge(&place, &["start", &task(&place)]).code, Some(0));
    let early = forge(&place, &["apply"]);
    assert_eq!(early.code, Some(2));
    assert!(
        early.stderr.contains("a workflow that is awaiting approval has no result yet"),
        "{}",
        early.stderr
    );
    assert_eq!(forge(&place, &["abort"]).code, Some(0));
    let late = forge(&place, &["approve"]);
    assert!(late.stderr.contains("a workflow that is aborted cannot be approved"), "{}", late.stderr);
    assert_eq!(forge(&place, &["delete"]).code, Some(0));
    assert_eq!(git(&place, &["worktree", "list"]).lines().count(), 1);
    assert_eq!(git(&place, &["for-each-ref", "refs/forge"]), "");
}

#[test]
fn a_folder_without_git_is_worked_in_itself_and_can_be_brought_back() {
    let place = example("greeting", "plain");
    fs::remove_dir_all(place.path("work/.git")).unwrap();
    let refused = forge(&place, &["start", &task(&place), "--yes"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("is no git repository; `--here` works in the folder itself"),
        "{}",
        refused.stderr
    );
    let here = forge(&place, &["start", &task(&place), "--yes", "--here", "--check", "sh check.sh"]);
    assert_eq!(here.code, Some(0), "{}", here.stderr);
    assert!(passes(&place));
    assert_eq!(forge(&place, &["undo"]).code, Some(0));
    assert!(!passes(&place));
}

/// Calls by their task, as the accounts have them.
fn calls(place: &Place) -> Vec<String> {
    let sql = "SELECT task FROM model_usage ORDER BY 1";
    let mut command = place.command(&["metrics", "sql", sql, "--offline", "--format", "json"]);
    let said = run(&mut command);
    let rows: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
    let rows = rows["rows"].as_array().unwrap_or_else(|| panic!("{rows}"));
    rows.iter().map(|row| row["task"].as_str().unwrap().rsplit_once('.').unwrap().1.to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn a_killed_workflow_goes_on_where_it_was_and_a_second_process_waits_or_gives_orders() {
    let place = example("greeting", "killed");
    let fifo = place.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    // The check fails before the first edit, and then waits for somebody who writes into the pipe.
    let check = format!("sh {}", place.path("wait.sh"));
    let waits = format!("grep -q nam! greet.sh && exit 1\nread line < {fifo}\nsh check.sh\n");
    fs::write(place.path("wait.sh"), waits).unwrap();
    assert_eq!(forge(&place, &["start", &task(&place), "--check", &check]).code, Some(0));
    let mut running = command(&place, &["approve", "--jsonl"]);
    let mut child = running.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It stands at its check.
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_check = |line: &String| line.contains(r#""begun""#) && line.contains(r#""check""#);
    assert!(lines.map(Result::unwrap).any(|line| is_check(&line)));
    let second = forge(&place, &["resume"]);
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains("is being run by"), "{}", second.stderr);
    let before = calls(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    // Whoever still waits at the pipe ends.
    drop(fs::write(&fifo, "go\n"));
    let check = format!("printf 'true\\n' > {}", place.path("wait.sh"));
    assert!(Command::new("sh").args(["-c", &check]).status().unwrap().success());
    let resumed = forge(&place, &["resume", "--json"]);
    assert_eq!(object(&resumed)["stage"], "awaiting_merge", "{}", resumed.stderr);
    let mut after = calls(&place);
    after.retain(|task| !before.contains(task));
    assert_eq!(after, ["reviewer:1"], "{before:?}");
}

#[test]
fn a_credential_that_is_refused_stops_a_workflow_before_it_begins_unless_somebody_stands_in() {
    let refusing = "rules: [{ vendor: anthropic, path: /v1/models, error: { kind: authentication } }]";
    with_sim(refusing, |sim| {
        let place = Place::with("workflow-refused", sim, "roles: { planner: { provider: claude } }\n");
        let work = place.path("work");
        checkout("greeting", Path::new(&work));
        let start = || {
            let mut command = place.command(&["workflow", "start", &task(&place), "--no-clarify"]);
            command.current_dir(&work).env("PATH", "/usr/local/bin:/usr/bin:/bin");
            run(&mut command)
        };
        let said = start();
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        for words in
            ["nobody can be asked as planner: claude: its credential was refused", "forge providers status"]
        {
            assert!(said.stderr.contains(words), "{}", said.stderr);
        }
        assert!(place.run(&["workflow", "list"]).stdout.lines().count() <= 1, "nothing is begun");
        let asked = sim.journal().iter().filter(|request| request.path.contains("messages")).count();
        assert_eq!(asked, 0, "nothing is paid for");

        let written = fs::read_to_string(place.config()).unwrap();
        let stands_in = written
            .replace("planner: { provider: claude }", "planner: { provider: claude, fallback: [gpt] }");
        fs::write(place.config(), stands_in).unwrap();
        let said = start();
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stdout.contains("awaiting approval"), "{}", said.stdout);
    });
}
