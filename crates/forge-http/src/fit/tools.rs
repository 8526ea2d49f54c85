//! Tools as plain functions, for vendors that have no groups of tools, or none that take free text. Their calls come back
//! under the names that the caller gave them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use forge_core::{
    ModelRequest, ResponseStream, StreamEvent,
    event::{Delta, PartKind, ToolStart},
    request::{FreeformFormat, FreeformTool, FunctionTool, Part, Tool, ToolChoice, ToolInput},
};
use serde_json::{Value, json};

use super::rewritten::rewritten;

/// The field that holds the text of a tool which takes nothing else.
const INPUT: &str = "input";
/// The longest name that every vendor takes.
const LONGEST: usize = 64;

/// The tools whose calls have to be given back their own form. Empty for nearly every request.
#[derive(Debug, Default)]
pub struct PlainTools(Vec<Plain>);

/// A tool that goes out in another form.
#[derive(Debug, Clone)]
struct Plain {
    /// Its name as the vendor knows it.
    sent: String,
    name: String,
    namespace: Option<String>,
    /// It takes free text and goes out as a function of one text.
    wrapped: bool,
}

impl PlainTools {
    /// The request with tools out of their groups, and with functions of one text in place of tools that take free text,
    /// unless the vendor `takes_text`. A request without such tools stays as it is.
    pub fn of(request: Arc<ModelRequest>, takes_text: bool) -> (Arc<ModelRequest>, Self) {
        let is_plain =
            |tool: &Tool| tool.namespace().is_none() && (takes_text || !matches!(tool, Tool::Freeform(_)));
        if request.tools.iter().all(is_plain) {
            return (request, Self::default());
        }
        let plain =
            Self(request.tools.iter().filter_map(|tool| plain(tool, &request.tools, takes_text)).collect());
        let mut request = Arc::unwrap_or_clone(request);
        for tool in request.tools.to_mut() {
            let sent = tool.name().map(|name| plain.sent(name, tool.namespace()).to_owned());
            *tool = match std::mem::replace(tool, Tool::freeform("")) {
                Tool::Freeform(tool) if !takes_text => wrapped(tool).into(),
                tool => tool,
            };
            place(tool, sent);
        }
        for part in request.messages.to_mut().iter_mut().flat_map(|message| &mut message.parts) {
            if let Part::ToolUse { name, namespace, input, .. } = part {
                *name = plain.sent(name, namespace.as_deref()).to_owned();
                *namespace = None;
                if let (ToolInput::Text(text), false) = (&*input, takes_text) {
                    *input = ToolInput::Json(json!({ INPUT: text }));
                }
            }
        }
        // A choice names tools without their groups.
        let of_choice = |name: &String| {
            let own = plain.0.iter().filter(|one| one.name == *name).map(|one| one.sent.clone());
            let own: Vec<String> = own.collect();
            if own.is_empty() { vec![name.clone()] } else { own }
        };
        match &mut request.tool_choice {
            ToolChoice::Tool(name) => *name = of_choice(name).swap_remove(0),
            ToolChoice::Allowed { names, .. } => *names = names.iter().flat_map(of_choice).collect(),
            _ => {}
        }
        (Arc::new(request), plain)
    }

    /// The name of a tool as the vendor knows it.
    fn sent<'a>(&'a self, name: &'a str, namespace: Option<&str>) -> &'a str {
        let found = self.0.iter().find(|one| one.name == name && one.namespace.as_deref() == namespace);
        found.map_or(name, |one| &one.sent)
    }

    /// The reply, whose calls are those of the caller's own tools again.
    pub fn restore(self, reply: ResponseStream) -> ResponseStream {
        if self.0.is_empty() {
            return reply;
        }
        let mut restored = Restored { plain: self, texts: HashMap::new() };
        rewritten(reply, move |event, ready| restored.event(event, ready))
    }
}

/// How a tool goes out that has another form there.
fn plain(tool: &Tool, all: &[Tool], takes_text: bool) -> Option<Plain> {
    let (name, namespace) = (tool.name()?, tool.namespace());
    let wrapped = !takes_text && matches!(tool, Tool::Freeform(_));
    if namespace.is_none() && !wrapped {
        return None;
    }
    // Descriptions speak of a tool by its own name, which it keeps where no other has the same.
    let is_alone = all.iter().filter(|other| other.name() == Some(name)).count() == 1;
    let mut sent = match namespace.filter(|_| !is_alone) {
        Some(namespace) => format!("{namespace}__{name}"),
        None => name.to_owned(),
    };
    // From its end, where the name of the tool itself stands. Names are letters of ASCII.
    let excess = sent.len().saturating_sub(LONGEST);
    if sent.is_char_boundary(excess) {
        sent.drain(..excess);
    }
    Some(Plain { sent, name: name.to_owned(), namespace: namespace.map(str::to_owned), wrapped })
}

