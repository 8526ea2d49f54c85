use super::*;
use crate::set::{Action, HunkLine};

fn parsed(text: &str, format: EditFormat) -> EditSet {
    let set = parse(text, format).unwrap();
    let mut at = 0;
    for span in &set.spans {
        assert_eq!(span.bytes.start, at);
        at = span.bytes.end;
    }
    assert_eq!(at, text.len());
    set
}

/// The edits in short.
fn short(text: &str, format: EditFormat) -> Vec<String> {
    let line = |line: &HunkLine| match line {
        HunkLine::Keep(text) => format!(" {text}"),
        HunkLine::Remove(text) => format!("-{text}"),
        HunkLine::Add(text) => format!("+{text}"),
    };
    let hunks = |hunks: &[crate::set::Hunk]| {
        let each = hunks.iter().map(|hunk| {
            format!(
                "@{} {}",
                hunk.anchors.join(">"),
                hunk.lines.iter().map(line).collect::<Vec<_>>().join("|")
            )
        });
        each.collect::<Vec<_>>().join(" ")
    };
    let each = parsed(text, format).files.into_iter().map(|file| match &file.action {
        Action::Create { content } => format!("{} create {content:?}", file.path),
        Action::Write { content } => format!("{} write {content:?}", file.path),
        Action::Update { hunks: all } => format!("{} update {}", file.path, hunks(all)),
        Action::Delete { hunks: all } => format!("{} delete {}", file.path, hunks(all)),
        Action::Move { to, hunks: all } => format!("{} move {to} {}", file.path, hunks(all)),
    });
    each.collect()
}

fn refused(text: &str, format: EditFormat) -> (usize, String) {
    let error = parse(text, format).unwrap_err();
    (error.line, error.problem.to_string())
}

const DIFF: EditFormat = EditFormat::Udiff;
const BLOCKS: EditFormat = EditFormat::SearchReplace;

#[test]
fn blocks_of_a_file_are_one_edit_and_nothing_to_find_is_a_new_file() {
    let text = "Here:\n\n`a b.rs`\n```rust\n<<<<<<< SEARCH\none\ntwo\n=======\none\n2\n>>>>>>> REPLACE\n```\n\n\
                <<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n\n**new.rs**:\n<<<<<<< SEARCH\n=======\nn\n>>>>>>> REPLACE\nDone.";
    assert_eq!(short(text, BLOCKS), ["a b.rs update @  one|-two|+2 @ -x", "new.rs create \"n\\n\""]);
    let prose: Vec<&str> = parsed(text, BLOCKS)
        .spans
        .iter()
        .filter(|span| span.edit.is_none())
        .map(|span| &text[span.bytes.clone()])
        .collect();
    assert_eq!(prose, ["Here:\n\n", "```\n\n", "\n", "Done."]);
}

#[test]
fn a_block_that_is_not_whole_is_told_by_its_line() {
    let at = |text| refused(text, BLOCKS).0;
    assert_eq!(at("a.rs\n<<<<<<< SEARCH\nx\n=======\ny\n"), 2);
    assert_eq!(at("a.rs\n<<<<<<< SEARCH\nx\n=======\ny\n<<<<<<< SEARCH\n>>>>>>> REPLACE\n"), 2);
    assert_eq!(at("a.rs\n<<<<<<< SEARCH\nx\n>>>>>>> REPLACE\n"), 2);
    assert_eq!(at("a.rs\n<<<<<<< SEARCH\nx\n=======\ny\n=======\n>>>>>>> REPLACE\n"), 6);
    assert_eq!(at("a.rs\nx\n>>>>>>> REPLACE\n"), 3);
    assert_eq!(at("<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n"), 1);
    assert_eq!(at("I change this file\n<<<<<<< SEARCH\nx\n=======\n>>>>>>> REPLACE\n"), 2);
    // Wider marks leave narrower ones to the file.
    let wide = "a.md\n<<<<<<<<< SEARCH\nT\n=======\n=========\nU\n=======\n>>>>>>>>> REPLACE\n";
    assert_eq!(short(wide, BLOCKS), ["a.md update @ -T|+U| ======="]);
}

#[test]
fn a_diff_of_git_is_read_with_names_moves_and_ends() {
    let text = "diff --git a/x.rs b/y.rs\nsimilarity index 90%\nrename from x.rs\nrename to y.rs\nindex 1..2 100644\n--- a/x.rs\n+++ b/y.rs\n\
                @@ -1,2 +1,2 @@ fn x\n a\n-b\n\\ No newline at end of file\n+c\n\
                diff --git a/e b/e\nnew file mode 100644\nindex 0..0\n\
                diff --git \"a/\\303\\251\" \"b/\\303\\251\"\ndeleted file mode 100644\n--- \"a/\\303\\251\"\n+++ /dev/null\n@@ -1 +0,0 @@\n-z\n\
                --- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+1\n+2\n\\ No newline at end of file\n";
    let expected = ["x.rs move y.rs @  a|-b|+c", "e create \"\"", "é delete @ -z", "n create \"1\\n2\""];
    assert_eq!(short(text, DIFF), expected);
    let Action::Move { hunks, .. } = &parsed(text, DIFF).files[0].action else { panic!() };
    assert_eq!((hunks[0].final_newline, hunks[0].at_end), (crate::FinalNewline::Add, true));
}

#[test]
fn removed_lines_that_look_like_heads_stay_removed_where_the_counts_come_out_even() {
    let text = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n--- b\n+++ c\n d\nprose\n";
    assert_eq!(short(text, DIFF), ["x update @  a|--- b|+++ c| d"]);
    let mail = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n-- \n2.47.3\n";
    assert_eq!(short(mail, DIFF), ["x update @ -a|+b"]);
}

