//! Names as they are compared.

/// The letters and digits of a name in lower case, so that `Suggested change`, `suggested_change` and
/// `**suggestedChange**` are one name. Empty if there are none.
pub fn normalize(name: &str) -> String {
    normalized(name).collect()
}

/// The same, character by character.
pub(crate) fn normalized(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}
