//! YAML text to a tree of values, with the place of every key and value. Nothing else here knows YAML.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
pub(crate) use serde_yaml::{Mapping, Value};

use crate::{
    code,
    path::{Key, KeyPath},
    place::Place,
    problem::{About, Problem},
    slips::{self, Fatal},
};

/// The most bytes a file may have: 1 MiB. A larger one is refused before it is parsed.
pub const MAX_BYTES: usize = 1024 * 1024;

/// How deep mappings and lists may stand in each other.
const MAX_DEPTH: usize = 64;

/// How many nodes a file may have once every alias stands for a copy: a few lines of aliases of aliases can
/// stand for billions. A long text counts as several.
const MAX_NODES: usize = 50_000;

/// This many bytes of text count as one more node.
const BYTES_PER_NODE: usize = 64;

/// What is said where the parser says why.
const NOT_YAML: &str = "the text is not YAML";

const START: Place = Place { line: 1, column: 1 };

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// Mistakes that leave the rest readable.
    pub(crate) problems: Vec<(Place, Problem)>,
    places: Node,
    end: Place,
}

/// Where a key and its value begin.
#[derive(Debug)]
struct Node {
    key: Place,
    value: Place,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    /// Also for aliases: what they stand for is somewhere else.
    Nothing,
    Names(HashMap<String, Node>),
    Items(Vec<Node>),
}

impl Document {
    /// Where `path` is written, or the nearest thing above it.
    pub(crate) fn place(&self, path: &KeyPath, about: About) -> Place {
        let place = match (self.walk(path), about) {
            ((node, true), About::Value) => node.value,
            ((node, _), _) => node.key,
        };
        place.min(self.end)
    }

    /// Where the value at `path` is written, if it is.
    pub(crate) fn written(&self, path: &KeyPath) -> Option<Place> {
        let (node, found) = self.walk(path);
        found.then_some(node.value.min(self.end))
    }

    /// The node at `path`, or the last one on the way to it.
    fn walk(&self, path: &KeyPath) -> (&Node, bool) {
        let mut node = &self.places;
        for step in path.steps() {
            let next = match (&node.inner, step) {
                (Inner::Names(names), Key::Name(name)) => names.get(name),
                (Inner::Items(items), Key::Index(index)) => items.get(*index),
                (Inner::Nothing | Inner::Names(_) | Inner::Items(_), _) => None,
            };
            match next {
                Some(next) => node = next,
                None => return (node, false),
            }
        }
        (node, true)
    }
}

/// Reads one document with a mapping at its top.
pub(crate) fn parse(text: &str) -> Result<Document, Fatal> {
    if text.len() > MAX_BYTES {
        return Err(fatal(START, code::TOO_LARGE, "the file is larger than 1 MiB"));
    }
    let end = end(text);
    match parse_document(text, end) {
        Ok(mut document) => {
            for (place, _) in &mut document.problems {
                *place = end.min(*place);
            }
            Ok(document)
        }
        Err((place, problem)) => {
            // A tab after a colon is YAML, which the parser does not know.
            // One sign for one, so that all places stay as they are.
            if text.contains(":\t")
                && let Ok(document) = parse(&text.replace(":\t", ": "))
            {
                return Ok(document);
            }
            let place = place.min(end);
            // A file of another format fails at its beginning; one that fails later is YAML with a slip.
            if (problem.code == code::NOT_A_MAPPING || place.line <= 2)
                && let Some(other) = slips::other_format(text)
            {
                return Err(other);
            }
            if !problem.message.starts_with(NOT_YAML) {
                return Err((place, problem));
            }
            Err(slips::cause(text, place, &problem.message).unwrap_or((place, problem)))
        }
    }
}

/// Where the text ends. The parser sees a line more than there is where the last one has no end.
fn end(text: &str) -> Place {
    let text = text.replace("\r\n", "\n");
    let (number, last) = text.split(['\n', '\r']).enumerate().last().unwrap_or_default();
    Place { line: number + 1, column: last.chars().count() + 1 }
}

