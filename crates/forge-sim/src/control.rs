//! `/__sim/…`: the simulator's own endpoints.

use http::Method;
use serde_json::json;

use crate::answer::{Answer, Payload};
use crate::app::App;
use crate::scenario::Scenario;

pub(crate) fn answer(app: &App, method: &Method, command: &str, body: Option<&[u8]>) -> Answer {
    match (method.as_str(), command) {
        ("GET", "/health") => Answer::json(json!({"status": "ok", "seed": app.seed})),
        ("GET", "/requests") => match serde_json::to_value(app.journal.requests()) {
            Ok(requests) => Answer::json(requests),
            Err(error) => problem(500, &error.to_string()),
        },
        ("POST", "/reset") => {
            app.reset();
            Answer::new(204, Payload::Empty)
        }
        ("PUT", "/scenario") => set_scenario(app, body),
        _ => problem(404, "known: GET health, GET requests, POST reset, PUT scenario"),
    }
}

fn set_scenario(app: &App, body: Option<&[u8]>) -> Answer {
    let Some(Ok(text)) = body.map(std::str::from_utf8) else {
        return problem(400, "the scenario is not UTF-8 text, or too large");
    };
    match Scenario::from_yaml_with(text, &app.servers) {
        Ok(scenario) => {
            app.set_scenario(scenario);
            Answer::new(204, Payload::Empty)
        }
        // The cause has line and field; the error alone says only that the script does not parse.
        Err(error) => {
            let cause = std::error::Error::source(&error);
            problem(400, &cause.map_or(error.to_string(), |cause| format!("{error}: {cause}")))
        }
    }
}

fn problem(status: u16, text: &str) -> Answer {
    Answer::new(status, Payload::Json(json!({"error": text})))
}
