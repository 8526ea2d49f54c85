//! What each key means. The help is written from the same table, so that it cannot be wrong.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for while nothing is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// To the view of this number, from 1.
    View(usize),
    NextView,
    PreviousView,
    Down,
    Up,
    First,
    Last,
    Attach,
    Search,
    Help,
    Back,
    Spawn,
    Send,
    Pause,
    Freeze,
    Acknowledge,
    Theme,
    Refresh,
    Restart,
    Stop,
    Kill,
    Discard,
    Quit,
}

/// The keys of each command, the first one as the help names it, and what it does. Digits are read apart.
pub(crate) const KEYS: [(&[KeyCode], Command, &str, &str); 22] = [
    (&[KeyCode::Tab], Command::NextView, "Tab", "next view; 1 to 9 go to one"),
    (&[KeyCode::BackTab], Command::PreviousView, "Shift-Tab", "previous view"),
    (&[KeyCode::Char('j'), KeyCode::Down], Command::Down, "j, Down", "next row"),
    (&[KeyCode::Char('k'), KeyCode::Up], Command::Up, "k, Up", "previous row"),
    (&[KeyCode::Char('g'), KeyCode::Home], Command::First, "g, Home", "first row"),
    (&[KeyCode::Char('G'), KeyCode::End], Command::Last, "G, End", "last row"),
    (&[KeyCode::Enter], Command::Attach, "Enter", "terminal of the worker; Ctrl-Q comes back"),
    (&[KeyCode::Char('/')], Command::Search, "/", "only rows with a text"),
    (&[KeyCode::Char('?'), KeyCode::F(1)], Command::Help, "?", "this help"),
    (&[KeyCode::Esc], Command::Back, "Esc", "back; all rows again"),
    (&[KeyCode::Char('n')], Command::Spawn, "n", "new worker"),
    (&[KeyCode::Char('m')], Command::Send, "m", "message to the worker"),
    (&[KeyCode::Char('p')], Command::Pause, "p", "pause the worker: no new task; again: go on"),
    (&[KeyCode::Char('f')], Command::Freeze, "f", "freeze the worker where it stands; again: thaw"),
    (&[KeyCode::Char('a')], Command::Acknowledge, "a", "acknowledge the alert"),
    (&[KeyCode::Char('t')], Command::Theme, "t", "dark, light, no colour"),
    (&[KeyCode::Char('r')], Command::Refresh, "r", "read everything again"),
    (&[KeyCode::Char('R')], Command::Restart, "R", "restart the worker"),
    (&[KeyCode::Char('S')], Command::Stop, "S", "stop the worker"),
    (&[KeyCode::Char('K')], Command::Kill, "K", "kill the worker at once"),
    (&[KeyCode::Char('D')], Command::Discard, "D", "remove the worker with its unsaved work"),
    (&[KeyCode::Char('q')], Command::Quit, "q", "quit; workers go on"),
];

/// What a key asks for.
pub(crate) fn command(key: KeyEvent) -> Option<Command> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Command::Quit);
    }
    if let KeyCode::Char(digit @ '1'..='9') = key.code {
        return digit.to_digit(10).map(|digit| Command::View(digit as usize));
    }
    KEYS.iter().find(|(codes, ..)| codes.contains(&key.code)).map(|(_, command, ..)| *command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let mut seen = Vec::new();
        for (codes, ..) in KEYS {
            for code in codes {
                assert!(!seen.contains(code), "{code:?} is there twice");
                assert!(!matches!(code, KeyCode::Char('1'..='9')), "digits are views");
                seen.push(*code);
            }
        }
    }

    #[test]
    fn what_ends_or_destroys_something_is_a_capital_and_nothing_else_is() {
        let destroys = [Command::Restart, Command::Stop, Command::Kill, Command::Discard];
        for (codes, command, ..) in KEYS {
            let is_capital = codes.iter().any(|code| matches!(code, KeyCode::Char(c) if c.is_uppercase()));
            // `G` goes to the last row, as everywhere.
            assert_eq!(is_capital && command != Command::Last, destroys.contains(&command), "{command:?}");
        }
    }

    #[test]
    fn a_key_with_control_is_another_key() {
        let with_control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        assert_eq!(command(with_control('c')), Some(Command::Quit));
        assert_eq!(command(with_control('p')), None);
        assert_eq!(command(with_control('3')), None);
    }
}
