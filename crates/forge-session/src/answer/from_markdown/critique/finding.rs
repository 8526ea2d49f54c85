//! The finding that is open while a critique in Markdown is read.

use forge_prompt::normalize;

use super::super::super::{Category, Issue, Severity, category, severity, unfilled, words};
use super::super::line::{Field, is_label};
use super::{Reader, Section};

impl Reader {
    /// Begins a finding that is marked with its severity. A mark before nothing, as in `Critical: none`,
    /// begins none.
    pub(super) fn start(&mut self, (severity, category, claim): (Severity, Option<Category>, String)) {
        self.close();
        self.section = Section::Findings;
        if words::is_nothing(&claim) {
            return;
        }
        self.open = Some(Issue {
            severity: Some(severity),
            category: category.unwrap_or(self.topic),
            claim: if is_label(&claim) { String::new() } else { claim },
            ..Issue::default()
        });
    }

    /// A severity that stands alone begins a finding, unless the open one still lacks it.
    pub(super) fn begin_or_set(&mut self, field: Field, name: &str, value: &str) {
        // More words are a sentence that happens to begin like the field.
        let is_severity = field == Field::Severity
            && (severity::of_field(value).is_some() || value.split_whitespace().count() <= 3);
        let lacks = |open: &Issue| open.severity.is_none() && open.rating.is_empty();
        let rated = self.open.as_ref().is_none_or(|open| !lacks(open) && self.group.is_none());
        // Models begin each finding with the same field.
        let again = field == Field::Claim && normalize(name) == self.opener;
        if again || (is_severity && rated) {
            self.close();
        }
        if self.open.is_none() && (is_severity || field == Field::Claim) {
            let severity = self.group.filter(|_| field == Field::Claim);
            self.open = Some(Issue { severity, ..Issue::default() });
            self.opener = normalize(name);
        }
        self.set(field, value);
        if is_severity {
            // The claim may follow the severity in one line.
            let end = value.find(|c: char| !(c.is_alphanumeric() || c == ' ')).unwrap_or(value.len());
            let rest = value[end..].trim_start_matches(|c: char| !c.is_alphanumeric());
            if category(rest).is_none() && !value[end..].trim_start().starts_with(['(', '/', '（']) {
                rest.clone_into(&mut self.aside);
            }
        }
        self.field = Some(field);
    }

    /// Text without a mark goes on with the open field; after one of a word it is the claim.
    pub(super) fn more(&mut self, text: &str) {
        let field = match self.field {
            Some(field @ (Field::Quote | Field::Claim | Field::Change)) => field,
            Some(Field::Severity | Field::Category | Field::Location) | None => Field::Claim,
        };
        self.set(field, text);
    }

    /// Adds to a field of the open finding. Texts grow line by line; a rating that is known replaces one that
    /// is not.
    pub(super) fn set(&mut self, field: Field, value: &str) {
        self.is_intro = false;
        let Some(open) = &mut self.open else { return };
        let add = |text: &mut String| {
            if !text.is_empty() && !value.is_empty() {
                text.push('\n');
            }
            text.push_str(value);
        };
        match field {
            Field::Severity => {
                let (severity, rating) = severity::rated(value);
                open.severity = severity.or(open.severity);
                if open.severity.is_none() {
                    rating.trim_matches('*').clone_into(&mut open.rating);
                } else {
                    open.rating.clear();
                }
            }
            Field::Category => open.category = category(value).unwrap_or(open.category),
            Field::Location => add(&mut open.location),
            Field::Quote => add(&mut open.quote),
            Field::Claim => add(&mut open.claim),
            Field::Change => add(&mut open.suggested_change),
        }
    }

    /// Ends the open finding and keeps it if it says anything. The example of the form that was asked for
    /// says nothing.
    pub(super) fn close(&mut self) {
        (self.field, self.asked) = (None, None);
        (self.is_quoted, self.is_intro, self.level) = (false, false, None);
        self.opener.clear();
        let aside = std::mem::take(&mut self.aside);
        let Some(mut open) = self.open.take() else { return };
        if open.claim.is_empty() {
            open.claim = aside;
        }
        let is_claim = !open.claim.is_empty() && !words::is_nothing(&open.claim);
        let is_said = is_claim || !open.suggested_change.is_empty();
        if is_said && !unfilled::is_example(&open, "", "") {
            self.critique.findings.push(open);
        }
    }
}
