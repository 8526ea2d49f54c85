//! An index that has seen edits answers like one that was just made.

use std::fs;

use fastrand::Rng;
use forge_index::{Changes, Index};

use crate::support::{Place, copy, fixtures, scale};

const ENDINGS: [&str; 5] = ["rs", "py", "ts", "js", "go"];

/// Names that generated code uses and defines, so that every edit changes what others mean.
const NAMES: [&str; 8] = ["alpha", "beta", "gamma", "Delta", "Epsilon", "start", "Engine", "stock"];

#[test]
fn an_index_that_has_seen_edits_equals_one_that_was_just_made() {
    #[expect(clippy::disallowed_methods, reason = "a test is set by the environment")]
    let given = std::env::var("FORGE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("FORGE_TEST_SEED={seed} FORGE_TEST_SCALE={}", scale());
    let mut rng = Rng::with_seed(seed);
    let place = Place::new("fresh");
    for language in ["rust", "python", "typescript", "javascript", "go"] {
        copy(&fixtures(language), &place.root().join(language));
    }
    for name in ["codec.rs", "symbol.rs"] {
        let text = fs::read_to_string(fixtures("../../src").join(name)).unwrap();
        place.write(&format!("rust/src/{name}"), text);
    }
    let mut index = place.kept();
    let edits = (50 * scale()).min(1_000);
    for edit in 0..edits {
        let what = change(&place, &mut rng);
        // As another process has it, whose files were read by this one.
        if rng.u8(..8) == 0 {
            index = place.kept();
        }
        let seen = answers(&mut index, &mut rng.clone());
        let fresh = answers(&mut place.index(), &mut rng.clone());
        assert_eq!(seen, fresh, "edit {edit}: {what}");
        assert_eq!(index.cache_failure(), None);
        rng.u8(..);
    }
}

/// Everything that can be asked, without what an answer says of its making.
fn answers(index: &mut Index, rng: &mut Rng) -> Vec<String> {
    let mut said = vec![index.refresh().revision.clone()];
    let all = index.find_pattern("", None).unwrap();
    said.extend(all.rows.iter().map(|row| format!("{row:?}")));
    for name in [rng.choice(NAMES).unwrap(), rng.choice(NAMES).unwrap()] {
        said.extend(index.refs(name, None).unwrap().rows.iter().map(|row| format!("{row:?}")));
    }
    if let Some(row) = rng.choice(&all.rows) {
        said.extend(index.outline(&row.path).unwrap().items.iter().map(|item| format!("{item:?}")));
        let impact = index.impact(&Changes::of_paths([row.path.clone()]), 2).unwrap();
        said.push(format!("{:?}{:?}{:?}", impact.changed, impact.callers, impact.tests));
    }
    said.push(index.map(400, &[]).unwrap().text);
    said
}

/// One edit, as people and programs make them.
fn change(place: &Place, rng: &mut Rng) -> String {
    let mut files = files(place);
    let Some(path) = rng.choice(&files).cloned() else { return create(place, rng) };
    let full = place.root().join(&path);
    let text = fs::read_to_string(&full).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let at = rng.usize(..=lines.len());
    match rng.u8(..9) {
        0 => return create(place, rng),
        1 if files.len() > 12 => {
            fs::remove_file(&full).unwrap();
            return format!("remove {path}");
        }
        2 => {
            files.retain(|other| ending(other) == ending(&path));
            let target = format!("moved/{}.{}", rng.u8(..6), ending(&path));
            fs::create_dir_all(place.root().join("moved")).unwrap();
            fs::rename(&full, place.root().join(&target)).unwrap();
            return format!("move {path} to {target}");
        }
        // The same again.
        3 => {}
        // A name for another one of the same length: nothing but the content changes.
        4 => {
            let swapped = text.replace("alpha", "gamma").replace("start", "stock");
            fs::write(&full, swapped).unwrap();
            return format!("rename in {path}");
        }
        5 => {
            lines.truncate(at);
        }
        6 if !lines.is_empty() => {
            lines.remove(at.min(lines.len() - 1));
        }
        7 => lines.insert(at, "(((( }} \" ''' /*"),
        _ => {
            let more = generated(ending(&path), rng);
            fs::write(&full, text.clone() + &more).unwrap();
            return format!("append to {path}");
        }
    }
    fs::write(&full, lines.join("\n")).unwrap();
    format!("edit {path} at {at}")
}

fn create(place: &Place, rng: &mut Rng) -> String {
    let ending = rng.choice(ENDINGS).unwrap();
    let path = format!("made/{}.{ending}", rng.u8(..6));
    place.write(&path, generated(ending, rng));
    format!("create {path}")
}

fn generated(ending: &str, rng: &mut Rng) -> String {
    let mut name = || *rng.choice(&NAMES).unwrap();
    let (a, b, c) = (name(), name(), name());
    match ending {
        "rs" => format!(
            "use crate::{c};\n/// Does {a}.\nfn {a}(x: {c}) -> u8 {{ {b}(x); x.{a}() }}\nimpl {b} {{ fn {a}(&self) {{ self.{b}() }} }}\n"
        ),
        "py" => format!(
            "from app.engine import {c}\ndef {a}(x):\n    return {b}(x.{c})\nclass {b}({c}):\n    def {a}(self):\n        self.{b}()\n"
        ),
        "ts" => format!(
            "import {{ {c} }} from './1';\nexport function {a}(x: {c}) {{ return {b}(x); }}\nclass {b} {{ {a}() {{ this.{b}(); }} }}\n"
        ),
        "js" => format!("import {{ {c} as {a} }} from './2.js';\nexport const {b} = (x) => {c}(x.{a}());\n"),
        _ => format!(
            "package made\nfunc {a}(x {c}) {{ {b}(x); x.{a}() }}\ntype {b} struct {{ {a} int }}\nfunc (s *{b}) {c}() {{ s.{a}++ }}\n"
        ),
    }
}

fn ending(path: &str) -> &str {
    path.rsplit('.').next().unwrap()
}

/// The files that are there, in their order.
fn files(place: &Place) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![place.root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(place.root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
