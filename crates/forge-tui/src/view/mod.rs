//! How the dashboard is drawn. Three layouts: below 100 columns one thing under the other, from 100 two side by side, from 160
//! three.

mod bottom;
mod costs;
mod help;
mod lists;
mod overview;
mod parts;
mod terminal;
mod workers;

pub(crate) use self::overview::summary;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use crate::{
    app::{App, Mode, View},
    theme::Theme,
};

/// From so many columns on, two things stand side by side.
const MEDIUM: u16 = 100;
/// From so many columns on, three do.
const WIDE: u16 = 160;

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Narrow,
    Medium,
    Wide,
}

impl Width {
    const fn of(area: Rect) -> Self {
        match area.width {
            ..MEDIUM => Self::Narrow,
            MEDIUM..WIDE => Self::Medium,
            _ => Self::Wide,
        }
    }
}

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, app: &App) {
    let [top, body, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(tabs(app, top), top);
    match app.view {
        View::Overview => overview::draw(frame, body, app),
        View::Workers => workers::draw(frame, body, app),
        View::Tasks => lists::tasks(frame, body, app),
        View::Costs => costs::costs(frame, body, app),
        View::Metrics => costs::metrics(frame, body, app),
        View::Sessions => lists::sessions(frame, body, app),
        View::Routing => lists::routes(frame, body, app),
        View::Logs => terminal::logs(frame, body, app),
        View::Alerts => lists::alerts(frame, body, app),
    }
    bottom::draw(frame, bottom, app);
    if app.mode == Mode::Help {
        help::draw(frame, frame.area());
    }
}

fn tabs(app: &App, area: Rect) -> Line<'static> {
    // All nine have room in 80 columns without a space behind the digit.
    let (gap, between) = if Width::of(area) == Width::Narrow { ("", " ") } else { (" ", "   ") };
    let open = app.records.alerts.iter().filter(|alert| !alert.is_acknowledged).count();
    let tab = |(index, view): (usize, View)| {
        let title = format!("{}{gap}{}", index + 1, view.title());
        let style = match view {
            _ if view == app.view => Theme::selected(),
            View::Alerts if open > 0 => app.theme.bad(),
            _ => app.theme.quiet(),
        };
        [Span::styled(title, style), Span::raw(between)]
    };
    View::ALL.into_iter().enumerate().flat_map(tab).collect()
}

#[cfg(test)]
mod tests;
