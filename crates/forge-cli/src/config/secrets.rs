//! What of a line is a secret, or may be one. The line may be anything: it is shown because something is wrong with it.

use std::ops::Range;

use forge::config::is_reference;

/// How the keys of vendors begin.
const BEGINS: [&str; 9] = ["sk-", "sk_", "aiza", "gsk_", "xai-", "ghp_", "bearer", "pk-", "eyj"];

/// So many letters and digits in a row are no word.
const LONG: usize = 24;

/// The characters of the line `number` that are not to be shown, in order and apart from each other.
pub(super) fn hidden(lines: &[&str], number: usize) -> Vec<Range<usize>> {
    let Some(line) = number.checked_sub(1).and_then(|at| lines.get(at)) else { return Vec::new() };
    let signs: Vec<char> = line.chars().collect();
    let mut found = Vec::new();
    if is_below_secret(lines, number) {
        let begin =
            signs.iter().position(|sign| !sign.is_whitespace() && *sign != '-').unwrap_or(signs.len());
        let colon = signs.iter().position(|sign| matches!(sign, ':' | '='));
        found.push(colon.map_or(begin, |colon| skip_blanks(&signs, colon + 1))..signs.len());
    }
    found.extend(values(&signs));
    found.extend(tokens(&signs));
    found.extend(addresses(&signs));
    // The name of a variable is no secret, and it is often what the mistake is about.
    found.retain(|range| !range.is_empty() && !is_name_of_variable(&signs[range.clone()]));
    merged(found)
}

/// Whether the line stands below a key whose values are secrets.
fn is_below_secret(lines: &[&str], number: usize) -> bool {
    let depth = |line: &str| line.chars().take_while(|sign| sign.is_whitespace()).count();
    let mut inner = depth(lines[number - 1]);
    let is_item = lines[number - 1].trim_start().starts_with('-');
    for line in lines[..number - 1].iter().rev().filter(|line| !line.trim().is_empty()) {
        let own = depth(line);
        if own < inner || (is_item && own == inner && !line.trim_start().starts_with('-')) {
            let key = line.trim().trim_start_matches("- ").split([':', '=']).next().unwrap_or_default();
            if is_secret(key) {
                return true;
            }
            inner = own.min(inner);
        }
    }
    false
}

/// Whether a key is one whose value is a secret.
fn is_secret(key: &str) -> bool {
    let name: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let ends = ["key", "keys", "token", "auth", "header", "headers", "pass", "pwd"];
    let parts = ["secret", "password", "passwd", "credential", "authorization", "bearer", "apikey"];
    ends.iter().any(|end| name.ends_with(end)) || parts.iter().any(|part| name.contains(part))
}

/// The values of keys that name secrets.
fn values(signs: &[char]) -> Vec<Range<usize>> {
    let is_of_name = |sign: &char| sign.is_alphanumeric() || "_-.\"'“”".contains(*sign);
    let mut found = Vec::new();
    for (at, _) in signs.iter().enumerate().filter(|(_, sign)| matches!(sign, ':' | '=')) {
        let end = at - signs[..at].iter().rev().take_while(|sign| sign.is_whitespace()).count();
        let begin = end - signs[..end].iter().rev().take_while(|sign| is_of_name(sign)).count();
        let name: String = signs[begin..end].iter().collect();
        if is_secret(&name) {
            let begin = skip_blanks(signs, at + 1);
            found.push(begin..end_of_value(signs, begin));
        }
    }
    found
}

fn skip_blanks(signs: &[char], at: usize) -> usize {
    at + signs[at.min(signs.len())..].iter().take_while(|sign| sign.is_whitespace()).count()
}

/// The end of a value: of its quotes or brackets, else the next comma or bracket of the mapping around it.
fn end_of_value(signs: &[char], begin: usize) -> usize {
    let rest = &signs[begin.min(signs.len())..];
    let close = match rest.first() {
        Some('"') => Some('"'),
        Some('\'') => Some('\''),
        Some('[') => Some(']'),
        Some('{') => Some('}'),
        _ => None,
    };
    if let Some(close) = close {
        let last = rest.iter().skip(1).position(|sign| *sign == close);
        // Without its end, all the rest is hidden: too much is better than half a key.
        return last.map_or(signs.len(), |last| begin + last + 2);
    }
    let is_inside = signs[..begin].contains(&'{');
    let mut before = ' ';
    let end = rest.iter().position(|sign| {
        let is_end = is_inside && (*sign == ',' || (*sign == '}' && before == ' '));
        before = *sign;
        is_end
    });
    let end = end.map_or(signs.len(), |end| begin + end);
    end - signs[begin..end].iter().rev().take_while(|sign| sign.is_whitespace()).count()
}

