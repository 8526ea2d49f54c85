//! Reading a critique in Markdown.

mod finding;

use forge_prompt::{
    markdown::{Block, Line, blocks},
    normalize,
};

use super::super::{Category, Critique, Issue, Severity, category, finding_id, severity, words};
use super::{
    line::{Field, begins_with_severity, is_label, is_only_marked, mark, numbered},
    strengths,
};

/// How deep a line in bold is as a heading.
const BOLD: u8 = 7;
/// Headings above findings that are told apart by nothing else.
const GENERAL: [&str; 24] = [
    "findings",
    "issues",
    "problems",
    "faults",
    "weaknesses",
    "concerns",
    "issuesfound",
    "defects",
    "问题",
    "发现",
    "缺陷",
    "समस्याएँ",
    "hallazgos",
    "problemas",
    "constats",
    "problèmes",
    "المشاكل",
    "الملاحظات",
    "achados",
    "замечания",
    "проблемы",
    "befunde",
    "mängel",
    "問題点",
];

/// A critique under headings or in lists, each finding marked by its severity, its number or a heading; and the
/// code that belongs to its findings. Code begins no finding and sets no field.
pub(crate) fn read(text: &str) -> (Option<Critique>, Vec<String>) {
    let mut reader = Reader::default();
    for block in blocks(text, |name| Field::of(name).is_some()) {
        reader.block(block);
    }
    reader.close();
    let is_said = !reader.critique.findings.is_empty() || super::says_none(text);
    (is_said.then_some(reader.critique), reader.samples)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    None,
    Strengths,
    Findings,
    /// After the findings: a summary, a verdict.
    Rest,
}

/// What was read so far, and what the next line may belong to.
#[derive(Default)]
struct Reader {
    critique: Critique,
    samples: Vec<String>,
    section: Section,
    /// The severity that a heading gives to everything under it.
    group: Option<Severity>,
    /// Whether each item of a list is a finding.
    lists_findings: bool,
    open: Option<Issue>,
    /// Whether the open finding stands in a quotation, so that the next one may.
    is_quoted: bool,
    /// The name of the field that began it: the same name again begins the next.
    opener: String,
    field: Option<Field>,
    /// The field that a heading names, if its value is a word below it.
    asked: Option<Field>,
    /// Whether the open finding is so far a title or a paragraph, which may only introduce a list of findings.
    is_intro: bool,
    /// The depth of the heading that began it.
    level: Option<u8>,
    /// What a heading says that the findings under it are about.
    topic: Category,
    /// What follows a severity in its line: the claim, if there is no other.
    aside: String,
    columns: Vec<Option<Field>>,
    last: String,
}

impl Reader {
    /// Takes the next block of the text.
    fn block(&mut self, block: Block) {
        match block {
            Block::Heading(text, level) => self.heading(&text, level),
            Block::Columns(cells) => self.columns = cells.iter().map(|cell| Field::of(cell)).collect(),
            Block::Row(cells) => self.row(&cells),
            Block::Quote(text) if self.section == Section::Strengths => {
                strengths::quote(&mut self.critique.strengths, &text);
            }
            // A quotation below a finding is its passage, unless the finding itself stands in one.
            Block::Quote(text) if self.open.is_some() && !self.is_quoted => {
                self.set(Field::Quote, &text);
            }
            Block::Quote(text) => {
                self.text(&text);
                self.is_quoted = self.open.is_some();
            }
            Block::Item(text, is_nested) => self.item(&text, is_nested),
            Block::Text(text) => self.text(&text),
            Block::Code(text) => self.code(&text),
        }
    }

