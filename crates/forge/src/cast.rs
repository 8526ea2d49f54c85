//! Who takes part in a session, by what the configuration says about its roles.

use std::{collections::HashSet, sync::Arc};

use forge_router::{ParticipantManager, RolePlan, Router, RouterPlan, Target};
use forge_session::{CallSettings, Cast, Configured};

use crate::{ModelId, ModelProvider, Participant, ParticipantRole, ProviderId};

/// Further models of one vendor that stand in for its critics.
const SPARE: usize = 2;

/// A cast, and how far it falls short of what was wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Casting {
    /// Who takes part: a chain for each seat, in the order in which its people are asked.
    pub cast: Cast,
    /// Critics that can judge what the first drafter writes, at most those that were wanted.
    pub judges: u32,
    /// What is less than was wanted, in words, a line each; empty if nothing is.
    pub notes: Vec<String>,
}

/// The cast of a session with so many `critics`; none in a session of one draft.
///
/// A role that names somebody is a closed list: its provider or the members of its panel, then its fallbacks, and
/// nobody else, pools standing for their members. Critics sit in the order of the panel, no model twice; those who got
/// no seat, and the fallbacks, stand in at every seat, other families than those seated first.
///
/// A role that names nobody is played by those who prefer it, then the default, then the providers that some role
/// names; if no role names anybody, then by every provider. Its critics are of other families than the drafter as far
/// as there are some; with one model in reach, they are other models of its vendor. The checker comes from the other
/// roles' people.
pub fn cast(router: &Router, critics: u32) -> Casting {
    cast_for(router, critics, false)
}

/// The cast of a session whose draft is there already, so that nobody in it is its author. It has no drafter,
/// and every model may judge.
pub fn cast_of_draft(router: &Router, critics: u32) -> Casting {
    cast_for(router, critics, true)
}

fn cast_for(router: &Router, critics: u32, is_drafted: bool) -> Casting {
    let well = ParticipantManager::new(router.clone()).available_participants();
    let well = well.into_iter().map(|one| one.provider_id).collect();
    let company = Company { plan: &router.plan(), well, author: None };
    let drafter = if is_drafted { Vec::new() } else { company.people(&ParticipantRole::Drafter) };
    let synthesizer = company.people(&ParticipantRole::Synthesizer);
    let company = Company { author: drafter.first().cloned(), ..company };
    let mut casting =
        Casting { cast: Cast { drafter, synthesizer, ..Cast::default() }, ..Casting::default() };
    if critics > 0 {
        casting.cast.critics = company.critics(router, critics as usize, &mut casting.notes);
        casting.cast.checker = company.checkers(&casting.cast);
        company.count(&mut casting, critics);
    }
    casting
}

/// What the configuration of `router` says about the calls of a session. It is asked for each call, so that a
/// reload holds from the next one on.
pub fn configured(router: &Router) -> Configured {
    let router = router.clone();
    Arc::new(move |participant| {
        let said = router.call_settings(participant);
        CallSettings { max_tokens: said.max_tokens, temperature: said.temperature, timeouts: said.timeouts }
    })
}

/// A model, through whichever provider it is reached.
type Model<'a> = (&'a ModelProvider, &'a ModelId);

fn model(one: &Participant) -> Model<'_> {
    (&one.provider, &one.model_id)
}

/// Those who may be asked.
struct Company<'a> {
    plan: &'a RouterPlan,
    /// Those who can be asked now.
    well: HashSet<ProviderId>,
    /// Who is asked first for the draft.
    author: Option<Participant>,
}

