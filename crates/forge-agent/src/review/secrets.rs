//! Key-like secrets in a change. They are masked before anybody reads it.

use super::change::{Change, FileChange};

/// What stands in place of a secret.
pub(crate) const MASK: &str = "[MASKED SECRET]";
/// Beginnings by which vendors mark their keys, and how long what follows is at least.
const PREFIXES: [(&str, usize); 16] = [
    ("sk-", 18),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("pk_live_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("npm_", 30),
];
/// Words in the name of something whose value is secret.
const NAMES: [&str; 7] = ["secret", "token", "passwd", "password", "api_key", "apikey", "private_key"];
/// A shorter value in quotation marks is rather a word than a key.
const SHORTEST: usize = 16;
/// Bits by letter that a value has at least which nobody made up; English text has about four over all letters and fewer in
/// a short word.
const ENTROPY: f64 = 3.5;

/// Masks the secrets of a change, and tells where they stood, as `path:line`.
pub fn mask(change: &mut Change) -> Vec<String> {
    let mut found = Vec::new();
    for file in &mut change.files {
        mask_file(file, &mut found);
    }
    found
}

/// The same of a text, such as a file that goes along with a change.
pub(crate) fn mask_text(text: &str) -> (String, bool) {
    let mut inside = false;
    let mut hit = false;
    let masked = text.split('\n').map(|line| {
        let masked = mask_line(line, &mut inside);
        hit |= masked.is_some();
        masked.unwrap_or_else(|| line.to_owned())
    });
    let masked = masked.collect::<Vec<_>>().join("\n");
    (masked, hit)
}

fn mask_file(file: &mut FileChange, found: &mut Vec<String>) {
    let path = file.path().to_owned();
    for hunk in &mut file.hunks {
        let mut inside = false;
        for line in &mut hunk.lines {
            if let Some(masked) = mask_line(&line.text, &mut inside) {
                line.text = masked;
                found.push(format!("{path}:{}", line.new));
            }
        }
    }
}

/// The line with its secrets masked; `None` if it has none. `inside`: whether a private key has begun and not ended.
fn mask_line(line: &str, inside: &mut bool) -> Option<String> {
    let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY");
    if begins || *inside {
        *inside = !line.contains("-----END ");
        // The marks themselves stay, so that a reader sees what was there.
        let is_mark = line.contains("-----BEGIN ") || line.contains("-----END ");
        return (!is_mark || line.len() > 80).then(|| MASK.to_owned());
    }
    let mut ranges: Vec<(usize, usize)> = words(line).filter(|(at, end)| is_key(&line[*at..*end])).collect();
    ranges.extend(assigned(line));
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_unstable();
    let (mut masked, mut last) = (String::new(), 0);
    for (at, end) in ranges {
        if at >= last {
            masked.push_str(&line[last..at]);
            masked.push_str(MASK);
            last = end;
        }
    }
    masked.push_str(&line[last..]);
    Some(masked)
}

/// Runs of the characters of which keys are made.
fn words(line: &str) -> impl Iterator<Item = (usize, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.+/=".contains(c);
    line.split(move |c| !is_part(c)).filter(|word| word.len() >= SHORTEST).map(move |word| {
        let at = word.as_ptr() as usize - line.as_ptr() as usize;
        (at, at + word.len())
    })
}

fn is_key(word: &str) -> bool {
    // A value may stand directly behind its name: `KEY=sk-…`.
    let word =
        word.rsplit_once('=').filter(|(_, value)| value.len() >= SHORTEST).map_or(word, |(_, value)| value);
    let known = PREFIXES.iter().any(|(prefix, least)| {
        word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= *least && is_made_by_chance(rest, 3.0))
    });
    // A JSON web token: three parts, of which the first is a head in base64.
    let parts = || word.split('.').filter(|part| part.len() >= 10).count();
    known || (word.starts_with("eyJ") && parts() == 3)
}

/// The value in quotation marks of something whose name says that it is secret.
fn assigned(line: &str) -> Option<(usize, usize)> {
    let at = line.find(['=', ':'])?;
    let name = line[..at].to_ascii_lowercase();
    if !NAMES.iter().any(|secret| name.contains(secret)) {
        return None;
    }
    let open = at + line[at..].find(['"', '\''])?;
    let quote = line[open..].chars().next()?;
    let value = &line[open + 1..];
    let value = &value[..value.find(quote)?];
    let is_secret = value.len() >= SHORTEST && !value.contains(' ') && is_made_by_chance(value, ENTROPY);
    is_secret.then_some((open + 1, open + 1 + value.len()))
}

/// Whether the letters are spread as chance spreads them. `least` is in bits by letter.
fn is_made_by_chance(text: &str, least: f64) -> bool {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let all = text.len() as f64;
    let bits = |count: u32| {
        let share = f64::from(count) / all;
        -share * share.log2()
    };
    let entropy: f64 = counts.iter().filter(|count| **count > 0).map(|count| bits(*count)).sum();
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    has_digit && entropy >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_masked_and_words_are_not() {
        for (line, masked) in [
            ("let k = \"sk-ant-a1B2c3D4e5F6g7H8i9J0k1L2\";", "let k = \"[MASKED SECRET]\";"),
            ("KEY=sk-a1B2c3D4e5F6g7H8i9J0k1L2", "[MASKED SECRET]"),
            ("id: AKIA1234ABCD5678EFGH", "id: [MASKED SECRET]"),
            ("password = 'x9Kq2Lm8Zr4Tv6Wp1'", "password = '[MASKED SECRET]'"),
            ("  \"api_key\": \"9f8e7d6c5b4a39281706f5e4d3c2b1a0\",", "  \"api_key\": \"[MASKED SECRET]\","),
        ] {
            assert_eq!(mask_line(line, &mut false).as_deref(), Some(masked), "{line}");
        }
        for line in [
            "let token = next_token(input, \"identifier\");",
            "password: \"change this before use please\"",
            "sk-test-simulated",
            "crates/forge-session/src/prompt/references.rs:1234",
            "use std::collections::BTreeMap; // eyJust a word",
        ] {
            assert_eq!(mask_line(line, &mut false), None, "{line}");
        }
    }

    #[test]
    fn a_private_key_is_masked_to_its_end() {
        let text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----\nb";
        let (masked, hit) = mask_text(text);
        assert!(hit);
        assert!(!masked.contains("MIIEow") && masked.ends_with("\nb"), "{masked}");
        assert!(masked.contains("BEGIN RSA"));
    }
}
