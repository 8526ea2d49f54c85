use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{sample, source::Action};

fn app(view: View) -> App {
    let mut app = App::new(Theme::Dark, false, sample::noon());
    app.set_workers(Ok(sample::workers()));
    app.set_records(sample::records());
    app.screen = Some("\x1b[32m$ cargo test\x1b[m\nrunning 12 tests\nAllow the tool? y/n".to_owned());
    app.log = vec!["first".to_owned(), "\x1b[31msecond\x1b[m".to_owned()];
    app.view = view;
    app
}

fn drawn(app: &App, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    terminal
}

#[test]
fn the_overview_has_three_layouts() {
    for (width, height) in [(80, 24), (120, 40), (200, 55)] {
        let terminal = drawn(&app(View::Overview), width, height);
        insta::assert_snapshot!(format!("overview_{width}"), terminal.backend());
    }
}

#[test]
fn the_workers_have_three_layouts() {
    for (width, height) in [(80, 24), (120, 40), (200, 55)] {
        let terminal = drawn(&app(View::Workers), width, height);
        insta::assert_snapshot!(format!("workers_{width}"), terminal.backend());
    }
}

#[test]
fn every_other_view_shows_its_rows() {
    for view in &View::ALL[2..] {
        let terminal = drawn(&app(*view), 100, 14);
        insta::assert_snapshot!(format!("{}_100", view.title().to_lowercase()), terminal.backend());
    }
}

#[test]
fn an_empty_machine_says_how_to_begin() {
    for view in View::ALL {
        let mut app = App::new(Theme::None, false, sample::noon());
        app.view = view;
        let text = drawn(&app, 150, 30).backend().to_string();
        let says = match view {
            View::Overview | View::Workers => "n starts one",
            View::Tasks => "forge bead add",
            View::Costs | View::Metrics => "No calls",
            View::Sessions => "forge sessions list",
            View::Routing => "forge route explain",
            View::Logs => "No workers",
            View::Alerts => "No alerts",
        };
        assert!(text.contains(says), "{}: {text}", view.title());
    }
}

#[test]
fn no_size_is_too_small() {
    for view in View::ALL {
        for (width, height) in
            [(1, 1), (2, 2), (10, 3), (30, 5), (80, 4), (99, 2), (100, 3), (160, 6), (300, 1)]
        {
            let mut app = app(view);
            drawn(&app, width, height);
            app.on_key(KeyEvent::from(KeyCode::Char('?')));
            drawn(&app, width, height);
            app.on_key(KeyEvent::from(KeyCode::Esc));
            app.on_key(KeyEvent::from(KeyCode::Char('n')));
            app.pasted("a very long line that has no room in the terminal 漢字漢字");
            drawn(&app, width, height);
            app.ask(Action::Stop("alpha".to_owned()), "");
            drawn(&app, width, height);
        }
    }
}

/// What others say is text, whatever it holds: titles of beads, names in files of other programs, lines of agents.
#[test]
fn nothing_that_others_say_steers_the_terminal_or_draws_over_the_rest() {
    let hostile = "\x1b[2J\x1b[1;1HOWNED\x1b]0;t\x07\r\n\u{9b}31m\u{202e}";
    for view in View::ALL {
        let mut app = app(view);
        for row in &mut app.workers {
            (row.state, row.evidence, row.model) = (hostile.into(), hostile.into(), hostile.into());
        }
        let records = &mut app.records;
        records.tasks.iter_mut().for_each(|row| (row.title, row.note) = (hostile.into(), hostile.into()));
        records.usage.iter_mut().for_each(|row| (row.provider, row.model) = (hostile.into(), hostile.into()));
        records.sessions.iter_mut().for_each(|row| (row.topic, row.stage) = (hostile.into(), hostile.into()));
        records.routes.iter_mut().for_each(|row| (row.what, row.reason) = (hostile.into(), hostile.into()));
        records.alerts.iter_mut().for_each(|row| (row.subject, row.cause) = (hostile.into(), hostile.into()));
        records.problems = vec![hostile.to_owned()];
        (app.screen, app.log) = (Some(hostile.to_owned()), vec![hostile.to_owned()]);
        app.message = Some((hostile.to_owned(), true));
        for width in [80, 120, 200] {
            let terminal = drawn(&app, width, 30);
            let buffer = terminal.backend().buffer();
            let bad = buffer.content().iter().find(|cell| cell.symbol().chars().any(char::is_control));
            assert!(bad.is_none(), "{}: {bad:?}", view.title());
            let top: String = (0..width).map(|x| buffer[(x, 0)].symbol()).collect();
            assert!(top.starts_with('1') && !top.contains("OWNED"), "{top}");
        }
    }
}

#[test]
fn a_title_of_two_lines_is_one_row_with_a_space_between_them() {
    let mut app = app(View::Tasks);
    app.records.tasks[0].title = "first\nsecond\tthird".to_owned();
    let drawn = format!("{}", drawn(&app, 200, 55).backend());
    assert!(drawn.contains("first second third"), "{drawn}");
}

#[test]
fn without_colours_no_cell_has_one() {
    for view in View::ALL {
        let mut app = app(view);
        app.theme = Theme::None;
        // What agents colour themselves stays so.
        (app.screen, app.log) = (None, Vec::new());
        let terminal = drawn(&app, 160, 40);
        let is_coloured = |cell: &ratatui::buffer::Cell| cell.fg != ratatui::style::Color::Reset;
        assert!(!terminal.backend().buffer().content().iter().any(is_coloured), "{}", view.title());
    }
}

#[test]
fn a_selected_row_is_in_sight_however_many_there_are() {
    let mut app = app(View::Workers);
    let row = app.workers[0].clone();
    let many = (0..300).map(|number| crate::WorkerRow { name: format!("w{number:03}"), ..row.clone() });
    app.set_workers(Ok(many.collect()));
    app.on_key(KeyEvent::from(KeyCode::Char('G')));
    let text = drawn(&app, 80, 24).backend().to_string();
    assert!(text.contains("w299") && !text.contains("w000"), "{text}");
}