#[test]
fn damaged_diffs_are_read() {
    let whole = ["x update @  a|-b|+c|     d"];
    for body in [
        "@@ -1,9 +1,9 @@\n a\n-b\n+c\n     d\n",
        "@@ -1,2 +1,1 @@\n a\n-b\n+c\n     d\n",
        "@@ @@\n a\n-b\n+c\n     d\n",
        "@@\n a\n-b\n+c\n     d\n\n",
        "@@ fn it() {\n a\n-b\n+c\n     d\n",
        "@@ -1,3 +1,3 @@\na\n-b\n+c\n     d\n",
        "@@ -700,3 +7,3 @@\n a\n-b\n+c\n     d\n",
    ] {
        let text = format!("So:\n```diff\n--- a/x\n+++ b/x\n{body}```\nand\n");
        assert_eq!(short(&text, DIFF), whole, "{text}");
        let bare = format!("--- x\n+++ x\n{body}--- y\n+++ y\n@@\n+z\n");
        assert_eq!(short(&bare, DIFF), [whole[0], "y update @ +z"], "{bare}");
    }
}

#[test]
fn diffs_that_cannot_be_edits_are_told_by_their_line() {
    let at = |text| refused(text, DIFF).0;
    assert_eq!(at("```diff\n--- a/x\n+++ b/x\n@@\n-a\n"), 1);
    assert_eq!(at("```diff\n@@ -1 +1 @@\n-a\n+b\n```\n"), 2);
    assert_eq!(at("p\n--- a/x\n+++ b/x\nno hunk\n"), 2);
    assert_eq!(at("--- a/x\n+++ b/y\n@@\n-a\n"), 1);
    assert_eq!(at("--- a/x\n+++ b/x\n@@\n a\n"), 3);
    assert_eq!(at("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"), 2);
    assert_eq!(at("diff --git a/x b/x\nindex 1..2\nBinary files a/x and b/x differ\n"), 3);
    assert_eq!(
        at("diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n"),
        2
    );
    assert_eq!(at("--- /dev/null\n+++ /dev/null\n@@\n-a\n"), 1);
    assert!(short("--- is how I mark a pause\n```rust\nlet a = 1;\n", DIFF).is_empty());
}

#[test]
fn whole_files_stand_below_their_path() {
    let text = "Like `this`:\n```sh\nls\n```\nsrc/a.rs\n```rust\nfn a() {}\n```\n`e`\n~~~~\n```\n~~~~\n";
    assert_eq!(short(text, EditFormat::Whole), ["src/a.rs write \"fn a() {}\\n\"", "e write \"```\\n\""]);
    // A file with a fence in a fence of its kind ends early, and is noticed.
    let early = "a.md\n```\nx\n```sh\nls\n```\ny\n```\n";
    assert_eq!(refused(early, EditFormat::Whole).0, 8);
}

#[test]
fn an_envelope_holds_files_and_nothing_else() {
    let text = "I do:\n*** Begin Patch\n*** Add File: n.rs\n+a\n+\n*** Update File: o.rs\n*** Move to: p.rs\n@@ class A\n@@ fn b\n x\n-y\n+z\n\n\
                *** Update File: q\n-only\n*** End of File\n*** Delete File: r\n*** End Patch\nDone\n";
    let expected =
        ["n.rs create \"a\\n\\n\"", "o.rs move p.rs @class A>fn b  x|-y|+z", "q update @ -only", "r delete "];
    assert_eq!(short(text, EditFormat::ApplyPatch), expected);
    let at = |text| refused(text, EditFormat::ApplyPatch).0;
    assert_eq!(at("\n*** Begin Patch\n*** Delete File: r\n"), 2);
    assert_eq!(at("*** Begin Patch\n*** Add File: n\n+a\nb\n*** End Patch\n"), 4);
    assert_eq!(at("*** Begin Patch\nhello\n*** End Patch\n"), 2);
    assert_eq!(at("*** Begin Patch\n*** Update File: x\n*** End Patch\n"), 2);
    assert_eq!(at("*** Begin Patch\n*** Update File: x\n a\n*** End Patch\n"), 3);
    assert_eq!(at("*** Update File: x\n-a\n"), 1);
}

proptest::proptest! {
    #[test]
    fn any_text_is_prose_edit_or_an_error_at_one_of_its_lines(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.as_slice()), 0..24),
        crlf: bool,
    ) {
        let text = pieces.concat();
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        for format in EditFormat::ALL {
            match parse(&text, format) {
                Ok(_) => {
                    parsed(&text, format);
                }
                Err(error) => assert!((1..=text.lines().count().max(1)).contains(&error.line), "{error}"),
            }
        }
    }
}

const PIECES: [&str; 28] = [
    "a.rs\n",
    "`b c.rs`\n",
    "\n",
    "prose it is\n",
    "```\n",
    "```diff\n",
    "~~~\n",
    "<<<<<<< SEARCH\n",
    "=======\n",
    ">>>>>>> REPLACE\n",
    "--- a/a.rs\n",
    "+++ b/a.rs\n",
    "+++ /dev/null\n",
    "@@ -1,2 +1,2 @@\n",
    "@@\n",
    " kept\n",
    "-gone\n",
    "+new\n",
    "\\ No newline at end of file\n",
    "diff --git a/x b/x\n",
    "rename from x\n",
    "rename to \"y\\7\n",
    "*** Begin Patch\n",
    "*** Update File: u\n",
    "*** Add File: é\n",
    "*** End of File\n",
    "*** End Patch\n",
    "é",
];
