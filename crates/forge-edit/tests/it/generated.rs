//! Generated edits against `git apply`, GNU `patch` and the text that they come from.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use fastrand::Rng;
use forge_edit::{EditFormat, Refused, Why, Workspace, parse, resolve};

use crate::support::{Folder, files, scale, seed, set_mode, write};

type Texts = BTreeMap<String, Vec<u8>>;

const NAMES: [&str; 6] = ["a.rs", "sub/b c.txt", "sub/deep/é.md", "d", "-e.txt", "f.txt"];

/// Lines that stand in many places.
const COMMON: [&str; 6] = ["", "}", "    }", "return;", "// ---", "\t"];

fn line(rng: &mut Rng) -> String {
    if rng.u8(..4) == 0 {
        return (*rng.choice(COMMON.iter()).unwrap()).to_owned();
    }
    let indent = *rng.choice(["", "    ", "\t", "  "].iter()).unwrap();
    let word = *rng
        .choice(["let x = ", "é ✓ ", "call(", "+ plus ", "- minus ", "@@ at ", "\\ back ", "> "].iter())
        .unwrap();
    let blank = if rng.u8(..8) == 0 { "  " } else { "" };
    format!("{indent}{word}{}{blank}", rng.u32(..))
}

/// Lines with their ends; all of one kind, or mixed.
fn lines(rng: &mut Rng, count: usize, ending: &str) -> Vec<String> {
    let ends = ["\n", "\r\n"];
    let mut lines: Vec<String> = Vec::new();
    for _ in 0..count {
        let end = if ending.is_empty() { *rng.choice(ends.iter()).unwrap() } else { ending };
        lines.push(line(rng) + end);
    }
    lines
}

fn assembled(mut lines: Vec<String>, bom: bool, ended: bool) -> Vec<u8> {
    if !ended && let Some(last) = lines.last_mut() {
        last.truncate(last.trim_end_matches(['\r', '\n']).len());
    }
    let mark = if bom && !lines.is_empty() { "\u{feff}" } else { "" };
    (mark.to_owned() + &lines.concat()).into_bytes()
}

/// A file before and afterwards; `None` where there is none.
fn pair(rng: &mut Rng) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let ending = *rng.choice(["\n", "\n", "\r\n", ""].iter()).unwrap();
    let length = rng.usize(..60);
    let old = lines(rng, length, ending);
    let (bom, ended) = (rng.u8(..6) == 0, rng.u8(..5) > 0);
    let before = Some(assembled(old.clone(), bom, ended));
    match rng.u8(..10) {
        0 => return (None, before.filter(|bytes| !bytes.is_empty())),
        // GNU patch cannot delete empty files.
        1 if !old.is_empty() => return (before, None),
        _ => {}
    }
    let mut new = old;
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..=new.len());
        let end = (at + rng.usize(..4)).min(new.len());
        let count = rng.usize(..4);
        let added = lines(rng, count, ending);
        new.splice(at..end, added);
    }
    let still_ended = if rng.u8(..8) == 0 { !ended } else { ended };
    (before, Some(assembled(new, bom, still_ended)))
}

/// Some files before and afterwards.
fn texts(rng: &mut Rng) -> (Texts, Texts) {
    let (mut old, mut new) = (Texts::new(), Texts::new());
    let mut names = NAMES.to_vec();
    rng.shuffle(&mut names);
    for name in &names[..rng.usize(1..4)] {
        let (before, after) = pair(rng);
        if before != after {
            old.extend(before.map(|bytes| ((*name).to_owned(), bytes)));
            new.extend(after.map(|bytes| ((*name).to_owned(), bytes)));
        }
    }
    if rng.u8(..6) == 0
        && let Some(bytes) = old.get(names[0]).cloned()
        && new.contains_key(names[0])
        && bytes.len() > 200
        && !names[0].starts_with("sub")
    {
        let moved = new.remove(names[0]).unwrap();
        new.insert("moved/to.rs".to_owned(), moved);
    }
    (old, new)
}

/// Files that were there before are executable in some folders.
fn lay(root: &Path, texts: &Texts, before: &Texts) {
    fs::create_dir_all(root).unwrap();
    for (name, bytes) in texts {
        write(root, name, bytes);
        if name.starts_with("sub") && before.contains_key(name) {
            set_mode(root, name, 0o755);
        }
    }
}

fn read(root: &Path) -> Texts {
    let all = files(root).into_iter().filter(|(_, (mode, _))| *mode != 0);
    all.map(|(path, (_, bytes))| (path.to_str().unwrap().to_owned(), bytes)).collect()
}

