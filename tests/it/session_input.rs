//! What users give `forge run` and `forge resume` that they should not.

use std::process::{Child, Stdio};

use forge_sim::{Scenario, Sim};

use crate::{
    place::Place,
    run::{CAST, TOPIC, object},
    run_with_input, with_sim,
};

#[test]
fn a_prompt_of_nothing_is_refused_wherever_it_comes_from() {
    let place = Place::new("empty-prompt");
    std::fs::write(place.path("empty.md"), "").unwrap();
    std::fs::write(place.path("blank.md"), "\n \t\n").unwrap();
    for arguments in [
        &["run", "", "--offline"][..],
        &["run", "--offline", "--file", &place.path("empty.md")],
        &["run", "--offline", "--file", &place.path("blank.md")],
    ] {
        let said = place.run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains("the prompt is empty"), "{}", said.stderr);
    }
    let said = run_with_input(&mut place.command(&["run", "-", "--offline"]), "  \n");
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("the prompt is empty"), "{}", said.stderr);
}

#[test]
fn a_file_without_an_end_is_refused_in_constant_memory() {
    let place = Place::new("endless");
    for arguments in [
        &["run", "x", "--offline", "--reference", "/dev/zero"][..],
        &["run", "--offline", "--file", "/dev/zero"],
        &["ask", "x", "--offline", "--schema", "/dev/zero"],
        &["ask", "--offline", "--request", "/dev/zero"],
        &["route", "explain", "--role", "critic", "--offline", "--file", "/dev/zero"],
        &["sim", "--scenario", "/dev/zero"],
    ] {
        let said = place.run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains("/dev/zero is larger than 1"), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn a_place_where_nothing_can_be_written_is_refused_before_anything_is_asked() {
    with_sim("{}", |sim| {
        let place = Place::with("no-output", sim, CAST);
        for path in [place.path(""), place.path("nowhere/result.md")] {
            let said = place.run(&["run", TOPIC, "-o", &path]);
            assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{path}: {}", said.stderr);
            assert!(said.stderr.contains("cannot be written"), "{path}: {}", said.stderr);
        }
        assert_eq!(sim.journal().len(), 0);
    });
}

#[test]
fn a_reference_of_ten_megabytes_is_cut_and_a_larger_one_refused() {
    with_sim("{}", |sim| {
        let place = Place::with("large-reference", sim, CAST);
        let line = "Every word of this line counts for something.\n";
        std::fs::write(place.path("ten.md"), line.repeat(10_000_000 / line.len())).unwrap();
        std::fs::write(place.path("more.md"), line.repeat(11_000_000 / line.len())).unwrap();
        let result = object(&place.run(&["run", TOPIC, "--reference", &place.path("ten.md"), "--json"]));
        assert_eq!(result["label"], "synthesis");
        let sent = sim.journal();
        assert_eq!(sent.len(), 5);
        for request in &sent {
            let body = request.body.to_string();
            assert!(body.len() < 120_000, "{} bytes", body.len());
            assert!(body.contains("characters of this reference are left out"), "every stage has its share");
        }
        let said = place.run(&["run", TOPIC, "--reference", &place.path("more.md")]);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains("larger than 10 MiB"), "{}", said.stderr);
        assert_eq!(sim.journal().len(), sent.len());
    });
}

/// A session whose synthesis gets no answer, at the time when it is asked for, and its id.
fn under_way(place: &Place, sim: &Sim, journal: &[&str]) -> (Child, String) {
    let mut child = place
        .command(&[&["run", TOPIC], journal].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let id =
        lines.by_ref().find_map(|line| Some(line.unwrap().strip_prefix("session ")?.to_owned())).unwrap();
    // Nobody else reads what the session says; it must not wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    while sim.journal().len() < 4 {
        std::thread::yield_now();
    }
    (child, id)
}

#[test]
fn who_resumes_a_session_that_is_under_way_is_refused_and_told_by_whom() {
    with_sim("rules: [{ vendor: anthropic, nth: \"2..9\", stall: { before_headers: 600000 } }]", |sim| {
        let place = Place::with("two-resumers", sim, CAST);
        let folder = place.path("sessions");
        for journal in [&[][..], &["--journal", &folder]] {
            sim.reset();
            let (mut child, id) = under_way(&place, sim, journal);
            let calls = sim.journal().len();
            for _ in 0..2 {
                let said = place.run(&[&["resume", &id], journal].concat());
                assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{}", said.stderr);
                let holder = format!("is being run by process {}", child.id());
                assert!(said.stderr.contains(&holder), "{}", said.stderr);
            }
            assert_eq!(sim.journal().len(), calls, "who is refused asks nobody");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    });
}

#[test]
fn a_journal_of_a_newer_version_is_refused_and_stays_as_it_is() {
    with_sim("{}", |sim| {
        let place = Place::with("newer-journal", sim, CAST);
        let folder = place.path("sessions");
        let result = object(&place.run(&["run", TOPIC, "--journal", &folder, "--json"]));
        let id = result["session"].as_str().unwrap();
        let file = place.path(&format!("sessions/{id}.jsonl"));
        let text = std::fs::read_to_string(&file).unwrap();
        let calls = sim.journal().len();
        sim.set_scenario(Scenario::default()).unwrap();
        for newer in
            [text.replace("{\"v\":1", "{\"v\":2"), format!("{text}{{\"v\":7,\"crc\":0,\"entries\":[]}}\n")]
        {
            std::fs::write(&file, &newer).unwrap();
            for command in [&["resume", id][..], &["resume", id, "--force"]] {
                let said = place.run(&[command, &["--journal", &folder]].concat());
                assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{}", said.stderr);
                assert!(said.stderr.contains("this program reads up to 1"), "{}", said.stderr);
            }
            assert_eq!(std::fs::read_to_string(&file).unwrap(), newer);
        }
        assert_eq!(sim.journal().len(), calls);
    });
}
