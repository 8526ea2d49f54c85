//! Tests of prompts: what is asked of whom, and what the answers have to be.

use std::sync::LazyLock;

use forge_config::{ConfigError, KeyPath, Problem, ResolveContext, Section, Sections, Trust, code, schemars};
use forge_core::request::Schema;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{json, no_lookup::NoLookup, reasoning::strip_reasoning, refusal::is_refusal};

/// A file of tests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
#[non_exhaustive]
pub struct PromptTests {
    /// Each is asked for every one of its providers with every one of its sets of variables.
    pub tests: Vec<PromptTest>,
}

/// A prompt that is tried.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
#[non_exhaustive]
pub struct PromptTest {
    /// The prompt.
    pub prompt: String,
    /// The number of a version or a label, in place of the file.
    pub at: Option<String>,
    /// Who is asked; whoever plays the prompt's role if nobody is named.
    pub providers: Vec<String>,
    /// The variables of each time that it is asked; once without any if there are none.
    pub variables: Vec<Map<String, Value>>,
    /// What every answer has to be.
    pub expect: Expectation,
}

/// What an answer has to be.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(crate = "schemars")]
#[non_exhaustive]
pub struct Expectation {
    /// Texts that it contains.
    pub contains: Vec<String>,
    /// Texts that it does not contain.
    pub lacks: Vec<String>,
    /// Regular expressions that match in it.
    pub regex: Vec<String>,
    /// A JSON Schema that the JSON in it obeys.
    pub schema: Option<Map<String, Value>>,
    /// The most tokens of it.
    pub max_tokens: Option<i64>,
    /// The most dollars that it may cost. A cost that is unknown is too much.
    pub max_cost_usd: Option<f64>,
    /// Whether it is a refusal.
    pub refusal: Option<bool>,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(clippy::exhaustive_structs, reason = "filled in field by field")]
pub struct Answer<'a> {
    /// The text.
    pub text: &'a str,
    /// Its tokens; `None` if they are unknown.
    pub tokens: Option<u64>,
    /// What it cost in dollars; `None` if that is unknown.
    pub cost_usd: Option<f64>,
    /// Whether the vendor says that it is a refusal.
    pub refused: bool,
}

impl PromptTests {
    /// Reads the `text` of the file that reports call `file`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn read(file: &str, text: &str) -> Result<Self, ConfigError> {
        static SCHEMA: LazyLock<Value> = LazyLock::new(|| Sections::new().with(TestSection).schema());
        let mut loaded =
            Sections::new().with(TestSection).load_by(&SCHEMA, file, text, &NoLookup, Trust::Trusted)?;
        Ok(loaded.take().unwrap_or_default())
    }
}

impl Expectation {
    /// What the answer lacks; nothing if it is as expected.
    pub fn faults(&self, answer: &Answer<'_>) -> Vec<String> {
        let said = strip_reasoning(answer.text);
        let mut faults = Vec::new();
        faults.extend(
            self.contains
                .iter()
                .filter(|text| !said.contains(*text))
                .map(|text| format!("it lacks `{text}`")),
        );
        faults.extend(
            self.lacks.iter().filter(|text| said.contains(*text)).map(|text| format!("it contains `{text}`")),
        );
        let unmatched =
            self.regex.iter().filter(|one| !Regex::new(one).is_ok_and(|regex| regex.is_match(&said)));
        faults.extend(unmatched.map(|one| format!("nothing in it matches `{one}`")));
        if let Some(schema) = &self.schema {
            faults.extend(disobeys(schema, &said));
        }
        if let Some(most) = self.max_tokens
            && answer.tokens.is_none_or(|tokens| tokens > most.unsigned_abs())
        {
            let tokens = answer.tokens.map_or_else(|| "unknown".to_owned(), |tokens| tokens.to_string());
            faults.push(format!("its tokens are {tokens}, more than {most}"));
        }
        if let Some(most) = self.max_cost_usd
            && answer.cost_usd.is_none_or(|cost| cost > most)
        {
            let cost = answer.cost_usd.map_or_else(|| "unknown".to_owned(), |cost| format!("${cost}"));
            faults.push(format!("its cost is {cost}, more than ${most}"));
        }
        let refused = answer.refused || is_refusal(&said);
        if self.refusal.is_some_and(|expected| expected != refused) {
            faults.push(if refused { "it is a refusal".to_owned() } else { "it is no refusal".to_owned() });
        }
        faults
    }
}

