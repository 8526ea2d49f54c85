//! Figures of many sessions in one kind of world.

use forge_session::{Mode, SessionStatus};

use super::{Reference, Setting, World, reference, session};

/// Figures of many sessions. Shares are of 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Sessions.
    pub sessions: usize,
    /// The share of planted faults that the document no longer has.
    pub recall: f64,
    /// The share of sessions that say `converged`.
    pub converged: f64,
    /// The share of sessions that say `settled`.
    pub settled: f64,
    /// Of the sessions that say `converged`, the share in which a critical fault is left.
    pub wrong: f64,
    /// Of all sessions, the share in which a critical fault is left.
    pub critical_left: f64,
    /// Lines of the draft that are gone although no accepted finding is about them and nothing says so.
    pub lost: usize,
    /// Cycles on average.
    pub cycles: f64,
    /// Calls on average.
    pub calls: f64,
}

/// The figures of `sessions` seeds from `seed` on: of the council and its shallower modes by what the sessions say,
/// of a reference by its rule.
pub fn figures(setting: Setting, sessions: usize, seed: u64, of: Result<Mode, Reference>) -> Figures {
    let mut sum = Figures { sessions, ..Figures::default() };
    let (mut converged, mut wrong) = (0.0_f64, 0.0_f64);
    for seed in (seed..).take(sessions) {
        let world = World::new(setting, seed);
        let planted = world.faults.len() as f64;
        let (left, calls, cycles, status) = match of {
            Ok(mode) => {
                let result = session(&world, mode);
                sum.lost += lost(&world, &result.document);
                let left: Vec<_> = world.left(&result.document).copied().collect();
                (left, result.total.calls, result.cycles, Some(result.status))
            }
            Err(rule) => {
                let (left, calls) = reference(&world, rule);
                (left, calls, (calls - 1) / 5, None)
            }
        };
        let critical = left.iter().any(|fault| fault.critical);
        sum.recall += 1.0 - left.len() as f64 / planted;
        sum.critical_left += f64::from(u8::from(critical));
        sum.settled += f64::from(u8::from(status == Some(SessionStatus::Settled)));
        if status == Some(SessionStatus::Converged) {
            converged += 1.0;
            wrong += f64::from(u8::from(critical));
        }
        sum.calls += f64::from(calls);
        sum.cycles += f64::from(cycles);
    }
    let all = sessions.max(1) as f64;
    for mean in [&mut sum.recall, &mut sum.critical_left, &mut sum.settled, &mut sum.calls, &mut sum.cycles] {
        *mean /= all;
    }
    (sum.converged, sum.wrong) = (converged / all, wrong / converged.max(1.0));
    sum
}

/// Lines of the draft without a fault that are not in the document.
pub(super) fn lost(world: &World, document: &str) -> usize {
    let draft = world.draft();
    draft.lines().filter(|line| line.ends_with("as everybody expects.") && !document.contains(line)).count()
}
