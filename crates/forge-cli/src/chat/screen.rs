//! The terminal as it was before lines were edited.

use std::io::{self, IsTerminal as _, Write as _};

/// The settings of the terminal. The line editor changes them while it reads, and takes that back when a line ends; whoever
/// leaves before that gives them back here.
pub(super) struct Screen {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            #[cfg(unix)]
            before: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }

    /// Gives the terminal back in the middle of a line.
    pub(super) fn restore(&self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, before);
        }
        let mut stdout = io::stdout();
        if stdout.is_terminal() {
            // Pasted text comes without brackets again, and what follows stands on a line of its own.
            let _ = stdout.write_all(b"\x1b[?2004l\r\n").and_then(|()| stdout.flush());
        }
    }
}
