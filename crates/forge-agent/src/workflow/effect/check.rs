//! Checks.

use std::path::PathBuf;

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::workflow::{
    brief::Check,
    deps::Variable,
    event::{CheckReport, Outcome},
};

/// Variables of the environment that a check sees.
pub(super) fn check(root: PathBuf, check: Check, variable: Variable) -> BoxFuture<'static, Outcome> {
    let _ = variable;
    async move {
        let command = check.run.join(" ");
        let out = std::process::Command::new(&check.run[0]).args(&check.run[1..]).current_dir(root).output();
        let report = match out {
            Ok(out) => CheckReport { command, passed: out.status.success(), ended: out.status.to_string(), output: String::from_utf8_lossy(&out.stdout).into_owned() },
            Err(e) => CheckReport { command, passed: false, ended: e.to_string(), output: String::new() },
        };
        Outcome::Checked(report)
    }
    .boxed()
}