impl Company<'_> {
    fn named(&self, role: &ParticipantRole) -> Option<&RolePlan> {
        self.plan.roles.get(role).filter(|role| role.names_people())
    }

    /// The providers behind `targets`, nobody twice.
    fn providers_behind<'a>(&self, targets: impl IntoIterator<Item = &'a Target>) -> Vec<usize> {
        let mut members = Vec::new();
        for target in targets {
            self.plan.routes_of(*target, &mut members);
        }
        without_repeats(members)
    }

    fn participants(&self, role: &ParticipantRole, providers: Vec<usize>) -> Vec<Participant> {
        let participant = |at: usize| {
            let plan = &self.plan.providers[at];
            Participant::new(plan.vendor(), plan.model.clone())
                .with_provider_id(plan.id.clone())
                .with_display_name(plan.display_name.clone())
                .with_role(role.clone())
        };
        providers.into_iter().filter(|at| self.is_model(*at)).map(participant).collect()
    }

    /// Whether it is one model. A session asks models: another session among them might ask this one.
    fn is_model(&self, at: usize) -> bool {
        !self.plan.providers[at].is_composite
    }

    fn preferring(&self, role: &ParticipantRole) -> Vec<usize> {
        let providers = self.plan.providers.iter().enumerate();
        providers.filter(|(_, one)| one.preferred_roles.contains(role)).map(|(at, _)| at).collect()
    }

    /// Who may play `role`, in order, nobody twice.
    fn people(&self, role: &ParticipantRole) -> Vec<Participant> {
        if let Some(named) = self.named(role) {
            return self
                .participants(role, self.providers_behind(named.primary.iter().chain(&named.fallback)));
        }
        let roles = self.plan.roles.values().filter(|role| role.names_people());
        let roles = roles.map(|role| self.providers_behind(role.primary.iter().chain(&role.fallback)));
        // A role that only sessions play says nothing of who plays within those; one whose people are all off does.
        let is_said = |people: &Vec<usize>| people.is_empty() || people.iter().any(|at| self.is_model(*at));
        let roles: Vec<Vec<usize>> = roles.filter(is_said).collect();
        let closed = !roles.is_empty();
        let named: HashSet<usize> = roles.into_iter().flatten().collect();
        let known = (0..self.plan.providers.len()).filter(|at| !closed || named.contains(at));
        let everybody =
            self.preferring(role).into_iter().chain(self.providers_behind(&self.plan.default)).chain(known);
        let mut everybody = self.participants(role, without_repeats(everybody));
        // Those who cannot be asked now stay behind the others: by the time of their call they may be back.
        everybody.sort_by_key(|one| !self.well.contains(&one.provider_id));
        everybody
    }

    fn is_author(&self, one: &Participant) -> bool {
        self.author.as_ref().is_some_and(|author| model(author) == model(one))
    }

    /// Who may have a seat as a critic: the panel, else everybody who may play the role.
    fn panel(&self) -> Vec<Participant> {
        let critic = ParticipantRole::Critic;
        match self.named(&critic) {
            Some(role) if role.primary.is_empty() => {
                self.participants(&critic, self.providers_behind(&role.fallback))
            }
            Some(role) => self.participants(&critic, self.providers_behind(&role.primary)),
            None => self.people(&critic),
        }
    }

    /// A chain for each critic.
    fn critics(&self, router: &Router, wanted: usize, notes: &mut Vec<String>) -> Vec<Vec<Participant>> {
        let panel = self.panel();
        let mut seated: Vec<Participant> = Vec::new();
        if self.named(&ParticipantRole::Critic).is_some() {
            for one in panel {
                // Two seats of one model are one opinion, paid twice.
                if seated.len() < wanted && seated.iter().all(|other| model(other) != model(&one)) {
                    seated.push(one);
                }
            }
        } else if let Some(author) = panel.first().filter(|_| panel.iter().all(|one| self.is_author(one))) {
            let mut others = other_models(router, author).into_iter().take(wanted + SPARE);
            seated.extend(others.by_ref().take(wanted));
            if !seated.is_empty() {
                let models: Vec<_> = seated.iter().map(|one| one.model_id.as_str()).collect();
                let models = models.join(", ");
                notes.push(format!("critics and checker are other models of the drafter's vendor: {models}"));
                return seats(&seated, &others.collect::<Vec<_>>());
            }
            // With nobody else in reach the author has the seat, and `count` tells that nobody judges.
            seated.push(author.clone());
        } else {
            seated = self.unlike(&panel, wanted);
        }
        let mut rest = self.people(&ParticipantRole::Critic);
        rest.retain(|one| seated.iter().all(|other| other.provider_id != one.provider_id));
        // The sort is stable: among equals, the order of the configuration holds.
        rest.sort_by_key(|one| {
            (self.is_author(one), seated.iter().any(|other| other.provider == one.provider))
        });
        seats(&seated, &rest)
    }

    /// Up to `wanted` of `people`, no model twice, none that writes the draft: vendors that are not among them yet go
    /// first, the drafter's behind the others.
    fn unlike(&self, people: &[Participant], wanted: usize) -> Vec<Participant> {
        let mut seated: Vec<Participant> = Vec::new();
        while seated.len() < wanted {
            let is_new = |one: &&Participant| {
                !self.is_author(one) && seated.iter().all(|other| model(other) != model(one))
            };
            let likeness = |one: &&Participant| {
                seated.iter().chain(&self.author).filter(|other| other.provider == one.provider).count()
            };
            // Of those who are alike, the first: the order of the configuration holds.
            let Some(next) = people.iter().filter(is_new).min_by_key(likeness) else { break };
            seated.push(next.clone());
        }
        seated
    }

    /// Who checks: the reviewers; if no role says who they are, those who prefer it, the critics, the other roles'
    /// people, of another family than the synthesizer's first.
    fn checkers(&self, cast: &Cast) -> Vec<Participant> {
        let role = ParticipantRole::Reviewer;
        if self.named(&role).is_some() {
            return self.people(&role);
        }
        let first = self.participants(&role, self.preferring(&role));
        let critics =
            cast.critics.iter().filter_map(|chain| chain.first()).chain(cast.critics.iter().flatten());
        let others = critics.chain(&cast.drafter).chain(&cast.synthesizer);
        let mut checkers: Vec<Participant> = Vec::new();
        for one in first.into_iter().chain(others.cloned()) {
            let is_known =
                |other: &Participant| other.provider_id == one.provider_id && other.model_id == one.model_id;
            if !checkers.iter().any(is_known) {
                checkers.push(one.with_role(role.clone()));
            }
        }
        let synthesizer = cast.synthesizer.first();
        checkers.sort_by_key(|one| {
            let author = synthesizer.filter(|author| author.provider == one.provider);
            (author.is_some_and(|author| author.model_id == one.model_id), author.is_some())
        });
        checkers
    }

    /// How many can judge the draft, and what is to be said about it.
    fn count(&self, casting: &mut Casting, wanted: u32) {
        let mut models: Vec<Model<'_>> = Vec::new();
        for one in casting.cast.critics.iter().flatten().filter(|one| !self.is_author(one)) {
            if !models.contains(&model(one)) {
                models.push(model(one));
            }
        }
        // Two chains may end at one model, and a chain of several models is one seat.
        let judges = models.len().min(casting.cast.critics.len());
        casting.judges = u32::try_from(judges).unwrap_or(u32::MAX).min(wanted);
        let Some(author) = self.author.as_ref().filter(|_| casting.judges < wanted) else { return };
        if judges == 0 {
            casting.notes.push(format!(
                "nobody else can judge what {}/{} writes, so that the result will be a draft, labelled as one; add a \
                 provider, or use `--mode direct`",
                author.provider_id, author.model_id
            ));
            return;
        }
        let panel = self.panel();
        let mut why = same_models(&panel);
        if panel.iter().any(|one| self.is_author(one)) {
            why.push(format!("{} writes the draft", author.provider_id));
        }
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
        casting.notes.push(format!("{wanted} critics wanted, {judges} possible{why}"));
    }
}

