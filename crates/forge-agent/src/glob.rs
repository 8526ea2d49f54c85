//! Patterns for paths and names that cannot be wrong: `?` is a character, `*` any number of them inside of a name, `**` any
//! number of folders, `|` stands between alternatives, and everything else is itself.

/// Whether the path, with `/` between its names and seen from the project's folder, is meant.
///
/// A pattern without `/` means a name anywhere on the path; one with it begins at the project's folder. One that ends with
/// a plain name or a `/` means everything below as well.
pub(crate) fn path_matches(pattern: &str, path: &str) -> bool {
    path_rank(pattern, path).is_some()
}

/// Whether the whole name is meant.
pub(crate) fn word_matches(pattern: &str, word: &str) -> bool {
    word_rank(pattern, word).is_some()
}

/// How exactly the path is meant: characters of the alternative for it that are no wildcards. `None` if it is not.
pub(crate) fn path_rank(pattern: &str, path: &str) -> Option<usize> {
    let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    let meant = pattern.split('|').map(str::trim).filter(|one| match one.strip_prefix("./").unwrap_or(one) {
        name if !name.contains('/') => names.iter().any(|part| name_matches(name, part)),
        rooted => from_the_root(rooted, &names),
    });
    meant.map(literal).max()
}

/// The same for a name.
pub(crate) fn word_rank(pattern: &str, word: &str) -> Option<usize> {
    pattern.split('|').map(str::trim).filter(|one| name_matches(one, word)).map(literal).max()
}

fn literal(pattern: &str) -> usize {
    pattern.chars().filter(|c| !matches!(c, '*' | '?')).count()
}

fn from_the_root(pattern: &str, names: &[&str]) -> bool {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    // `reached[n]`: what was seen of the pattern can stand for the first n names.
    let mut reached = vec![false; names.len() + 1];
    reached[0] = true;
    for part in &parts {
        let mut next = vec![false; names.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, is_reached)| **is_reached) {
            if *part == "**" {
                next[at..].fill(true);
            } else if names.get(at).is_some_and(|name| name_matches(part, name)) {
                next[at + 1] = true;
            }
        }
        reached = next;
    }
    let has_below = pattern.ends_with('/') || parts.last().is_some_and(|last| !last.contains(['*', '?']));
    reached[names.len()] || has_below && reached[1..].contains(&true)
}

/// Goes back to the last `*` alone, so that it takes no longer than both lengths multiplied.
fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match star {
                Some((before, taken)) => {
                    star = Some((before, taken + 1));
                    (at, seen) = (before + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_meant_by_name_from_the_root_and_below() {
        for (pattern, yes, no) in [
            ("*.rs", &["a.rs", "src/x/b.rs"][..], &["a.rst", "rs"][..]),
            (".env", &[".env", "app/.env", ".env/key"], &["env", ".env.example"]),
            ("src/**", &["src/a", "src/x/y"], &["lib/src/a", "srcs/a"]),
            ("src/*", &["src/a"], &["src/a/b", "src"]),
            ("src/gen", &["src/gen", "src/gen/a/b"], &["src/generic", "x/src/gen"]),
            ("docs/", &["docs/a", "./docs/b/c"], &["doc/a"]),
            ("src/**/test_*.py", &["src/test_a.py", "src/x/y/test_b.py"], &["src/x/atest_b.py"]),
            ("a/?.c|*.md", &["a/b.c", "README.md"], &["a/bb.c"]),
            ("**", &["a", "a/b"], &[]),
        ] {
            let wrong = yes.iter().filter(|path| !path_matches(pattern, path));
            let wrong: Vec<_> = wrong.chain(no.iter().filter(|path| path_matches(pattern, path))).collect();
            assert!(wrong.is_empty(), "{pattern}: {wrong:?}");
        }
    }

    #[test]
    fn words_are_meant_as_a_whole() {
        assert!(word_matches("Edit|Write", "Write") && !word_matches("Edit|Write", "Rewrite"));
        assert!(word_matches("mcp__*__read", "mcp__files__read") && word_matches("*", "anything"));
        assert!(!word_matches("", "run") && !word_matches("run?", "run"));
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = "*a".repeat(500);
        assert!(!path_matches(&format!("{pattern}b"), &"a".repeat(2000)));
        assert!(!path_matches(&"**/a/".repeat(300), &"a/".repeat(299)));
    }
}