fn parse_document(text: &str, end: Place) -> Result<Document, Fatal> {
    let fail = |place, code, message: &str| Err(fatal(place, code, message));
    // Editors on Windows begin a file with this mark, which YAML allows there.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parser = Parser::new_from_str(text);
    let mut reader =
        Reader { parser, nodes: 0, anchors: HashMap::new(), trail: Vec::new(), problems: Vec::new() };
    let (value, mut places) = loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return fail(START, code::NOT_A_MAPPING, "the file is empty"),
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            event => break reader.node(event, START)?,
        }
    };
    places.key = START;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::DocumentStart(_), span) => {
                let message = "a second document begins here; a configuration is one document";
                return fail(place(span.start), code::NOT_A_MAPPING, message);
            }
            _ => {}
        }
    }
    match value {
        Value::Mapping(_) => Ok(Document { value, places, problems: reader.problems, end }),
        Value::Null => fail(START, code::NOT_A_MAPPING, "the file is empty"),
        _ => fail(places.value, code::NOT_A_MAPPING, "the file does not begin with a key"),
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    nodes: usize,
    /// What each finished anchor stands for, and how many nodes that is.
    anchors: HashMap<usize, (Value, usize)>,
    /// The steps from the top to the node that is read.
    trail: Vec<Key>,
    problems: Vec<(Place, Problem)>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Fatal> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The node that begins with this event, after the key at `key`.
    fn node(&mut self, (event, span): (Event<'a>, Span), key: Place) -> Result<(Value, Node), Fatal> {
        let at = place(span.start);
        // The reader calls itself at each step down: without a limit, a line of brackets would end the stack.
        if self.trail.len() >= MAX_DEPTH {
            return Err(fatal(at, code::TOO_LARGE, too_deep()));
        }
        let before = self.nodes;
        self.count(1, at)?;
        let (value, inner, anchor) = match event {
            Event::Alias(anchor) => {
                // An anchor is known once its value is read to its end, so that only an alias inside of it
                // finds none.
                let Some(weight) = self.anchors.get(&anchor).map(|(_, weight)| *weight) else {
                    return Err(fatal(at, code::SYNTAX, "the alias refers to a value that contains it"));
                };
                self.count(weight, at)?;
                let value = self.anchors.get(&anchor).map(|(value, _)| value.clone());
                (value.unwrap_or_default(), Inner::Nothing, 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                // Copies of a long text take memory as well, so it is counted by its length.
                self.count(text.len() / BYTES_PER_NODE, at)?;
                (self.scalar(text, style, at), Inner::Nothing, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                let (values, items) = self.sequence()?;
                (Value::Sequence(values), Inner::Items(items), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                let (mapping, names) = self.mapping()?;
                (Value::Mapping(mapping), Inner::Names(names), anchor)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(fatal(at, code::SYNTAX, "a value is missing here")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), self.nodes - before));
        }
        Ok((value, Node { key, value: at, inner }))
    }

    /// A scalar without what disguises it, which is reported.
    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, at: Place) -> Value {
        // In quotes, every sign is meant.
        let disguised = if style == ScalarStyle::Plain { slips::disguised(&text) } else { None };
        let Some((meant, problem)) = disguised else { return scalar(text, style) };
        self.problems.push((at, problem));
        scalar(meant.into(), style)
    }

    fn sequence(&mut self) -> Result<(Vec<Value>, Vec<Node>), Fatal> {
        let (mut values, mut items) = (Vec::new(), Vec::new());
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok((values, items)),
                event => {
                    let at = place(event.1.start);
                    let (value, node) = self.below(Key::Index(values.len()), event, at)?;
                    values.push(value);
                    items.push(node);
                }
            }
        }
    }

    /// A key that stands there twice, or is not a text, is reported and left out with its value.
    fn mapping(&mut self) -> Result<(Mapping, HashMap<String, Node>), Fatal> {
        let (mut mapping, mut names) = (Mapping::new(), HashMap::<String, Node>::new());
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::MappingEnd) {
                return Ok((mapping, names));
            }
            let at = place(event.1.start);
            if let Event::Scalar(text, ScalarStyle::Plain, ..) = &event.0
                && text.starts_with(slips::is_odd_blank)
            {
                // Below what the key belongs is not known.
                return Err(slips::odd_blank_at(at));
            }
            let is_plain = matches!(event.0, Event::Scalar(_, ScalarStyle::Plain, ..));
            let (key, _) = self.below(Key::Name(String::new()), event, at)?;
            let event = self.next()?;
            // `{ key:value }` is one key without a value to YAML.
            let is_alone = is_plain && matches!(&event.0, Event::Scalar(text, ..) if text.is_empty());
            let Value::String(name) = key else {
                let path = self.trail.iter().cloned().collect();
                let problem = Problem::new(code::BAD_KEY, path, "a key here is not a string");
                let hint = if key.is_number() {
                    "write a number without commas, such as `1000` or `1.5`; put a number that is a key in quotes"
                } else {
                    "put it in quotes"
                };
                self.problems.push((at, problem.with_hint(hint)));
                self.below(Key::Name(String::new()), event, at)?;
                continue;
            };
            let (mut value, node) = self.below(Key::Name(name.clone()), event, at)?;
            let mut name = name;
            if is_alone && let Some((place, meant, problem)) = slips::joined_key(&name, at) {
                self.problems.push((place, problem));
                (name, value) = (meant.0, scalar(meant.1.into(), ScalarStyle::Plain));
            }
            // The first one holds: which of the two is meant nobody can tell, and the file is not used.
            if let Some(first) = names.get(&name) {
                let path = self.trail.iter().cloned().collect::<KeyPath>().key(&name);
                let message = format!("the key `{name}` is listed twice, first in line {}", first.key.line);
                self.problems.push((at, Problem::new(code::BAD_KEY, path, message)));
                continue;
            }
            mapping.insert(Value::String(name.clone()), value);
            names.insert(name, node);
        }
    }

    fn below(&mut self, step: Key, event: (Event<'a>, Span), key: Place) -> Result<(Value, Node), Fatal> {
        self.trail.push(step);
        let read = self.node(event, key);
        self.trail.pop();
        read
    }

    fn count(&mut self, nodes: usize, at: Place) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            let message =
                format!("the file has more than {MAX_NODES} nodes, counting the copies that aliases make");
            return Err(fatal(at, code::TOO_LARGE, message));
        }
        Ok(())
    }
}