/// Why no JSON in the text obeys the schema.
fn disobeys(schema: &Map<String, Value>, said: &str) -> Option<String> {
    let schema = Schema::from(Value::Object(schema.clone()));
    let values = match serde_json::from_str::<Value>(said.trim()) {
        Ok(value) => vec![value],
        Err(_) => json::values(said, &|value| json::Fit::of(Some(value.clone())))
            .into_iter()
            .flat_map(|value| value.fits)
            .collect(),
    };
    let mut faults = values.iter().map(|value| schema.violation(value));
    match faults.next() {
        None => Some("there is no JSON in it".to_owned()),
        Some(first) => first.filter(|_| faults.all(|fault| fault.is_some())),
    }
}

/// Tests as a file.
struct TestSection;

impl Section for TestSection {
    const KEY: Option<&'static str> = None;
    type Spec = PromptTests;
    type Plan = ();

    fn resolve(&self, spec: &PromptTests, context: &mut ResolveContext<'_>) {
        let root = context.root.key("tests");
        if spec.tests.is_empty() {
            context.report(Problem::new(code::MISSING, context.root.clone(), "there are no `tests`"));
        }
        for (at, test) in spec.tests.iter().enumerate() {
            let path = root.index(at);
            if test.prompt.is_empty() {
                context.report(Problem::new(code::MISSING, path.clone(), "it names no `prompt`"));
            }
            expected(&test.expect, &path.key("expect"), context);
        }
    }
}

fn expected(expect: &Expectation, path: &KeyPath, context: &mut ResolveContext<'_>) {
    for (at, one) in expect.regex.iter().enumerate() {
        if let Err(error) = Regex::new(one) {
            let message = match error {
                regex::Error::Syntax(_) => "it is no regular expression".to_owned(),
                other => other.to_string(),
            };
            context.report(Problem::new(code::UNKNOWN_WORD, path.key("regex").index(at), message));
        }
    }
    context.integer::<u32>(expect.max_tokens, 1..=i64::from(u32::MAX), &path.key("max_tokens"));
    context.number(expect.max_cost_usd, 0.0..=1_000_000.0, &path.key("max_cost_usd"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expect(value: Value) -> Expectation {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_answer_is_held_against_every_expectation() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        let text = "<think>red</think>Here: {\"n\": 7} and blue.";
        let answer = Answer { text, tokens: Some(12), cost_usd: Some(0.01), refused: false };
        for (good, bad, said) in [
            (json!({"contains": ["blue"]}), json!({"contains": ["red"]}), "it lacks `red`"),
            (json!({"lacks": ["red"]}), json!({"lacks": ["blue"]}), "it contains `blue`"),
            (json!({"regex": ["b.ue\\.$"]}), json!({"regex": ["^blue"]}), "nothing in it matches `^blue`"),
            (json!({"schema": schema}), json!({"schema": {"required": ["m"]}}), "m"),
            (json!({"max_tokens": 12}), json!({"max_tokens": 11}), "its tokens are 12, more than 11"),
            (json!({"max_cost_usd": 0.01}), json!({"max_cost_usd": 0.009}), "its cost is $0.01, more than"),
            (json!({"refusal": false}), json!({"refusal": true}), "it is no refusal"),
        ] {
            assert_eq!(expect(good.clone()).faults(&answer), [""; 0], "{good}");
            let faults = expect(bad.clone()).faults(&answer);
            assert!(faults.len() == 1 && faults[0].contains(said), "{bad}: {faults:?}");
        }
        let unknown = Answer { text: "I'm sorry, but I can't help with that.", ..Answer::default() };
        let strict = expect(json!({"max_tokens": 9, "max_cost_usd": 9, "refusal": false, "schema": {}}));
        assert_eq!(strict.faults(&unknown).len(), 4, "{:?}", strict.faults(&unknown));
        assert_eq!(expect(json!({"refusal": true})).faults(&Answer { refused: true, ..unknown }), [""; 0]);
    }

    #[test]
    fn every_mistake_of_a_file_is_told_at_its_place() {
        let text = "tests:
  - prompt: notes
    expect: { regex: ['('], max_tokens: 0 }
  - { providers: [a], expct: {} }
";
        let said = PromptTests::read("t.yaml", text).unwrap_err().to_string();
        for line in [
            "t.yaml:3:23: error[E114]",
            "t.yaml:3:41: error[E115]",
            "t.yaml:4:5: error[E113]: tests[1]: it names no `prompt`",
            "t.yaml:4:23: error[E105]",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
        assert!(PromptTests::read("t.yaml", "tests: []").is_err());
        let good =
            PromptTests::read("t.yaml", "tests: [ { prompt: a, variables: [ { x: 1 }, {} ] } ]").unwrap();
        assert_eq!(good.tests[0].variables.len(), 2);
    }
}