/// The diff of the folders `a` and `b`, as git writes it of two states of one folder.
fn diff(folder: &Path, quoted: bool) -> String {
    let quoted = format!("core.quotePath={quoted}");
    let output = Command::new("git")
        .args(["-c", &quoted, "-c", "core.autocrlf=false"])
        .args(["diff", "--no-index", "--no-prefix", "--no-color", "-M", "a", "b"])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let Some(names) = line.strip_prefix("diff --git ") else {
            return line.replace("rename from a/", "rename from ").replace("rename to b/", "rename to ");
        };
        // Where a file is only in one of the folders, git names that twice.
        let names = names.replace("\"b/", "\"a/").replacen("\" \"a/", "\" \"b/", 1);
        let twice = |from: &str, old: &str, new: &str| {
            names
                .strip_prefix(from)
                .filter(|rest| rest.contains(old))
                .map(|rest| format!("a/{}", rest.replacen(old, new, 1)))
        };
        let plain = twice("a/", " a/", " b/").or_else(|| twice("b/", " b/", " b/"));
        format!("diff --git {}", plain.unwrap_or(names))
    };
    text.split_inclusive('\n').map(line).collect()
}

/// The files after an edit, or why not.
fn edited(old: &Texts, text: &str, format: EditFormat) -> Result<Texts, Refused> {
    let set = parse(text, format).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let resolved = resolve(&set, |path| Ok::<_, String>(old.get(path.as_str()).cloned()))?;
    let mut new = old.clone();
    for file in resolved.files {
        new.remove(file.path.as_str());
        new.extend(file.after.map(|bytes| (file.path.to_string(), bytes)));
    }
    Ok(new)
}

fn same(made: &Texts, new: &Texts, text: &str) {
    let shown = |texts: &Texts| -> Vec<_> {
        let each =
            texts.iter().map(|(name, bytes)| (name.clone(), String::from_utf8_lossy(bytes).into_owned()));
        each.collect()
    };
    if made != new {
        assert_eq!(shown(made), shown(new), "{text}");
    }
}

/// Whether the edit was made as it should be; if not, its lines really stand there more than once.
fn holds(outcome: Result<Texts, Refused>, new: &Texts, text: &str) -> bool {
    match outcome {
        Ok(made) => {
            same(&made, new, text);
            true
        }
        Err(refused) => {
            let several = |why: &Why| matches!(why, Why::Several { .. });
            assert!(refused.refusals.iter().all(|one| several(&one.why)), "{refused}\n{text}");
            false
        }
    }
}

/// What models do to diffs.
fn damaged(diff: &str, kind: u8, rng: &mut Rng) -> String {
    let mut in_hunk = false;
    let line = |line: &str| {
        in_hunk = line.starts_with("@@") || in_hunk && !line.starts_with("diff --git ");
        if in_hunk { damaged_line(line, kind, rng) } else { line.to_owned() }
    };
    diff.split_inclusive('\n').map(line).collect()
}

fn damaged_line(line: &str, kind: u8, rng: &mut Rng) -> String {
    let mut heads = line.split(' ');
    if let (Some("@@"), Some(old), Some(new)) = (heads.next(), heads.next(), heads.next()) {
        let range = |range: &str, by: usize, more: usize| {
            let (first, lines) = range.split_once(',').unwrap_or((range, "1"));
            let first = first[1..].parse::<usize>().unwrap() + by;
            format!("{}{first},{}", &range[..1], lines.parse::<usize>().unwrap() + more)
        };
        return match kind {
            0 => format!("@@ {} {} @@\n", range(old, 0, rng.usize(..4)), range(new, 0, rng.usize(1..4))),
            1 => (*rng.choice(["@@\n", "@@ @@\n", "@@ ... @@\n", "@@ fn it()\n"].iter()).unwrap()).to_owned(),
            4 => format!("@@ {} {} @@\n", range(old, rng.usize(..90), 0), range(new, rng.usize(..90), 0)),
            _ => line.to_owned(),
        };
    }
    if !line.starts_with(' ') || rng.bool() {
        return line.to_owned();
    }
    let text = line.trim_end_matches(['\r', '\n']);
    match kind {
        2 => format!("{text} {}", &line[text.len()..]),
        3 if !line[1..].starts_with(['+', '-', '@', '\\']) => line[1..].to_owned(),
        _ => line.to_owned(),
    }
}

/// The same edits in the other formats, where those can say it, from the diff of git.
fn other_formats(diff: &str, old: &Texts, new: &Texts) -> Vec<(EditFormat, String)> {
    let mut patch = "*** Begin Patch\n".to_owned();
    let kept = |(name, bytes): (&String, &Vec<u8>)| {
        let same_end = old.get(name).is_some_and(|old| old.ends_with(b"\n") == bytes.ends_with(b"\n"));
        // How the last line ends when it is the last no more, a block cannot say.
        let said = bytes.ends_with(b"\n") || !bytes.contains(&b'\r');
        same_end && said && !old[name].is_empty() && !bytes.is_empty()
    };
    if old.len() != new.len() || !new.iter().all(kept) || diff.contains('"') || diff.contains("<<<") {
        return Vec::new();
    }
    let mut name = "";
    let mut hunks: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in diff.split_inclusive('\n') {
        if let Some(path) = line.strip_prefix("+++ b/") {
            name = path.trim_end_matches(['\n', '\t']);
            patch.extend(["*** Update File: ", name, "\n"]);
        } else if line.starts_with("diff --git ") {
            name = "";
        } else if name.is_empty() || line.starts_with("\\ No newline") {
        } else if line.starts_with("@@") {
            hunks.push((name, Vec::new()));
            patch += "@@\n";
        } else {
            hunks.last_mut().unwrap().1.push(line);
            patch += line;
        }
    }
    patch += "*** End Patch\n";
    let mut formats = vec![(EditFormat::ApplyPatch, patch), (EditFormat::SearchReplace, blocks(&hunks, ""))];
    // Lines without any indentation to compare say nothing of a shift.
    let has_words = |line: &&str| !line.starts_with('+') && !line.trim().is_empty() && line.trim() != "-";
    if !diff.contains(['\r', '\u{feff}']) && hunks.iter().all(|(_, lines)| lines.iter().any(has_words)) {
        formats.push((EditFormat::SearchReplace, blocks(&hunks, "    ")));
    }
    formats
}