/// A function of one text.
fn wrapped(tool: FreeformTool) -> FunctionTool {
    let schema = json!({
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": "The whole input of the tool, as plain text."}},
        "required": [INPUT],
        "additionalProperties": false,
    });
    let mut description = tool.description;
    if let FreeformFormat::Grammar { syntax, definition } = tool.format {
        description =
            format!("{description}\n\n`{INPUT}` has to obey this grammar ({syntax}):\n{definition}");
    }
    let mut function = FunctionTool::new(tool.name, schema).with_description(description);
    function.namespace = tool.namespace;
    function
}

/// Takes a tool out of its group, under the name that it has outside.
fn place(tool: &mut Tool, sent: Option<String>) {
    let (name, namespace) = match tool {
        Tool::Function(tool) => (Some(&mut tool.name), &mut tool.namespace),
        Tool::Freeform(tool) => (Some(&mut tool.name), &mut tool.namespace),
        Tool::Hosted(tool) => (None, &mut tool.namespace),
        _ => return,
    };
    *namespace = None;
    if let (Some(name), Some(sent)) = (name, sent) {
        *name = sent;
    }
}

/// A reply whose calls get their own form.
struct Restored {
    plain: PlainTools,
    /// What came so far of the functions of one text, by the indices of their parts: a text shows in whole JSON alone.
    texts: HashMap<u32, String>,
}

impl Restored {
    fn event(&mut self, mut event: StreamEvent, ready: &mut VecDeque<StreamEvent>) {
        match &mut event {
            StreamEvent::PartStarted { index, kind: PartKind::ToolUse(start) } => {
                let text = self.call(start).then(String::new);
                self.texts.extend(text.map(|text| (*index, text)));
            }
            StreamEvent::PartDelta { index, delta: Delta::ToolInput(piece) } => {
                if let Some(text) = self.texts.get_mut(index) {
                    text.push_str(piece);
                    return;
                }
            }
            StreamEvent::PartEnded { index, .. } => {
                if let Some(text) = self.texts.remove(index).map(unwrapped).filter(|text| !text.is_empty()) {
                    let delta = Delta::ToolInput(text);
                    ready.push_back(StreamEvent::PartDelta { index: *index, delta });
                }
            }
            _ => {}
        }
        ready.push_back(event);
    }

    /// Gives a call the name of its tool; tells whether its input is a text that is wrapped.
    fn call(&self, start: &mut ToolStart) -> bool {
        let Some(tool) = self.plain.0.iter().find(|tool| tool.sent == start.name) else { return false };
        start.name.clone_from(&tool.name);
        start.namespace.clone_from(&tool.namespace);
        start.freeform |= tool.wrapped;
        tool.wrapped
    }
}

/// The text in the arguments. What a model wrote in another form stays as it is, for the tool to tell what is wrong.
fn unwrapped(arguments: String) -> String {
    match serde_json::from_str::<Value>(&arguments) {
        Ok(Value::Object(mut fields)) => match fields.remove(INPUT) {
            Some(Value::String(text)) => text,
            _ => arguments,
        },
        Ok(Value::String(text)) => text,
        _ => arguments,
    }
}

#[cfg(test)]
mod tests {
    use forge_core::{
        Message,
        event::{Finished, StopReason},
        request::MessageRole,
    };
    use futures_util::StreamExt as _;

    use super::*;

    fn request() -> ModelRequest {
        let grammar = FreeformFormat::Grammar { syntax: "lark".into(), definition: "start: /.+/".into() };
        let exec = FreeformTool::new("exec").with_format(grammar);
        let schema = || json!({"type": "object", "properties": {}});
        let call = Part::tool_use("1", "exec", ToolInput::Text("ls".into())).with_namespace("functions");
        let other = Part::tool_use("2", "wait", json!({"ms": 1})).with_namespace("agents");
        ModelRequest::default()
            .with_tool(Tool::from(exec).with_namespace("functions"))
            .with_tool(Tool::function("wait", schema()).with_namespace("functions"))
            .with_tool(Tool::function("wait", schema()).with_namespace("agents"))
            .with_tool(Tool::function("plain", schema()))
            .with_message(Message::new(MessageRole::Assistant, vec![call, other]))
    }

