//! What simulated critics see of a change: its new lines.

use forge_sim::responder::Rng;

/// A new line that says too little to be quoted.
const SHORTEST: usize = 8;
/// The fewest characters of a passage that shows what was read.
const TELLING: usize = 20;

/// Whether the text is a diff.
pub(super) fn is_one(document: &str) -> bool {
    document.starts_with("--- ") && document.contains("\n+++ ") && document.contains("\n@@ -")
}

/// New lines worth quoting, at most `count`; the last one is long enough to show that the change was read.
pub(super) fn quotes(document: &str, rng: &mut Rng, count: usize) -> Vec<String> {
    let mut left: Vec<&str> = new_lines(document).map(|(_, line)| line).collect();
    left.retain(|line| line.len() >= SHORTEST && line.chars().any(char::is_alphanumeric));
    let mut quotes = Vec::new();
    while quotes.len() + 1 < count && !left.is_empty() {
        quotes.push(left.swap_remove(rng.below(left.len())).to_owned());
    }
    let telling = new_lines(document)
        .map(|(_, line)| line)
        .chain(document.lines().map(|line| line.get(1..).unwrap_or("")));
    let telling = telling.map(str::trim).find(|line| line.len() >= TELLING);
    quotes.extend(telling.map(str::to_owned));
    quotes
}

/// The file in which a new line stands.
pub(super) fn file_of<'a>(document: &'a str, quote: &str) -> Option<&'a str> {
    new_lines(document).find(|(_, line)| *line == quote).map(|(file, _)| file)
}

/// The new lines, each with its file.
fn new_lines(document: &str) -> impl Iterator<Item = (&str, &str)> {
    document
        .lines()
        .scan("", |file, line| {
            if let Some(name) = line.strip_prefix("+++ ") {
                *file = name.strip_prefix("b/").unwrap_or(name);
                return Some(None);
            }
            Some(line.strip_prefix('+').map(|line| (*file, line.trim())))
        })
        .flatten()
}

/// What a critic without a model can tell by a word: a line that gives up is worse than another one.
pub(super) fn severity(quote: &str) -> &'static str {
    const GIVES_UP: [&str; 6] = ["unwrap()", "panic!", "TODO", "FIXME", "eval(", "except:"];
    if GIVES_UP.iter().any(|word| quote.contains(word)) { "major" } else { "minor" }
}
