//! What answers promise beyond what they find: room, order, freshness, reach.

use std::fs;

use forge_index::{Changes, Confidence, Index, Kind, Options};

use crate::support::{Place, short};

#[test]
fn a_map_fits_its_room_and_begins_with_what_is_used_most() {
    let place = Place::of("rust");
    let mut index = place.index();
    for budget in [0, 5, 20, 60, 200, 100_000] {
        let map = index.map(budget, &[]).unwrap();
        assert!(
            map.tokens <= budget && map.tokens == map.text.chars().count().div_ceil(4),
            "{budget}: {}",
            map.text
        );
        assert!(map.files.windows(2).all(|two| two[0].rank >= two[1].rank), "{:?}", map.files);
    }
    let small = index.map(20, &[]).unwrap();
    assert!(small.text.starts_with("src/engine.rs\n  pub struct Engine\n"), "{}", small.text);
    let shelf = ["src/store/shelf.rs".to_owned()];
    assert_eq!(index.map(60, &shelf).unwrap().files[0].path, shelf[0]);
    let symbol = index.map(60, &["Shelf".to_owned()]).unwrap();
    assert!(symbol.text.contains("pub fn put"), "{}", symbol.text);
    assert!(
        !index.map(100_000, &[]).unwrap().text.contains("an_engine_starts"),
        "tests are no part of a map"
    );
}

#[test]
fn definitions_are_found_by_name_by_place_by_kind_and_by_pattern() {
    let place = Place::of("rust");
    let mut index = place.index();
    assert_eq!(short(&index.find("Engine", None).unwrap().rows), ["src/engine.rs:2 struct exact"]);
    assert_eq!(index.find("Engine", Some(Kind::Impl)).unwrap().rows.len(), 2);
    assert_eq!(
        short(&index.find("Engine::speed", Some(Kind::Method)).unwrap().rows),
        ["src/engine.rs:27 method exact"]
    );
    assert_eq!(index.find("Engine.speed", None).unwrap().rows.len(), 2);
    assert_eq!(index.find("shelf::tidy", None).unwrap().rows.len(), 1, "a file is a module");
    assert!(index.refs("store::tidy", None).unwrap().rows.is_empty());
    assert!(index.find("Shelf::speed", None).unwrap().rows.is_empty());
    let methods = index.find_pattern("^t.*n$", None).unwrap();
    assert_eq!(short(&methods.rows), ["src/engine.rs:17 method exact", "src/engine.rs:40 method exact"]);
    let mut few = Index::open(place.root(), Options::default().with_max_rows(3)).unwrap();
    let all = few.find_pattern("", None).unwrap();
    assert_eq!((all.rows.len(), all.more > 10), (3, true));
}

#[test]
fn uses_can_be_asked_for_in_one_place() {
    let place = Place::of("rust");
    let mut index = place.index();
    let inside = |index: &mut Index, path| index.refs("tidy", Some(path)).unwrap().rows.len();
    assert_eq!((inside(&mut index, "src/store"), inside(&mut index, "src/store/shelf.rs")), (2, 1));
    assert_eq!(inside(&mut index, "src/lib.rs"), 0);
    assert_eq!(inside(&mut index, "./src/../src/store/"), 2);
    assert!(index.refs("tidy", Some("src/stor")).is_err());
    let rows = index.refs("tidy", None).unwrap().rows;
    assert_eq!(rows[0].confidence, Confidence::Exact, "the surest first");
    assert_eq!((rows[0].text.as_str(), rows[0].enclosing.as_deref()), ("tidy(self);", Some("Shelf::put")));
}

#[test]
fn a_change_reaches_callers_of_callers_tests_and_owners() {
    let place = Place::of("rust");
    place
        .write("tests/floor.rs", "use shop_floor::store::stock;\n\n#[test]\nfn floor() {\n    stock();\n}\n");
    place.write(".github/CODEOWNERS", "*.rs @rust\n/tests/ @tests\n");
    let mut index = place.index();
    let reached = |index: &mut Index, depth| {
        let impact = index.impact(&Changes::of_paths(["src/store/shelf.rs"]), depth).unwrap();
        let names = |list: &[forge_index::Reached]| {
            list.iter()
                .map(|one| format!("{} {} via {}", one.depth, one.row.name, one.via))
                .collect::<Vec<_>>()
        };
        (names(&impact.callers), names(&impact.tests), impact.owners)
    };
    let (callers, tests, _) = reached(&mut index, 1);
    assert!(callers.contains(&"1 stock via Shelf".to_owned()) && tests.is_empty(), "{callers:?} {tests:?}");
    let (_, tests, owners) = reached(&mut index, 2);
    assert_eq!(tests, ["2 floor via stock"]);
    let owners: Vec<_> = owners.iter().map(|one| format!("{} {}", one.path, one.owners.join(" "))).collect();
    assert_eq!(owners, ["src/store/mod.rs @rust", "src/store/shelf.rs @rust", "tests/floor.rs @tests"]);

    // Line 32 is in `faster`, which only `turn` calls.
    let diff = "--- a/src/engine.rs\n+++ b/src/engine.rs\n@@ -32,1 +32,1 @@\n-x\n+y\n--- a/old.rs\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-z\n";
    let impact = index.impact(&Changes::of_diff(diff).unwrap(), 1).unwrap();
    assert_eq!(short(&impact.changed), ["src/engine.rs:31 method exact"]);
    assert_eq!(impact.callers.iter().map(|one| one.row.line).collect::<Vec<_>>(), [40]);
    assert_eq!(impact.unknown, ["old.rs"]);
}

#[test]
fn what_is_known_is_kept_and_only_what_changed_is_read() {
    let place = Place::of("go");
    let read = |index: &mut Index| index.refresh().read;
    let all = read(&mut place.kept());
    assert_eq!(all, 5);
    // Files that were written in the moment in which they were read are looked into again, and then trusted.
    std::process::Command::new("sleep").arg("0.05").status().unwrap();
    place.write("late.go", "package shop\n");
    let mut index = place.kept();
    read(&mut index);
    std::process::Command::new("sleep").arg("0.05").status().unwrap();
    place.write("late.go", "package shop\n\nfunc late() {}\n");
    assert_eq!(read(&mut index), 1);
    let mut other = place.kept();
    assert!(read(&mut other) <= 1);
    assert_eq!(other.find("late", None).unwrap().rows.len(), 1);
    fs::remove_file(place.root().join("late.go")).unwrap();
    assert!(other.find("late", None).unwrap().rows.is_empty(), "what is gone is gone");
    // Damage costs time and no answer.
    let log = fs::read_dir(place.cache()).unwrap().next().unwrap().unwrap().path();
    fs::write(&log, b"forge-index 1\nnonsense").unwrap();
    let mut index = place.kept();
    assert_eq!((read(&mut index), index.find("New", None).unwrap().rows.len()), (5, 2));
    assert!(read(&mut place.kept()) <= 5 && index.cache_failure().is_none());
}
