//! Three reviews of one branch.

use forge_agent::review::{Review, Round, lines, only_since, parse, split};
use forge_core::ParticipantRole;

use crate::support::{Scripts, critique, document, fault, job, run};

/// The diff that makes a file of these lines.
fn diff(added: &[&str]) -> String {
    let text = added.iter().fold(String::new(), |all, line| all + "+" + line + "\n");
    format!("--- /dev/null\n+++ b/a.rs\n@@ -0,0 +1,{} @@\n{text}", added.len())
}

/// Finds fault with each line that it sees, and with each in other words when it is asked again.
fn nagging(category: &'static str) -> Scripts {
    Scripts::new(move |role, prompt| {
        let new = document(prompt).lines().filter(|line| line.starts_with('+') && !line.starts_with("+++"));
        let mut found: Vec<_> = new.map(|line| fault(line, "a.rs", "minor")).collect();
        for one in &mut found {
            one["category"] = category.into();
        }
        (role == ParticipantRole::Critic).then(|| critique(prompt, &found))
    })
}

#[test]
fn three_rounds_go_quiet_and_what_is_open_stays_until_its_line_goes() {
    let first = ["let first = read_all_of_it();", "let second = write_all_of_it();"];
    let report = run(&job(&diff(&first), 8_000), &nagging("correctness"));
    assert_eq!(report.findings.len(), 2);
    let round = Round::default().after("base", "one", &report).unwrap();

    // One line is mended, one stays; critics find fault with both again.
    let now = ["let first = read_all_of_it();", "let second = write_a_part_of_it();"];
    let since = parse("--- a/a.rs\n+++ b/a.rs\n@@ -1,2 +1,2 @@\n let first = read_all_of_it();\n-let second = write_all_of_it();\n+let second = write_a_part_of_it();\n").unwrap();
    let open = round.still_open(|path| (path == "a.rs").then(|| now.join("\n")));
    assert_eq!(
        open.iter().map(|one| one.quote.as_str()).collect::<Vec<_>>(),
        ["let first = read_all_of_it();"]
    );
    let change = only_since(&parse(&diff(&now)).unwrap(), &since);
    let (pieces, unread) = split(&change, 8_000);
    let second = Review {
        change,
        pieces,
        unread,
        fresh: Some(lines(&since)),
        known: round.seen.clone(),
        open,
        ..job("", 8_000)
    };
    // Another category is another fault, and on a line that was read before all the same none.
    let report = run(&second, &nagging("security"));
    assert_eq!(report.findings.iter().map(|one| one.place.as_ref().unwrap().line).collect::<Vec<_>>(), [2]);
    assert_eq!((report.open.len(), report.known), (1, 1));
    let round = round.after("base", "two", &report).unwrap();
    assert_eq!(round.open.len(), 2);

    // Nothing changed: nobody is asked.
    let nothing = parse("").unwrap();
    let open = round.still_open(|_| Some(now.join("\n")));
    let third = Review { fresh: Some(lines(&nothing)), known: round.seen.clone(), open, ..job("", 8_000) };
    let silent = nagging("clarity");
    let report = run(&third, &silent);
    assert_eq!((report.findings.len(), report.open.len(), silent.script.calls().len()), (0, 2, 0));
    assert!(
        report.first_line().starts_with("nothing changed since the last review"),
        "{}",
        report.first_line()
    );
}

#[test]
fn a_review_that_was_not_whole_counts_as_none() {
    let silent = Scripts::new(|role, _| {
        (role == ParticipantRole::Critic).then(|| serde_json::json!({"findings": []}))
    });
    let report = run(&job(&diff(&["let first = read_all_of_it();"]), 8_000), &silent);
    assert_eq!(Round::default().after("base", "one", &report), None);
}
