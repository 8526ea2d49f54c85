//! The usual slips of hands and keyboards: what stands in the way of a text that is not YAML, or not what it seems.

use crate::{code, path::KeyPath, place::Place, problem::Problem};

/// A problem that leads no further, and where it is.
pub(crate) type Fatal = (Place, Problem);

/// Lines above the one at which the parser gave up that may hold the cause.
const NEAR: usize = 4;

const ODD_BLANK: &str = "there is a space here that YAML does not know, such as a no-break space";

/// What is wrong in or before the line at which the parser gave up, if it is one of the usual slips.
pub(crate) fn cause(text: &str, at: Place, said: &str) -> Option<Fatal> {
    let lines: Vec<&str> = text.lines().collect();
    let last = at.line.min(lines.len());
    let near = || (1..=last).rev().take(NEAR).map(|line| (line, lines[line - 1]));
    // What cannot be seen comes first: it explains what looks like one of the others.
    let checks: [fn(usize, &str) -> Option<Fatal>; 5] = [odd_blank, unseen, tab, joined, equals];
    let slip = checks.iter().find_map(|check| near().find_map(|(line, content)| check(line, content)));
    if slip.is_some() {
        return slip;
    }
    if said.contains("escape") {
        let message = "a backslash in double quotes begins an escape such as `\\n`";
        return Some(syntax(at, message, "write the text in single quotes"));
    }
    unclosed(text, at).or_else(|| indentation(&lines, last))
}

/// What a text is that holds no mapping, if it is a configuration of another kind.
pub(crate) fn other_format(text: &str) -> Option<Fatal> {
    let mut lines = text.lines().map(str::trim).enumerate();
    let (at, first) = lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'))?;
    let place = Place { line: at + 1, column: 1 };
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    };
    let assigns = |line: &str| line.split_once('=').is_some_and(|(key, _)| name(key.trim()));
    // `[name]` alone is a list of YAML too.
    let is_header = first.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(name);
    let (message, hint) = if is_header && lines.any(|(_, line)| assigns(line)) {
        ("this is TOML", "a configuration is YAML: write `key: value`, and sections as mappings")
    } else if assigns(first.trim_start_matches("export ")) {
        ("this is a file of environment variables", "load it into the shell (`set -a; . ./FILE; set +a`)")
    } else {
        return None;
    };
    Some((place, Problem::new(code::NOT_A_MAPPING, KeyPath::ROOT, message).with_hint(hint)))
}

/// A text as it is meant, and what stood in its way: hidden characters, or quotes that are none to YAML.
pub(crate) fn disguised(text: &str) -> Option<(String, Problem)> {
    const QUOTES: [char; 8] = ['“', '”', '„', '‘', '’', '‚', '«', '»'];
    if text.is_ascii() {
        return None;
    }
    let problem = |message: String, hint| Problem::new(code::SYNTAX, KeyPath::ROOT, message).with_hint(hint);
    if text.starts_with(QUOTES) && text.chars().count() > 1 && text.ends_with(QUOTES) {
        let message = "typographic quotes are part of the string here".to_owned();
        return Some((text.trim_matches(QUOTES).to_owned(), problem(message, "write straight quotes")));
    }
    // At the ends alone: within a text a no-break space may be meant.
    let ends = text.chars().next().into_iter().chain(text.chars().next_back());
    if ends.clone().any(is_odd_blank) {
        return Some((text.trim().to_owned(), problem(ODD_BLANK.to_owned(), "write an ordinary space")));
    }
    let unseen = text.chars().find(|sign| is_unseen(*sign))?;
    let message = format!("there is a hidden character here, U+{:04X}", u32::from(unseen));
    Some((text.replace(is_unseen, ""), problem(message, "remove it, or type the text again")))
}

