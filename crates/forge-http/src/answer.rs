//! The answer held against the schema that the caller wrote, where the vendor was given a weaker one.

use forge_core::{
    StreamEvent,
    event::{Delta, StopReason, Warning},
    request::Schema,
};

/// Gathers the text of an answer and checks it at the end.
#[derive(Debug)]
pub(crate) struct AnswerCheck {
    schema: Schema,
    text: String,
}

impl AnswerCheck {
    pub(crate) fn new(schema: Schema) -> Self {
        Self { schema, text: String::new() }
    }

    /// Takes the next event; at the last one, says where the answer breaks the schema. An answer that was cut off or
    /// declined is told as such and not checked.
    pub(crate) fn event(&mut self, event: &StreamEvent) -> Option<Warning> {
        match event {
            StreamEvent::PartDelta { delta: Delta::Text(text), .. } => self.text.push_str(text),
            StreamEvent::Finished(finished) if finished.reason == StopReason::EndTurn => {
                let problem = match serde_json::from_str(&self.text) {
                    Ok(value) => self.schema.violation(&value),
                    Err(_) => Some("the answer is not JSON".to_owned()),
                };
                return problem.map(|problem| {
                    Warning::new("schema", format!("the answer does not match its schema: {problem}"))
                });
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use forge_core::event::Finished;
    use serde_json::json;

    use super::*;

    fn checked(text: &str, reason: StopReason) -> Option<String> {
        let mut check = AnswerCheck::new(Schema::from(json!({"properties": {"n": {"maximum": 3}}})));
        for piece in text.split_inclusive(':') {
            let delta = Delta::Text(piece.to_owned());
            assert!(check.event(&StreamEvent::PartDelta { index: 0, delta }).is_none());
        }
        check.event(&Finished::new(reason).into()).map(|warning| warning.message)
    }

    #[test]
    fn only_a_whole_answer_that_breaks_its_schema_is_told() {
        assert_eq!(checked(r#"{"n":3}"#, StopReason::EndTurn), None);
        let broken = checked(r#"{"n":4}"#, StopReason::EndTurn).unwrap();
        assert_eq!(broken, "the answer does not match its schema: /n is larger than 3");
        assert!(checked("Sure!", StopReason::EndTurn).unwrap().contains("not JSON"));
        assert_eq!(checked(r#"{"n":"#, StopReason::MaxTokens), None);
    }
}