/// What YAML's core schema makes of a scalar.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        if let Ok(number) = text.parse() {
            return Value::Number(number);
        }
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        // As a number it is out of range; as a text it would be of the wrong type, which is not the mistake.
        if let Some(number) = text.parse::<f64>().ok().filter(|number| has_digit && number.is_infinite()) {
            return Value::Number(number.into());
        }
        // A whole number beyond 64 bits is still a number.
        if !text.starts_with('0')
            && text.bytes().all(|b| b.is_ascii_digit())
            && let Ok(number) = text.parse::<f64>()
        {
            return Value::Number(number.into());
        }
    }
    Value::String(text.into_owned())
}

fn refuse_tag(tag: Option<&Tag>, at: Place) -> Result<(), Fatal> {
    let Some(tag) = tag else { return Ok(()) };
    // Other programs write `!env NAME` for a variable.
    let names_variable = tag.suffix.to_ascii_lowercase().contains("env");
    let hint = if names_variable { "write `\"${NAME}\"` for a variable" } else { "put strings in quotes" };
    let (place, problem) = fatal(at, code::SYNTAX, "tags such as `!!str` are not supported");
    Err((place, problem.with_hint(hint)))
}

fn syntax(error: &ScanError) -> Fatal {
    if error.info().contains("recursion limit") {
        return fatal(place(*error.marker()), code::TOO_LARGE, too_deep());
    }
    fatal(place(*error.marker()), code::SYNTAX, format!("{NOT_YAML}: {}", error.info()))
}

fn too_deep() -> String {
    format!("mappings and lists are nested more than {MAX_DEPTH} deep")
}

fn fatal(place: Place, code: &'static str, message: impl Into<String>) -> Fatal {
    (place, Problem::new(code, KeyPath::ROOT, message))
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}
