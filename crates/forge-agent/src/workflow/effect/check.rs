//! Checks: commands of the configuration, run where the edits are.

use std::path::PathBuf;

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::{
    process::{self, Ended, Limits},
    tool::end_of,
    workflow::{
        brief::Check,
        deps::Variable,
        event::{CheckReport, Outcome},
    },
};

/// Bytes of an output that are read.
const MAX_OUTPUT: usize = 1 << 20;

/// Runs it. A program that cannot be started is a check that fails, with the reason.
pub(super) fn check(root: PathBuf, check: Check, variable: &Variable) -> BoxFuture<'static, Outcome> {
    let environment = process::environment(|name| variable(name)?.into_string().ok());
    async move {
        let limits = Limits { timeout: check.timeout, output: MAX_OUTPUT };
        let command = check.run.join(" ");
        let report = match process::run(&check.run, &root, &environment, &[], limits).await {
            Ok(Ended { exit, stdout, stderr, .. }) => CheckReport {
                passed: exit.is_success(),
                ended: exit.to_string(),
                output: end_of(&format!("{}{}", stdout.text(), stderr.text())),
                command,
            },
            Err(why) => {
                let ended = format!("cannot be started: {why}");
                CheckReport { command, passed: false, ended, output: String::new() }
            }
        };
        Outcome::Checked(report)
    }
    .boxed()
}
