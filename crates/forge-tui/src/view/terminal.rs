//! What agents show: their terminal, and their last lines.

use ratatui::{Frame, layout::Rect, text::Line, widgets::Paragraph};
use tui_term::widget::{Cursor, PseudoTerminal};

use super::parts::framed;
use crate::{app::App, colours};

/// The terminal of the selected worker as it is now, its last lines where not all have room.
pub(super) fn preview(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let title = app.worker.as_deref().unwrap_or("Terminal").to_owned();
    let block = framed(title);
    let inside = block.inner(area);
    let Some(screen) = &app.screen else {
        let words =
            if app.worker.is_some() { "It has no terminal any more; 8 shows its last lines." } else { "" };
        return frame.render_widget(Paragraph::new(words).block(block), area);
    };
    frame.render_widget(block, area);
    draw(frame, inside, screen.lines());
}

/// The last lines of the selected worker, without what steers a terminal but its colours.
pub(super) fn logs(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let Some(worker) = &app.worker else {
        let words = Paragraph::new("No workers, so no logs.").block(framed("Logs"));
        return frame.render_widget(words, area);
    };
    let title = format!("Logs of {worker} (j and k: another worker)");
    let block = framed(title);
    let inside = block.inner(area);
    if app.log.is_empty() {
        return frame
            .render_widget(Paragraph::new(Line::raw("It has shown nothing yet.")).block(block), area);
    }
    frame.render_widget(block, area);
    draw(frame, inside, app.log.iter().map(String::as_str));
}

/// Lines with colours. What else they hold is taken out, so that a worker cannot draw over the rest.
fn draw<'a>(frame: &mut Frame<'_>, area: Rect, lines: impl DoubleEndedIterator<Item = &'a str>) {
    if area.is_empty() {
        return;
    }
    let last: Vec<&str> = lines.rev().take(area.height.into()).collect();
    let mut parser = vt100::Parser::new(area.height, area.width, 0);
    for (row, line) in last.into_iter().rev().enumerate() {
        // Each at its place: a line that is too long ends at the edge and moves nothing.
        let text = format!("\x1b[{};1H\x1b[?7l{}\x1b[m", row + 1, colours::only(line));
        parser.process(text.as_bytes());
    }
    let cursor = Cursor::default().visibility(false);
    frame.render_widget(PseudoTerminal::new(parser.screen()).cursor(cursor), area);
}
