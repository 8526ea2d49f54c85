//! Commands that come when they cannot be done.

use forge_agent::workflow::{Brief, Casting, Command, Event, Stage, State};
use forge_core::{Money, ParticipantRole};

use super::desk::{cast, plan};
use crate::support::scale;

fn begun() -> State {
    let casting = Casting::new(cast(ParticipantRole::Planner), cast(ParticipantRole::Coder));
    let mut state = State::default();
    state.apply(&Event::Started {
        version: 1,
        at: chrono::DateTime::UNIX_EPOCH,
        brief: Box::new(Brief::new("t", "/tmp", casting)),
    });
    state
}

/// Events that bring a workflow anywhere, without the host.
fn moves() -> Vec<Event> {
    let plan = forge_agent::plan::Plan::read(&plan(&[("a", &[], "a.txt")])).unwrap();
    vec![
        Event::Clarified { questions: vec!["which?".into()] },
        Event::Clarified { questions: Vec::new() },
        Event::Proposed { plan },
        Event::TaskEnded { task: "a".into(), end: forge_agent::workflow::TaskEnd::Done },
        Event::Failed { reason: "x".into() },
        Event::Merged { into: forge_agent::workflow::MergedInto::WorkingTree, after: None, by: None },
        Event::Unmerged { by: None },
    ]
}

/// When a command can be done, as the documents say it.
fn may(command: &Command, state: &State) -> bool {
    let over = [Stage::Completed, Stage::Aborted].contains(&state.stage);
    match command {
        Command::Answer(_) => state.stage == Stage::Clarifying && !state.questions.is_empty(),
        Command::Approve(hash) => {
            state.stage == Stage::AwaitingApproval && state.plan_hash().as_ref() == Some(hash)
        }
        Command::RequestChanges(_) => state.stage == Stage::AwaitingApproval,
        Command::Pause => !over && state.stage != Stage::Failed && state.paused.is_none(),
        Command::Resume(_) => !over && (state.paused.is_some() || state.stage == Stage::Failed),
        _ => !over,
    }
}

#[test]
fn random_commands_are_done_exactly_where_they_can_be_and_change_nothing_elsewhere() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut refused, mut done) = (0, 0);
    let moves = moves();
    while refused + done < scale().min(20) * 5_000 {
        let mut state = begun();
        for _ in 0..20 {
            if rng.u8(..3) == 0 {
                state.apply(rng.choice(&moves).unwrap());
                continue;
            }
            let command = match rng.u8(..7) {
                0 => Command::Answer("this".into()),
                1 => Command::Approve(state.plan_hash().unwrap_or_default()),
                2 => Command::Approve("0123456789ab".into()),
                3 => Command::RequestChanges("smaller".into()),
                4 => Command::Pause,
                5 => Command::Resume(rng.bool().then_some(Money::from_nanos(5))),
                _ => Command::Abort,
            };
            let before = format!("{state:?}");
            match state.command(command.clone(), None) {
                Ok(event) => {
                    assert!(may(&command, &state), "{command:?} at {:?}", state.stage);
                    state.apply(&event);
                    assert_ne!(format!("{state:?}"), before, "{command:?}");
                    done += 1;
                }
                Err(error) => {
                    assert!(!may(&command, &state), "{command:?} at {:?}", state.stage);
                    assert!(!error.to_string().is_empty());
                    assert_eq!(format!("{state:?}"), before);
                    refused += 1;
                }
            }
        }
    }
    println!("{refused} refused, {done} done");
    assert!(refused > done / 2 && done > 100);
}

#[test]
fn a_refusal_says_where_the_workflow_stands() {
    let mut state = begun();
    let told = |state: &State, command| state.command(command, None).unwrap_err().to_string();
    assert_eq!(told(&state, Command::Approve("x".into())), "a workflow that is created cannot be approved");
    state.apply(&Event::Paused { reason: "paused".into(), by: None });
    assert_eq!(told(&state, Command::Pause), "a workflow that is created and paused cannot be paused");
    state.apply(&Event::Aborted { by: None });
    assert_eq!(told(&state, Command::Abort), "a workflow that is aborted and paused cannot be aborted");
}
