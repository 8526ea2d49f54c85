//! The plan of a session: its participants, its depth, and its limits.

use std::time::Duration;

use forge_core::{Money, Participant};
use serde::{Deserialize, Serialize};

use crate::{
    error::PlanError,
    stage::{CallKey, Mode, PerStage, Stage},
    topic::Topic,
};

/// A session as planned. The first entry of the journal holds it, so that a resumed session needs nothing
/// else. Unknown fields are refused: a misspelt limit must not count as none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The topic. A title or a description is needed.
    pub topic: Topic,
    /// An existing first version. With one, no draft is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// The participants. Seats that the mode does not use may be empty.
    pub cast: Cast,
    /// The lens of each critic's seat, by name; empty for none. Seats behind the end of the list have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lenses: Vec<String>,
    /// The settings.
    #[serde(default)]
    pub settings: Settings,
    /// Whether scripts answer instead of models. Every rendering then says so.
    #[serde(default)]
    pub simulated: bool,
    /// The key of the client that began it, empty for one without; `None` for the user of the machine. Through a server only the
    /// same client may go on with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Shortfalls known from the start, such as fewer critics. The result shows them first.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Names of vendors and their models. Prompts hide them as well as those of the cast, since behind a router another
    /// model may answer.
    #[serde(default = "first_brands", skip_serializing_if = "are_first_brands")]
    pub brands: Vec<String>,
}

impl Plan {
    /// A plan with default settings, without a draft, for real models.
    pub fn new(topic: Topic, cast: Cast) -> Self {
        Self {
            topic,
            draft: None,
            cast,
            lenses: Vec::new(),
            settings: Settings::default(),
            simulated: false,
            owner: None,
            notes: Vec::new(),
            brands: first_brands(),
        }
    }

    /// The same plan for an existing text, which is cycle 0 in the place of a draft.
    pub fn with_draft(mut self, text: impl Into<String>) -> Self {
        self.draft = Some(text.into());
        self
    }

    /// The lens of a call.
    pub(crate) fn lens(&self, call: CallKey) -> Option<&str> {
        let lens = self.lenses.get(call.seat as usize).filter(|_| call.stage == Stage::Critique)?;
        Some(lens.as_str()).filter(|lens| !lens.is_empty())
    }

    /// The chain of participants at `seat` of `stage`.
    pub(crate) fn chain(&self, stage: Stage, seat: u32) -> &[Participant] {
        match stage {
            Stage::Draft => &self.cast.drafter,
            Stage::Critique => self.cast.critics.get(seat as usize).map_or(&[], Vec::as_slice),
            Stage::Synthesis => &self.cast.synthesizer,
            Stage::Check => &self.cast.checker,
        }
    }

    /// How many critics the settings ask for, whether or not the cast has them.
    pub(crate) fn wanted_seats(&self) -> u32 {
        match self.settings.mode {
            Mode::Direct => 0,
            Mode::Review => 1,
            Mode::Council | Mode::Judge => self.settings.critics,
        }
    }

    /// The critics' seats.
    pub(crate) fn seats(&self) -> std::ops::Range<u32> {
        0..self.wanted_seats().min(u32::try_from(self.cast.critics.len()).unwrap_or(u32::MAX))
    }

    /// How many critics must answer before the others get only a grace period.
    pub(crate) fn required(&self) -> usize {
        // More than there are seats would never be reached, and a panel of none has read nothing.
        (self.settings.required as usize).min(self.seats().len()).max(1)
    }

    /// The most cycles.
    pub(crate) fn cycles(&self) -> u32 {
        match self.settings.mode {
            Mode::Direct => 0,
            Mode::Review | Mode::Judge => 1,
            Mode::Council => self.settings.cycles.clamp(1, MAX_CYCLES),
        }
    }

    /// Whether the mode can be run with this cast.
    ///
    /// # Errors
    /// Nothing to write about, nothing to do, or a stage without anybody to ask.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if self.topic.title.trim().is_empty() && self.topic.description.trim().is_empty() {
            return Err(PlanError::NoTopic);
        }
        let needs: &[(Stage, bool)] = match self.settings.mode {
            Mode::Direct => &[(Stage::Draft, false)],
            Mode::Review => &[(Stage::Draft, false), (Stage::Critique, true), (Stage::Synthesis, false)],
            Mode::Council | Mode::Judge => &[
                (Stage::Draft, false),
                (Stage::Critique, true),
                (Stage::Synthesis, false),
                (Stage::Check, false),
            ],
        };
        if self.draft.is_some() && self.settings.mode == Mode::Direct {
            return Err(PlanError::NothingToDo);
        }
        if self.draft.is_none() && self.settings.mode == Mode::Judge {
            return Err(PlanError::NothingToJudge);
        }
        for (stage, many) in needs {
            if *stage == Stage::Draft && self.draft.is_some() {
                continue;
            }
            let seats = if *many { self.seats() } else { 0..1 };
            if seats.is_empty() || seats.into_iter().any(|seat| self.chain(*stage, seat).is_empty()) {
                return Err(PlanError::NoParticipant { stage: *stage });
            }
        }
        Ok(())
    }
}

