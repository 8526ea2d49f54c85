//! `forge prompts test`.

use std::{fmt::Write as _, fs, process::ExitCode, sync::Arc, time::Duration};

use chrono::Utc;
use forge::{
    CallContext, ModelRequest, ModelResponse, Participant, ParticipantRole, ProviderExt as _,
    event::StopReason,
    prompt::{Answer, Prompt, PromptSet, PromptTest, PromptTests},
    request::OutputFormat,
    router::Router,
    storage::prompts::PromptText,
};
use serde_json::{Map, Value, json};

use super::desk::{self, Desk};
use crate::{
    args::{GlobalArgs, PromptsStore, PromptsTest},
    error::CliError,
    files, layout,
    setup::Setup,
    terminal::{self, millis, note},
};

/// Letters of a fault that a table shows.
const FAULT: usize = 60;

/// One call of the matrix.
struct Case {
    prompt: String,
    version: String,
    text: PromptText,
    provider: Option<String>,
    /// Which of the sets of variables, from 1.
    variables: usize,
    test: PromptTest,
    request: Arc<ModelRequest>,
    role: ParticipantRole,
}

/// What came of it.
struct Done {
    provider: String,
    faults: Vec<String>,
    duration: Duration,
    cost: Option<forge::Money>,
}

pub(super) async fn run(args: &PromptsTest, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let text = files::read(&args.file)?;
    let tests = PromptTests::read(&args.file.display().to_string(), &text)
        .map_err(|error| desk::refused("the tests", &error.reports))?;
    let store = PromptsStore { offline: globals.source.offline };
    let desk = Desk::open(globals.config, store, globals.quiet, globals.json)?;
    // All of them before the first call: a mistake in the last one must not cost those before it.
    let mut cases = Vec::new();
    for test in &tests.tests {
        cases.extend(self::cases(&desk, test)?);
    }
    let system = Setup::open(globals).await?;
    if let Some(store) = system.store() {
        // They are used now, so that what their calls say can be rendered again.
        store.note_prompts(cases.iter().map(|case| case.text.clone()).collect(), Utc::now());
    }
    let mut done = Vec::new();
    for case in &cases {
        done.push(ask(&system, case).await?);
    }
    let simulated = system.is_simulated();
    system.close(Duration::ZERO).await;
    if let Some(path) = &args.junit {
        fs::write(path, junit(&cases, &done))
            .map_err(|error| CliError::failed(format!("{} cannot be written", path.display()), &error))?;
    }
    let failed = done.iter().filter(|one| !one.faults.is_empty()).count();
    if globals.json {
        let rows: Vec<Value> = cases.iter().zip(&done).map(|(case, done)| to_json(case, done)).collect();
        let object =
            json!({ "simulated": simulated, "passed": done.len() - failed, "failed": failed, "tests": rows });
        terminal::json(&object)?;
    } else {
        let rows: Vec<_> = cases.iter().zip(&done).map(|(case, done)| row(case, done)).collect();
        let table = layout::table(&["PROMPT", "PROVIDER", "VARIABLES", "RESULT", "COST", ""], &[2, 4], &rows);
        let head = if simulated { "SIMULATED\n\n" } else { "" };
        terminal::out(&format!("{head}{table}"))?;
    }
    note(globals.quiet, &format!("{} passed, {failed} failed", done.len() - failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The calls of one test: its prompt for each set of variables and each provider.
fn cases(desk: &Desk, test: &PromptTest) -> Result<Vec<Case>, CliError> {
    let stored = test.at.as_deref().map(|at| desk.at(&test.prompt, at)).transpose()?;
    let set: &PromptSet = stored.as_ref().unwrap_or(&desk.set);
    let prompt = set.get(&test.prompt).ok_or_else(|| desk::unknown(&test.prompt, set))?;
    let once = vec![Map::new()];
    let variables = if test.variables.is_empty() { &once } else { &test.variables };
    let mut cases = Vec::new();
    for (at, values) in variables.iter().enumerate() {
        let text = set.render(&test.prompt, values).map_err(|error| super::render::wrong(&error))?;
        let request = Arc::new(request(prompt, text));
        let named = test.providers.iter().cloned().map(Some);
        let anybody = test.providers.is_empty().then_some(None);
        cases.extend(named.chain(anybody).map(|provider| Case {
            prompt: test.prompt.clone(),
            version: prompt.version.clone(),
            text: set.text(prompt),
            provider,
            variables: at + 1,
            test: test.clone(),
            request: Arc::clone(&request),
            role: prompt.front.role.as_deref().map_or(ParticipantRole::Generalist, ParticipantRole::from),
        }));
    }
    Ok(cases)
}

fn request(prompt: &Prompt, text: String) -> ModelRequest {
    let mut request = ModelRequest::default().with_user_message(text);
    let parameters = &prompt.front.parameters;
    (request.sampling.temperature, request.sampling.top_p) = (parameters.temperature, parameters.top_p);
    request.max_tokens = parameters.max_tokens.and_then(|tokens| u32::try_from(tokens).ok());
    if let Some(schema) = &prompt.front.output {
        request.output = OutputFormat::json_schema("answer".to_owned(), Value::Object(schema.clone()));
    }
    request
}

async fn ask(system: &Setup, case: &Case) -> Result<Done, CliError> {
    let participant: Participant = match &case.provider {
        Some(id) => system.participant(id).ok_or_else(|| {
            CliError::usage(
                format!("there is no provider `{}`", layout::cut(id, 64)),
                "see `forge providers list`",
            )
        })?,
        None => Router::participant(case.role.clone()),
    };
    let mut cx = CallContext::new(participant.with_role(case.role.clone()));
    cx.tags = cx.tags.with_prompt(format!("{}@{}", case.prompt, case.version));
    let outcome = system.router().complete(&cx, Arc::clone(&case.request)).await;
    Ok(match outcome {
        Ok(response) => held(system, case, &response),
        Err(error) => Done {
            provider: case.provider.clone().unwrap_or_default(),
            faults: vec![format!("no answer: {error}")],
            duration: Duration::ZERO,
            cost: None,
        },
    })
}

fn held(system: &Setup, case: &Case, response: &ModelResponse) -> Done {
    let text = response.text();
    let cost = system.router().cost(response);
    let answer = Answer {
        text: &text,
        tokens: response.tokens.total_output(),
        cost_usd: cost.map(|cost| cost.nanos() as f64 / 1e9),
        refused: response.stop_reason == StopReason::Refusal,
    };
    Done {
        provider: response.participant.provider_id.to_string(),
        faults: case.test.expect.faults(&answer),
        duration: response.duration,
        cost,
    }
}

fn row(case: &Case, done: &Done) -> Vec<String> {
    let fault = layout::clean(&done.faults.join("; ")).replace(['\n', '\t'], " ");
    vec![
        case.prompt.clone(),
        done.provider.clone(),
        case.variables.to_string(),
        if done.faults.is_empty() { "passed" } else { "failed" }.to_owned(),
        done.cost.map_or_else(|| "?".to_owned(), |cost| cost.to_string()),
        layout::cut(&fault, FAULT).into_owned(),
    ]
}

fn to_json(case: &Case, done: &Done) -> Value {
    let object = json!({
        "prompt": case.prompt, "hash": case.version, "provider": done.provider, "variables": case.variables,
        "passed": done.faults.is_empty(), "faults": done.faults, "duration_ms": millis(done.duration),
    });
    terminal::with_cost(object, done.cost)
}

/// The results in the form that CI systems show.
fn junit(cases: &[Case], done: &[Done]) -> String {
    let failed = done.iter().filter(|one| !one.faults.is_empty()).count();
    let mut page = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"prompts\" tests=\"{}\" failures=\"{failed}\">\n",
        done.len()
    );
    for (case, done) in cases.iter().zip(done) {
        let name = format!("{} variables {}", done.provider, case.variables);
        let seconds = done.duration.as_secs_f64();
        let (class, name) = (escaped(&case.prompt), escaped(&name));
        let _ = write!(page, "<testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds:.3}\">");
        if !done.faults.is_empty() {
            let _ = write!(page, "<failure message=\"{}\"/>", escaped(&done.faults.join("; ")));
        }
        page.push_str("</testcase>\n");
    }
    page.push_str("</testsuite></testsuites>\n");
    page
}

/// Text of others between the marks of XML, without characters that XML does not have.
fn escaped(text: &str) -> String {
    let text = layout::clean(text).replace(|c: char| c.is_control(), " ");
    let signs = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;")];
    signs.iter().fold(text, |text, (sign, word)| text.replace(*sign, word))
}
