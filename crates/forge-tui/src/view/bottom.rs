//! The last line: what is typed or asked, what was said last, or which keys there are.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::parts::clean;
use crate::app::{App, Mode, Purpose, View};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let line = match &app.mode {
        Mode::Typing { purpose, text } => {
            let label = match purpose {
                Purpose::Search => "search: ".to_owned(),
                Purpose::Spawn => "new worker, NAME AGENT: ".to_owned(),
                Purpose::Send { worker } => format!("to {worker}: "),
            };
            // The end of a long line is what is being typed.
            let whole = format!("{label}{}", clean(text));
            let room = usize::from(area.width).saturating_sub(1);
            let shown: Vec<char> = whole.chars().rev().take(room).collect();
            let line = Line::raw(shown.into_iter().rev().collect::<String>());
            let column = u16::try_from(line.width()).unwrap_or(area.width).min(area.width.saturating_sub(1));
            frame.set_cursor_position(Position::new(area.x + column, area.y));
            line
        }
        Mode::Confirm { question, .. } => Line::styled(format!("[y/N] {}", clean(question)), app.theme.bad()),
        Mode::Browse | Mode::Help => match &app.message {
            Some((text, is_bad)) => {
                Line::styled(clean(text), if *is_bad { app.theme.bad() } else { app.theme.good() })
            }
            None => hints(app),
        },
    };
    frame.render_widget(line, area);
}

fn hints(app: &App) -> Line<'static> {
    let keys = match app.view {
        View::Overview | View::Workers => {
            "? help  q quit  / search  Enter terminal  m message  p pause  f freeze  n new  S stop"
        }
        View::Alerts => "? help  q quit  / search  a acknowledge",
        View::Logs => "? help  q quit  j k another worker",
        _ => "? help  q quit  / search  j k rows",
    };
    let wanted = app.wanted();
    let search =
        if wanted.is_empty() { String::new() } else { format!("only \"{}\" (Esc: all)  ", clean(wanted)) };
    Line::from(vec![Span::styled(search, app.theme.odd()), Span::styled(keys, app.theme.quiet())])
}
