use forge_agent::hook::{HookEvent, HookSubject};

use super::{EVENTS, Matches};

#[test]
fn the_events_are_those_that_are_fired() {
    let fired = HookEvent::ALL.iter().map(|event| (event.name(), event.subject()));
    let subject = |matches| match matches {
        Matches::Tool => HookSubject::Tool,
        Matches::Paths => HookSubject::Paths,
        Matches::Nothing => HookSubject::Nothing,
    };
    let known = EVENTS.iter().map(|(name, (same, matches))| {
        assert_eq!(name, same);
        (*name, subject(*matches))
    });
    assert!(known.eq(fired));
}