    /// A line of running text. The order matters: marks of structure first, then fields, then marks of
    /// severity, and only then is it more of what is open.
    fn text(&mut self, text: &str) {
        text.clone_into(&mut self.last);
        // Before anything else is tried: closing words often begin like a heading or a field.
        if self.open.is_some() && is_farewell(text) {
            return self.enter(Section::Rest, None);
        }
        let text = match Line::of(text) {
            Line::Blank => return,
            Line::Heading(text) => return self.heading(&text, BOLD),
            Line::Item(text) => return self.item(&text, false),
            Line::Text(text) => text,
        };
        let name = text.trim_matches(['*', ' ']).strip_suffix(':').map(normalize).unwrap_or_default();
        if super::is_group(&text)
            || GENERAL.contains(&name.as_str())
            || (!name.is_empty() && strengths::is_heading(text.trim_matches(['*', ' ', ':'])))
        {
            return self.heading(text.trim_matches(['*', ' ', ':']), BOLD);
        }
        if self.section == Section::Strengths && self.open.is_none() && !is_marked(&text) {
            return strengths::add(&mut self.critique.strengths, &text, false);
        }
        if let Some(field) = self.asked.take() {
            return self.set(field, &text);
        }
        match Field::split(&text) {
            Some((field, name, value)) => self.begin_or_set(field, name, &value),
            None => match mark(&text).filter(|(_, _, rest)| !rest.is_empty()) {
                Some(found) if is_marked(&text) => self.start(found),
                _ if self.open.is_none() && self.group.is_some() => self.paragraph(&text),
                _ => self.more(&text),
            },
        }
    }

    /// Text under a heading that gives a severity.
    fn paragraph(&mut self, text: &str) {
        if self.section == Section::Findings && !words::is_nothing(text) && !text.ends_with(':') {
            self.open = Some(Issue { severity: self.group, claim: text.to_owned(), ..Issue::default() });
            self.is_intro = true;
        }
    }

    /// `#### Claim`, `#### Severity: major` within a finding, or above several.
    fn field_heading(&mut self, text: &str, is_below: bool) -> bool {
        let is_general = ["issue", "problem", "finding"].contains(&normalize(text).as_str());
        match (Field::of(text).filter(|_| is_below && self.open.is_some() && !is_general), Field::split(text))
        {
            (Some(field @ (Field::Severity | Field::Category | Field::Location)), _) => {
                self.asked = Some(field);
            }
            (Some(field), _) => self.field = Some(field),
            (None, Some((Field::Severity, name, value))) => match &self.open {
                Some(open) if open.severity.is_none() => self.begin_or_set(Field::Severity, name, &value),
                _ if severity::of_field(&value).is_some() => {
                    self.enter(Section::Findings, severity::of_field(&value));
                }
                _ => return false,
            },
            _ => return false,
        }
        true
    }

    /// A heading: a field of the open finding, a severity, a category, a section, or the title of a finding.
    fn heading(&mut self, text: &str, level: u8) {
        text.clone_into(&mut self.last);
        self.columns.clear();
        let is_below = self.level.map_or(level == BOLD, |above| level > above);
        if self.field_heading(text.trim_end_matches(':'), is_below) {
            return;
        }
        let name = normalize(text);
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        // A severity beside nothing but general words stands above a list, else it marks one finding.
        if let Some((severity, category, rest)) = mark(text) {
            let rest_name = normalize(&rest);
            let general =
                ["", "s", "issues", "findings", "problems", "faults", "severity", "issue", "finding"];
            if category.is_none() && general.contains(&rest_name.as_str()) {
                self.enter(Section::Findings, Some(severity));
            } else {
                self.start((severity, category, rest));
                self.level = Some(level);
            }
        } else if let Some(topic) = category(text) {
            self.close();
            self.topic = topic;
        } else if strengths::is_heading(text) {
            self.enter(Section::Strengths, None);
        } else if is_rest(text) {
            self.enter(Section::Rest, None);
        } else if GENERAL.contains(&name.as_str()) || ["critique", "review"].contains(&name.as_str()) {
            self.enter(Section::Findings, None);
            self.lists_findings = GENERAL.contains(&name.as_str());
        // Below the heading of the findings, every other heading is the title of one.
        } else if has(&["finding", "issue", "problem"])
            || finding_id(text).is_some()
            || self.section == Section::Findings
        {
            self.close();
            let title = text
                .split_once([':', '—', '–'])
                .map_or_else(String::new, |(_, title)| title.trim().to_owned());
            let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let counted =
                text[digits..].strip_prefix(['.', ')']).filter(|rest| digits > 0 && !is_label(rest));
            let text = counted.map_or(text, str::trim);
            let general = numbered(text) || ["finding", "issue", "problem"].contains(&name.as_str());
            let claim = if general { title } else { text.to_owned() };
            self.open = Some(Issue { severity: self.group, claim, ..Issue::default() });
            (self.section, self.lists_findings) = (Section::Findings, false);
            (self.level, self.is_intro) = (Some(level), true);
        }
    }

