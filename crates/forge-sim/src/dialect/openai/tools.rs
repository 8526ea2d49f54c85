//! The tools of a Responses request: the client's own, in groups or not, and those of the vendor.

use serde_json::Value;

use super::items::kind;
use crate::api_error::ApiError;
use crate::dialect::chat::{self, Reading, missing, wrong_type, wrong_value};
use crate::turn::{Tool, ToolChoice};

/// What the vendor runs itself, or what the client runs by a protocol of the vendor's.
const HOSTED: &[&str] = &[
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "shell",
    "tool_search",
    "web_search",
    "web_search_preview",
];

/// Everything that the model may use.
#[derive(Debug, Default)]
pub(super) struct Offer {
    pub(super) own: Vec<Tool>,
    hosted: Vec<String>,
}

/// Tools of the request and of the items that bring some in the middle.
pub(super) fn read(body: &Value, items: &[Value]) -> Result<Offer, ApiError> {
    let mut offer = Offer::default();
    if let Some(tools) = body.get("tools").filter(|tools| !tools.is_null()) {
        let tools = tools.as_array().ok_or_else(|| wrong_type("tools", "an array of objects"))?;
        offer.add(tools, "tools", None)?;
    }
    for (index, item) in items.iter().enumerate() {
        if matches!(kind(item), "additional_tools" | "tool_search_output")
            && let Some(tools) = item.get("tools").and_then(Value::as_array)
        {
            offer.add(tools, &format!("input[{index}].tools"), None)?;
        }
    }
    Ok(offer)
}

impl Offer {
    fn add(&mut self, tools: &[Value], at: &str, namespace: Option<&str>) -> Result<(), ApiError> {
        for (index, tool) in tools.iter().enumerate() {
            let path = format!("{at}[{index}]");
            let kind =
                tool.get("type").and_then(Value::as_str).ok_or_else(|| missing(&format!("{path}.type")))?;
            match kind {
                // A function lies flat here: a name inside `function` is a name that is missing.
                "function" => {
                    let tool = chat::tool(tool, &path, &format!("{path}.parameters"), Reading::Strict)?;
                    self.own.push(Tool { namespace: namespace.map(ToOwned::to_owned), ..tool });
                }
                "custom" => {
                    let tool = Tool::freeform(name(tool, &path)?);
                    self.own.push(Tool { namespace: namespace.map(ToOwned::to_owned), ..tool });
                }
                "namespace" => {
                    let inner = tool.get("tools").and_then(Value::as_array);
                    let inner = inner.ok_or_else(|| missing(&format!("{path}.tools")))?;
                    self.add(inner, &format!("{path}.tools"), Some(name(tool, &path)?))?;
                }
                hosted if HOSTED.iter().any(|known| dated(known, hosted)) => {
                    self.hosted.push(hosted.to_owned());
                }
                other => {
                    let known: Vec<&str> =
                        ["custom", "function", "namespace"].iter().chain(HOSTED).copied().collect();
                    return Err(wrong_value(&format!("{path}.type"), other, &known));
                }
            }
        }
        Ok(())
    }

    /// Who is to be called. `auto` goes with an empty list too; a wish needs something to wish for.
    pub(super) fn choice(&self, body: &Value) -> Result<ToolChoice, ApiError> {
        let Some(choice) = body.get("tool_choice").filter(|choice| !choice.is_null()) else {
            return Ok(ToolChoice::Auto);
        };
        if let Some(word) = choice.as_str() {
            return self.mode(word, "tool_choice", &["none", "auto", "required"]);
        }
        match choice.get("type").and_then(Value::as_str) {
            Some("allowed_tools") => {
                let allowed = choice.get("tools").and_then(Value::as_array);
                let allowed = allowed.ok_or_else(|| missing("tool_choice.tools"))?;
                for entry in allowed {
                    self.pick(entry)?;
                }
                let mode = choice.get("mode").and_then(Value::as_str).unwrap_or_default();
                match (self.mode(mode, "tool_choice.mode", &["auto", "required"])?, &allowed[..]) {
                    (ToolChoice::Any, [one]) => self.pick(one),
                    (choice, _) => Ok(choice),
                }
            }
            Some(_) => self.pick(choice),
            None => Err(missing("tool_choice.type")),
        }
    }

    fn mode(&self, word: &str, param: &str, known: &[&str]) -> Result<ToolChoice, ApiError> {
        match word {
            "auto" => Ok(ToolChoice::Auto),
            "none" if known.contains(&"none") => Ok(ToolChoice::None),
            "required" if self.own.is_empty() && self.hosted.is_empty() => {
                Err(ApiError::invalid("Tool choice 'required' must be specified with 'tools' parameter.")
                    .with_param("tool_choice"))
            }
            // What the vendor runs itself shows in no call.
            "required" if self.own.is_empty() => Ok(ToolChoice::Auto),
            "required" => Ok(ToolChoice::Any),
            other => Err(wrong_value(param, other, known)),
        }
    }

    fn pick(&self, entry: &Value) -> Result<ToolChoice, ApiError> {
        let kind = entry.get("type").and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, "function" | "custom") {
            return if self.hosted.iter().any(|hosted| hosted == kind || dated(kind, hosted)) {
                Ok(ToolChoice::Auto)
            } else {
                Err(not_found(kind))
            };
        }
        let name = name(entry, "tool_choice")?;
        if self.own.iter().any(|tool| tool.name == name && tool.freeform == (kind == "custom")) {
            Ok(ToolChoice::Named(name.to_owned()))
        } else {
            Err(not_found(name))
        }
    }
}

fn not_found(what: &str) -> ApiError {
    ApiError::invalid(format!("Tool choice '{what}' not found in 'tools' parameter."))
        .with_param("tool_choice")
}

/// Some kinds come with the date of their version.
fn dated(known: &str, given: &str) -> bool {
    given.strip_prefix(known).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('_').is_some_and(|date| date.starts_with(|c: char| c.is_ascii_digit()))
    })
}

fn name<'a>(tool: &'a Value, path: &str) -> Result<&'a str, ApiError> {
    tool.get("name").and_then(Value::as_str).ok_or_else(|| missing(&format!("{path}.name")))
}
