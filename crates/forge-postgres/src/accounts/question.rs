//! What a filter means in SQL.

use forge_core::{
    ParticipantRole,
    storage::accounts::{AccountsError, Filter, UsageRecord},
};
use tokio_postgres::types::ToSql;

use crate::{records::row, text::escape};

/// Conditions with what stands in their marks.
#[derive(Default)]
pub(super) struct Question {
    conditions: Vec<String>,
    values: Vec<Box<dyn ToSql + Send + Sync>>,
}

impl Question {
    /// # Errors
    /// The filter ends before it begins.
    pub(super) fn new(filter: &Filter) -> Result<Self, AccountsError> {
        // An empty answer would read as a time in which nobody called.
        if filter.since.zip(filter.until).is_some_and(|(since, until)| since > until) {
            let reason = "the filter ends before it begins; swap `since` and `until`".to_owned();
            return Err(AccountsError::Filter { reason });
        }
        let mut question = Self::default();
        let roles = filter.roles.iter().map(ParticipantRole::as_str).collect::<Vec<_>>();
        let calls: Vec<_> = filter.calls.iter().map(|call| format!("{:032x}", call.as_u128())).collect();
        for (column, wanted) in [
            ("provider = ANY ($)", texts(&filter.providers)),
            ("model = ANY ($)", texts(&filter.models)),
            ("role = ANY ($)", texts(&roles)),
            ("session = ANY ($)", texts(&filter.sessions)),
            ("call_id = ANY ($::text[]::uuid[])", calls),
        ] {
            if !wanted.is_empty() {
                question.add(column, wanted);
            }
        }
        if !filter.statuses.is_empty() {
            let codes: Vec<_> = filter.statuses.iter().map(|status| row::status_code(*status)).collect();
            question.add("status = ANY ($)", codes);
        }
        if filter.tags.iter().next().is_some() {
            question.add("tags @> $::text::jsonb", row::tags(filter.tags.iter()));
        }
        if let Some(since) = filter.since {
            question.add("started_at >= $", since.timestamp_millis());
        }
        if let Some(until) = filter.until {
            // Without its end, so that two times side by side count no attempt twice.
            question.add("started_at < $", until.timestamp_millis());
        }
        Ok(question)
    }

    /// Adds a condition whose `$` stands for the value.
    fn add(&mut self, condition: &str, value: impl ToSql + Send + Sync + 'static) {
        self.values.push(Box::new(value));
        self.conditions.push(condition.replace('$', &format!("${}", self.values.len())));
    }

    /// What follows this record in the order of time, call and attempt.
    pub(super) fn after(&mut self, record: &UsageRecord) {
        // Three columns in one comparison, each with a mark of its own.
        let first = self.values.len() + 1;
        self.values.push(Box::new(record.started_at.timestamp_millis()));
        self.values.push(Box::new(row::call(record)));
        self.values.push(Box::new(i64::from(record.attempt)));
        self.conditions.push(format!(
            "(started_at, call_id, attempt) > (${first}, ${}::text::uuid, ${})",
            first + 1,
            first + 2
        ));
    }

    pub(super) fn conditions(&self) -> String {
        if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" AND ") }
    }

    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

fn texts<T: AsRef<str>>(list: &[T]) -> Vec<String> {
    list.iter().map(|one| escape(one.as_ref()).into_owned()).collect()
}
