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
            Notice::Waiting { cycle } => {
                Some(format!("Cycle {cycle} is over; somebody decides what comes next."))
            }
            // What was said stands in the session, for those who attend it.
            Notice::Contributed { by: Some(by), deed } => Some(format!("{by}: {}.", deed.as_str())),
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

#[cfg(test)]
mod tests {
    use crate::{
        Participant,
        session::{CallKey, SessionStatus, Stop},
    };

    use super::*;

    #[test]
    fn counts_are_those_of_the_cycle_and_no_word_of_a_model_is_told() {
        let secret = || "a secret word".to_owned();
        let key = |cycle, stage, seat| CallKey { cycle, stage, seat, step: 0 };
        let asked = |cycle, stage, seat| Notice::StageStarted {
            call: key(cycle, stage, seat),
            stage,
            participant: Participant::claude_sonnet(),
        };
        let failed = Notice::ParticipantDone {
            call: key(1, Stage::Critique, 1),
            participant: Participant::gpt(),
            tokens: None,
            cost: None,
            duration_ms: 1,
            error: Some(secret()),
        };
        let finding =
            |severity, state| Notice::Finding { finding: "F1".into(), severity, claim: secret(), state };
        let decided = |decision| Notice::Disposition { finding: "F1".into(), decision, reason: secret() };
        let notices = [
            Notice::SessionStarted { resumed: false },
            Notice::Warning { message: secret() },
            asked(0, Stage::Draft, 0),
            Notice::ParticipantDelta { call: key(0, Stage::Draft, 0), text: secret() },
            asked(1, Stage::Critique, 0),
            asked(1, Stage::Critique, 1),
            failed,
            Notice::StageCompleted { cycle: 1, stage: Stage::Critique },
            finding("critical", "open"),
            finding("minor", "open"),
            asked(1, Stage::Synthesis, 0),
            decided("accept"),
            decided("reject"),
            finding("critical", "accepted"),
            asked(1, Stage::Check, 0),
            asked(2, Stage::Critique, 0),
            asked(2, Stage::Synthesis, 0),
            Notice::Completed { status: SessionStatus::Converged, reason: Stop::Dry },
        ];
        let mut lines = Lines::default();
        let told: Vec<String> = notices.iter().filter_map(|notice| lines.line(notice)).collect();
        let last = format!("Done: {}.", Stop::Dry);
        assert_eq!(
            told,
            [
                "The session begins.",
                "A draft is written.",
                "Cycle 1: critics are asked.",
                "A call of the stage critique failed.",
                "2 critics asked, 1 of them failed.",
                "2 findings, 1 critical; they are worked in.",
                "1 of 2 findings accepted; the revision is checked.",
                "Cycle 2: critics are asked.",
                "0 findings, 0 critical; they are worked in.",
                &last,
            ]
        );
    }
}