/// The hunks as blocks, with more indentation than they have.
fn blocks(hunks: &[(&str, Vec<&str>)], indent: &str) -> String {
    let mut blocks = String::new();
    for (name, lines) in hunks {
        let side = |mark: char| -> String {
            let lines = lines.iter().filter(|line| line.starts_with([' ', mark])).map(|line| &line[1..]);
            lines.flat_map(|line| [if line.trim().is_empty() { "" } else { indent }, line]).collect()
        };
        let (old, new) = (side('-'), side('+'));
        blocks.extend(["`", name, "`\n<<<<<<< SEARCH\n", &old, "=======\n", &new, ">>>>>>> REPLACE\n\n"]);
    }
    blocks
}

/// Runs another program on a copy of the old files.
fn by_another(folder: &Path, name: &str, arguments: &[&str], old: &Texts) -> Texts {
    let root = folder.join(name);
    lay(&root, old, old);
    let output = Command::new(arguments[0]).args(&arguments[1..]).current_dir(&root).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{name}: {said}\n{}", fs::read_to_string(folder.join("diff")).unwrap());
    read(&root)
}

#[test]
fn generated_edits_come_to_the_text_that_they_come_from() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let version = Command::new("patch").arg("--version").output();
    let has_patch = version.is_ok_and(|said| said.stdout.starts_with(b"GNU patch"));
    if !has_patch {
        println!("GNU patch is not installed: edits are not compared with it");
    }
    let (mut cases, mut made, mut tried) = (0, 0, 0);
    while cases < (250 * scale()).min(5_000) {
        let (old, new) = texts(&mut rng);
        if old == new {
            continue;
        }
        let folder = Folder::new("generated");
        lay(&folder.path().join("a"), &old, &old);
        lay(&folder.path().join("b"), &new, &old);
        let text = diff(folder.path(), rng.bool());
        fs::write(folder.path().join("diff"), &text).unwrap();
        cases += 1;

        let git = by_another(folder.path(), "git", &["git", "apply", "--whitespace=nowarn", "../diff"], &old);
        assert_eq!(git, new, "{text}");
        if has_patch {
            let patch = ["patch", "-p1", "--binary", "-s", "-F0", "--no-backup-if-mismatch", "-i", "../diff"];
            assert_eq!(by_another(folder.path(), "patch", &patch, &old), new, "{text}");
        }

        // On the disk: all of it, or nothing.
        let root = folder.path().join("ours");
        lay(&root, &old, &old);
        let workspace = Workspace::open(&root).unwrap();
        let before = files(&root);
        let set = parse(&text, EditFormat::Udiff).unwrap_or_else(|why| panic!("{why}\n{text}"));
        match resolve(&set, |path| workspace.read(path)) {
            Ok(resolved) => {
                let intent = workspace.intent("one", &resolved).unwrap();
                workspace.apply(&intent, &resolved).unwrap();
                same(&read(&root), &new, &text);
                let modes = |root: &Path| -> Vec<_> {
                    files(root)
                        .into_iter()
                        .filter(|(path, (mode, _))| *mode != 0 && before.contains_key(path))
                        .map(|(path, (mode, _))| (path, mode))
                        .collect()
                };
                let kept: Vec<_> = before
                    .iter()
                    .filter(|(path, (mode, _))| *mode != 0 && root.join(path).exists())
                    .map(|(path, (mode, _))| (path.clone(), *mode))
                    .collect();
                assert_eq!(modes(&root), kept);
            }
            Err(_) => assert_eq!(files(&root), before),
        }
        let mut try_one = |text: &str, format| {
            tried += 1;
            made += usize::from(holds(edited(&old, text, format), &new, text));
        };
        try_one(&text, EditFormat::Udiff);
        for kind in 0..5 {
            try_one(&damaged(&text, kind, &mut rng), EditFormat::Udiff);
            try_one(
                &format!("So:\n\n```diff\n{}```\nDone.\n", damaged(&text, kind, &mut rng)),
                EditFormat::Udiff,
            );
        }
        for (format, text) in other_formats(&text, &old, &new) {
            try_one(&text, format);
        }
    }
    println!("{cases} sets of edits, {made} of {tried} texts made, the others stand in more than one place");
    assert!(made * 10 > tried * 8, "{made} of {tried}");
}
