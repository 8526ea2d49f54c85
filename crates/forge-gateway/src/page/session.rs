//! The page of one session that runs, for those who attend it. It can be read without a script, and is written in with one.

use forge::{
    RunningSession,
    prompt::html::Safe,
    session::{Contribution, Finding, State},
};

use super::html::{document, section, table};

/// The page of a session in this state.
pub(super) fn page(session: &RunningSession, state: &State) -> String {
    let name = Safe(session.name.as_str()).to_string();
    let sections = [
        section("session", "Now", &now(state)),
        section("text", "Document", &text(state)),
        section("findings", "What is open", &findings(state)),
        section("people", "People", &people(&state.contributions)),
    ];
    let title = Safe(&state.plan.topic.title).to_string();
    document(
        &format!("{title} – Forge"),
        &format!(
            "<h1>{title}</h1><p class=\"quiet\"><a href=\"/\">all sessions</a> · {name}</p><p id=\"state\" class=\"quiet\" role=\"status\"></p>"
        ),
        &format!("{}{}", sections.concat(), attend(&name)),
        "<script src=\"/attend.js\" defer></script>",
    )
}

fn now(state: &State) -> String {
    let status = serde_json::to_value(state.status()).unwrap_or_default();
    let waits = match state.waits_for() {
        Some(cycle) => format!(
            "<p class=\"note\" id=\"waits\" data-cycle=\"{cycle}\">Cycle {cycle} is over, and the session waits for a decision.</p>"
        ),
        None => String::new(),
    };
    let paused = state.paused_by.as_deref().map(|by| format!(", by {}", Safe(by))).unwrap_or_default();
    format!(
        "<p>{}{paused}; cycle {}, version {} of the document.</p>\n{waits}",
        Safe(&status.as_str().unwrap_or_default().replace('_', " ")),
        state.cycle(),
        state.newest_version(),
    )
}

fn text(state: &State) -> String {
    let Some(newest) = state.versions.last() else {
        return "<p class=\"quiet\">no draft yet</p>\n".to_owned();
    };
    let version = state.newest_version();
    let why_not = state
        .check_edit(version)
        .err()
        .map(|why| format!("<p class=\"quiet\">{}</p>", Safe(&why.to_string())));
    format!(
        "<pre id=\"document\" class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Version {version}\" data-version=\"{version}\">{}</pre>\n{}",
        Safe(&newest.text),
        why_not.unwrap_or_default(),
    )
}

fn findings(state: &State) -> String {
    let row = |finding: &Finding| {
        format!(
            "<tr><td>{}</td><td>{}</td><td class=\"long\">{}</td></tr>\n",
            finding.id,
            finding.severity(),
            Safe(&finding.issue.claim),
        )
    };
    let rows: String = state.ledger.findings().filter(|finding| finding.is_open()).map(row).collect();
    table("Findings that are open", &["Finding", "Severity", "Claim"], &rows, "nothing")
}

fn people(contributions: &[Contribution]) -> String {
    if contributions.is_empty() {
        return "<p class=\"quiet\">nobody has done anything yet</p>\n".to_owned();
    }
    let item = |one: &Contribution| format!("<li>{}</li>\n", Safe(&one.describe()));
    format!("<ol>\n{}</ol>\n", contributions.iter().map(item).collect::<String>())
}

/// Where somebody says something. It stays as it is while the rest is written anew.
fn attend(name: &str) -> String {
    format!(
        "<form id=\"attend\" data-path=\"/v1/forge/sessions/{name}/commands\" aria-labelledby=\"attend-title\">\
         <h2 id=\"attend-title\">Your part</h2>\n\
         <p><label>Your name <input name=\"by\" maxlength=\"64\" autocomplete=\"name\"></label></p>\n\
         <p><label>Feedback for the next stage, or for one more cycle<br><textarea name=\"feedback\" rows=\"3\"></textarea></label><br>\
         <button type=\"button\" value=\"feedback\">Give feedback</button></p>\n\
         <p>After a cycle: <button type=\"button\" value=\"continue\">Continue</button> \
         <button type=\"button\" value=\"skip\">Skip the rest</button></p>\n\
         <p>At any time: <button type=\"button\" value=\"pause\">Pause</button> <button type=\"button\" value=\"resume\">Resume</button> \
         <button type=\"button\" value=\"abort\">Abort</button></p>\n\
         <p><button type=\"button\" value=\"change\">Change the document</button></p>\n\
         <div id=\"change\" hidden><p><label>Your text, in the place of version <output name=\"base\"></output><br>\
         <textarea name=\"text\" rows=\"16\"></textarea></label></p>\n\
         <p id=\"theirs\" hidden><label>What stands there by now<br><textarea name=\"theirs\" rows=\"16\" readonly></textarea></label></p>\n\
         <p><button type=\"button\" value=\"edit\">Put it in its place</button></p></div>\n\
         <p id=\"said\" role=\"status\"></p></form>\n"
    )
}
