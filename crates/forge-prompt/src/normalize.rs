//! Names as they are compared.

/// The letters and digits of a name in lower case, so that `Suggested change`, `suggested_change` and
/// `**suggestedChange**` are one name. Empty if there are none.
pub fn normalize(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
