use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use forge_worker::WorkerStatus;

use super::*;
use crate::sample;

fn app() -> App {
    let mut app = App::new(Theme::Dark, false, sample::noon());
    app.set_workers(Ok(sample::workers()));
    app.set_records(sample::records());
    app
}

fn press(app: &mut App, keys: &str) -> Option<Request> {
    let code = |c| match c {
        '\n' => KeyCode::Enter,
        '\x1b' => KeyCode::Esc,
        '\x08' => KeyCode::Backspace,
        c => KeyCode::Char(c),
    };
    keys.chars().fold(None, |_, c| app.on_key(KeyEvent::new(code(c), KeyModifiers::NONE)))
}

#[test]
fn digits_and_tab_go_to_the_views() {
    let mut app = app();
    for (digit, view) in ('1'..='9').zip(View::ALL) {
        press(&mut app, &digit.to_string());
        assert_eq!(app.view, view);
    }
    app.on_key(KeyEvent::from(KeyCode::Tab));
    assert_eq!(app.view, View::Overview, "behind the last one is the first");
    app.on_key(KeyEvent::from(KeyCode::BackTab));
    assert_eq!(app.view, View::Alerts);
}

#[test]
fn the_selection_stays_at_its_worker_when_others_come_and_go() {
    let mut app = app();
    press(&mut app, "2jjj");
    assert_eq!(app.worker.as_deref(), Some("gamma"));
    let mut workers = sample::workers();
    workers.remove(0);
    app.set_workers(Ok(workers));
    assert_eq!((app.worker.as_deref(), app.selected()), (Some("gamma"), 2));
    app.set_workers(Ok(sample::workers().into_iter().take(2).collect()));
    assert_eq!(app.worker.as_deref(), Some("alpha"), "its row is gone, and another one is selected");
    app.set_workers(Ok(Vec::new()));
    assert_eq!(app.worker, None);
    assert_eq!(press(&mut app, "S"), None, "there is nobody to stop");
    assert!(app.message.as_ref().is_some_and(|(_, is_bad)| *is_bad));
}

#[test]
fn workers_that_cannot_be_read_stay_as_they_were_and_the_reason_is_shown() {
    let mut app = app();
    app.set_workers(Err("no folder".to_owned()));
    assert_eq!(app.workers.len(), 4);
    assert_eq!(app.problem.as_deref(), Some("no folder"));
    app.set_workers(Ok(sample::workers()));
    assert_eq!(app.problem, None);
}

#[test]
fn what_the_terminal_of_one_shows_is_not_shown_for_another() {
    let mut app = app();
    app.screen = Some("of alpha".to_owned());
    press(&mut app, "2k");
    assert!(app.screen.is_some(), "it is still the same worker");
    press(&mut app, "j");
    assert_eq!(app.screen, None);
}

#[test]
fn nothing_ends_or_is_lost_without_a_yes() {
    for (key, action) in [
        ("R", Action::Restart("alpha".to_owned())),
        ("S", Action::Stop("alpha".to_owned())),
        ("K", Action::Kill("alpha".to_owned())),
        ("D", Action::Discard("alpha".to_owned())),
    ] {
        let mut app = app();
        let asked = press(&mut app, &format!("2{key}"));
        assert_eq!(asked, Some(Request::Confirm(action.clone(), "alpha".to_owned())));
        for no in ["n", "\n", "\x1b", " ", key] {
            app.ask(action.clone(), "3 files changed.");
            assert_eq!(press(&mut app, no), None, "{no:?} is no yes");
            assert_eq!(app.mode, Mode::Browse);
        }
        app.ask(action.clone(), "3 files changed.");
        let question = match &app.mode {
            Mode::Confirm { question, .. } => question.clone(),
            other => panic!("{other:?}"),
        };
        assert!(question.contains("alpha") && question.contains("3 files changed."), "{question}");
        assert_eq!(press(&mut app, "y"), Some(Request::Act(action)));
    }
    let mut app = app();
    app.ask(Action::Kill("alpha".to_owned()), "");
    let key = KeyEvent::new(KeyCode::Char('y'), KeyModifiers::CONTROL);
    assert_eq!(app.on_key(key), None, "Ctrl-Y is no yes");
}

