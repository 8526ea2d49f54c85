//! The stable codes of what is wrong with a file before its meaning is looked at. The others are those of
//! [`forge_router::code`].

forge_router::codes! {
    /// The text is not YAML.
    SYNTAX = "E101";
    /// The file is too large, too deep or has too many nodes.
    TOO_LARGE = "E102";
    /// The file is not one mapping.
    NOT_A_MAPPING = "E103";
    /// A key stands twice in a mapping, or is not a text.
    BAD_KEY = "E104";
    /// There is no such key here.
    UNKNOWN_KEY = "E105";
    /// A value is of another type than it has to be.
    WRONG_TYPE = "E106";
    /// A role sets what only a provider may set.
    ROLE_OVERRIDE = "E107";
    /// The file sets what only a trusted file may set.
    UNTRUSTED = "E108";
}
