//! What stands in the lines of a batch.

use std::sync::Arc;

use chrono::Utc;
use forge::{
    Asked, CallContext, ModelRequest, ModelResponse, ParticipantRole, ProviderError, System,
    batch::{BatchCall, BatchForm, BatchLine, Unreadable, VendorRequest, vendor_line_failed},
    request::SystemText,
};
use serde_json::{Map, Value};

use crate::{args::BatchRun, ask, error::CliError, terminal};

/// Requests as `forge ask --request` takes them, and those in the forms of vendors.
#[derive(Debug)]
pub(super) struct Lines {
    system: System,
    asked: Asked,
    /// Whether somebody was named on the command line, so that models in lines name nobody.
    is_named: bool,
    has_role: bool,
    simulated: bool,
}

impl Lines {
    pub(super) fn new(system: System, typed: &BatchRun, simulated: bool) -> Self {
        let role = typed.role.as_deref().map_or(ParticipantRole::Generalist, ParticipantRole::from);
        let (provider, model) = (typed.provider.clone(), typed.model.clone());
        let is_named = typed.role.is_some() || provider.is_some() || model.is_some();
        let asked = Asked { role, provider, model };
        Self { system, asked, is_named, has_role: typed.role.is_some(), simulated }
    }

    /// A request in the common form.
    fn own(&self, number: u64, mut fields: Map<String, Value>) -> BatchLine {
        let id = fields.remove("custom_id");
        let refused = |why: String, next: &str| {
            let failure = CliError::usage(why, next).to_json();
            BatchLine::Refused(labelled(failure, number, id.as_ref()))
        };
        let request = match serde_json::from_value::<ModelRequest>(fields.into()) {
            Ok(request) => request,
            Err(error) => {
                return refused(
                    format!("line {number} is not a request: {error}"),
                    "fields as in `forge_core::ModelRequest`",
                );
            }
        };
        if request.messages.is_empty() {
            return refused(format!("line {number} has no messages"), "add `messages`");
        }
        let request = Arc::new(self.dressed(request));
        let cx = match self.system.call_for(&self.asked, &request) {
            Ok(cx) => cx,
            Err(error) => return refused(error.to_string(), &error.next()),
        };
        let (system, simulated) = (self.system.clone(), self.simulated);
        let write = move |cx: &CallContext, outcome: Result<&ModelResponse, &ProviderError>| {
            let object = match outcome {
                Ok(response) => ask::success(response, system.router().cost(response), simulated),
                Err(error) => {
                    CliError::provider(error).with_facts(ask::failed(cx, error, simulated)).to_json()
                }
            };
            labelled(object, number, id.as_ref())
        };
        BatchLine::Call(BatchCall::new((*cx.participant).clone(), request, Box::new(write)))
    }

    /// A request in the form of a vendor, whose answer is written in it as well.
    fn vendors(&self, read: Result<VendorRequest, Unreadable>) -> BatchLine {
        let mut read = match read {
            Ok(read) => read,
            Err(Unreadable(line)) => return BatchLine::Refused(line),
        };
        let request = Arc::new(self.dressed(std::mem::take(&mut read.request)));
        let mut asked = self.asked.clone();
        if !self.is_named {
            asked.model = Some(read.model.clone());
        }
        match self.system.call_for(&asked, &request) {
            Ok(cx) => BatchLine::Call(BatchCall::new(
                (*cx.participant).clone(),
                request,
                Box::new(move |cx, outcome| read.write(cx, outcome)),
            )),
            Err(error) => BatchLine::Refused(read.refused(&format!("{error}; {}", error.next()))),
        }
    }

    /// The request with what the role adds to it.
    fn dressed(&self, request: ModelRequest) -> ModelRequest {
        if self.has_role {
            let modifier = self.asked.role.system_prompt_modifier();
            request.with_system_text(SystemText::new(modifier))
        } else {
            request
        }
    }
}

impl BatchForm for Lines {
    fn read(&self, number: u64, line: &[u8]) -> BatchLine {
        let fields: Map<String, Value> = match serde_json::from_slice(line) {
            Ok(fields) => fields,
            Err(error) => {
                let why = format!("line {number} is no JSON object: {error}");
                let failure = CliError::usage(why, "write one object in each line").to_json();
                return BatchLine::Refused(labelled(failure, number, None));
            }
        };
        match VendorRequest::read(&fields, format!("{number}"), Utc::now()) {
            Some(read) => self.vendors(read),
            None => self.own(number, fields),
        }
    }

    fn has_failed(&self, written: &str) -> bool {
        let Ok(object) = serde_json::from_str::<Map<String, Value>>(written) else { return true };
        vendor_line_failed(&object).unwrap_or_else(|| object.contains_key("error"))
    }
}

/// The line of the output for an object, which says what line of the input it is about.
fn labelled(mut object: Value, number: u64, id: Option<&Value>) -> String {
    object["line"] = number.into();
    if let Some(id) = id {
        object["custom_id"] = id.clone();
    }
    terminal::versioned(&object).to_string()
}