#[test]
fn pause_and_freeze_turn_round() {
    let mut app = app();
    assert_eq!(press(&mut app, "2p"), Some(Request::Act(Action::Pause("alpha".to_owned()))));
    assert_eq!(press(&mut app, "f"), Some(Request::Act(Action::Freeze("alpha".to_owned()))));
    app.workers[0].state = "paused".to_owned();
    assert_eq!(press(&mut app, "p"), Some(Request::Act(Action::Resume("alpha".to_owned()))));
    app.workers[0].state = "frozen".to_owned();
    assert_eq!(press(&mut app, "f"), Some(Request::Act(Action::Thaw("alpha".to_owned()))));
}

#[test]
fn a_search_leaves_what_contains_it_and_escape_brings_all_back() {
    let mut app = app();
    press(&mut app, "2/");
    press(&mut app, "GAM");
    assert_eq!(app.shown_workers().len(), 1, "it counts while it is typed");
    press(&mut app, "\n");
    assert_eq!(app.worker.as_deref(), Some("gamma"), "a worker that is not shown is not selected");
    press(&mut app, "3");
    assert_eq!(app.wanted(), "", "each view has its own");
    press(&mut app, "2\x1b");
    assert_eq!(app.shown_workers().len(), 4);
    press(&mut app, "/x");
    press(&mut app, "\x1b");
    assert_eq!(app.wanted(), "");
    press(&mut app, "/ab\x08q\n");
    assert_eq!(app.wanted(), "aq", "keys are text while a line is typed");
}

#[test]
fn a_message_goes_to_the_worker_that_was_selected_and_an_empty_one_to_nobody() {
    let mut app = app();
    press(&mut app, "2jm");
    app.pasted("two\nlines");
    // Meanwhile the row goes away.
    app.set_workers(Ok(sample::workers().into_iter().filter(|row| row.name != "beta").collect()));
    let expected = Action::Send { worker: "beta".to_owned(), text: "two lines".to_owned() };
    assert_eq!(press(&mut app, "\n"), Some(Request::Act(expected)));
    assert_eq!(press(&mut app, "m \n"), None);
    press(&mut app, "mtext");
    let quit = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(app.on_key(quit), None, "Ctrl-C gives the line up, and not the dashboard");
    assert_eq!(app.on_key(quit), Some(Request::Quit));
}

#[test]
fn a_new_worker_needs_a_name_and_an_agent() {
    let mut app = app();
    let expected = Action::Spawn { name: "delta".to_owned(), agent: "codex".to_owned() };
    assert_eq!(press(&mut app, "ndelta codex\n"), Some(Request::Act(expected)));
    for line in ["delta", "delta codex gpt"] {
        assert_eq!(press(&mut app, &format!("n{line}\n")), None);
        assert!(app.message.as_ref().is_some_and(|(_, is_bad)| *is_bad), "{line}");
    }
}

#[test]
fn only_an_alert_that_is_kept_can_be_acknowledged() {
    let mut app = app();
    assert_eq!(press(&mut app, "a"), None, "not from another view");
    assert_eq!(press(&mut app, "9a"), Some(Request::Act(Action::Acknowledge(7))));
    assert_eq!(press(&mut app, "Ga"), None, "the last one goes away by itself");
}

#[test]
fn a_task_that_was_claimed_counts_before_the_one_that_the_worker_was_started_for() {
    let app = app();
    let task = |name: &str| app.workers.iter().find(|row| row.name == name).and_then(|row| app.task_of(row));
    assert_eq!(task("alpha"), Some("fg-1"));
    assert_eq!(task("gamma"), Some("fg-9"));
    assert_eq!(task("beta"), None);
    assert!(app.workers.iter().any(|row| row.status == WorkerStatus::Failed));
}
