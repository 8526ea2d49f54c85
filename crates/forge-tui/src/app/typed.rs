//! Lines that are typed, and answers.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, Mode, Purpose, Request};
use crate::source::Action;

impl App {
    /// A key while a line is typed.
    pub(super) fn typed(&mut self, key: KeyEvent) -> Option<Request> {
        let Mode::Typing { purpose, text } = &mut self.mode else { return None };
        let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if has_control => self.mode = Mode::Browse,
            KeyCode::Char('u') if has_control => text.clear(),
            KeyCode::Char(c) if !has_control => text.push(c),
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Esc => {
                // A search that is given up leaves every row in sight.
                if *purpose == Purpose::Search {
                    self.search[self.view.index()].clear();
                }
                self.mode = Mode::Browse;
            }
            KeyCode::Enter => {
                let (purpose, text) = (purpose.clone(), text.trim().to_owned());
                self.mode = Mode::Browse;
                return self.entered(purpose, text);
            }
            _ => {}
        }
        self.search_as_typed();
        None
    }

    /// What is pasted into a line. Line ends are spaces there: none of them sends it.
    pub(crate) fn pasted(&mut self, pasted: &str) {
        if let Mode::Typing { text, .. } = &mut self.mode {
            text.extend(pasted.chars().map(|c| if c.is_control() { ' ' } else { c }));
            self.search_as_typed();
        }
    }

    fn search_as_typed(&mut self) {
        if let Mode::Typing { purpose: Purpose::Search, text } = &self.mode {
            self.search[self.view.index()].clone_from(text);
            self.keep_selection();
        }
    }

    fn entered(&mut self, purpose: Purpose, text: String) -> Option<Request> {
        match purpose {
            Purpose::Search => None,
            _ if text.is_empty() => None,
            Purpose::Send { worker } => Some(Request::Act(Action::Send { worker, text })),
            Purpose::Spawn => {
                let mut words = text.split_whitespace();
                let (name, agent) = (words.next().unwrap_or_default(), words.next());
                let (Some(agent), None) = (agent, words.next()) else {
                    let what = "a name and an agent are needed, such as `alpha codex`; more with `forge worker spawn`";
                    self.message = Some((what.to_owned(), true));
                    return None;
                };
                Some(Request::Act(Action::Spawn { name: name.to_owned(), agent: agent.to_owned() }))
            }
        }
    }

    /// A key while a question is open. Only `y` is a yes.
    pub(super) fn answered(&mut self, key: KeyEvent) -> Option<Request> {
        let Mode::Confirm { action, .. } = std::mem::take(&mut self.mode) else { return None };
        let is_yes = matches!(key.code, KeyCode::Char('y' | 'Y'))
            && key.modifiers.difference(KeyModifiers::SHIFT).is_empty();
        if !is_yes {
            self.message = Some(("nothing was done".to_owned(), false));
            return None;
        }
        Some(Request::Act(action))
    }

    /// Asks before something ends or is lost.
    pub(crate) fn ask(&mut self, action: Action, at_stake: &str) {
        let what = match &action {
            Action::Restart(name) => format!("Restart {name}?"),
            Action::Stop(name) => format!("Stop {name}?"),
            Action::Kill(name) => format!("Kill {name} at once?"),
            Action::Discard(name) => format!("Remove {name} with all its files?"),
            _ => "Go on?".to_owned(),
        };
        let question = if at_stake.is_empty() { what } else { format!("{what} {at_stake}") };
        self.mode = Mode::Confirm { action, question };
    }
}
