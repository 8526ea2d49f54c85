//! What a client is told while a session runs: stages and counts, never a word of its models.

use crate::session::{Notice, Stage};

/// Turns notices into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Of the cycle that is under way.
    cycle: Cycle,
}

#[derive(Debug, Default)]
struct Cycle {
    number: u32,
    critics: u32,
    failed: u32,
    findings: u32,
    critical: u32,
    accepted: u32,
    decided: u32,
}

impl Lines {
    /// The line for a notice, if it says something new.
    pub(super) fn line(&mut self, notice: &Notice) -> Option<String> {
        let cycle = &mut self.cycle;
        match notice {
            Notice::SessionStarted { resumed: false } => Some("The session begins.".to_owned()),
            Notice::SessionStarted { resumed: true } => Some("The session goes on.".to_owned()),
            Notice::StageStarted { call, stage, .. } => self.started(call.cycle, *stage),
            Notice::ParticipantDone { error: Some(_), call, .. } => {
                cycle.failed += u32::from(call.stage == Stage::Critique);
                Some(format!("A call of the stage {} failed.", call.stage))
            }
            Notice::Finding { severity, state: "open", .. } => {
                cycle.findings += 1;
                cycle.critical += u32::from(*severity == "critical");
                None
            }
            Notice::Disposition { decision, .. } => {
                cycle.decided += 1;
                cycle.accepted += u32::from(*decision == "accept");
                None
            }
            Notice::StageCompleted { stage, .. } => self.completed(*stage),
            Notice::Budget { percent, cost, .. } => {
                Some(format!("{percent} % of the budget is used or set aside: {cost}."))
            }
            Notice::Paused => Some("The session is paused.".to_owned()),
            Notice::Completed { reason, .. } => Some(format!("Done: {reason}.")),
            // A warning may quote a vendor.
            _ => None,
        }
    }

    fn started(&mut self, number: u32, stage: Stage) -> Option<String> {
        let cycle = &mut self.cycle;
        match stage {
            Stage::Draft => Some("A draft is written.".to_owned()),
            Stage::Critique => {
                if cycle.number != number {
                    *cycle = Cycle { number, ..Cycle::default() };
                }
                cycle.critics += 1;
                (cycle.critics == 1).then(|| format!("Cycle {number}: critics are asked."))
            }
            Stage::Synthesis => {
                let Cycle { findings, critical, .. } = cycle;
                Some(format!("{findings} findings, {critical} critical; they are worked in."))
            }
            Stage::Check => {
                let Cycle { accepted, decided, .. } = cycle;
                Some(format!("{accepted} of {decided} findings accepted; the revision is checked."))
            }
        }
    }

    fn completed(&self, stage: Stage) -> Option<String> {
        match stage {
            Stage::Draft => Some("The draft is there.".to_owned()),
            Stage::Critique => {
                let Cycle { critics, failed, .. } = self.cycle;
                let failed = if failed > 0 { format!(", {failed} of them failed") } else { String::new() };
                Some(format!("{critics} critics asked{failed}."))
            }
            Stage::Synthesis => Some("The revision is there.".to_owned()),
            Stage::Check => None,
        }
    }
}
