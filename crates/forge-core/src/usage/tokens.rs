//! Token counts in one normal form.

use serde::{Deserialize, Serialize};

/// Tokens of one call, in classes that do not overlap.
///
/// `None` means that the vendor did not say; it is never read as zero. Vendors mean different
/// things by "input" and "output"; each adapter documents how it arrives at these classes, and the
/// classes always sum to the vendor's own totals.
///
/// ```
/// use forge_core::TokenCount;
///
/// let tokens = TokenCount::default().with_input(10).with_cache_read(5).with_output(2);
/// assert_eq!((tokens.total_input(), tokens.total_output()), (Some(15), Some(2)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenCount {
    /// Input that was neither read from nor written to a prompt cache.
    pub input: Option<u64>,
    /// Input read from a prompt cache.
    pub cache_read: Option<u64>,
    /// Input written to the vendor's standard prompt cache (Anthropic: five minutes).
    pub cache_write_5m: Option<u64>,
    /// Input written to the vendor's long-lived prompt cache (Anthropic: one hour).
    pub cache_write_1h: Option<u64>,
    /// Input of further classes, such as audio, or what the vendor's own tools put into the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_input: Option<u64>,
    /// Visible output.
    pub output: Option<u64>,
    /// Thinking, billed as output. When the vendor does not split it off, it is inside `output`.
    pub reasoning: Option<u64>,
    /// How often the vendor's own tools were used. These are uses, not tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_tools: Option<ServerTools>,
}

/// How often the vendor's own tools were used in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct ServerTools {
    /// Searches of the web.
    pub web_search: u32,
    /// Pages that were fetched.
    pub web_fetch: u32,
    /// Runs of code.
    pub code_execution: u32,
    /// Uses of any other tool.
    pub other: u32,
}

impl ServerTools {
    /// Whether they cost more than the tokens; pages that were fetched do not.
    pub const fn are_billed(self) -> bool {
        self.web_search > 0 || self.code_execution > 0 || self.other > 0
    }

    /// The same uses with this number of web searches.
    pub const fn with_web_search(mut self, uses: u32) -> Self {
        self.web_search = uses;
        self
    }

    /// The same uses with this number of fetched pages.
    pub const fn with_web_fetch(mut self, uses: u32) -> Self {
        self.web_fetch = uses;
        self
    }

    /// The same uses with this number of code runs.
    pub const fn with_code_execution(mut self, uses: u32) -> Self {
        self.code_execution = uses;
        self
    }

    /// The same uses with this number of uses of any other tool.
    pub const fn with_other(mut self, uses: u32) -> Self {
        self.other = uses;
        self
    }
}

macro_rules! classes {
    ($($with:ident, $class:ident: $type:ty;)*) => {$(
        #[doc = concat!("The same count with this `", stringify!($class), "`.")]
        pub fn $with(mut self, $class: impl Into<Option<$type>>) -> Self {
            self.$class = $class.into();
            self
        }
    )*};
}

impl TokenCount {
    classes! {
        with_input, input: u64;
        with_cache_read, cache_read: u64;
        with_cache_write_5m, cache_write_5m: u64;
        with_cache_write_1h, cache_write_1h: u64;
        with_other_input, other_input: u64;
        with_output, output: u64;
        with_reasoning, reasoning: u64;
        with_server_tools, server_tools: ServerTools;
    }

    /// All input, cached or not. `None` while the uncached part is unknown.
    pub fn total_input(&self) -> Option<u64> {
        // A vendor that has no cache does not count one, so that only the main class has to be known.
        let rest = [self.cache_read, self.cache_write_5m, self.cache_write_1h, self.other_input];
        Some(sum(self.input?, rest))
    }

    /// All output that is billed. `None` while the visible part is unknown.
    pub fn total_output(&self) -> Option<u64> {
        Some(sum(self.output?, [self.reasoning]))
    }

    /// Takes over every class that `newer` knows. Vendors report usage cumulatively, so a later
    /// report replaces an earlier one and is never added to it.
    pub fn overwrite(&mut self, newer: &Self) {
        let classes = [
            (&mut self.input, newer.input),
            (&mut self.cache_read, newer.cache_read),
            (&mut self.cache_write_5m, newer.cache_write_5m),
            (&mut self.cache_write_1h, newer.cache_write_1h),
            (&mut self.other_input, newer.other_input),
            (&mut self.output, newer.output),
            (&mut self.reasoning, newer.reasoning),
        ];
        for (old, new) in classes {
            // Some vendors name the input at the beginning only, and repeat nothing but the output.
            if new.is_some() {
                *old = new;
            }
        }
        self.server_tools = newer.server_tools.or(self.server_tools);
    }

    /// Whether nothing at all is known.
    pub fn is_unknown(&self) -> bool {
        // A count of zeros is known: the vendor said so.
        *self == Self::default()
    }
}

/// Vendor numbers are not trusted: a sum that does not fit stays at the maximum.
fn sum<const N: usize>(first: u64, rest: [Option<u64>; N]) -> u64 {
    rest.into_iter().flatten().fold(first, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_not_zero() {
        assert_eq!(TokenCount::default().total_input(), None);
        let only_cached = TokenCount { cache_read: Some(5), ..TokenCount::default() };
        assert_eq!(only_cached.total_input(), None);
        let known = TokenCount { input: Some(1), other_input: Some(10), ..only_cached };
        assert_eq!(known.total_input(), Some(16));
    }

    #[test]
    fn a_later_report_replaces_an_earlier_one() {
        let mut count = TokenCount::default().with_input(43).with_output(1);
        let tools = ServerTools::default().with_web_search(2);
        count.overwrite(&TokenCount::default().with_input(61).with_server_tools(tools));
        assert_eq!((count.input, count.output, count.server_tools), (Some(61), Some(1), Some(tools)));
        count.overwrite(&TokenCount::default());
        assert_eq!(count.server_tools, Some(tools));
    }

    #[test]
    fn a_count_as_it_was_once_written_is_read() {
        let old = r#"{"input":1,"cache_read":null,"cache_write_5m":null,"cache_write_1h":null,"output":2,"reasoning":null}"#;
        let count: TokenCount = serde_json::from_str(old).unwrap();
        assert_eq!(count, TokenCount::default().with_input(1).with_output(2));
        assert_eq!(serde_json::to_string(&count).unwrap(), old);
    }
}
