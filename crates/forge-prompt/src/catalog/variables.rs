//! Whether values fit what a prompt declares.

use forge_config::nearest;
use forge_core::request::Schema;
use serde_json::{Map, Value};

use super::parse::Prompt;
use crate::template::PromptError;

impl Prompt {
    /// Whether it can be rendered with these values: what it requires is there, each has its form, and none is unknown.
    ///
    /// # Errors
    /// Everything that is wrong with the values, in one message.
    pub fn accepts(&self, values: &Map<String, Value>) -> Result<(), PromptError> {
        if !self.is_declared {
            return Ok(());
        }
        let front = &self.front;
        let missing = front.required().filter(|name| !values.contains_key(*name));
        let mut wrong: Vec<String> = missing.map(|name| format!("`{name}` is missing")).collect();
        for (name, value) in values {
            let schema = front.properties().find(|(known, _)| known == name).map(|(_, schema)| schema);
            if let Some(schema) = schema {
                let fault = Schema::from(schema.clone()).violation(value);
                wrong.extend(fault.map(|fault| format!("`{name}`: {fault}")));
            } else if !front.context.contains_key(name) {
                let near = nearest(name, front.names()).map(|near| format!("; did you mean `{near}`?"));
                wrong.push(format!("it has no variable `{name}`{}", near.unwrap_or_default()));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(PromptError::wrong(&self.name, wrong.join("; "))) }
    }
}
