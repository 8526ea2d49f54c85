use super::*;
use crate::parse::{EditFormat, parse};
use crate::set::Action;

fn hunk(diff: &str) -> Hunk {
    let set = parse(&format!("--- a/x\n+++ b/x\n{diff}"), EditFormat::Udiff).unwrap();
    match set.files.into_iter().next().unwrap().action {
        Action::Update { mut hunks } => hunks.remove(0),
        other => panic!("{other:?}"),
    }
}

fn place(file: &str, diff: &str) -> Result<(usize, MatchStep), NoPlace> {
    find(&Text::of(file), &hunk(diff)).map(|found| (found.start, found.step))
}

#[test]
fn each_step_forgives_one_thing_more() {
    let diff = "@@\n a\n-  b\n+  c\n";
    assert_eq!(place("x\na\n  b\n", diff), Ok((1, MatchStep::Exact)));
    assert_eq!(place("x\r\na\r\n  b\r\n", diff), Ok((1, MatchStep::LineEndings)));
    assert_eq!(place("x\na \n  b\t\n", diff), Ok((1, MatchStep::TrailingSpace)));
    assert_eq!(place("x\n\ta \n\t  b\n", diff), Ok((1, MatchStep::Indentation)));
    // Not uniform, other words, other case, other blanks inside.
    for file in ["  a\n   b\n", "a\n  bb\n", "A\n  b\n", "a\n b\n", "b\na\n"] {
        assert!(matches!(place(file, diff), Err(NoPlace::Nowhere(_))), "{file:?}");
    }
}

#[test]
fn two_places_are_never_told_apart_by_a_guess() {
    assert_eq!(place("a\nb\na\nb\n", "@@ -3,2 +3,2 @@\n a\n-b\n+c\n"), Err(NoPlace::Several(vec![1, 3], 2)));
    // A stricter step decides before a laxer one looks.
    assert_eq!(place("a\nb \na\nb\n", "@@\n a\n-b\n+c\n"), Ok((2, MatchStep::Exact)));
    assert_eq!(place("a\n", "@@\n+b\n"), Err(NoPlace::NothingToFind));
    assert_eq!(place("", "@@\n+b\n"), Ok((0, MatchStep::Exact)));
}

#[test]
fn a_kept_line_may_have_lost_its_blank() {
    assert_eq!(
        place("fn a() {\n    b\n    c\n}\n", "@@\nfn a() {\n    b\n-    c\n+    d\n"),
        Ok((0, MatchStep::Exact))
    );
    // All kept lines have lost it, which is not taken for a shift.
    let text = Text::of("    b\n    c\n");
    let found = find(&text, &hunk("@@\n    b\n-    c\n+    d\n")).unwrap();
    assert_eq!((found.step, found.shift), (MatchStep::Exact, Shift::None));
}

#[test]
fn a_shift_must_suit_the_added_lines() {
    let text = Text::of("a\nb\n");
    assert!(find(&text, &hunk("@@\n   a\n-  b\n+c\n")).is_err());
    let found = find(&text, &hunk("@@\n   a\n-  b\n+  c\n")).unwrap();
    assert_eq!(found.shift, Shift::Less("  ".into()));
}

#[test]
fn an_anchor_chooses_the_place_below_it() {
    let file = "fn a():\n  x\n  y\nfn b():\n  x\n  y\nfn c():\n  x\n";
    let with = |anchor: &str| {
        let patch =
            format!("*** Begin Patch\n*** Update File: f\n@@ {anchor}\n   x\n-  y\n+  z\n*** End Patch\n");
        let set = parse(&patch, EditFormat::ApplyPatch).unwrap();
        let Action::Update { hunks } = &set.files[0].action else { panic!() };
        find(&Text::of(file), &hunks[0]).map(|found| found.start)
    };
    assert_eq!(with("fn a():"), Ok(1));
    assert_eq!(with("fn b():"), Ok(4));
    assert!(matches!(with("fn c():"), Err(NoPlace::Nowhere(_))));
    assert_eq!(with("fn d():"), Err(NoPlace::Anchor("fn d():".into())));
    assert_eq!(with("@@"), Err(NoPlace::Several(vec![2, 5], 2)));
}

#[test]
fn the_nearest_lines_are_those_that_have_most_in_common() {
    let file = "one\nlet total = sum(1);\nthree\nfour\nlet total = sum(2);\nsix\n";
    let Err(NoPlace::Nowhere(near)) = place(file, "@@\n four\n-let total = sum(3);\n six\n") else {
        panic!()
    };
    assert_eq!((near[0].line, near[0].lines.len()), (4, 3));
    let Err(NoPlace::Nowhere(near)) = place(file, "@@\n-let total = add(2);\n+x\n") else { panic!() };
    // Both resemble it; the second has the number, too.
    assert_eq!(near.iter().map(|one| one.line).collect::<Vec<_>>(), [5, 2]);
}

#[test]
fn a_search_that_repeats_itself_ends() {
    let file = "a\n".repeat(50_000);
    let diff = format!("@@\n{}-b\n+c\n", " a\n".repeat(20_000));
    assert_eq!(place(&file, &diff), Err(NoPlace::TooLarge));
}
