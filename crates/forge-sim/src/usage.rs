use serde::Serialize;

/// Tokens in disjoint classes. Each dialect adds them up in its own vendor's way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Input that was neither read from nor written to the prompt cache.
    pub input: u64,
    /// Input read from the prompt cache.
    pub cache_read: u64,
    /// Input written to the cache for five minutes (the only kind outside Anthropic).
    pub cache_write_5m: u64,
    /// Input written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Visible output, without reasoning.
    pub output: u64,
    /// Reasoning or thinking output.
    pub reasoning: u64,
}

impl Usage {
    /// All input, whatever the cache did with it.
    pub const fn total_input(&self) -> u64 {
        self.input + self.cache_read + self.cache_write()
    }

    /// Both kinds of cache writes.
    pub const fn cache_write(&self) -> u64 {
        self.cache_write_5m + self.cache_write_1h
    }

    /// Visible output and reasoning.
    pub const fn total_output(&self) -> u64 {
        self.output + self.reasoning
    }

    /// Everything.
    pub const fn total(&self) -> u64 {
        self.total_input() + self.total_output()
    }
}
