//! The stable codes of what is wrong with the router's keys: `E1..` for mistakes, `W1..` for warnings. Those of any
//! section are in [`forge_config::code`].

#[allow(clippy::wildcard_imports, reason = "inside of this crate they are looked up in one place")]
pub(crate) use forge_config::code::*;

forge_config::codes! {
    /// A role sets what only a provider may set.
    ROLE_OVERRIDE = "E107";
    /// A name points to nothing.
    UNKNOWN_NAME = "E110";
    /// A name contains characters that are not allowed.
    BAD_NAME = "E111";
    /// A name is given to two things.
    NAME_TAKEN = "E112";
    /// The endpoint is not a URL that can be called.
    BAD_ENDPOINT = "E121";
    /// A header may not be set.
    BAD_HEADER = "E122";
    /// A list that needs an entry has none.
    EMPTY_CHAIN = "E123";
    /// A name is listed twice.
    DUPLICATE = "E124";
    /// A chain comes back to where it began.
    CIRCULAR = "E125";
    /// Two settings exclude each other.
    CONFLICT = "E126";
    /// A role has no provider.
    NO_ROUTE = "E127";
    /// There is no provider at all.
    NO_PROVIDER = "E128";
    /// The file is in another version of the format.
    OTHER_VERSION = "E129";
    /// A role needs a feature that a model does not support.
    CANNOT_DO = "E130";
    /// A role needs a feature that a model is not known to support.
    UNKNOWN_ABILITY = "E132";
    /// A value names a variable in the notation of another program.
    FOREIGN_REFERENCE = "E133";
    /// A value is not a key: it is a placeholder, or contains what no key contains.
    BAD_KEY_VALUE = "E134";
    /// The file does not state its version.
    NO_VERSION = "W101";
    /// A key is written in the file itself.
    LITERAL_KEY = "W102";
    /// A vendor that asks for a key is reached without one.
    NO_KEY = "W103";
    /// A name points to a provider that is disabled.
    DISABLED = "W104";
    /// The table of models does not have the model.
    UNKNOWN_MODEL = "W105";
    /// The model is retired.
    RETIRED_MODEL = "W106";
    /// The vendor answers with another model.
    ROUTED_MODEL = "W107";
    /// A dollar budget applies to a model without a price.
    UNKNOWN_PRICE = "W108";
    /// A setting is left out or changed for a model.
    NOT_TAKEN = "W109";
    /// A session asks for what a model cannot do.
    NO_SCHEMA = "W110";
    /// A fallback leads to the same provider once more.
    FALLS_BACK_TO_ITSELF = "W111";
    /// The endpoint names a single operation of the API.
    LONG_ENDPOINT = "W112";
    /// The server ignores raw fields in the API that is used.
    IGNORED_FIELD = "W113";
    /// The vendor behind the endpoint is unknown.
    UNKNOWN_GATEWAY = "W114";
    /// A key is sent to another machine without encryption.
    PLAIN_KEY = "W115";
    /// A role has nearly the name of a built-in one.
    NEAR_ROLE = "W116";
    /// A key is sent to another vendor than the one whose variable holds it.
    OTHERS_KEY = "W117";
    /// The old form with one provider is used beside the new one.
    OLD_FORM = "W118";
}
