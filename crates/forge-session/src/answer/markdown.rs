//! Reading replies in headed Markdown.

mod line;

use self::line::{Field, Line, begins_with_severity, is_label, mark, numbered};
use super::{
    Category, Check, Critique, Disposition, Remark, Revision, Severity, Strength, Verdict, category,
    document, finding_id, plain, revision, severity, verdicts,
};

/// A critique under headings or in lists, each finding marked by its severity, its number or a heading.
pub(super) fn critique(text: &str) -> Option<Critique> {
    let mut reader = Reader::default();
    for line in untagged(text).lines() {
        reader.line(line);
    }
    reader.close();
    let found = !reader.critique.findings.is_empty() || says_none(text);
    found.then_some(reader.critique)
}

/// A document followed by a section with a decision on each finding.
pub(super) fn revision(text: &str) -> Option<Revision> {
    let is_border = |line: &str| {
        let Line::Heading(heading) = Line::of(line) else { return false };
        let heading = plain(&heading);
        ["disposition", "decisionsonfindings", "decisiononfindings"].iter().any(|word| heading.contains(word))
    };
    // The document may have such a heading of its own: the decisions stand below the one that means them.
    let decides = |at: usize, heading: &str| {
        let below = text[at + heading.len()..].lines();
        below
            .take_while(|line| !matches!(Line::of(line), Line::Heading(_)))
            .any(|line| disposition(line).is_some())
    };
    let borders: Vec<_> = offsets(text).filter(|(_, line)| is_border(line)).collect();
    let (border, _) = *borders.iter().find(|(at, line)| decides(*at, line)).or(borders.last())?;
    let dispositions: Vec<Disposition> = text[border..].lines().filter_map(disposition).collect();
    if dispositions.is_empty() {
        return None;
    }
    let document = document(&text[..border]).map(|text| without_label(&text));
    Some(Revision { document, dispositions, conflicts: Vec::new() })
}

/// Lines such as `F1: settled`, and new findings under a heading that says so.
pub(super) fn check(text: &str) -> Option<Check> {
    let verdict = |line: &str| {
        let (finding, word, reason) = ruling(line)?;
        Some(Verdict { finding, settled: verdicts::said(&word)?, reason })
    };
    let verdicts: Vec<Verdict> = text.lines().filter_map(verdict).collect();
    let is_border = |line: &str| {
        let heading = match Line::of(line) {
            Line::Heading(heading) => plain(&heading),
            Line::Text(text) if text.ends_with(':') => plain(&text),
            _ => return false,
        };
        ["newfinding", "newfault", "newissue", "newproblem"].iter().any(|word| heading.contains(word))
    };
    let border = offsets(text).find(|(_, line)| is_border(line));
    let new = border.and_then(|(at, line)| critique(&text[at + line.len()..]));
    let new_findings = new.map(|critique| critique.findings).unwrap_or_default();
    (!verdicts.is_empty()).then_some(Check { verdicts, new_findings })
}

/// The text without a first line that only says what it is.
pub(super) fn without_label(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let label = plain(first);
    let is_label = ["document", "reviseddocument", "revision", "synthesis"].contains(&label.as_str());
    if is_label { rest.trim().to_owned() } else { text.to_owned() }
}

fn disposition(line: &str) -> Option<Disposition> {
    let (finding, word, reason) = ruling(line)?;
    Some(Disposition { finding, decision: revision::decision(&word)?, reason, ..Disposition::default() })
}

/// `F1`, a word or two, and a reason, however they are set apart: `- **F1**: accept — because`.
fn ruling(line: &str) -> Option<(super::FindingId, String, String)> {
    let clean: String = line.chars().filter(|c| !matches!(c, '*' | '`' | '|' | '[' | ']')).collect();
    let clean = clean.trim().trim_start_matches(['-', '+', '#', ' ']).trim();
    let starts = clean.starts_with(['F', 'f']);
    let finding = starts.then(|| finding_id(clean)).flatten()?;
    let after = clean.find(|c: char| c.is_ascii_digit())?;
    let rest = clean[after..].trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    let end = rest.find([':', '—', '–', '(', ',', '.', ';']).unwrap_or(rest.len());
    let end = rest.find(" - ").map_or(end, |dash| dash.min(end));
    let (word, reason) = rest.split_at(end);
    let (word, reason) = match word.split_once(' ') {
        // A table has no marks between its cells once its bars are gone.
        Some((first, more)) if revision::decision(word).is_none() && verdicts::said(word).is_none() => {
            (first, format!("{more}{reason}"))
        }
        _ => (word, reason.to_owned()),
    };
    let reason = reason.trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end_matches(')').to_owned();
    Some((finding, word.to_owned(), reason))
}

