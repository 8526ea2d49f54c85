//! The stable codes of problems: `E1..` for mistakes, `W1..` for warnings.

/// A name points to nothing.
pub const UNKNOWN_NAME: &str = "E110";
/// A name holds other characters than it may.
pub const BAD_NAME: &str = "E111";
/// A name is given to two things.
pub const NAME_TAKEN: &str = "E112";
/// Something necessary is not there.
pub const MISSING: &str = "E113";
/// A word is not one of those that may stand there.
pub const UNKNOWN_WORD: &str = "E114";
/// A number is too small, too large or not a number.
pub const OUT_OF_RANGE: &str = "E115";
/// A text is not a duration.
pub const BAD_DURATION: &str = "E116";
/// A variable is not set.
pub const UNSET_VARIABLE: &str = "E117";
/// A file cannot be read.
pub const UNREADABLE_FILE: &str = "E118";
/// `${...}` is written wrongly.
pub const BAD_EXPANSION: &str = "E119";
/// A text holds control characters.
pub const CONTROL_CHARACTER: &str = "E120";
/// The endpoint is not a URL that can be called.
pub const BAD_ENDPOINT: &str = "E121";
/// A header may not be set.
pub const BAD_HEADER: &str = "E122";
/// A list that needs an entry has none.
pub const EMPTY_CHAIN: &str = "E123";
/// A name stands twice in a list.
pub const DUPLICATE: &str = "E124";
/// A chain comes back to where it began.
pub const CIRCULAR: &str = "E125";
/// Two settings exclude each other.
pub const CONFLICT: &str = "E126";
/// Nobody does the job of a role.
pub const NO_ROUTE: &str = "E127";
/// There is no provider at all.
pub const NO_PROVIDER: &str = "E128";
/// The file is in another version of the format.
pub const OTHER_VERSION: &str = "E129";
/// A role needs what a model cannot do.
pub const CANNOT_DO: &str = "E130";

/// The file does not say its version.
pub const NO_VERSION: &str = "W101";
/// A key stands in the file itself.
pub const LITERAL_KEY: &str = "W102";
/// A vendor that asks for a key is reached without one.
pub const NO_KEY: &str = "W103";
/// A name points to a provider that is disabled.
pub const DISABLED: &str = "W104";
/// The table of models does not have the model.
pub const UNKNOWN_MODEL: &str = "W105";
/// The model is retired.
pub const RETIRED_MODEL: &str = "W106";
/// The vendor answers with another model.
pub const ROUTED_MODEL: &str = "W107";
/// A budget in dollars holds for a model without a price.
pub const UNKNOWN_PRICE: &str = "W108";
/// A setting is left out or changed for a model.
pub const NOT_TAKEN: &str = "W109";
/// A session asks for what a model cannot do.
pub const NO_SCHEMA: &str = "W110";
/// A fallback leads to the same provider once more.
pub const FALLS_BACK_TO_ITSELF: &str = "W111";
