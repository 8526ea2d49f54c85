//! What somebody wants of a session, as it comes.

use forge::session::{Controls, Decision, Receipt};
use serde::Deserialize;
use serde_json::Value;

/// Characters of a name under which somebody attends at the admin address.
const NAME: usize = 64;

/// A command to a session.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Order {
    Feedback {
        text: String,
    },
    /// Puts `text` in the place of this version, which must be the newest one.
    Edit {
        version: u32,
        text: String,
    },
    Decide {
        cycle: u32,
        decision: Decision,
    },
    Pause {},
    Resume {},
    Skip {},
    Abort {},
}

impl Order {
    /// Reads a command, and under which name it is to be carried out, if it says so.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(body: &[u8]) -> Result<(Self, Option<String>), String> {
        let mut value: Value = serde_json::from_slice(body).map_err(|wrong| format!("no JSON: {wrong}"))?;
        let by = match value.as_object_mut().and_then(|fields| fields.remove("by")) {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(checked(&name)?),
            Some(_) => return Err("`by` is a name".to_owned()),
        };
        let order: Self = serde_json::from_value(value).map_err(|wrong| wrong.to_string())?;
        let text = match &order {
            Self::Feedback { text }
            | Self::Edit { text, .. }
            | Self::Decide { decision: Decision::Feedback(text), .. } => text,
            _ => return Ok((order, by)),
        };
        if text.trim().is_empty() {
            return Err("`text` is empty".to_owned());
        }
        Ok((order, by))
    }

    /// Gives it to a session.
    pub(super) fn give(self, controls: &Controls) -> Receipt {
        match self {
            Self::Feedback { text } => controls.feedback(text),
            Self::Edit { version, text } => controls.edit(version, text),
            Self::Decide { cycle, decision } => controls.decide(cycle, decision),
            Self::Pause {} => controls.pause(),
            Self::Resume {} => controls.resume(),
            Self::Skip {} => controls.skip(),
            Self::Abort {} => controls.abort(),
        }
    }
}

/// A name that can be shown beside others.
fn checked(name: &str) -> Result<String, String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(format!("`by` is a name of 1 to {NAME} characters on one line"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_whole_or_refused_with_what_is_wrong() {
        let read = |body: &str| Order::read(body.as_bytes());
        let (order, by) = read(r#"{"command":"edit","version":2,"text":"new","by":" anna "}"#).unwrap();
        assert_eq!((order, by.as_deref()), (Order::Edit { version: 2, text: "new".into() }, Some("anna")));
        let (order, _) =
            read(r#"{"command":"decide","cycle":1,"decision":{"feedback":"be brief"}}"#).unwrap();
        let decision = Decision::Feedback("be brief".into());
        assert_eq!(order, Order::Decide { cycle: 1, decision });
        assert_eq!(read(r#"{"command":"pause"}"#).unwrap(), (Order::Pause {}, None));
        for (body, why) in [
            ("", "no JSON"),
            ("[]", "command"),
            (r#"{"command":"stop"}"#, "unknown variant `stop`"),
            (r#"{"command":"pause","now":true}"#, "unknown field `now`"),
            (r#"{"command":"edit","text":"new"}"#, "missing field `version`"),
            (r#"{"command":"feedback","text":"  "}"#, "`text` is empty"),
            (r#"{"command":"decide","cycle":1,"decision":{"feedback":""}}"#, "`text` is empty"),
            (r#"{"command":"decide","cycle":1,"decision":"later"}"#, "unknown variant `later`"),
            (r#"{"command":"pause","by":""}"#, "`by` is a name"),
            (r#"{"command":"pause","by":"a\nb"}"#, "`by` is a name"),
            (r#"{"command":"pause","by":7}"#, "`by` is a name"),
        ] {
            let wrong = read(body).unwrap_err();
            assert!(wrong.contains(why), "{body}: {wrong}");
        }
    }
}
