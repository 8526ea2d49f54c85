//! Who takes part in a session.

use forge::{Participant, ParticipantRole, router::ParticipantManager, session::Cast};

use crate::setup::System;

/// Drafter, critics, synthesizer and checker from the providers in use. Behind a role that the configuration
/// names, its own fallbacks stand in; for any other role everybody else does, in order.
pub(super) fn of(system: &System, critics: u32) -> Cast {
    let manager = ParticipantManager::new(system.router.clone());
    let chain = |first: Participant| -> Vec<Participant> {
        if system.plan.roles.contains_key(&first.role) {
            return vec![first];
        }
        let others = manager.participants(&first.role);
        let others = others.into_iter().filter(|one| one.provider_id != first.provider_id);
        std::iter::once(first.clone()).chain(others).collect()
    };
    let place = |one: Option<Participant>| one.map(chain).unwrap_or_default();
    let synthesizer = manager.synthesizer();
    let checker = synthesizer.as_ref().and_then(|author| manager.checker(author));
    // Without another vendor, the work is checked by whoever there is.
    let checker = checker.or_else(|| manager.participants(&ParticipantRole::Reviewer).into_iter().next());
    Cast {
        drafter: place(manager.drafter()),
        critics: manager.critics(critics as usize).into_iter().map(|critic| vec![critic]).collect(),
        synthesizer: place(synthesizer),
        checker: place(checker),
    }
}