/// `Major issues:` above a list.
fn is_group(text: &str) -> bool {
    let name = text.trim_end().strip_suffix(':').map(plain).unwrap_or_default();
    ["issues", "findings", "problems", "faults", "severity"]
        .iter()
        .any(|word| name.strip_suffix(word).is_some_and(|head| severity(head).is_some()))
}

/// The text of a quotation, if there is nothing else.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let quoted = lines().next().is_some() && lines().all(|line| line.starts_with('>'));
    quoted.then(|| lines().flat_map(|line| [line.trim_start_matches(['>', ' ']), "\n"]).collect())
}

/// `<severity>major</severity>` as `severity: major` in a line of its own; other tags stay.
fn untagged(text: &str) -> String {
    let mut lines = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        let (closes, name) = tag.strip_prefix('/').map_or((false, tag), |name| (true, name));
        let name = &name[..name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len())];
        let after = tag.trim_start_matches('/')[name.len()..].strip_prefix('>');
        lines.push_str(before);
        rest = match after.filter(|_| Field::of(name).is_some()) {
            Some(after) if closes => {
                lines.push('\n');
                after
            }
            Some(after) => {
                lines.extend(["\n", name, ": "]);
                after
            }
            None => {
                lines.push('<');
                tag
            }
        };
    }
    lines + rest
}

/// A short reply that says that there is nothing to say.
fn says_none(text: &str) -> bool {
    let said = plain(text);
    let none = ["nofindings", "noissues", "nofaults", "noproblems", "nothingtoreport", "findingsnone"];
    said.len() < 400 && none.iter().any(|none| said.contains(none))
}

fn offsets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
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

