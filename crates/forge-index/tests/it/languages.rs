//! What is found in each language: definitions with what they are in and what is said of them, uses with how sure they are.

use std::fmt::Write as _;

use crate::support::{Place, short};

/// The outlines of files, and the uses of symbols.
fn seen(language: &str, files: &[&str], symbols: &[&str]) -> String {
    let place = Place::of(language);
    let mut index = place.index();
    let mut text = String::new();
    for file in files {
        let outline = index.outline(file).unwrap();
        writeln!(text, "{file} ({}) {}", outline.language, outline.doc).unwrap();
        for item in outline.items {
            let (row, inset) = (item.row, "  ".repeat(item.depth + 1));
            let around = row.enclosing.map(|around| format!(" in {around}")).unwrap_or_default();
            let doc = if row.doc.is_empty() { String::new() } else { format!(" // {}", row.doc) };
            let lines = (row.line, row.end_line);
            writeln!(text, "{inset}{lines:?} {} {}{around}: {}{doc}", row.kind, row.name, row.text).unwrap();
        }
    }
    for symbol in symbols {
        writeln!(text, "\nuses of {symbol}").unwrap();
        for line in short(&index.refs(symbol, None).unwrap().rows) {
            writeln!(text, "  {line}").unwrap();
        }
    }
    text
}

#[test]
fn rust_is_read() {
    insta::assert_snapshot!(seen(
        "rust",
        &["src/lib.rs", "src/engine.rs", "src/store/shelf.rs"],
        &[
            "Engine",
            "Mode",
            "Mode::Slow",
            "start",
            "limit",
            "MOST",
            "describe",
            "Engine::speed",
            "Engine::new",
            "faster",
            "turn",
            "Shelf",
            "tidy",
            "put",
            "engines",
        ],
    ));
}

#[test]
fn python_is_read() {
    insta::assert_snapshot!(seen(
        "python",
        &["app/__init__.py", "app/engine.py", "app/store.py", "test_app.py"],
        &["Engine", "Engine.start", "Engine.faster", "describe", "LIMIT", "stock", "Engine.speed"],
    ));
}

#[test]
fn typescript_is_read() {
    insta::assert_snapshot!(seen(
        "typescript",
        &["src/engine.ts", "src/store.ts", "src/view.tsx"],
        &[
            "Engine",
            "Mode",
            "Mode.Fast",
            "Turns",
            "LIMIT",
            "describe",
            "Engine.turn",
            "report",
            "stock",
            "Row",
            "Speed"
        ],
    ));
}

#[test]
fn javascript_is_read() {
    insta::assert_snapshot!(seen(
        "javascript",
        &["lib/engine.js", "lib/index.mjs", "main.cjs"],
        &["Engine", "Engine.start", "faster", "make", "all", "count", "most"],
    ));
}

#[test]
fn go_is_read() {
    insta::assert_snapshot!(seen(
        "go",
        &["engine.go", "describe.go", "engine_test.go", "store/store.go"],
        &["Engine", "New", "Turn", "faster", "Most", "Describe", "Tidy", "Shelf", "Speed"],
    ));
}