/// Those who are one model, in words.
fn same_models(people: &[Participant]) -> Vec<String> {
    let mut groups: Vec<Vec<&Participant>> = Vec::new();
    for one in people {
        match groups.iter_mut().find(|group| group.iter().any(|other| model(other) == model(one))) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let names = groups.iter().filter_map(|group| {
        let ids: Vec<_> = group.iter().map(|one| one.provider_id.as_str()).collect();
        let (last, first) = ids.split_last().filter(|(_, first)| !first.is_empty())?;
        Some(format!("{} and {last} are one model", first.join(", ")))
    });
    names.collect()
}

fn without_repeats(providers: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut seen = HashSet::new();
    providers.into_iter().filter(|at| seen.insert(*at)).collect()
}

/// A chain for each of `seated`, with everybody of `rest` behind it.
fn seats(seated: &[Participant], rest: &[Participant]) -> Vec<Vec<Participant>> {
    seated.iter().map(|one| std::iter::once(one).chain(rest).cloned().collect()).collect()
}

/// Other models of the author's vendor through the author's provider, as far as they are known and will stay, the
/// nearest in price first, then the newest.
fn other_models(router: &Router, author: &Participant) -> Vec<Participant> {
    let today = router.timer().now().date_naive();
    let models = router.models();
    let output = |id: &ModelId| {
        let price = models.find(&author.provider, id)?.price_on(today)?;
        Some(price.tier(0)?.output.money_per_million().nanos())
    };
    // Without a price there is no telling which model is like it.
    let Some(own) = output(&author.model_id) else { return Vec::new() };
    let mut others: Vec<_> = models
        .rows()
        .iter()
        .filter(|row| row.provider == author.provider && row.id != "*")
        .filter(|row| row.id != author.model_id && author.model_id.undated() != Some(row.id.as_str()))
        // A model with an end in sight may be gone when the session is resumed, and a routed name is another
        // model.
        .filter(|row| row.retires.is_none() && row.routed.is_none())
        .filter_map(|row| Some((output(&row.id)?.abs_diff(own), std::cmp::Reverse(row.released), row)))
        .collect();
    others.sort_by_key(|(distance, released, _)| (*distance, *released));
    let participant = |row: &crate::model::ModelRow| {
        author.clone().with_model(row.id.clone()).with_display_name(row.id.as_str())
    };
    others.into_iter().map(|(.., row)| participant(row)).collect()
}
