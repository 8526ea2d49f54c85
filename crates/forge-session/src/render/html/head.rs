//! What stands before the document: what was asked, what came of it, what is less than planned.

use std::fmt::Write as _;

use forge_prompt::{clean, one_line};

use super::Safe;
use crate::{
    render::{simulated, task, truncate},
    result::SessionResult,
};

/// Characters of a task that are shown without being unfolded.
const SHOWN: usize = 280;
/// References that are shown without being unfolded.
const NAMES: usize = 12;

pub(super) fn render(out: &mut String, result: &SessionResult) {
    let _ = writeln!(out, "<header>");
    if let Some(banner) = simulated(result) {
        let _ = writeln!(out, "<p class=\"banner\"><strong>{}</strong></p>", Safe(&banner));
    }
    asked(out, result);
    let _ = writeln!(out, "<p class=\"outcome\"><strong>{}</strong></p>", Safe(&result.first_line()));
    for banner in result.shortfalls() {
        let _ = writeln!(out, "<p class=\"banner\">{}</p>", Safe(&one_line(&banner)));
    }
    let _ = writeln!(out, "</header>");
}

fn asked(out: &mut String, result: &SessionResult) {
    let task = clean(task(result));
    let short = truncate(&task, SHOWN);
    let _ = writeln!(out, "<section class=\"asked\">\n<p class=\"kicker\">What was asked</p>");
    if short.ends_with('…') || task.trim().lines().count() > 3 {
        let _ = writeln!(
            out,
            "<details><summary>{}</summary>\n<p class=\"text\">{}</p></details>",
            Safe(&short),
            Safe(task.trim())
        );
    } else {
        let _ = writeln!(out, "<p class=\"text\">{}</p>", Safe(task.trim()));
    }
    list(out, "Keep to", &result.asked.constraints);
    list(out, "Work from", &result.asked.references);
    let _ = writeln!(out, "</section>");
}

fn list(out: &mut String, name: &str, items: &[String]) {
    let items: Vec<String> =
        items.iter().map(|item| truncate(item, SHOWN)).filter(|item| !item.is_empty()).collect();
    if items.is_empty() {
        return;
    }
    // A folder of files may have hundreds of names, which would push the outcome off the page.
    let (shown, rest) = items.split_at(NAMES.min(items.len()));
    let _ = writeln!(out, "<p class=\"kicker\">{name}</p>");
    entries(out, shown);
    if !rest.is_empty() {
        let _ = writeln!(out, "<details><summary>{} more</summary>", rest.len());
        entries(out, rest);
        let _ = writeln!(out, "</details>");
    }
}

fn entries(out: &mut String, items: &[String]) {
    let _ = write!(out, "<ul>");
    for item in items {
        let _ = write!(out, "<li>{}</li>", Safe(item));
    }
    let _ = writeln!(out, "</ul>");
}
