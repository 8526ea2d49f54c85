use super::*;
use crate::review::parse;

fn change() -> Change {
    let text = "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n\
                @@ -10,5 +10,6 @@ fn first() {\n let x = 1;\n-    old(x);\n+    new(x);\n+    close(x);\n }\n \n@@ -40,2 +41,3 @@ fn second() {\n let y = 2;\n+    close(x);\n }\n\
                diff --git a/src/b.rs b/src/b.rs\n--- a/src/b.rs\n+++ b/src/b.rs\n@@ -1,2 +1,2 @@\n-    first();\n+    new(x);\n caller(x, 1);\n";
    // The hunk of the first file has one empty kept line more than its head says it has old ones.
    parse(&text.replace("-10,5 +10,6", "-10,4 +10,5")).unwrap()
}

fn at(quote: &str, location: &str, claim: &str) -> (Anchor, Option<(String, Side, u32, u32)>) {
    let found = anchor(&change(), Said { quote, location, claim });
    (found.anchor, found.place.map(|place| (place.path, place.side, place.line, place.end_line)))
}

#[test]
fn a_quote_is_placed_by_its_text_and_not_by_a_number() {
    let placed = |path: &str, side, line, end| (Anchor::Placed, Some((path.to_owned(), side, line, end)));
    assert_eq!(at("+    new(x);", "src/a.rs:999", ""), placed("src/a.rs", Side::New, 11, 11));
    assert_eq!(at("new(x);\n  close(x);", "", ""), placed("src/a.rs", Side::New, 11, 12));
    assert_eq!(at("old(x)", "", ""), placed("src/a.rs", Side::Old, 11, 11));
}

#[test]
fn a_quote_at_several_places_needs_the_rest_of_the_finding() {
    assert_eq!(at("close(x);", "", "").0, Anchor::Ambiguous);
    assert_eq!(at("close(x);", "in second", "").1.unwrap().2, 42);
    assert_eq!(at("close(x);", "src/a.rs:12", "").1.unwrap().2, 12);
    assert_eq!(at("new(x);", "b.rs", "").1.unwrap().0, "src/b.rs");
    assert_eq!(at("new(x);", "", "").0, Anchor::Ambiguous);
}

#[test]
fn what_is_nowhere_or_too_short_has_no_place() {
    for quote in ["", "  ", "}", "nowhere(x)", "new(x);\nlet y"] {
        assert_eq!(at(quote, "src/a.rs", "").0, Anchor::Unanchored, "{quote}");
    }
}

#[test]
fn a_line_that_only_stands_there_counts_if_the_changed_one_is_named() {
    assert_eq!(at("caller(x, 1);", "", "it gets two").0, Anchor::Outside);
    let named = at("caller(x, 1);", "src/b.rs", "since `+    new(x);` it is called with one");
    assert_eq!(named, (Anchor::Placed, Some(("src/b.rs".to_owned(), Side::New, 1, 1))));
    let (anchor, place) = at("let y = 2;", "", "it is closed by `let y = 2;` and `close(x); }`");
    assert_eq!(anchor, Anchor::Outside, "{place:?}");
    let text = "--- a/m.rs\n+++ b/m.rs\n@@ -1,2 +1,2 @@\n-let limit = 10;\n+let limit = 0;\n call(limit);\n";
    let said =
        Said { quote: "call(limit);", location: "m.rs", claim: "`let limit = 0;` makes this divide by zero" };
    let found = anchor_of(text, said);
    assert_eq!(found.place.map(|place| place.line), Some(1));
}

fn anchor_of(text: &str, said: Said<'_>) -> Anchored {
    anchor(&parse(text).unwrap(), said)
}

#[test]
fn a_line_that_is_only_indented_anew_is_the_new_one() {
    let text =
        "--- a/m.rs\n+++ b/m.rs\n@@ -7,2 +7,3 @@\n-call(limit);\n+if limit > 0 {\n+    call(limit);\n }\n";
    let found = anchor_of(text, Said { quote: "call(limit);", location: "m.rs", claim: "" });
    assert_eq!(found.place.map(|place| (place.side, place.line)), Some((Side::New, 8)));
}
