//! `forge bead`: the queue of a folder, as its users run it.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{Said, place::Place, run, run_with_input};

fn bead(place: &Place, words: &[&str]) -> Said {
    place.run(&[&["bead"], words].concat())
}

/// What it prints, where it succeeds.
fn printed(place: &Place, words: &[&str]) -> String {
    let said = bead(place, words);
    assert_eq!(said.code, Some(0), "{words:?}: {}", said.stderr);
    said.stdout
}

/// What it says, where it fails so.
fn refused(place: &Place, code: i32, words: &[&str]) -> String {
    let said = bead(place, words);
    assert_eq!((said.code, &*said.stdout), (Some(code), ""), "{words:?}: {}", said.stderr);
    said.stderr
}

#[test]
fn a_bead_goes_from_add_to_close() {
    let place = Place::new("bead-flow");
    let id = printed(&place, &["add", "Mend the parser", "-t", "bug", "-p", "1"]);
    let id = id.trim();
    let later = printed(&place, &["add", "Tell of it", "--blocked-by", id]);
    assert!(printed(&place, &["ready"]).contains("Mend the parser") && id.starts_with("forge"), "{id}");
    assert_eq!(printed(&place, &["claim", "--worker", "alpha"]), format!("{id}\t1\tMend the parser\n"));
    let nothing = bead(&place, &["claim", "--worker", "beta"]);
    assert_eq!((nothing.code, &*nothing.stdout), (Some(0), ""));
    assert!(nothing.stderr.contains("workers have 1 of 2 beads, and 1 wait"), "{}", nothing.stderr);
    let taken = refused(&place, 1, &["claim", id, "--worker", "beta"]);
    assert!(taken.contains("alpha has it until"), "{taken}");
    assert!(refused(&place, 2, &["claim"]).contains("--worker NAME"));

    refused(&place, 2, &["close", id, "--generation", "1"]);
    refused(&place, 2, &["close", id, "--generation", "1", "--commit", "yes"]);
    refused(&place, 2, &["close", id, "--generation", "1", "--nothing-to-do", " "]);
    let old = refused(&place, 1, &["close", id, "--generation", "2", "--commit", "0123456"]);
    assert!(old.contains("alpha has it, as generation 1") && old.contains("keep the work"), "{old}");
    printed(&place, &["close", id, "--generation", "1", "--commit", "0123456"]);
    assert!(printed(&place, &["ready"]).contains("Tell of it"));
    assert!(printed(&place, &["show", id]).contains("P1 bug, closed"));
    assert!(!printed(&place, &["list"]).contains(id) && printed(&place, &["list", "--all"]).contains(id));
    let unknown = refused(&place, 2, &["show", &format!("{}x", later.trim())]);
    assert!(unknown.contains(&format!("did you mean `{}`?", later.trim())), "{unknown}");
}

#[test]
fn a_blocked_worker_gives_its_bead_back_and_a_person_takes_one_away() {
    let place = Place::new("bead-blocked");
    for id in ["a", "b"] {
        printed(&place, &["add", "A title", "--id", id, "-p", "1"]);
    }
    printed(&place, &["claim", "a", "--worker", "alpha"]);
    let words = ["bead", "dep", "a", "--on", "b", "--reason", "it needs the form"];
    let said = run(place.command(&words).env("FORGE_WORKER_ID", "alpha"));
    assert!(said.stderr.contains("a waits for b, and is no longer alpha's"), "{}", said.stderr);
    assert!(printed(&place, &["show", "a"]).contains("it cannot be begun: b is not closed"));
    let circle = refused(&place, 2, &["dep", "b", "--on", "a", "--reason", "x"]);
    assert!(circle.contains("would wait for each other"), "{circle}");
    printed(&place, &["claim", "b", "--worker", "beta"]);
    printed(&place, &["release", "b", "--force", "--reason", "it hangs"]);
    assert!(printed(&place, &["ready"]).contains('b'));
    let log = place.run(&["audit", "--json"]).stdout;
    assert!(log.contains("lease_forced") && log.contains("it hangs"), "{log}");
}

#[test]
fn a_file_of_beads_is_the_queue_where_there_is_one() {
    let place = Place::new("bead-file");
    let file = place.path(".beads/issues.jsonl");
    fs::create_dir(place.path(".beads")).unwrap();
    let lines = "{\"id\":\"fg-2\",\"title\":\"Two\",\"own\" : 1.0}\r\n{\"_type\":\"memory\",\"x\":1}\r\n{\"id\":\"fg-1\",\"title\":\"One\",\"priority\":0}\r\n";
    fs::write(&file, lines).unwrap();
    // From a folder below, as an agent may stand there.
    fs::create_dir(place.path("src")).unwrap();
    let said = run(place.command(&["bead", "claim", "--worker", "alpha"]).current_dir(place.path("src")));
    assert!(said.stdout.starts_with("fg-1\t1\tOne"), "{said:?}");
    let text = fs::read_to_string(&file).unwrap();
    let (kept, changed) = text.split_at(lines.find("{\"id\":\"fg-1\"").unwrap());
    assert!(lines.starts_with(kept), "{text}");
    assert!(changed.contains("\"status\":\"in_progress\",\"assignee\":\"alpha\",\"updated_at\":"), "{text}");
    let exported = printed(&place, &["export"]);
    assert!(exported.lines().next().unwrap().contains("fg-1") && !exported.contains('\r'), "{exported}");

    // Into a queue of Forge's own, and out again: the same bytes.
    let other = Place::new("bead-import");
    let said = run_with_input(&mut other.command(&["bead", "import", "-"]), &exported);
    assert!(said.stderr.contains("2 added, 0 updated"), "{said:?}");
    assert_eq!(printed(&other, &["export"]), exported);
    fs::write(&file, format!("{lines}<<<<<<< HEAD\n")).unwrap();
    let merge = refused(&place, 2, &["ready"]);
    assert!(
        merge.contains("line 4 is the mark of a conflict") && merge.contains("finish the merge"),
        "{merge}"
    );
}

#[test]
fn nothing_hidden_in_a_line_reaches_the_terminal() {
    let place = Place::new("bead-hidden");
    let line = "{\"id\":\"b-\u{202e}1\",\"title\":\"A\\u001b[2J\\nB\\u202e\",\"description\":\"\\u001b]0;x\\u0007\"}\n";
    run_with_input(&mut place.command(&["bead", "import", "-"]), line);
    let shown = ["list", "ready"].map(|word| printed(&place, &[word]));
    let all = [
        &shown[0],
        &shown[1],
        &printed(&place, &["show", "b-\u{202e}1"]),
        &printed(&place, &["claim", "--worker", "w"]),
    ];
    for text in all {
        assert!(text.contains("A[2J B") && !text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
    }
}

#[test]
fn of_sixteen_who_claim_at_once_each_gets_another_bead() {
    let place = Place::new("bead-sixteen");
    let lines: Vec<_> = (0..12).map(|at| format!("{{\"id\":\"b-{at}\"}}\n")).collect();
    run_with_input(&mut place.command(&["bead", "import", "-"]), &lines.concat());
    let claims = (0..16).map(|at| {
        let worker = format!("w-{at}");
        let mut claim: Command = place.command(&["bead", "claim", "--json", "--worker", &worker]);
        claim.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let claims: Vec<_> = claims.collect();
    let ids: Vec<_> = claims
        .into_iter()
        .filter_map(|claim| {
            let output = claim.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let claimed: Value = serde_json::from_slice(&output.stdout).unwrap();
            claimed["bead"]["id"].as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (12, 12));
}