#[derive(Default)]
struct Reader {
    critique: Critique,
    section: Section,
    /// The severity that a heading gives to everything under it.
    group: Option<Severity>,
    open: Option<Remark>,
    /// The name of the field that began it: the same name again begins the next.
    opener: String,
    field: Option<Field>,
    columns: Vec<Option<Field>>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let indented = line.starts_with("  ") || line.starts_with('\t');
        match Line::of(line) {
            Line::Blank => {}
            Line::Heading(text) => self.heading(&text),
            Line::Row(cells) => self.row(&cells),
            Line::Quote(text)
                if self.open.is_some() && !(text.starts_with(['*', '[']) && mark(&text).is_some()) =>
            {
                self.set(Field::Quote, &text);
            }
            Line::Item(text) => self.item(&text, indented),
            Line::Text(text) if is_group(&text) => self.heading(text.trim_end_matches(':')),
            Line::Quote(text) | Line::Text(text) => match Field::split(&text) {
                Some((field, name, value)) => self.begin_or_set(field, name, &value),
                None => match mark(&text).filter(|(_, _, rest)| !rest.is_empty()) {
                    Some(found) if text.starts_with(['*', '[', '(']) || begins_with_severity(&text) => {
                        self.start(found);
                    }
                    _ => self.more(&text),
                },
            },
        }
    }

    fn heading(&mut self, text: &str) {
        self.columns.clear();
        let name = plain(text);
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if let Some((severity, category, rest)) = mark(text) {
            let rest_name = plain(&rest);
            let general =
                ["", "s", "issues", "findings", "problems", "faults", "severity", "issue", "finding"];
            if category.is_none() && general.contains(&rest_name.as_str()) {
                self.close();
                (self.section, self.group) = (Section::Findings, Some(severity));
            } else {
                self.start((severity, category, rest));
            }
        } else if has(&["strength", "positives", "whatworks"]) {
            self.close();
            self.section = Section::Strengths;
        } else if has(&["summary", "conclusion", "overall", "verdict"]) {
            self.close();
            self.section = Section::Rest;
        } else if ["findings", "critique", "issues", "problems", "faults", "review"].contains(&name.as_str())
        {
            self.close();
            (self.section, self.group) = (Section::Findings, None);
        } else if has(&["finding", "issue", "problem"])
            || finding_id(text).is_some()
            || self.section == Section::Findings
        {
            self.close();
            let title = text
                .split_once([':', '—', '–'])
                .map_or_else(String::new, |(_, title)| title.trim().to_owned());
            let general = numbered(text) || ["finding", "issue", "problem"].contains(&name.as_str());
            let claim = if general { title } else { text.to_owned() };
            self.open = Some(Remark { severity: self.group, claim, ..Remark::default() });
            self.section = Section::Findings;
        }
    }

    fn item(&mut self, text: &str, indented: bool) {
        if self.section == Section::Strengths {
            self.critique.strengths.push(Strength { claim: text.to_owned(), ..Strength::default() });
        } else if let Some((field, name, value)) = Field::split(text) {
            self.begin_or_set(field, name, &value);
        } else if let Some(found) = mark(text).filter(|(_, _, rest)| !rest.is_empty()) {
            self.start(found);
        } else if self.group.is_some() && !indented {
            self.close();
            self.open = Some(Remark { severity: self.group, claim: text.to_owned(), ..Remark::default() });
        } else {
            self.more(text);
        }
    }

    fn row(&mut self, cells: &[String]) {
        if cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':' | ' '))) {
            return;
        }
        if self.columns.is_empty() {
            self.columns = cells.iter().map(|cell| Field::of(cell)).collect();
            return;
        }
        self.close();
        self.open = Some(Remark::default());
        for (field, cell) in self.columns.clone().into_iter().zip(cells) {
            if let Some(field) = field {
                self.set(field, cell);
            }
        }
        self.close();
    }

    fn start(&mut self, (severity, category, claim): (Severity, Option<Category>, String)) {
        self.close();
        self.section = Section::Findings;
        self.open = Some(Remark {
            severity: Some(severity),
            category: category.unwrap_or_default(),
            claim: if is_label(&claim) { String::new() } else { claim },
            ..Remark::default()
        });
    }

    /// A severity that stands alone begins a finding, unless the open one still lacks it.
    fn begin_or_set(&mut self, field: Field, name: &str, value: &str) {
        // The claim may follow the severity in one line.
        let end = value.find(|c: char| !c.is_alphanumeric()).unwrap_or(value.len());
        let (word, rest) = value.split_at(end);
        let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        if field == Field::Severity
            && !rest.is_empty()
            && category(rest).is_none()
            && severity(word).is_some()
        {
            self.begin_or_set(Field::Severity, name, word);
            return self.set(Field::Claim, rest);
        }
        let rated = self.open.as_ref().is_none_or(|open| open.severity.is_some() && self.group.is_none());
        let again = field == Field::Claim && plain(name) == self.opener;
        if again || (field == Field::Severity && rated && severity(value).is_some()) {
            self.close();
        }
        if self.open.is_none() && matches!(field, Field::Claim | Field::Severity) {
            let severity = self.group.filter(|_| field == Field::Claim);
            self.open = Some(Remark { severity, ..Remark::default() });
            self.opener = plain(name);
        }
        self.set(field, value);
        self.field = Some(field);
    }

    fn more(&mut self, text: &str) {
        let field = self.field.unwrap_or(Field::Claim);
        self.set(field, text);
    }

    fn set(&mut self, field: Field, value: &str) {
        let Some(open) = &mut self.open else { return };
        let add = |text: &mut String| {
            if !text.is_empty() && !value.is_empty() {
                text.push('\n');
            }
            text.push_str(value);
        };
        match field {
            Field::Severity => open.severity = severity(value).or(open.severity),
            Field::Category => open.category = category(value).unwrap_or(open.category),
            Field::Location => add(&mut open.location),
            Field::Quote => add(&mut open.quote),
            Field::Claim => add(&mut open.claim),
            Field::Change => add(&mut open.suggested_change),
        }
    }

    fn close(&mut self) {
        self.field = None;
        self.opener.clear();
        if let Some(open) =
            self.open.take().filter(|one| !one.claim.is_empty() || !one.suggested_change.is_empty())
        {
            self.critique.findings.push(open);
        }
    }
}