    fn names(request: &ModelRequest) -> Vec<&str> {
        request.tools.iter().filter_map(Tool::name).collect()
    }

    #[test]
    fn groups_and_free_texts_become_functions_with_names_of_their_own() {
        let (sent, plain) = PlainTools::of(Arc::new(request()), false);
        assert_eq!(names(&sent), ["exec", "functions__wait", "agents__wait", "plain"]);
        assert!(sent.tools.iter().all(|tool| tool.namespace().is_none()));
        let Tool::Function(exec) = &sent.tools[0] else { panic!("{sent:?}") };
        assert!(exec.description.contains("start: /.+/"), "{exec:?}");
        assert_eq!(
            sent.messages[0].parts,
            [
                Part::tool_use("1", "exec", json!({"input": "ls"})),
                Part::tool_use("2", "agents__wait", json!({"ms": 1})),
            ]
        );
        assert_eq!(plain.0.len(), 3);

        let (sent, plain) = PlainTools::of(Arc::new(request()), true);
        assert!(matches!(&sent.tools[0], Tool::Freeform(tool) if tool.namespace.is_none()));
        assert!(plain.0.iter().all(|tool| !tool.wrapped));
    }

    #[test]
    fn a_choice_follows_its_tools() {
        let mut asked = request();
        asked.tool_choice =
            ToolChoice::Allowed { names: vec!["wait".into(), "plain".into()], required: true };
        let (sent, _) = PlainTools::of(Arc::new(asked), false);
        let names = ["functions__wait", "agents__wait", "plain"].map(str::to_owned).to_vec();
        assert_eq!(sent.tool_choice, ToolChoice::Allowed { names, required: true });
    }

    #[test]
    fn a_request_of_plain_functions_stays_as_it_is() {
        let request =
            Arc::new(ModelRequest::default().with_tool(Tool::function("f", json!({"type": "object"}))));
        let (sent, plain) = PlainTools::of(Arc::clone(&request), false);
        assert!(Arc::ptr_eq(&sent, &request) && plain.0.is_empty());
        let freeform = Arc::new(ModelRequest::default().with_tool(Tool::freeform("f")));
        assert!(Arc::ptr_eq(&PlainTools::of(Arc::clone(&freeform), true).0, &freeform));
    }

    #[test]
    fn calls_come_back_as_those_of_the_callers_own_tools() {
        let started = |index, name: &str| StreamEvent::PartStarted {
            index,
            kind: PartKind::ToolUse(Box::new(ToolStart::new(index.to_string(), name))),
        };
        let piece =
            |index, text: &str| StreamEvent::PartDelta { index, delta: Delta::ToolInput(text.into()) };
        let ended = |index| StreamEvent::PartEnded { index, opaque: None };
        let finished = || StreamEvent::from(Finished::new(StopReason::ToolUse));
        let vendors = [
            started(0, "exec"),
            piece(0, "{\"inp"),
            piece(0, "ut\": \"ls -l\"}"),
            ended(0),
            started(1, "agents__wait"),
            piece(1, "{}"),
            ended(1),
            started(2, "exec"),
            piece(2, "{\"input\": \"br"),
            ended(2),
            finished(),
        ];
        let (_, plain) = PlainTools::of(Arc::new(request()), false);
        let reply = ResponseStream::from_events(vendors.map(Ok));
        let events: Vec<_> =
            futures_util::future::FutureExt::now_or_never(plain.restore(reply).collect()).unwrap();
        let events: Vec<StreamEvent> = events.into_iter().map(Result::unwrap).collect();
        let call = |index, name: &str, group: &str| {
            let start = ToolStart::new(u32::to_string(&index), name).with_namespace(Some(group.to_owned()));
            let start = if name == "exec" { start.freeform() } else { start };
            StreamEvent::PartStarted { index, kind: PartKind::ToolUse(Box::new(start)) }
        };
        assert_eq!(
            events,
            [
                call(0, "exec", "functions"),
                piece(0, "ls -l"),
                ended(0),
                call(1, "wait", "agents"),
                piece(1, "{}"),
                ended(1),
                call(2, "exec", "functions"),
                piece(2, "{\"input\": \"br"),
                ended(2),
                finished(),
            ]
        );
    }
}
