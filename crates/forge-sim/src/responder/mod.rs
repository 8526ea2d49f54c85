//! Who answers: from a [`Turn`] and a seed to a [`Reply`].
//!
//! [`Plain`] answers from the prompt alone, with other words for each vendor: prose, structured answers, calls of tools.
//! A [`Responder`] of one's own is set at [`SimConfig::responder`](crate::SimConfig::responder). It says whatever it
//! likes, or takes the usual course with words of its own ([`respond`] and [`Wording`]).
//!
//! ```
//! use forge_sim::responder::{Reply, Responder, Turn};
//! use forge_sim::{SimConfig, Vendor};
//!
//! #[derive(Debug)]
//! struct Parrot;
//!
//! impl Responder for Parrot {
//!     fn answer(&self, turn: &Turn, _seed: u64) -> Reply {
//!         Reply::text(format!("Simulated: you said “{}”.", turn.user))
//!     }
//! }
//!
//! let config = SimConfig { responder: std::sync::Arc::new(Parrot), ..SimConfig::default() };
//! # let reply = config.responder.answer(&Turn::of(Vendor::OpenAi, "Hi"), 0);
//! # assert_eq!(reply, Reply::text("Simulated: you said “Hi”."));
//! ```

mod fill;
mod prose;
mod topic;

use std::fmt;

use serde_json::{Value, json};

pub use self::fill::{Fields, Item, Place};
pub use self::prose::{plain, sentences};
pub use self::topic::topic;
pub use crate::completion::{Part, Stop, ToolCall};
pub use crate::seed::Rng;
use crate::seed::hash;
pub use crate::turn::{Format, Tool, ToolChoice, ToolResult, Turn};
use fill::Filler;

/// Answers in the place of a model.
pub trait Responder: fmt::Debug + Send + Sync {
    /// The reply, before stop sequences and limits cut it. Equal turns and seeds have to get equal replies, whatever
    /// came before, and every text should say that it is simulated.
    fn answer(&self, turn: &Turn, seed: u64) -> Reply;
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// Thoughts, texts and calls in their order.
    pub parts: Vec<Part>,
    /// Why the answer ends.
    pub stop: Stop,
}

impl Reply {
    /// A reply of these parts with this end.
    pub const fn new(parts: Vec<Part>, stop: Stop) -> Self {
        Self { parts, stop }
    }

    /// A text that ends its turn.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(vec![Part::Text(text.into())], Stop::EndTurn)
    }
}

/// Answers from the prompt alone, with other words for each vendor.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "there is nothing to it")]
pub struct Plain;

impl Responder for Plain {
    fn answer(&self, turn: &Turn, seed: u64) -> Reply {
        respond(turn, seed, self)
    }
}

impl Wording for Plain {}

/// The words of an answer that takes the usual course.
pub trait Wording {
    /// The answer in prose.
    fn prose(&self, turn: &Turn, rng: &mut Rng) -> String {
        plain(turn, rng)
    }

    /// What stands in the fields of a structured answer.
    fn fields<'a>(&self, turn: &'a Turn, rng: &mut Rng) -> Box<dyn Fields + 'a> {
        let _ = (turn, rng);
        Box::new(())
    }

    /// What stands in the arguments of a call.
    fn arguments<'a>(&self, turn: &'a Turn) -> Box<dyn Fields + 'a> {
        let _ = turn;
        Box::new(())
    }
}

/// The usual course of an answer: thoughts where the turn has them; then calls of the tools that the prompt names;
/// else what fits the schema that is asked for, a word on the results of tools, or prose.
pub fn respond(turn: &Turn, seed: u64, wording: &dyn Wording) -> Reply {
    let mut rng =
        // Of the words alone: the same question gets the same answer whatever else stands in the request.
        Rng::new(hash(seed, &[turn.vendor.id().as_bytes(), turn.system.as_bytes(), turn.user.as_bytes()]));
    let mut parts = Vec::new();
    if turn.thinks {
        parts.push(Part::Thinking(prose::thinking(turn)));
    }
    let calls = calls(turn, wording, &mut rng);
    if !calls.is_empty() {
        if let Some(preface) = prose::before_call(turn.vendor) {
            parts.push(Part::Text(preface.to_owned()));
        }
        parts.extend(calls.into_iter().map(Part::Call));
        return Reply::new(parts, Stop::ToolUse);
    }
    parts.push(Part::Text(text(turn, wording, &mut rng)));
    Reply::new(parts, Stop::EndTurn)
}

fn text(turn: &Turn, wording: &dyn Wording, rng: &mut Rng) -> String {
    match &turn.format {
        Format::Schema { schema, .. } => {
            let mut fields = wording.fields(turn, rng);
            Filler::for_answer(schema, turn, &mut *fields, rng).fill().to_string()
        }
        Format::JsonObject => json!({
            "simulated": true,
            "vendor": turn.vendor.display_name(),
            "answer": plain(turn, rng),
        })
        .to_string(),
        Format::Text if !turn.tool_results.is_empty() => prose::after_tools(turn),
        Format::Text => wording.prose(turn, rng),
    }
}

