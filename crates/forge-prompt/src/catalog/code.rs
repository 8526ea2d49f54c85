//! The stable codes of what is wrong with a prompt, beside those of any file.

forge_config::codes! {
    /// A prompt's template does not parse, or uses what no prompt may.
    TEMPLATE = "E141";
    /// A prompt uses a variable that it does not declare.
    UNDECLARED_VARIABLE = "E142";
    /// A prompt includes one that is not in its set, or itself.
    BAD_INCLUDE = "E143";
    /// A file has no name that a prompt can have, or two files of a folder mean the same prompt.
    BAD_PROMPT_NAME = "E144";
    /// A prompt has no front matter, or its front matter has no end.
    NO_FRONT_MATTER = "E145";
    /// A prompt declares a variable that it does not use.
    UNUSED_VARIABLE = "W141";
}
