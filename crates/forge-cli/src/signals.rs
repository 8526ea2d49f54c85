//! What the system tells a command while it runs.

#[cfg(unix)]
use tokio::signal::unix::{self, SignalKind};

use crate::error::CliError;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// An interrupt or a termination: come to an end.
    End,
    /// A hangup: read the configuration again.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no hangups"))]
    Reload,
}

/// The signals that a command that reads its configuration again listens to.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupts: Interrupts,
    #[cfg(unix)]
    hangup: unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, CliError> {
        Ok(Self {
            interrupts: Interrupts::new()?,
            #[cfg(unix)]
            hangup: listen(SignalKind::hangup())?,
        })
    }

    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = self.interrupts.next() => Signal::End,
            _ = self.hangup.recv() => Signal::Reload,
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> Signal {
        self.interrupts.next().await;
        Signal::End
    }
}

/// Interrupts (Ctrl-C) and terminations (as a supervisor sends them), one after the other; none is missed
/// from here on.
#[derive(Debug)]
pub(crate) struct Interrupts {
    #[cfg(unix)]
    interrupt: unix::Signal,
    #[cfg(unix)]
    terminate: unix::Signal,
}

impl Interrupts {
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Self, CliError> {
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "listening may fail elsewhere")]
    pub(crate) fn new() -> Result<Self, CliError> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        // Without a way to be interrupted, the command ends now rather than never.
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(unix)]
fn listen(kind: SignalKind) -> Result<unix::Signal, CliError> {
    unix::signal(kind).map_err(|error| CliError::failed("signals cannot be received", &error))
}
