//! The marks in a line of Markdown.

/// The longest name of a field, in bytes.
const MAX_NAME: usize = 30;

/// What a line is by itself, without its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a reader that skips a kind of line loses what the answer says there"
)]
pub enum Line {
    /// A heading, or a line that is bold as a whole.
    Heading(String),
    /// An item of a list, with a mark or a number.
    Item(String),
    /// Anything else.
    Text(String),
    /// White space alone, or a rule.
    Blank,
}

impl Line {
    /// Reads one line by itself, wherever it stands; a line of code looks like any other.
    pub fn of(line: &str) -> Self {
        let line = line.trim();
        if line.is_empty() || line.chars().all(|c| matches!(c, '-' | '=' | '*' | '_')) {
            return Self::Blank;
        }
        if line.starts_with('#') {
            return Self::Heading(line.trim_start_matches('#').trim().to_owned());
        }
        // `**Severity:**` in bold begins a field, and is no heading.
        let bold = line.strip_prefix("**").and_then(|rest| rest.strip_suffix("**"));
        if let Some(heading) = bold.filter(|inner| !inner.contains("**") && !inner.trim_end().ends_with(':'))
        {
            return Self::Heading(heading.to_owned());
        }
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let numbered = (digits > 0).then(|| &line[digits..]).and_then(|rest| rest.strip_prefix(['.', ')']));
        // `1.5 seconds` is no item.
        let numbered = numbered.filter(|rest| rest.starts_with([' ', '*', '[', '(']));
        let item = ["- ", "* ", "+ ", "• "].iter().find_map(|mark| line.strip_prefix(mark));
        match item.or(numbered) {
            Some(item) => Self::Item(item.trim().to_owned()),
            None => Self::Text(line.to_owned()),
        }
    }
}

/// `**Severity:** major`, `Severity: major`, `*Quote* - text`: the name as written and the value of a field whose name
/// `is_field` knows.
pub fn split_field(line: &str, is_field: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    let parts = [":", " - ", " – ", " — "].into_iter().filter_map(|mark| line.split_once(mark));
    let (name, value) = parts.into_iter().find(|(name, _)| name.len() < MAX_NAME && is_field(name))?;
    Some((name, value.trim().trim_start_matches('*').trim()))
}