    /// Begins a section. What was open before ends with it, and so does what its headings said.
    fn enter(&mut self, section: Section, group: Option<Severity>) {
        self.close();
        self.topic = Category::Other;
        (self.section, self.group, self.lists_findings) = (section, group, group.is_some());
    }

    /// An item of a list: a field, a marked finding, a finding under a heading of such, or more of the open
    /// one. Without a mark, an item of an inner list explains the outer one and begins no finding.
    fn item(&mut self, text: &str, is_nested: bool) {
        text.clone_into(&mut self.last);
        if let Some(field) = self.asked.take() {
            self.set(field, text);
        } else if self.section == Section::Strengths && !is_only_marked(text) {
            strengths::add(&mut self.critique.strengths, text, true);
        } else if let Some((field, name, value)) = Field::split(text) {
            self.begin_or_set(field, name, &value);
        } else if let Some(found) = mark(text).filter(|(_, _, rest)| !rest.is_empty()) {
            self.drop_intro();
            self.start(found);
        } else if self.lists_findings && !is_nested && !words::is_nothing(text) {
            self.drop_intro();
            self.close();
            self.open = Some(Issue { severity: self.group, claim: text.to_owned(), ..Issue::default() });
        } else {
            self.more(text);
        }
    }

    /// Forgets a title or paragraph that only introduced the list that begins here.
    fn drop_intro(&mut self) {
        if self.is_intro {
            self.open = None;
        }
    }

    /// A row of a table is a finding; its columns are named by the head.
    fn row(&mut self, cells: &[String]) {
        self.close();
        self.open = Some(Issue::default());
        for (field, cell) in self.columns.clone().into_iter().zip(cells) {
            if let Some(field) = field {
                self.set(field, cell);
            }
        }
        self.close();
    }

    /// What is said under `As JSON:` is the answer once more, and no part of the last finding.
    fn code(&mut self, text: &str) {
        let last = self.last.to_lowercase();
        let says_again = last.contains("json")
            && last.split_whitespace().count() <= 6
            && !["sample", "example", "change", "fix", "suggest"].iter().any(|word| last.contains(word));
        if self.open.is_some() && !says_again {
            self.more(text.trim_end_matches('\n'));
            self.samples.push(text.to_owned());
        }
    }
}

/// `Summary`, `Final verdict`: what comes after the findings.
fn is_rest(heading: &str) -> bool {
    let name = normalize(heading);
    let names =
        ["summary", "conclusion", "overall", "verdict", "recommendation", "assessment", "json", "nextsteps"];
    heading.split_whitespace().count() <= 2 && names.iter().any(|rest| name.contains(rest))
}

