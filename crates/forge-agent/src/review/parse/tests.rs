use super::*;

fn one(text: &str) -> FileChange {
    let change = parse(text).unwrap();
    assert_eq!(change.files.len(), 1, "{change:?}");
    change.files.into_iter().next().unwrap()
}

const HEAD: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 1..2 100644\n--- a/src/a.rs\n+++ b/src/a.rs\n";

#[test]
fn lines_are_numbered_on_both_sides() {
    let file = one(&format!("{HEAD}@@ -3,3 +3,4 @@ fn f() {{\n one\n-two\n+2\n+2b\n three\n"));
    let lines = &file.hunks[0].lines;
    let numbers: Vec<_> = lines.iter().map(|line| (line.mark.as_char(), line.old, line.new)).collect();
    assert_eq!(numbers, [(' ', 3, 3), ('-', 4, 4), ('+', 5, 4), ('+', 5, 5), (' ', 5, 6)]);
    assert_eq!(file.hunks[0].section, "fn f() {");
    assert_eq!(file.hunks[0].head(lines), "@@ -3,3 +3,4 @@ fn f() {");
}

#[test]
fn a_removed_line_that_looks_like_a_head_is_a_line() {
    let file = one(&format!("{HEAD}@@ -1,2 +1,1 @@\n--- a/x\n kept\n"));
    assert_eq!(file.hunks[0].lines[0].text, "-- a/x");
}

#[test]
fn new_deleted_renamed_binary_and_submodule_are_told_apart() {
    let new = one(
        "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n",
    );
    assert_eq!((new.old.as_deref(), new.new.as_deref()), (None, Some("n")));
    assert_eq!((new.hunks[0].lines[0].old, new.hunks[0].lines[0].new), (1, 1));
    let gone =
        one("diff --git a/n b/n\ndeleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n");
    assert_eq!((gone.old.as_deref(), gone.new.as_deref(), gone.is_deleted()), (Some("n"), None, true));
    let moved =
        one("diff --git a/o d.rs b/n.rs\nsimilarity index 100%\nrename from o d.rs\nrename to n.rs\n");
    assert_eq!((moved.old.as_deref(), moved.new.as_deref()), (Some("o d.rs"), Some("n.rs")));
    let binary = one(
        "diff --git a/p q.png b/p q.png\nindex 1..2 100644\nBinary files a/p q.png and b/p q.png differ\n",
    );
    assert_eq!((binary.path(), binary.content), ("p q.png", Content::Binary));
    let inside = one(
        "diff --git a/m b/m\nindex 1..2 160000\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n",
    );
    assert_eq!(inside.content, Content::Submodule);
}

#[test]
fn odd_names_and_line_ends_are_kept() {
    let file = one(
        "diff --git \"a/\\303\\244 \\\"q\\\".rs\" \"b/\\303\\244 \\\"q\\\".rs\"\n--- \"a/\\303\\244 \\\"q\\\".rs\"\n+++ \"b/\\303\\244 \\\"q\\\".rs\"\n@@ -1 +1 @@\n-a\r\n+b\r\n",
    );
    assert_eq!(file.path(), "ä \"q\".rs");
    assert_eq!(file.hunks[0].lines[1].text, "b\r");
    let plain = one("--- old/a.c\t2026-01-01\n+++ new/a.c\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n");
    assert_eq!((plain.old.as_deref(), plain.path()), (Some("old/a.c"), "new/a.c"));
}

#[test]
fn text_around_a_diff_is_passed_over() {
    let text = format!("From 1\nSubject: x\n---\n a | 2 +-\n\n{HEAD}@@ -1 +1 @@\n-a\n+b\n-- \n2.40.1\n");
    assert_eq!(one(&text).hunks[0].lines.len(), 2);
    assert_eq!(parse("\n  \n").unwrap(), Change::default());
}

#[test]
fn a_broken_diff_is_an_error_with_its_line() {
    for (text, line) in [
        (format!("{HEAD}@@ -1,2 +1,2 @@\n a\n"), 6),
        (format!("{HEAD}@@ -1,1 +1,2 @@\n a\ndiff --git a/b b/b\n"), 7),
        (format!("{HEAD}@@ -1,1 +1,1 @@\n-a\n-b\n"), 7),
        (format!("{HEAD}@@ -x +1 @@\n"), 5),
        ("@@ -1 +1 @@\n-a\n+b\n".to_owned(), 1),
        ("just words\n".to_owned(), 1),
        ("diff --cc a\nindex\n".to_owned(), 1),
    ] {
        assert_eq!(parse(&text).unwrap_err().line, line, "{text}");
    }
}
