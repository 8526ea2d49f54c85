use super::*;

const BUCKET: &str = r#"---
id: bucket
kind: specification
task: >-
  Specify a token bucket
  for one process.
faults:
  - id: unit
    severity: critical
    category: wrong-unit
    span: "every 100 seconds"
    right: "every 100 milliseconds"
    partners: ["ten tokens a second"]
    wrong: "A factor of a thousand."
    claims: ["second millisecond", "Interval rate"]
  - severity: minor
    id: growth
    category: unbounded-growth
    span: |-
      kept for
      ever
    right: "dropped after an hour"
    wrong: "It grows without a limit."
    claims: ["grow limit"]
---

# Token bucket

The rate is ten tokens a second. Tokens are added every 100 seconds.

Idle buckets are kept for
ever.
"#;

fn problems(text: &str) -> Vec<String> {
    match Corpus::parse("here", [("dir/bucket.md", text)]) {
        Err(CorpusError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn problem(from: &str, to: &str) -> String {
    assert!(BUCKET.contains(from), "{from}");
    let problems = problems(&BUCKET.replacen(from, to, 1));
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn a_document_is_read_with_its_faults_and_its_clean_twin() {
    let corpus = Corpus::parse("here", [("bucket.md", BUCKET)]).unwrap();
    let [document] = corpus.documents() else { panic!("{corpus:?}") };
    assert_eq!(document.task, "Specify a token bucket for one process.");
    assert!(document.text.starts_with("# Token bucket\n"));
    let [unit, growth] = document.faults.as_slice() else { panic!("{document:?}") };
    assert_eq!(&document.text[unit.span.clone()], "every 100 seconds");
    assert_eq!(&document.text[unit.partners[0].clone()], "ten tokens a second");
    assert_eq!(unit.claims[1], ["interval", "rate"]);
    assert_eq!(&document.text[growth.span.clone()], "kept for\never");
    let clean = "# Token bucket\n\nThe rate is ten tokens a second. Tokens are added every 100 milliseconds.\n\nIdle \
                 buckets are dropped after an hour.\n";
    assert_eq!(document.twin, clean);
    // Files of another system are the same documents.
    let other = Corpus::parse("here", [("bucket.md", BUCKET.replace('\n', "\r\n").as_str())]).unwrap();
    assert_eq!(other, corpus);
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_to_do() {
    for (from, to, said) in [
        (
            "span: \"every 100 seconds\"",
            "span: \"every 10 seconds\"",
            "dir/bucket.md:8: fault unit: its span occurs nowhere in the text: \"every 10 seconds\"; copy it from the text, line breaks included",
        ),
        (
            "span: \"every 100 seconds\"",
            "span: \"oken\"",
            "dir/bucket.md:8: fault unit: its span occurs 3 times in the text: \"oken\"; write a longer span, which occurs once",
        ),
        (
            "span: \"every 100 seconds\"",
            "span: \"\"",
            "dir/bucket.md:8: fault unit: its span occurs nowhere in the text: \"\"; copy it from the text, line breaks included",
        ),
        (
            "right: \"every 100 milliseconds\"",
            "right: \"every 100 seconds or so\"",
            "dir/bucket.md:8: fault unit: its span stands in the twin too; write a longer span, or say it differently in the twin",
        ),
        (
            "right: \"every 100 milliseconds\"",
            "right: \" \"",
            "dir/bucket.md:8: fault unit: `right` is empty or the span itself; write what stands there in the twin",
        ),
        (
            "[\"ten tokens a second\"]",
            "[\"nine tokens a second\"]",
            "dir/bucket.md:8: fault unit: its partner occurs nowhere in the text and nowhere in the twin: \"nine tokens a second\"; a partner stands once in each, outside of every span",
        ),
        (
            "[\"ten tokens a second\"]",
            "[\"every 100 seconds\"]",
            "dir/bucket.md:8: fault unit: its partner occurs once in the text and nowhere in the twin: \"every 100 seconds\"; a partner stands once in each, outside of every span",
        ),
        (
            "severity: minor",
            "severity: nit",
            "dir/bucket.md:16: fault growth: there is no severity `nit`; write critical, major or minor",
        ),
        (
            "category: unbounded-growth",
            "category: growth",
            "dir/bucket.md:16: fault growth: there is no category `growth`; write one of broken-invariant",
        ),
        (
            "claims: [\"grow limit\"]",
            "claims: [\"grow\"]",
            "dir/bucket.md:16: fault growth: a claim of fewer than two words; give the beginnings of two words or more for each way to say it",
        ),
        (
            "claims: [\"grow limit\"]",
            "claims: []",
            "dir/bucket.md:16: fault growth: a claim of fewer than two words",
        ),
        (
            "id: growth",
            "id: unit",
            "dir/bucket.md:16: fault unit: another fault has this id; give each fault its own",
        ),
        (
            "id: bucket",
            "id: pail",
            "dir/bucket.md:2: its id is `pail`; call the file `pail.md`, or the document `bucket`",
        ),
        (
            "kept for\never.",
            "dropped.",
            "dir/bucket.md:16: fault growth: its span occurs nowhere in the text",
        ),
        ("kind: specification", "kind: poem", "dir/bucket.md:3: kind: unknown variant `poem`"),
        (
            "    wrong: \"A factor",
            "    worng: \"A factor",
            "dir/bucket.md:14: faults[0]: unknown field `worng`",
        ),
        ("---\nid", "id", "dir/bucket.md:1: there is no front matter; begin with a line `---`"),
    ] {
        let told = problem(from, to);
        assert!(told.starts_with(said), "{told}\n{said}");
    }
}

#[test]
fn spans_that_overlap_are_told() {
    let overlapping = problem("      kept for\n      ever\n", "      seconds.\n\n      Idle buckets\n");
    let said = "dir/bucket.md:16: fault growth: its span overlaps with that of unit; make the spans smaller";
    assert_eq!(overlapping, said);
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let wrong =
        BUCKET.replace("severity: minor", "severity: nit").replace("category: wrong-unit", "category: unit");
    let files =
        [("bucket.md", wrong.as_str()), ("empty.md", ""), ("a/bucket.md", BUCKET), ("b/bucket.md", BUCKET)];
    let Err(CorpusError::Problems(problems)) = Corpus::parse("here", files) else { panic!() };
    let told: Vec<_> = problems.iter().map(|one| (one.file.as_str(), one.line)).collect();
    assert_eq!(told, [("bucket.md", 8), ("bucket.md", 16), ("empty.md", 1), ("b/bucket.md", 2)]);
    let none = Corpus::parse("here", []).unwrap_err().to_string();
    assert!(none.starts_with("here has no documents"), "{none}");
}

#[test]
fn a_sample_keeps_the_shares_of_the_kinds() {
    let kinds = [vec![Kind::Specification; 10], vec![Kind::Code; 20], vec![Kind::Diff; 11]].concat();
    let count = |sample: &[usize]| {
        let of = |kind| sample.iter().filter(|at| kinds[**at] == kind).count();
        [of(Kind::Specification), of(Kind::Code), of(Kind::Diff)]
    };
    for (wanted, shares) in
        [(0, [0, 0, 0]), (1, [0, 1, 0]), (4, [1, 2, 1]), (20, [5, 10, 5]), (99, [10, 20, 11])]
    {
        let sample = sample::stratified(&kinds, wanted, 7);
        assert_eq!(count(&sample), shares, "{wanted}");
        assert!(sample.is_sorted() && sample == sample::stratified(&kinds, wanted, 7));
    }
    assert_ne!(sample::stratified(&kinds, 20, 7), sample::stratified(&kinds, 20, 8));
}

#[test]
fn the_compiled_in_documents_are_those_of_the_folder_and_can_be_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| Path::new(name).extension().is_some_and(|it| it == "md")).collect();
    names.sort();
    let listed: Vec<_> = built_in::FILES.iter().map(|(name, _)| name.trim_start_matches("corpus/")).collect();
    assert_eq!(listed, names, "write the ids of the folder into `corpus/built_in.rs`");
    let corpus = Corpus::built_in().unwrap();
    assert_eq!(corpus, Corpus::read(&folder).unwrap());
    println!("{} documents, {} faults", corpus.documents().len(), corpus.faults());
}

/// What its author says of a fault is what a good reviewer would say: it claims this fault, and none that stands in the same
/// paragraph. A few may be put in other words.
#[test]
fn nearly_all_compiled_in_faults_are_told_by_what_their_authors_say_of_them() {
    let corpus = Corpus::built_in().unwrap();
    let (mut silent, mut crossed) = (Vec::new(), Vec::new());
    for document in corpus.documents() {
        let paragraph = |fault: &Fault| document.text[..fault.span.start].matches("\n\n").count();
        for fault in &document.faults {
            if !fault.is_claimed_by(&fault.wrong) {
                silent.push(format!("{}: {}", document.id, fault.id));
            }
            let others = document.faults.iter().filter(|other| other.id != fault.id);
            let crossing = others
                .filter(|other| paragraph(other) == paragraph(fault) && other.is_claimed_by(&fault.wrong));
            crossed
                .extend(crossing.map(|other| format!("{}: {} claims {}", document.id, fault.id, other.id)));
        }
    }
    println!("claimed by no words of their own: {silent:#?}\nclaimed by another's: {crossed:#?}");
    assert!(silent.len() * 10 <= corpus.faults() && crossed.len() * 20 <= corpus.faults());
}
