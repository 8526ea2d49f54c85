//! The help, written from the keys themselves.

use ratatui::{
    Frame,
    layout::{Constraint, Flex, Layout, Rect},
    text::Line,
    widgets::{Block, Clear, Paragraph},
};

use crate::{keys::KEYS, theme::Theme};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect) {
    let line = |(_, _, key, what): &(_, _, &str, &str)| Line::raw(format!(" {key:<10} {what}"));
    let lines: Vec<Line<'_>> = KEYS.iter().map(line).collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let [rows] = Layout::vertical([Constraint::Length(height)]).flex(Flex::Center).areas(area);
    let [window] = Layout::horizontal([Constraint::Length(64)]).flex(Flex::Center).areas(rows);
    frame.render_widget(Clear, window);
    let block = Block::bordered().title(" Keys (any key closes this) ").title_style(Theme::title());
    frame.render_widget(Paragraph::new(lines).block(block), window);
}
