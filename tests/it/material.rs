//! What a model is to work from, and where its result goes.

use forge_sim::Sim;

use crate::{
    place::Place,
    run::{CAST, TOPIC, object},
    run_with_input, with_sim,
};

/// Everything that was sent, as text.
fn sent(sim: &Sim) -> String {
    sim.journal().iter().map(|request| request.body.to_string()).collect()
}

#[test]
fn what_is_piped_in_beside_a_prompt_is_material() {
    with_sim("{}", |sim| {
        let place = Place::with("piped", sim, CAST);
        let mut ask = place.command(&["ask", "Summarise this", "--provider", "claude"]);
        let said = run_with_input(&mut ask, "The depot opens at nine.\n");
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(sent(sim).contains("Summarise this\\n\\nThe depot opens at nine."), "{}", sent(sim));

        let mut run = place.command(&["run", TOPIC, "--mode", "direct", "--json"]);
        let result = object(&run_with_input(&mut run, "The yard closes at ten.\n"));
        assert_eq!(result["asked"]["references"], serde_json::json!(["standard input"]));
        assert!(sent(sim).contains("The yard closes at ten."));

        // What is empty is no material, and what stands for the prompt is not material as well.
        let said = run_with_input(&mut place.command(&["ask", "Hello", "--provider", "claude"]), " \n");
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(sim.journal().last().unwrap().body.to_string().contains(r#""Hello""#));
        let mut ask = place.command(&["ask", "-", "--reference", "config.yaml", "--provider", "claude"]);
        let said = run_with_input(&mut ask, "What is this?\n");
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let last = sim.journal().last().unwrap().body.to_string();
        assert!(
            last.contains("What is this?") && last.contains("config.yaml:\\n\\nschema_version"),
            "{last}"
        );
    });
}

#[test]
fn a_folder_gives_its_texts_and_says_which() {
    with_sim("{}", |sim| {
        let place = Place::with("folder", sim, CAST);
        let write = |name: &str, content: &[u8]| {
            let path = place.path(&format!("notes/{name}"));
            std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        write("b.md", b"second text");
        write("a/one.md", b"first text");
        write("wide.txt", b"\xff\xfew\0i\0d\0e\0");
        write("logo.bin", b"\0\x01\x02");
        // Larger than any memory.
        std::fs::File::create(place.path("notes/huge.bin")).unwrap().set_len(1 << 36).unwrap();
        write("target/out.md", b"generated text");
        write(".gitignore", b"target/\n");
        let said = place.run(&["ask", "Compare", "--reference", "notes", "--provider", "claude"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let listed = "notes: 3 files, 1 kB: notes/a/one.md, notes/b.md, notes/wide.txt; left out, not text: notes/huge.bin, notes/logo.bin";
        assert!(said.stderr.contains(listed), "{}", said.stderr);
        let sent = sent(sim);
        assert!(sent.contains("notes/a/one.md:\\n\\nfirst text\\n\\nnotes/b.md:\\n\\nsecond text"), "{sent}");
        assert!(sent.contains("wide") && !sent.contains("generated"), "{sent}");

        std::fs::create_dir(place.path("empty")).unwrap();
        let said = place.run(&["ask", "x", "--reference", "empty"]);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains("there is no text in empty"), "{}", said.stderr);
    });
}

#[test]
fn pictures_and_documents_reach_those_who_see_them_and_the_others_are_named() {
    with_sim("{}", |sim| {
        let place = Place::with("pictures", sim, CAST);
        std::fs::write(place.path("plan.png"), b"\x89PNG not really").unwrap();
        std::fs::write(place.path("rules.pdf"), b"%PDF-1.4 not really").unwrap();
        let (png, pdf) = ("iVBORyBub3QgcmVhbGx5", "JVBERi0xLjQgbm90IHJlYWxseQ==");
        let pair = ["--reference", "plan.png", "--reference", "rules.pdf"];
        let said = place.run(&[&["ask", "What is this?", "--provider", "claude"], &pair[..]].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(sent(sim).contains(png) && sent(sim).contains(pdf), "{}", sent(sim));

        let before = sim.journal().len();
        let result = object(&place.run(&[&["run", TOPIC, "--json"], &pair[..]].concat()));
        let requests = &sim.journal()[before..];
        assert!(requests.len() > 4 && requests.iter().all(|one| one.body.to_string().contains(png)));
        assert!(requests[0].body.to_string().contains("It is attached to this message."));
        assert_eq!(result["notes"], serde_json::json!([]));
        let offline = object(&place.run(&[&["run", TOPIC, "--json", "--offline"], &pair[..]].concat()));
        let notes = offline["notes"].to_string();
        assert!(notes.contains("local/qwen3 cannot see rules.pdf"), "{notes}");
    });
}

#[test]
fn a_name_with_an_at_sign_is_text_and_that_is_said() {
    let place = Place::new("at-sign");
    std::fs::write(place.path("notes.md"), "x").unwrap();
    for command in ["ask", "run"] {
        let said = place.run(&[command, "Summarise @notes.md, and ask @nobody", "--offline"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stderr.contains("add `--reference notes.md`"), "{}", said.stderr);
        assert!(!said.stderr.contains("nobody`"), "{}", said.stderr);
    }
}

#[test]
fn the_ending_decides_what_is_written_and_nothing_good_is_overwritten() {
    let place = Place::new("endings");
    let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    let result = object(&place.run(&["run", TOPIC, "--offline", "--json"]));
    let document = format!("{}\n", result["document"].as_str().unwrap().trim_end());
    let id = result["session"].as_str().unwrap();
    for name in ["r.md", "r.html", "r.json", "r.txt"] {
        assert_eq!(place.run(&["sessions", "export", id, "-o", name]).code, Some(0), "{name}");
    }
    assert!(read("r.md").contains("SIMULATED") && read("r.html").starts_with("<!doctype html>"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&read("r.json")).unwrap(), result);
    assert_eq!(read("r.txt"), document);
    let said = place.run(&["run", TOPIC, "--offline", "--document-only"]);
    assert_eq!(said.stdout, document, "equal seeds give equal documents");
    assert!(said.stderr.starts_with("SIMULATED"), "{}", said.stderr);

    let said =
        place.run(&["run", "A function that adds", "--offline", "--output-type", "code", "-o", "y.rs"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!read("y.rs").contains("```"), "{}", read("y.rs"));

    for name in ["r.pdf", "R.DOCX"] {
        let said = place.run(&["run", TOPIC, "--offline", "-o", name]);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{}", said.stderr);
        assert!(said.stderr.contains("write `.html` and print it"), "{}", said.stderr);
    }

    let said = place.run(&["run", TOPIC, "--offline", "--deadline", "1ms", "-o", "r.txt"]);
    assert_ne!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("r.txt stays as it was"), "{}", said.stderr);
    assert_eq!(read("r.txt"), document);
    let left = std::fs::read_dir(place.path("")).unwrap().map(|one| one.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().ends_with(".part")).count(), 0);
}
