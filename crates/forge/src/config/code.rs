//! The stable codes of what is wrong with a file before its meaning is looked at. The others are those of
//! [`forge_router::code`].

/// The text is not YAML.
pub const SYNTAX: &str = "E101";
/// The file is too large, too deep or has too many nodes.
pub const TOO_LARGE: &str = "E102";
/// The file is not one mapping.
pub const NOT_A_MAPPING: &str = "E103";
/// A key stands twice in a mapping, or is not a text.
pub const BAD_KEY: &str = "E104";
/// There is no such key here.
pub const UNKNOWN_KEY: &str = "E105";
/// A value is of another type than it has to be.
pub const WRONG_TYPE: &str = "E106";
/// A role sets what only a provider may set.
pub const ROLE_OVERRIDE: &str = "E107";
/// The file sets what only a trusted file may set.
pub const UNTRUSTED: &str = "E108";