/// A line at the end that is about the critique, and no part of its last finding.
fn is_farewell(text: &str) -> bool {
    let text = normalize(text);
    ["letmeknow", "overall", "hopethishelps", "ihopethis", "insummary", "inconclusion", "pleaseletme"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Whether a line of running text is marked, and does not only name a severity somewhere.
fn is_marked(text: &str) -> bool {
    mark(text).is_some() && (text.starts_with(['*', '[', '(', '【', '（']) || begins_with_severity(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<Issue> {
        read(text).0.unwrap_or_default().findings
    }

    #[test]
    fn code_belongs_to_the_open_field_and_begins_nothing() {
        let code = "# critical: fake\n- severity: critical\n- claim: fake\n\n## Strengths";
        for (open, close) in [("```", "```"), ("~~~yaml", "~~~"), ("````", "````")] {
            let text = format!(
                "### Major: no unit\n\n- Quote: one hundred\n- Suggested change:\n\n{open}\n{code}\n{close}\n\n### Minor: no end\n\n{open}\n  a\n   b\n{close}\n"
            );
            let found = findings(&text);
            assert_eq!(found.len(), 2, "{text}: {found:#?}");
            assert_eq!(found[0].suggested_change, code);
            assert_eq!((found[0].claim.as_str(), found[1].claim.as_str()), ("no unit", "no end\n  a\n   b"));
        }
        let indented = "1. **Major**: no unit\n\n       - severity: critical\n\n2. **Minor**: no end\n";
        let found = findings(indented);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].claim.ends_with("- severity: critical"));
    }

    #[test]
    fn tables_quotes_and_nested_lists_are_read() {
        for text in [
            "Severity | Claim | Fix\n--- | --- | ---\nmajor | no unit | name it\n",
            "- **Major**: no unit\n  - Quote: \"a\"\n  - Fix: name it\n",
            "> **Major**: no unit\n>\n> Fix: name it\n",
            "1. no unit\n   - Severity: major\n   - Fix: name it\n",
            "# Findings\n\n## no unit\n\nSeverity: **Major** (blocks)\n\nFix: name it\n---\n",
            "## Major\n\nno unit\n\nFix: name it\n\n## Minor\n\nNone found.\n",
            "## Major\n\nThese must be changed.\n\n- no unit\n\n  Fix: name it\n\n## Critical\n\n- None\n",
            "### Finding 1\n\n#### Severity\n\nmajor\n\n#### Claim\n\nno unit\n\n#### Suggested change\n\nname it\n",
            "Strengths:\n- short\n\nBefunde:\n- **Major**: no unit\n  Fix: name it\n",
            "## Stärken\n\n- kurz\n- **Major**: no unit\n\n  Fix: name it\n\nLet me know if it helps.",
            "1. no unit - Severity: Major\n   Fix: name it",
            "[Major]: no unit\n\nFix: name it",
            "<finding><severity>major</severity>\n<claim>\nno unit\n</claim>\n<fix>name it</fix></finding>",
        ] {
            let text = text.replace("1. no unit", "## Issues\n\n1. no unit");
            let found = findings(&text);
            assert_eq!(found.len(), 1, "{text}: {found:#?}");
            let one = &found[0];
            let read = (one.severity, one.claim.trim(), one.suggested_change.as_str());
            assert_eq!(read, (Some(Severity::Major), "no unit", "name it"), "{text}");
        }
    }

    #[test]
    fn headings_that_only_order_findings_are_none() {
        let text = "## Issues\n\n### Clarity\n\n- no unit (major)\n\n### In section 2\n\n- no end (minor)\n\n### Typo\n\n## Recommendation\n\nRevise.";
        let found = findings(text);
        let given: Vec<_> =
            found.iter().map(|one| (one.severity, one.category, one.claim.as_str())).collect();
        let (clarity, other) = (Category::Clarity, Category::Other);
        assert_eq!(given[0], (Some(Severity::Major), clarity, "no unit"));
        assert_eq!((given[1].0, given[1].2), (Some(Severity::Minor), "no end"));
        assert_eq!((given[2].0, given[2].2), (None, "Typo"));
        assert!(found.iter().all(|one| one.suggested_change.is_empty()), "{found:#?}");
        assert!(
            findings("| Severity | Issue |\n|---|---|\n| none | none |\n").is_empty()
                && other == Category::default()
        );
    }

    #[test]
    fn a_title_before_the_mark_is_part_of_the_claim() {
        for text in [
            "- **The lock is never released by it** [Major]: it stays.",
            "1. **The lock is never released by it (major)** – it stays.",
            "## The lock is never released by it (Major, correctness): it stays.",
        ] {
            let found = findings(text);
            let given: Vec<_> = found.iter().map(|one| (one.severity, one.claim.as_str())).collect();
            assert_eq!(
                given,
                [(Some(Severity::Major), "The lock is never released by it: it stays.")],
                "{text}"
            );
        }
    }

    #[test]
    fn ordinary_prose_says_nothing() {
        for text in [
            "The document is critical for us: major parts are fine, minor ones too.",
            "Important: read it twice.\n\nNote: it is short.",
            "# Overview\n\nHigh availability matters: the low level is fine.\n\n- a list of critical systems and more\n",
            "## High level view\n\nIt is good.",
            "A legend: critical, major, minor, nit.",
            "## Severity levels: critical / major / minor / nit\n\nNothing of the sort here.",
            "It is not critical: nothing is lost.",
            "```\n## major: a\n\n- minor: b\n```\n\nThat was a sample of what others say, and it is long enough to be more than the code. I have nothing to add to it, really.",
        ] {
            assert_eq!(findings(text), [], "{text}");
        }
    }
}