fn calls(turn: &Turn, wording: &dyn Wording, rng: &mut Rng) -> Vec<ToolCall> {
    // Results end the loop: a script that calls again whenever a tool is named would never come to an answer.
    if !turn.tool_results.is_empty() && !matches!(turn.tool_choice, ToolChoice::Named(_)) {
        return Vec::new();
    }
    let said = turn.user.to_lowercase();
    let named: Vec<&Tool> = turn.tools.iter().filter(|tool| mentions(&said, &tool.name)).collect();
    let asked =
        ["call tool", "call the tool", "use tool", "use the tool"].iter().any(|phrase| said.contains(phrase));
    let first = || turn.tools.first().into_iter().collect();
    let mut wanted: Vec<&Tool> = match &turn.tool_choice {
        ToolChoice::None => Vec::new(),
        ToolChoice::Named(name) => turn.tools.iter().filter(|tool| tool.name == *name).collect(),
        ToolChoice::Any if named.is_empty() => first(),
        ToolChoice::Auto if named.is_empty() && asked => first(),
        ToolChoice::Any | ToolChoice::Auto => named,
    };
    // The way to ask for parallel calls of one tool, which clients have to tell apart by their ids.
    if wanted.len() == 1 && (said.contains("twice") || said.contains("parallel")) {
        wanted.push(wanted[0]);
    }
    if !turn.parallel_calls {
        wanted.truncate(1);
    }
    wanted
        .into_iter()
        .map(|tool| {
            let mut fields = wording.arguments(turn);
            let arguments = match Filler::for_arguments(&tool.schema, turn, &mut *fields, rng).fill() {
                Value::Object(arguments) => arguments,
                _ => serde_json::Map::new(),
            };
            ToolCall::of(tool, arguments)
        })
        .collect()
}

fn mentions(said: &str, tool: &str) -> bool {
    let tool = tool.to_lowercase();
    said.contains(&tool) || said.contains(&tool.replace(['_', '-'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::Vendor;

    fn turn(user: &str) -> Turn {
        let mut turn = Turn::of(Vendor::Anthropic, user);
        turn.tools = ["get_weather", "get_time"]
            .map(|name| {
                let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
                Tool::function(name, city)
            })
            .to_vec();
        turn
    }

    fn answer(turn: &Turn, seed: u64) -> Reply {
        Plain.answer(turn, seed)
    }

    fn called(turn: &Turn) -> Vec<String> {
        answer(turn, 1)
            .parts
            .into_iter()
            .filter_map(|part| match part {
                Part::Call(call) => Some(call.name),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_tool_is_called_when_it_is_named() {
        assert_eq!(called(&turn("please get weather in Oslo")), ["get_weather"]);
        assert_eq!(called(&turn("how are you?")), Vec::<String>::new());
        assert_eq!(called(&turn("call tool now")), ["get_weather"]);
    }

    #[test]
    fn two_named_tools_or_the_word_twice_give_parallel_calls() {
        let both = turn("get_time and get_weather");
        assert_eq!(called(&both), ["get_weather", "get_time"]);
        let mut twice = turn("get_time twice");
        assert_eq!(called(&twice), ["get_time", "get_time"]);
        twice.parallel_calls = false;
        assert_eq!(called(&twice), ["get_time"]);
    }

    #[test]
    fn the_tool_choice_decides() {
        let mut turn = turn("hello");
        turn.tool_choice = ToolChoice::Named("get_time".into());
        assert_eq!(called(&turn), ["get_time"]);
        turn.tool_choice = ToolChoice::Any;
        assert_eq!(called(&turn), ["get_weather"]);
        turn.user = "get_time".into();
        turn.tool_choice = ToolChoice::None;
        assert_eq!(called(&turn), Vec::<String>::new());
    }

    #[test]
    fn a_tool_result_is_answered_in_text() {
        let mut turn = turn("get_weather");
        turn.tool_results = vec![ToolResult { name: None, text: "12 degrees".into() }];
        let Reply { parts, stop } = answer(&turn, 1);
        assert_eq!(stop, Stop::EndTurn);
        assert!(matches!(&parts[..], [Part::Text(text)] if text.contains("12 degrees")));
    }

    #[test]
    fn answers_repeat_for_a_seed_and_differ_between_vendors() {
        let one = turn("Tell me about caching");
        assert_eq!(answer(&one, 1), answer(&one, 1));
        let mut other = one.clone();
        other.vendor = Vendor::Google;
        assert_ne!(answer(&one, 1), answer(&other, 1));
        assert_ne!(answer(&one, 1), answer(&one, 2));
    }

    #[test]
    fn a_plain_answer_says_that_it_is_simulated() {
        for vendor in Vendor::ALL {
            let mut turn = turn("Tell me about caching");
            turn.vendor = vendor;
            let parts = answer(&turn, 1).parts;
            let [Part::Text(text)] = &parts[..] else { panic!("{parts:?}") };
            let start = format!("Simulated reply from {}:", vendor.display_name());
            assert!(text.starts_with(&start), "{text}");
            let words = text.split_whitespace().count();
            assert!((40..=150).contains(&words), "{words} words: {text}");
        }
    }
}
