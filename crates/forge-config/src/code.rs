//! The stable codes of what is wrong with any file, whatever its sections mean: `E1..` for mistakes. A section has
//! codes of its own beside them.

/// Defines codes, and the list of them with their meaning.
#[macro_export]
macro_rules! codes {
    ($(#[doc = $meaning:literal] $name:ident = $code:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every code here with its meaning.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning.trim_ascii_start())),*];
    };
}

codes! {
    /// The text is not YAML.
    SYNTAX = "E101";
    /// The file is too large, too deep or has too many nodes.
    TOO_LARGE = "E102";
    /// The file is not one mapping.
    NOT_A_MAPPING = "E103";
    /// A key is listed twice in a mapping, or is not a string.
    BAD_KEY = "E104";
    /// There is no such key here.
    UNKNOWN_KEY = "E105";
    /// A value has the wrong type.
    WRONG_TYPE = "E106";
    /// The file sets what only a trusted file may set.
    UNTRUSTED = "E108";
    /// Something necessary is not there.
    MISSING = "E113";
    /// A word is not one of those that are allowed there.
    UNKNOWN_WORD = "E114";
    /// A number is too small, too large or not a number.
    OUT_OF_RANGE = "E115";
    /// A string is not a duration.
    BAD_DURATION = "E116";
    /// A variable is not set.
    UNSET_VARIABLE = "E117";
    /// A file cannot be read.
    UNREADABLE_FILE = "E118";
    /// `${...}` is malformed.
    BAD_EXPANSION = "E119";
    /// A string contains control characters.
    CONTROL_CHARACTER = "E120";
    /// A secret is written where it would be shown.
    SHOWN_SECRET = "E131";
}