/// Words that look like keys wherever they stand.
fn tokens(signs: &[char]) -> Vec<Range<usize>> {
    let is_of_token = |sign: &char| sign.is_ascii_alphanumeric() || "-_+/=~".contains(*sign);
    let mut found = Vec::new();
    let mut begin = 0;
    while begin < signs.len() {
        let long = signs[begin..].iter().take_while(|sign| is_of_token(sign)).count();
        let token: String = signs[begin..begin + long].iter().collect();
        let lower = token.to_ascii_lowercase();
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        // Paths and long names of models have few digits or a slash.
        let is_random = long >= LONG && digits >= 4 && !token.contains('/');
        if long > 3 && (is_random || BEGINS.iter().any(|known| lower.starts_with(known))) {
            let rest =
                signs[begin..].iter().take_while(|sign| !sign.is_whitespace() && !",}]\"'".contains(**sign));
            let long = long.max(rest.count());
            // What follows the word of a header is the secret itself.
            let is_word = lower == "bearer";
            let end = if is_word { end_of_value(signs, begin) } else { begin + long };
            found.push(begin..end.max(begin + long));
        }
        begin += long.max(1);
    }
    found
}

/// Names and passwords in addresses, and what is asked of them.
fn addresses(signs: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for begin in
        signs.windows(3).enumerate().filter(|(_, three)| **three == [':', '/', '/']).map(|(at, _)| at + 3)
    {
        let long = signs[begin..]
            .iter()
            .take_while(|sign| !sign.is_whitespace() && !"\"',}".contains(**sign))
            .count();
        let address = &signs[begin..begin + long];
        // The last one, because a password may hold that sign itself.
        if let Some(end) = address.iter().rposition(|sign| *sign == '@') {
            found.push(begin..begin + end);
        }
        if let Some(query) = address.iter().position(|sign| *sign == '?') {
            found.push(begin + query + 1..begin + long);
        }
    }
    found
}

/// Whether a value names a variable, in whatever notation, and so can be shown.
fn is_name_of_variable(value: &[char]) -> bool {
    let text: String = value.iter().collect();
    let text = text.trim().trim_matches(['"', '\'']);
    if is_reference(text) && !text.starts_with("${file:") {
        return true;
    }
    let words = ["os.environ/", "process.env.", "secrets.", "Bearer ", "env:", "env."];
    let plain = words.iter().fold(text.to_owned(), |text, word| text.replace(word, ""));
    // Without an underscore, a key of capitals and digits would pass for a name.
    plain.contains('_')
        && plain.len() <= 64
        && plain
            .chars()
            .all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit() || "_${}()%'\" ".contains(sign))
}

/// The ranges in order, those that touch each other as one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let signs: Vec<char> = lines.last().unwrap().chars().collect();
        let hidden = hidden(&lines, lines.len());
        let place = |at: usize| match hidden.iter().find(|range| range.contains(&at)) {
            Some(range) => (range.start == at).then_some('…'),
            None => Some(signs[at]),
        };
        (0..signs.len()).filter_map(place).collect()
    }

    #[test]
    fn no_secret_of_a_line_is_shown_whatever_is_wrong_with_it() {
        for (text, expected) in [
            ("api_key: sk-test-secret", "api_key: …"),
            ("  api_key:sk-test-secret", "  api_key:…"),
            ("  apiKey = test-secret", "  apiKey = …"),
            ("token: \"test secret\" # mine", "token: … # mine"),
            ("one: { api_key: test-secret, model: x }", "one: { api_key: …, model: x }"),
            ("one: { api_key: 'test-secret, model: x }", "one: { api_key: …"),
            ("one: { api_key: “test-secret”, model: x }", "one: { api_key: …, model: x }"),
            ("one: { api_keys: [test-secret, test-secret-2], model: x }", "one: { api_keys: …, model: x }"),
            ("one: { headers: { X-A: test-secret }, model: x }", "one: { headers: …, model: x }"),
            ("    headers:\n      X-A: test-secret", "      X-A: …"),
            ("    api_keys:\n      - test-secret", "      - …"),
            ("    api_keys:\n    - test-secret", "    - …"),
            ("    api_key: |\n      test-secret", "      …"),
            ("export OPENAI_API_KEY=test-secret", "export OPENAI_API_KEY=…"),
            ("model: sk-test-secret", "model: …"),
            ("models: [a, sk-test-secret]", "models: [a, …]"),
            ("sk-test-secret: x", "… …"),
            ("x: Bearer test-secret", "x: …"),
            ("x: aB3dE5gH7jK9mN1pQ3sT5vW7", "x: …"),
            ("endpoint: https://me:test-secret@x.example.com/v1", "endpoint: https://…@x.example.com/v1"),
            ("endpoint: https://x.example.com/v1?key=test-secret", "endpoint: https://x.example.com/v1?…"),
            ("database_url: postgres://me:test-secret@db/x", "database_url: postgres://…@db/x"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for text in [
            "api_key: \"${OPENAI_API_KEY}\"",
            "api_key: $OPENAI_API_KEY",
            "api_key: os.environ/OPENAI_API_KEY",
            "one: { api_key: '{{ OPENAI_API_KEY }}', model: x }",
            "max_tokens: 8k",
            "model: claude-sonnet-5-5",
            "model: anthropic/claude-sonnet-5-5-20261101",
            "endpoint: https://x.example.com/v1/chat/completions",
            "    headers:\n    model: x",
        ] {
            assert_eq!(shown(text), text.lines().last().unwrap(), "{text}");
        }
    }
}