/// The brands of journals that name none, as those of the first version.
fn first_brands() -> Vec<String> {
    ["Anthropic", "Claude", "OpenAI", "ChatGPT", "GPT", "Google", "Gemini"].map(str::to_owned).to_vec()
}

/// Whether a plan has the brands of the first version, which are the default and need not be written.
fn are_first_brands(brands: &[String]) -> bool {
    brands == first_brands()
}

/// The most cycles of any session, whatever its settings: more rounds lower the accuracy.
pub(crate) const MAX_CYCLES: u32 = 3;

/// The participants of a session. Each seat has a chain: the first participant is asked, and the next one if it fails.
/// Behind a router, which fails over by itself, each chain has one participant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cast {
    /// Writes the draft.
    pub drafter: Vec<Participant>,
    /// One chain for each critic, in the order of the seats.
    pub critics: Vec<Vec<Participant>>,
    /// Merges the findings into the document, with a decision on each.
    pub synthesizer: Vec<Participant>,
    /// Checks the revision. Participants of other families than the synthesizer are asked first.
    pub checker: Vec<Participant>,
}

impl Cast {
    /// Every participant that may be asked, in the order of the stages. One in several chains comes several
    /// times.
    pub fn everyone(&self) -> impl Iterator<Item = &Participant> {
        let critics = self.critics.iter().flatten();
        self.drafter.iter().chain(critics).chain(&self.synthesizer).chain(&self.checker)
    }
}

/// How a session runs. A field that is left out in JSON has its default; an unknown one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How deep it goes; a council by default.
    pub mode: Mode,
    /// The number of critics in a council or a judgement, as far as the cast has them; 3 by default.
    pub critics: u32,
    /// Critics that must answer, at least 1; 2 by default. The others then get a grace period of half the
    /// time that the last of them took, at least 5 s.
    pub required: u32,
    /// The most cycles of a council; 2 by default. What lies outside of 1 to 3 counts as the nearest of them.
    pub cycles: u32,
    /// The seed of every random choice: order of peers, labels, fence markers. 0 by default; the same seed
    /// and answers give the same prompts.
    pub seed: u64,
    /// The caps.
    pub caps: Caps,
    /// Sampling temperatures, for models that accept one: 0.7 for the draft, 0.3 for critiques and synthesis,
    /// 0.2 for the check by default.
    pub temperatures: PerStage<f64>,
    /// The most tokens of an answer, thinking included, doubled for models that think. By default 8,192 for
    /// the draft, 4,096 for critiques and the check, 16,384 for the synthesis.
    pub max_tokens: PerStage<u32>,
    /// The most time for one call, doubled for models that think. By default 120 s for the draft, 90 s for
    /// critiques and the check, 180 s for the synthesis.
    pub ceilings: PerStage<Duration>,
    /// The most time to the first content, doubled for models that think; 60 s by default.
    pub first_content: Duration,
    /// The most time between two pieces of content; 45 s by default.
    pub gap: Duration,
    /// The most tokens of references in a prompt. Unless set: a quarter of the smallest window in the cast, and at most a
    /// twenty-fifth of the token cap.
    pub reference_tokens: Option<u32>,
    /// Whether the approver is asked after each cycle. Without an approver, the stop rule decides all the
    /// same.
    #[serde(rename = "attended")]
    pub interactive: bool,
    /// Whether the result is compared with the draft.
    pub compare: bool,
    /// Whether only the draft is reviewed: the revision becomes a proposal, and the document stays as it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub review: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            mode: Mode::default(),
            critics: 3,
            required: 2,
            cycles: 2,
            seed: 0,
            caps: Caps::default(),
            temperatures: PerStage { draft: 0.7, critique: 0.3, synthesis: 0.3, check: 0.2 },
            max_tokens: PerStage { draft: 8_192, critique: 4_096, synthesis: 16_384, check: 4_096 },
            ceilings: PerStage {
                draft: seconds(120),
                critique: seconds(90),
                synthesis: seconds(180),
                check: seconds(90),
            },
            first_content: seconds(60),
            gap: seconds(45),
            reference_tokens: None,
            interactive: false,
            compare: false,
            review: false,
        }
    }
}

/// The caps of a session. An unset one limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Money; 10 dollars by default. Calls of unknown price do not count.
    pub money: Option<Money>,
    /// Tokens of every class; 500,000 by default.
    pub tokens: Option<u64>,
    /// Running time; an hour by default. Time between two runs does not count.
    pub time: Option<Duration>,
    /// Concurrent calls; 5 by default, and never fewer than 1.
    pub at_once: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            money: Some(Money::from_nanos(10_000_000_000)),
            tokens: Some(500_000),
            time: Some(Duration::from_secs(3_600)),
            at_once: 5,
        }
    }
}
