use super::*;
use crate::{
    parse::{EditFormat, parse},
    set::Hunk,
};

/// The file `x` after an edit, or why not.
fn edited(before: &str, format: EditFormat, text: &str) -> Result<String, String> {
    let set = parse(text, format).unwrap();
    let read = |path: &EditPath| Ok::<_, String>((path.as_str() == "x").then(|| before.as_bytes().to_vec()));
    let resolved = resolve(&set, read).map_err(|refused| refused.to_string())?;
    Ok(String::from_utf8(resolved.files[0].after.clone().unwrap_or_default()).unwrap())
}

fn diff(before: &str, body: &str) -> Result<String, String> {
    edited(before, EditFormat::Udiff, &format!("--- a/x\n+++ b/x\n{body}"))
}

#[expect(clippy::unnecessary_wraps, reason = "what is expected where an edit can be made")]
fn ok(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

#[test]
fn line_ends_marks_and_the_absence_of_a_last_line_end_stay() {
    assert_eq!(diff("a\r\nb\r\n", "@@\n a\n-b\n+c\n+d\n"), ok("a\r\nc\r\nd\r\n"));
    assert_eq!(diff("a\nb", "@@\n a\n-b\n+c\n"), ok("a\nc"));
    assert_eq!(diff("a\r\nb", "@@\n b\n+c\n"), ok("a\r\nb\r\nc"));
    assert_eq!(diff("\u{feff}a\nb\n", "@@\n-a\n+c\n b\n"), ok("\u{feff}c\nb\n"));
    assert_eq!(diff("\u{feff}a\nb\n", "@@\n+c\n a\n"), ok("\u{feff}c\na\nb\n"));
    assert_eq!(diff("\u{feff}a\n", "@@\n-\u{feff}a\n+a\n"), ok("a\n"));
    assert_eq!(diff("\u{feff}", "@@\n-\u{feff}\n+\u{feff}a\n"), ok("\u{feff}a"));
    assert_eq!(diff("a", "@@\n-a\n\\ No newline at end of file\n+a\n"), ok("a\n"));
    assert_eq!(diff("a\n", "@@\n-a\n+a\n\\ No newline at end of file\n"), ok("a"));
    assert_eq!(diff("a\n", "@@\n-a\n"), ok(""));
    // What was found exactly is written exactly.
    assert_eq!(diff("a\r\nb\n", "@@\n-a\r\n+a\n b\n"), ok("a\nb\n"));
    // A reply that has carriage returns everywhere does not bring them along.
    assert_eq!(diff("a\nb\n", "@@\r\n a\r\n-b\r\n+c\r\n"), ok("a\nc\n"));
    let whole = |before: &str| edited(before, EditFormat::Whole, "x\n```\n1\n2\n```\n");
    assert_eq!(whole("\u{feff}a\r\nb"), ok("\u{feff}1\r\n2"));
    assert_eq!(whole("a\r\nb\n"), ok("1\n2\n"));
}

#[test]
fn kept_lines_keep_their_blanks_and_added_ones_get_the_indentation_of_the_file() {
    let blocks = |before: &str, old: &str, new: &str| {
        edited(
            before,
            EditFormat::SearchReplace,
            &format!("x\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"),
        )
    };
    assert_eq!(blocks("a  \nb\nc\n", "a\nb\nc\n", "a\nB\nc\n"), ok("a  \nB\nc\n"));
    assert_eq!(
        blocks("\t\tif a {\n\t\t\tb\n\n\t\t}\n", "if a {\n\tb\n\n}\n", "if a {\n\n\tc\n}\n"),
        ok("\t\tif a {\n\n\t\t\tc\n\t\t}\n")
    );
    assert_eq!(blocks("a\n b\n", "  a\n   b\n", "  a\n   c\n"), ok("a\n c\n"));
}

#[test]
fn all_hunks_are_found_in_the_file_as_it_was() {
    // The second would match what the first adds.
    assert_eq!(diff("a\nb\n", "@@\n-a\n+c\n@@\n-b\n+a\n"), ok("c\na\n"));
    // Kept lines may overlap, changed ones may not.
    assert_eq!(diff("a\nb\nc\n", "@@\n-a\n+A\n b\n c\n@@\n a\n b\n-c\n+C\n"), ok("A\nb\nC\n"));
    let said = diff("a\nb\nc\n", "@@\n a\n-b\n+1\n@@\n-b\n+2\n c\n").unwrap_err();
    assert_eq!(
        said,
        "x, the edit at line 7: it changes the lines that the hunk at line 3 changes; make one hunk of them"
    );
    assert!(diff("a\nb\n", "@@\n a\n+1\n@@\n a\n+2\n b\n").unwrap_err().contains("line 3"));
}

#[test]
fn everything_that_has_no_place_is_told_at_once() {
    let said = diff("one\ntwo\ntwo\nlet four = 4;\n", "@@\n-two\n+2\n@@\n-let four = 5;\n+5\n").unwrap_err();
    let expected = "x, the edit at line 3: its lines stand in the file 2 times, at the lines 2, 3; add lines around them that stand there once\n\n\
                    x, the edit at line 6: its lines are not in the file; the nearest are, as they stand there:\n     4 | let four = 4;";
    assert_eq!(said, expected);
}

#[test]
fn files_are_created_deleted_and_moved_only_where_that_is_what_stands_there() {
    let patch = |body: &str| {
        edited("a\n", EditFormat::ApplyPatch, &format!("*** Begin Patch\n{body}*** End Patch\n"))
    };
    assert_eq!(patch("*** Add File: y\n+1\n"), ok("1\n"));
    assert!(patch("*** Add File: x\n+1\n").unwrap_err().contains("already"));
    assert!(patch("*** Update File: y\n-1\n").unwrap_err().contains("no such file"));
    assert!(patch("*** Delete File: y\n").unwrap_err().contains("no such file"));
    assert!(patch("*** Add File: ../y\n+1\n").unwrap_err().contains("`..`"));
    assert!(patch("*** Add File: y\n+1\n*** Add File: y\n+2\n").unwrap_err().contains("line 1"));
    assert!(
        patch("*** Add File: y\n+1\n*** Add File: Y\n+2\n").unwrap_err().contains("upper and lower case")
    );
    assert!(patch("*** Update File: x\n*** Move to: x\n").unwrap_err().contains("same file"));
    assert_eq!(patch("*** Update File: x\n*** Move to: z\n-a\n+b\n"), ok("b\n"));
    let all = "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n";
    assert_eq!(edited("a\n", EditFormat::Udiff, all), ok(""));
    assert!(edited("a\nb\n", EditFormat::Udiff, all).unwrap_err().contains("more lines"));
}

#[test]
fn edits_need_no_text_and_a_file_that_is_quite_another_one_ends_the_list() {
    let hunks = (1..100).map(|line| Hunk::replacing(line, &["no such line"], &["x"])).collect();
    let set = EditSet::of(vec![FileEdit::new("x", 1, Action::Update { hunks })]);
    let refused = resolve(&set, |_| Ok::<_, String>(Some(b"a\n".to_vec()))).unwrap_err();
    assert_eq!(refused.refusals.len(), 20);
}

#[test]
fn what_is_no_text_is_only_written_whole() {
    let set = parse("--- a/x\n+++ b/x\n@@\n-a\n+b\n", EditFormat::Udiff).unwrap();
    let read = |_: &EditPath| Ok::<_, String>(Some(vec![b'a', 0xff]));
    assert_eq!(resolve(&set, read).unwrap_err().refusals[0].why, Why::NotText);
    let set = parse("x\n```\n1\n```\n", EditFormat::Whole).unwrap();
    assert_eq!(resolve(&set, read).unwrap().files[0].after, Some(b"1\n".to_vec()));
}

/// Lines of files and of diffs that fit each other now and then.
const LINES: [&str; 16] = [
    "a\n",
    "b\n",
    "  a\n",
    "a \r\n",
    "\n",
    "b",
    "\u{feff}a\n",
    "é\n",
    "\u{a0}x\n",
    "@@\n",
    "@@ -1,2 +1,2 @@\n",
    " a\n",
    "-b\n",
    "+é\n",
    "-\u{feff}a\n",
    "\\ No newline at end of file\n",
];

proptest::proptest! {
    #[test]
    fn any_edit_of_any_file_comes_to_something_or_is_refused(
        file in proptest::collection::vec(proptest::sample::select(&LINES[..9]), 0..12),
        hunks in proptest::collection::vec(proptest::sample::select(&LINES[..]), 1..12),
    ) {
        let text = format!("--- a/x\n+++ b/x\n@@\n{}", hunks.concat());
        let file = file.concat();
        let Ok(set) = parse(&text, EditFormat::Udiff) else { return Ok(()) };
        match resolve(&set, |_| Ok::<_, String>(Some(file.clone().into_bytes()))) {
            Ok(resolved) => {
                // Nothing is lost but what the text removes; an empty line without an end is none.
                let open = !file.ends_with('\n') || text.contains("\\ No newline");
                let removed = hunks.iter().filter(|line| line.starts_with('-')).count() + usize::from(open);
                let after = String::from_utf8(resolved.files[0].after.clone().unwrap()).unwrap();
                assert!(after.lines().count() + removed >= file.lines().count(), "{file:?} {text:?} {after:?}");
            }
            Err(refused) => assert!(!refused.refusals.is_empty()),
        }
    }
}
