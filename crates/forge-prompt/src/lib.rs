//! What goes into a prompt, and what is read out of an answer.
//!
//! The crate serves everything that asks a model in prompts: sessions, agents, reviews. It knows none of them. It asks
//! no model, reads no clock and no environment, and makes no random choices; texts, names and numbers come from the
//! caller.
//!
//! Into a prompt:
//!
//! - [`Templates`] renders texts within limits: undefined names are errors, steps and size are capped, values are data
//!   and are never expanded again.
//! - [`clean`] and [`one_line`] remove control and hidden characters from untrusted text. [`is_hidden`] is the one list
//!   of them, for prompts, journals, terminals and pages.
//! - [`fence_marker`] finds a marker that a fenced text does not contain; [`shorten`] cuts a text at a border.
//! - [`Pseudonyms`] hides names from readers who must not be swayed by them, and restores them in the answer.
//!
//! Out of an answer:
//!
//! - [`strip_reasoning`] removes what a model thought aloud, [`is_refusal`] recognizes a plain refusal, and
//!   [`RepetitionDetector`] an answer that repeats itself without end.
//! - [`json`] reads JSON values out of prose and forgives common slips; [`markdown`] reads blocks, fences and marked
//!   lines. [`is_placeholder`] tells a form that was sent back from one that was filled in.
//!
//! The readers complete nothing: what an answer leaves out stays out.
//!
//! Onto a page (feature `html`): `html` escapes untrusted text, and holds the style and the bars of all pages.
//!
//! The texts of the prompts themselves are files with front matter, in sets of which a later one overrides an earlier one by
//! name: [`PromptSet`]. The check that renders each of a session's before anything is paid for stays with its stages, whose
//! values they are.
//!
//! ```
//! use forge_prompt::{Pseudonyms, Templates, clean, fence_marker, json, strip_reasoning};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), forge_prompt::PromptError> {
//! let templates = Templates::new([(
//!     "judge.jinja",
//!     "Judge the text between the markers.\n<<<TEXT {{ marker }}\n{{ text }}\n>>>END {{ marker }}",
//! )])?;
//! let names = Pseudonyms::new(["Claude".to_owned()], "", 7);
//! let said = clean("Claude wrote this.\u{202e}");
//! let text = names.hide(&said);
//! let mut numbers = 1_u64..;
//! let marker = fence_marker(|| numbers.next().unwrap_or_default(), &[&text]);
//! let prompt = templates.render("judge.jinja", &json!({"text": text, "marker": marker}))?;
//! assert!(!prompt.contains("Claude"));
//!
//! let answer = "<think>Short.</think>\nHere it is: {'score': 7,}";
//! let said = strip_reasoning(answer);
//! let answer = names.reveal(&said);
//! let score = |value: &serde_json::Value| json::member(value, &["score", "rating"])?.as_u64();
//! let scores: Vec<u64> = json::values(&answer, &|value| json::Fit::of(score(value)))
//!     .into_iter()
//!     .flat_map(|value| value.fits)
//!     .collect();
//! assert_eq!(scores, [7]);
//! # Ok(())
//! # }
//! ```

#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod catalog;
mod clean;
mod experiment;
mod fence;
#[cfg(feature = "html")]
pub mod html;
pub mod json;
pub mod markdown;
mod no_lookup;
mod normalize;
mod placeholder;
mod pseudonyms;
mod reasoning;
mod refusal;
mod repetition;
mod template;
mod trial;

pub use catalog::{
    ContextSource, FrontMatter, Prompt, PromptFile, PromptMistakes, PromptOrigin, PromptSet, SourceKind,
    code, normalise, read_folder,
};
pub use clean::{clean, is_hidden, one_line, shorten};
pub use experiment::assign;
pub use fence::fence_marker;
pub use normalize::normalize;
pub use placeholder::is_placeholder;
pub use pseudonyms::Pseudonyms;
pub use reasoning::strip_reasoning;
pub use refusal::is_refusal;
pub use repetition::RepetitionDetector;
pub use template::{PromptError, Templates, Values};
pub use trial::{Answer, Expectation, PromptTest, PromptTests};
