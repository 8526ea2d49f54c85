//! Model names as clients write them.

/// Whether `asked` is `id`, or `id` with a date suffix (`-YYYYMMDD` or `-YYYY-MM-DD`).
pub(crate) fn names(id: &str, asked: &str) -> bool {
    let Some(rest) = asked.strip_prefix(id) else {
        return false;
    };
    let Some(date) = rest.strip_prefix('-') else {
        return rest.is_empty();
    };
    let shape: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "00000000" || shape == "0000-00-00"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_carry_a_date() {
        assert!(names("gpt-5", "gpt-5"));
        assert!(names("gpt-5", "gpt-5-2025-08-07"));
        assert!(names("claude-opus-4-5", "claude-opus-4-5-20251101"));
        assert!(!names("gpt-5", "gpt-5-mini"));
        assert!(!names("gpt-5", "gpt-5.1"));
        assert!(!names("gpt-5", "gpt-5-"));
    }
}