/// Hidden characters that no name has; those that join emoji are not among them. A list of its own, since this crate
/// depends on no other.
fn is_unseen(sign: char) -> bool {
    matches!(sign, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

pub(crate) fn is_odd_blank(sign: char) -> bool {
    sign.is_whitespace() && !sign.is_ascii()
}

fn syntax(place: Place, message: &str, hint: impl Into<String>) -> Fatal {
    (place, Problem::new(code::SYNTAX, KeyPath::ROOT, message).with_hint(hint))
}

fn odd_blank(line: usize, content: &str) -> Option<Fatal> {
    let column = content.chars().position(is_odd_blank)? + 1;
    Some(odd_blank_at(Place { line, column }))
}

pub(crate) fn odd_blank_at(place: Place) -> Fatal {
    syntax(place, ODD_BLANK, "write an ordinary space")
}

fn unseen(line: usize, content: &str) -> Option<Fatal> {
    let (column, sign) = content.chars().enumerate().find(|(_, sign)| is_unseen(*sign))?;
    let message = format!("there is a hidden character here, U+{:04X}", u32::from(sign));
    Some(syntax(Place { line, column: column + 1 }, &message, "remove it, or type the text again"))
}

fn tab(line: usize, content: &str) -> Option<Fatal> {
    let blank = &content[..content.len() - content.trim_start().len()];
    let column = blank.find('\t')? + 1;
    let message = "the indentation contains a tab";
    Some(syntax(Place { line, column }, message, "write spaces instead of the tab"))
}

/// `key:value`. The value may be a secret and is not shown.
fn joined(line: usize, content: &str) -> Option<Fatal> {
    let (key, value) = content.split_once(':')?;
    // `http://host` is a text, and no key with its value.
    let is_joined = value.starts_with(|sign: char| sign.is_alphanumeric() || sign == '"' || sign == '$');
    let column = key.chars().count() + 1;
    let hint = format!("write `{}: ...`", key.trim());
    (is_name(key.trim()) && is_joined)
        .then(|| syntax(Place { line, column }, "a space is missing after the colon", hint))
}

/// `{ key:value }`, where the whole is a key to YAML: the two, and what to say.
pub(crate) fn joined_key(text: &str, at: Place) -> Option<(Place, (String, String), Problem)> {
    let (place, problem) = joined(at.line, text)?;
    let (key, value) = text.split_once(':')?;
    let place = Place { column: at.column + place.column - 1, ..place };
    Some((place, (key.to_owned(), value.to_owned()), problem))
}

/// `key = value`
fn equals(line: usize, content: &str) -> Option<Fatal> {
    let (key, _) = content.split_once('=')?;
    let column = key.chars().take_while(|sign| sign.is_whitespace()).count() + 1;
    let hint = format!("write `{}: ...`", key.trim());
    is_name(key.trim())
        .then(|| syntax(Place { line, column }, "there is an equals sign in place of a colon", hint))
}

fn is_name(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The quote or bracket that is open where the parser gave up.
fn unclosed(text: &str, at: Place) -> Option<Fatal> {
    let mut open: Vec<(char, Place)> = Vec::new();
    let mut quote: Option<(char, Place)> = None;
    for (number, content) in text.lines().enumerate() {
        if number + 1 > at.line {
            break;
        }
        let mut before = ' ';
        for (column, sign) in content.chars().enumerate() {
            let place = Place { line: number + 1, column: column + 1 };
            match (quote, sign) {
                (Some((begin, _)), _) if sign == begin && (begin == '\'' || before != '\\') => quote = None,
                // Within a word it begins no comment.
                (None, '#') if before == ' ' => break,
                // Inside of a word it is an apostrophe.
                (None, '\'' | '"') if " [{,:".contains(before) => quote = Some((sign, place)),
                // The brace of `${NAME}` opens no mapping.
                (None, '[' | '{') if before != '$' => open.push((sign, place)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
            before = sign;
        }
    }
    let (place, message) = match (quote, open.pop()) {
        (Some((_, place)), _) => (place, "a quote is opened here and never closed"),
        (None, Some((_, place))) => (place, "a bracket is opened here and never closed"),
        (None, None) => return None,
    };
    Some((place, Problem::new(code::SYNTAX, KeyPath::ROOT, message)))
}

/// A line that stands further in or out than the keys beside it.
fn indentation(lines: &[&str], last: usize) -> Option<Fatal> {
    let depth = |content: &str| content.len() - content.trim_start_matches(' ').len();
    let is_content = |content: &&str| !content.trim().is_empty() && !content.trim().starts_with('#');
    let at = (1..=last).rev().find(|line| is_content(&lines[line - 1]))?;
    let own = depth(lines[at - 1]);
    let above: Vec<&str> = lines[..at - 1].iter().copied().filter(is_content).collect();
    let previous = above.last()?;
    let opens = previous.trim_end().ends_with(':');
    let fits = own <= depth(previous) && above.iter().any(|line| depth(line) == own);
    if fits || (opens && own > depth(previous)) {
        return None;
    }
    let column = own + 1;
    let message = "the indentation of this line matches no key above it";
    Some(syntax(Place { line: at, column }, message, "align it with the keys beside it"))
}
