//! From what is said of one session to its plan.

use std::time::Duration;

use crate::{
    Money, Participant,
    cast::{cast, cast_of_draft},
    config::{SeatSpec, SessionPlan},
    router::Router,
    session::{Cast, Mode, Plan, Settings, Topic},
};

/// What is said of one session. What is left out is as the configuration has it.
#[derive(Debug, Clone, Default)]
#[allow(clippy::exhaustive_structs, reason = "filled in field by field, the rest by default")]
pub struct SessionRequest {
    /// What it is about.
    pub topic: Topic,
    /// The text that is there already.
    pub draft: Option<String>,
    /// How deep it goes.
    pub mode: Mode,
    /// How many critics there are.
    pub critics: Option<u32>,
    /// What each critic looks for in particular, by the names of the lenses.
    pub lenses: Vec<String>,
    /// The most cycles.
    pub cycles: Option<u32>,
    /// The most money.
    pub max_cost: Option<Money>,
    /// The most tokens.
    pub max_tokens: Option<u64>,
    /// The most time.
    pub deadline: Option<Duration>,
    /// The seed of every random choice.
    pub seed: u64,
    /// Whether somebody is asked after each cycle.
    pub attended: bool,
    /// Whether the result is compared with the draft.
    pub compare: bool,
    /// Whether the text is judged alone.
    pub review: bool,
}

impl SessionRequest {
    /// A session of this depth about `topic`, in all else as the configuration has it.
    pub fn new(topic: Topic, mode: Mode) -> Self {
        Self { topic, mode, ..Self::default() }
    }

    /// The plan with those who can be asked now, and in its notes what is less than wanted.
    pub(super) fn plan(self, router: &Router, written: &SessionPlan) -> Plan {
        let mut settings = self.settings(router, written);
        let wanted = match settings.mode {
            Mode::Direct => 0,
            Mode::Review => 1,
            Mode::Council | Mode::Judge => settings.critics,
        };
        let mut casting =
            if self.draft.is_some() { cast_of_draft(router, wanted) } else { cast(router, wanted) };
        casting.notes.extend(seat(&mut casting.cast, &written.seats));
        let lenses = if self.lenses.is_empty() {
            written.seats.iter().map(|seat| seat.lens.clone().unwrap_or_default()).collect()
        } else {
            self.lenses
        };
        let mut notes = casting.notes;
        let judges = casting.judges.max(1);
        if wanted > 0 && settings.required > judges {
            if settings.mode == Mode::Council && written.required.is_some() {
                let required = settings.required;
                notes.push(format!("{required} critics are required, but only {judges} can be asked"));
            }
            // A quorum that nobody can reach would make every panel fail.
            settings.required = judges;
        }
        let brands = crate::registry().brands();
        Plan { draft: self.draft, lenses, settings, notes, brands, ..Plan::new(self.topic, casting.cast) }
    }

    fn settings(&self, router: &Router, written: &SessionPlan) -> Settings {
        let mut settings = Settings {
            mode: self.mode,
            seed: self.seed,
            interactive: self.attended,
            compare: self.compare,
            review: self.review,
            ..Settings::default()
        };
        let lenses = u32::try_from(self.lenses.len()).unwrap_or(u32::MAX);
        let usual = settings.critics.max(lenses);
        settings.critics = self.critics.or(written.critics).unwrap_or(usual);
        // More than there are critics can never answer.
        settings.required = written.required.unwrap_or(settings.required).min(settings.critics);
        settings.cycles = self.cycles.or(written.cycles).unwrap_or(settings.cycles);
        settings.reference_tokens = written.reference_tokens;
        let budget = router.plan().budget.session;
        let caps = &mut settings.caps;
        caps.money = self.max_cost.or(budget.money).or(caps.money);
        caps.tokens = self.max_tokens.or(budget.tokens).or(caps.tokens);
        caps.time = self.deadline.or(caps.time);
        settings
    }
}

/// Puts those whom the file names in front at their seats, and tells who cannot be a critic.
fn seat(cast: &mut Cast, seats: &[SeatSpec]) -> Vec<String> {
    let mut notes = Vec::new();
    for (at, seat) in seats.iter().enumerate() {
        let Some(id) = &seat.provider else { continue };
        let here = |chain: &[Participant]| chain.iter().position(|one| one.provider_id == id.as_str());
        // Who heads another chain changes places with whoever sits here.
        let first = cast.critics.iter().position(|chain| here(chain) == Some(0));
        let found = cast.critics.get(at).and_then(|chain| here(chain));
        if let Some(other) = first.filter(|_| at < cast.critics.len()) {
            cast.critics.swap(at, other);
        } else if let Some((found, chain)) = found.zip(cast.critics.get_mut(at)) {
            chain[..=found].rotate_right(1);
        } else {
            notes.push(format!("{id}, which the file seats as critic {}, is not one of the critics", at + 1));
        }
    }
    notes
}
