//! Scripted minds: answers made from the prompt alone, different for each vendor.
//!
//! The same seed, vendor and request give the same words, whatever came before. Every text says
//! that it is simulated.

mod prompt;
mod prose;
mod remarks;
mod schema;
mod stage;

use serde_json::{Value, json};

use crate::completion::{Part, Stop, ToolCall};
use crate::seed::{Rng, hash};
use crate::turn::{Format, Tool, ToolChoice, Turn};
use schema::Filler;
use stage::Stage;

/// The parts of an answer and why it ends, before limits on its length.
pub(crate) fn answer(turn: &Turn, seed: u64) -> (Vec<Part>, Stop) {
    let mut rng =
        Rng::new(hash(seed, &[turn.vendor.id().as_bytes(), turn.system.as_bytes(), turn.user.as_bytes()]));
    let mut parts = Vec::new();
    if turn.thinks {
        parts.push(Part::Thinking(prose::thinking(turn)));
    }
    let calls = calls(turn, &mut rng);
    if !calls.is_empty() {
        if let Some(preface) = prose::before_call(turn.vendor) {
            parts.push(Part::Text(preface.to_owned()));
        }
        parts.extend(calls.into_iter().map(Part::Call));
        return (parts, Stop::ToolUse);
    }
    parts.push(Part::Text(text(turn, &mut rng)));
    (parts, Stop::EndTurn)
}

/// Words of refusal for a scripted refusal.
pub(crate) fn refusal() -> &'static str {
    "Simulated refusal: this request is declined by script."
}

fn text(turn: &Turn, rng: &mut Rng) -> String {
    let stage = Stage::of(turn);
    match &turn.format {
        Format::Schema { schema, .. } => Filler::for_answer(schema, turn, stage, rng).fill().to_string(),
        Format::JsonObject => json!({
            "simulated": true,
            "vendor": turn.vendor.display_name(),
            "answer": prose::plain(turn, rng),
        })
        .to_string(),
        Format::Text if !turn.tool_results.is_empty() => prose::after_tools(turn),
        Format::Text => match stage {
            Some(Stage::Draft) => prose::document(turn, rng),
            Some(Stage::Synthesis) => stage::revised(turn, rng).document,
            Some(Stage::Critique | Stage::Check) => stage::remarks(turn, rng),
            None => prose::plain(turn, rng),
        },
    }
}

fn calls(turn: &Turn, rng: &mut Rng) -> Vec<ToolCall> {
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
    if wanted.len() == 1 && (said.contains("twice") || said.contains("parallel")) {
        wanted.push(wanted[0]);
    }
    if !turn.parallel_calls {
        wanted.truncate(1);
    }
    wanted
        .into_iter()
        .map(|tool| {
            let arguments = match Filler::for_arguments(&tool.schema, turn, rng).fill() {
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
    use crate::tokens::CacheKind;
    use crate::turn::{ModelFacts, Overflow, ToolResult};
    use crate::vendor::Vendor;

    fn turn(user: &str) -> Turn {
        let facts = ModelFacts {
            served: "m".into(),
            context: 1000,
            overflow: Overflow::Refuse,
            token_percent: 100,
            cache: CacheKind::None,
        };
        let mut turn = Turn::new(Vendor::Anthropic, facts);
        turn.user = user.into();
        turn.tools = ["get_weather", "get_time"]
            .map(|name| {
                let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
                Tool::function(name, city)
            })
            .to_vec();
        turn
    }

    fn called(turn: &Turn) -> Vec<String> {
        let (parts, _) = answer(turn, 1);
        parts
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
        let (parts, stop) = answer(&turn, 1);
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
            let (parts, _) = answer(&turn, 1);
            let [Part::Text(text)] = &parts[..] else { panic!("{parts:?}") };
            let start = format!("Simulated reply from {}:", vendor.display_name());
            assert!(text.starts_with(&start), "{text}");
            let words = text.split_whitespace().count();
            assert!((40..=150).contains(&words), "{words} words: {text}");
        }
    }
}
