//! Takes credentials out of texts that people will read.

use std::borrow::Cow;

use forge_core::{ExposeSecret, SecretString};

/// What takes the place of a credential.
const MASK: &str = "[redacted]";

/// Beginnings of tokens that are credentials, whoever they belong to.
const PREFIXES: [&str; 8] = ["sk-", "sk_", "AIza", "AQ.", "ghp_", "xoxb-", "hf_", "eyJ"];

/// Words after which a credential follows.
const LABELS: [&str; 4] = ["Bearer ", "bearer ", "key=", "token="];

/// The text without the given secrets and without anything that looks like a credential.
pub(crate) fn redact<'a>(text: &'a str, secrets: &[SecretString]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    // The call's own secrets first: they need not look like a credential.
    for secret in secrets.iter().map(ExposeSecret::expose_secret) {
        if text.contains(secret) {
            text = Cow::Owned(text.replace(secret, MASK));
        }
    }
    // Nearly no text has a mark, and then it is not copied.
    let suspicious = PREFIXES.iter().chain(&LABELS).any(|mark| text.contains(mark));
    if suspicious { Cow::Owned(mask_tokens(&text)) } else { text }
}

/// Masks every token that has a known beginning or follows a label.
fn mask_tokens(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        // In the middle of a token a prefix is chance.
        let at_border = !is_token(before);
        if let Some(label) = LABELS.iter().find(|label| rest.starts_with(**label)) {
            let token = token_length(&rest[label.len()..]);
            masked.push_str(label);
            // Shorter ones are ordinary values, as in `key=name`.
            if token >= 8 {
                masked.push_str(MASK);
                rest = &rest[label.len() + token..];
            } else {
                rest = &rest[label.len()..];
            }
            before = ' ';
        } else if at_border
            && PREFIXES.iter().any(|prefix| rest.starts_with(prefix))
            && token_length(rest) >= 12
        {
            masked.push_str(MASK);
            rest = &rest[token_length(rest)..];
            before = ' ';
        } else {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
            before = first;
        }
    }
    masked
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '+' | '/' | '~')
}

fn token_length(text: &str) -> usize {
    text.find(|c| !is_token(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_and_lookalikes_are_masked() {
        let secrets = [SecretString::from("pa55w0rd")];
        for (text, expected) in [
            ("the key pa55w0rd is bad", "the key [redacted] is bad"),
            ("Incorrect API key provided: sk-test-1234567890.", "Incorrect API key provided: [redacted]"),
            ("?key=AIzaSyTest000000&x=1", "?key=[redacted]&x=1"),
            ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted]"),
            ("task-sk-list and ask-someone", "task-sk-list and ask-someone"),
            ("monkey=short", "monkey=short"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redact(text, &secrets), expected);
        }
    }
}
