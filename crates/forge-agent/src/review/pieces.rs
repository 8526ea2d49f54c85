//! Pieces of a change, each small enough to be read at once. What matters most is read first.

use super::change::{Change, Content, FileChange, Hunk, Line, Mark};

/// Bytes of a diff that count as a token. Fewer than prose has, so that a piece is rather too small than too large.
const BYTES_PER_TOKEN: usize = 3;
/// Characters of a line that are shown: a longer one was written by a program.
const LONGEST_LINE: usize = 1_000;

/// A part of a change that is read at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Piece {
    /// Its text: a diff.
    pub text: String,
    /// The paths of its files, in the order of the text.
    pub files: Vec<String>,
    /// Lines in it that are new or gone.
    pub changed_lines: usize,
}

/// A file of which nobody can read what changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Unread {
    /// Its path.
    pub path: String,
    /// Why it is not read.
    pub why: String,
}

/// About how many tokens a text has.
pub fn tokens(text: &str) -> u64 {
    (text.len() / BYTES_PER_TOKEN) as u64
}

/// Splits a change into pieces of about `most` tokens, by file, then by hunk, then by line. Whatever has no text to read is
/// told apart.
pub fn split(change: &Change, most: u64) -> (Vec<Piece>, Vec<Unread>) {
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN).max(256);
    let mut files: Vec<&FileChange> = change.files.iter().collect();
    // The order of the diff within one rank, so that equal changes give equal pieces.
    files.sort_by_key(|file| (rank(file.path()), std::cmp::Reverse(file.changed_lines().min(400))));
    let (mut pieces, mut unread) = (Vec::<Piece>::new(), Vec::new());
    for file in files {
        if let Some(why) = unreadable(file) {
            unread.push(Unread { path: file.path().to_owned(), why });
            continue;
        }
        let head = head(file);
        let parts = file.hunks.iter().flat_map(|hunk| parts(hunk, most.saturating_sub(head.len()).max(128)));
        for (text, changed_lines) in parts {
            add(&mut pieces, most, file.path(), &head, &text, changed_lines);
        }
    }
    (pieces, unread)
}

/// Puts a part behind the last piece, or begins another one where it does not fit.
fn add(pieces: &mut Vec<Piece>, most: usize, path: &str, head: &str, text: &str, changed_lines: usize) {
    let continues = pieces.last().is_some_and(|piece| piece.files.last().is_some_and(|last| last == path));
    let needed = text.len() + if continues { 0 } else { head.len() };
    let fits = pieces.last().is_some_and(|piece| piece.text.len() + needed <= most);
    if !fits {
        pieces.push(Piece::default());
    }
    let Some(piece) = pieces.last_mut() else { return };
    if !(fits && continues) {
        piece.text.push_str(head);
        piece.files.push(path.to_owned());
    }
    piece.text.push_str(text);
    piece.changed_lines += changed_lines;
}

/// Code before tests, tests before text, text before what programs write.
fn rank(path: &str) -> u8 {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let generated = matches!(ending, "lock" | "snap" | "map" | "svg" | "csv")
        || name.ends_with(".min.js")
        || matches!(name, "package-lock.json" | "go.sum" | "pnpm-lock.yaml");
    if generated {
        4
    } else if matches!(ending, "md" | "txt" | "rst" | "adoc") {
        3
    } else if lower.contains("test") || lower.contains("spec") {
        2
    } else {
        u8::from(matches!(ending, "json" | "yaml" | "yml" | "toml" | "xml" | "ini"))
    }
}

fn unreadable(file: &FileChange) -> Option<String> {
    let why = match file.content {
        Content::Binary => "it is binary",
        Content::Submodule => "it is the commit of a submodule",
        Content::Text if file.is_deleted() => "it is deleted",
        Content::Text if file.hunks.is_empty() => "only its name or mode changed",
        Content::Text => return None,
    };
    Some(why.to_owned())
}

fn head(file: &FileChange) -> String {
    let side = |path: &Option<String>, prefix: &str| match path {
        // A line feed in a name would begin another line of the diff.
        Some(path) => format!("{prefix}/{}", path.replace(['\n', '\r'], "?")),
        None => "/dev/null".to_owned(),
    };
    format!("--- {}\n+++ {}\n", side(&file.old, "a"), side(&file.new, "b"))
}

/// The text of a hunk in parts of at most `most` bytes, each with its own head and its number of changed lines.
fn parts(hunk: &Hunk, most: usize) -> Vec<(String, usize)> {
    let mut parts = Vec::new();
    let (mut first, mut size) = (0, 0);
    for (at, line) in hunk.lines.iter().enumerate() {
        let length = line.text.len().min(LONGEST_LINE * 4) + 2;
        if size + length > most && at > first {
            parts.push(part(hunk, &hunk.lines[first..at]));
            (first, size) = (at, 0);
        }
        size += length;
    }
    parts.push(part(hunk, &hunk.lines[first..]));
    // A part of kept lines alone says nothing.
    parts.retain(|(_, changed)| *changed > 0);
    parts
}

fn part(hunk: &Hunk, lines: &[Line]) -> (String, usize) {
    let mut text = hunk.head(lines) + "\n";
    for line in lines {
        text.push(line.mark.as_char());
        match line.text.char_indices().nth(LONGEST_LINE) {
            Some((end, _)) => {
                text.push_str(&line.text[..end]);
                text.push_str(" [the rest of this line is left out]");
            }
            None => text.push_str(line.text.trim_end_matches('\r')),
        }
        text.push('\n');
    }
    (text, lines.iter().filter(|line| line.mark != Mark::Kept).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::parse;

    fn diff(path: &str, lines: usize) -> String {
        let added = (0..lines).fold(String::new(), |all, at| all + &format!("+line {at} of {path}\n"));
        format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,0 +1,{lines} @@\n{added}")
    }

    #[test]
    fn every_changed_line_is_in_one_piece_and_pieces_keep_their_size() {
        let text: String = (0..20).map(|at| diff(&format!("src/{at}.rs"), 37 * at + 1)).collect();
        let change = parse(&text).unwrap();
        for most in [100, 700, 100_000] {
            let (pieces, unread) = split(&change, most);
            assert!(unread.is_empty());
            let all: usize = pieces.iter().map(|piece| piece.changed_lines).sum();
            assert_eq!(all, change.files.iter().map(FileChange::changed_lines).sum::<usize>());
            for piece in &pieces {
                assert!(tokens(&piece.text) <= most + 60, "{most}: {}", tokens(&piece.text));
                let again: usize =
                    parse(&piece.text).unwrap().files.iter().map(FileChange::changed_lines).sum();
                assert_eq!(again, piece.changed_lines, "{}", piece.text);
            }
        }
    }

    #[test]
    fn code_comes_first_and_what_has_no_text_is_told() {
        let mut text =
            diff("Cargo.lock", 3) + &diff("README.md", 3) + &diff("tests/it/a.rs", 3) + &diff("src/a.rs", 1);
        text += "diff --git a/p.png b/p.png\nBinary files a/p.png and b/p.png differ\n";
        let (pieces, unread) = split(&parse(&text).unwrap(), 8_000);
        assert_eq!(pieces[0].files, ["src/a.rs", "tests/it/a.rs", "README.md", "Cargo.lock"]);
        assert_eq!(unread[0].why, "it is binary");
    }
}
