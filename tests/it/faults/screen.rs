use std::{path::Path, process::Command};

use crate::{place::Place, with_sim};

/// What a model or a vendor may say to make a terminal do or show something else: colours, a cleared screen,
/// another title, a link, the clipboard, C1 controls, a carriage return, text that runs backwards.
const HOSTILE: &str = concat!(
    "\u{1b}[31mred\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}]8;;http://127.0.0.1/\u{1b}\\link\u{1b}]52;c;aGk=\u{7}",
    "\u{9b}2J\u{90}q\u{9c}\u{8}\u{7f}\rover\u{202e}gnihton\u{202c}\u{2066}a\u{2069}\u{200f}b\u{61c}c",
);

/// What of it must not reach a screen.
fn is_harmful(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// The text as JSON and YAML write it with printable characters alone.
fn quoted(text: &str) -> String {
    let escaped = |c: char| match c {
        ' '..='~' if !matches!(c, '"' | '\\') => c.to_string(),
        _ => format!("\\u{:04x}", u32::from(c)),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

/// What `forge` shows on a terminal.
fn shown(place: &Place, arguments: &str) -> String {
    let forge = crate::forge().get_program().to_str().unwrap().to_owned();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command"]);
    script.arg(format!("{forge} {arguments} --config {}", place.config().display())).arg("/dev/null");
    script.env("KEY", "sk-test-1").env("FORGE_HOME", place.path("")).env("NO_COLOR", "1");
    let output = script.stdin(std::process::Stdio::null()).output().unwrap();
    // The terminal ends lines with a carriage return; the progress of a session clears its own line.
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n").replace("\r\u{1b}[2K", "\n")
}

#[test]
fn nothing_that_a_model_or_a_vendor_says_controls_the_terminal() {
    if !Path::new("/usr/bin/script").exists() {
        println!("SKIPPED: `script` is not installed, so there is no terminal to look at");
        return;
    }
    let text = quoted(HOSTILE);
    with_sim(&format!("rules: [{{ reply: {{ text: {text} }} }}]"), |sim| {
        let place = Place::with("screen", sim, "default_provider: claude\n");
        for arguments in ["ask hello", "ask hello --no-stream", "ask hello --json", "-vvv ask hello"] {
            let said = shown(&place, arguments);
            assert!(said.contains("red") && said.contains("gnihton"), "{arguments}: {said:?}");
            assert!(!said.contains(is_harmful), "{arguments}: {said:?}");
        }
        for arguments in
            ["run hello --mode direct", "run hello --mode direct --jsonl", "run hello --mode review"]
        {
            let said = shown(&place, arguments);
            assert!(!said.contains(is_harmful), "{arguments}: {said:?}");
        }
        let id = place.run(&["sessions", "list", "--json"]).stdout;
        let id = id.split('"').find(|word| word.starts_with("20") && word.len() == 20).unwrap().to_owned();
        let sql = |form| {
            format!("metrics sql --format {form} 'SELECT model || char(27, 155, 8238) AS a FROM model_usage'")
        };
        let sql = ["table", "csv", "json"].map(sql);
        let lists = ["sessions list", &format!("sessions show {id}"), "metrics summary --by model"];
        for arguments in lists.into_iter().chain(sql.iter().map(String::as_str)) {
            let said = shown(&place, arguments);
            assert!(!said.contains(is_harmful), "{arguments}: {said:?}");
        }
    });
    // An error's text, and the names in a list.
    let body =
        serde_json::json!({"type": "error", "error": {"type": HOSTILE, "message": HOSTILE}}).to_string();
    let body = quoted(&body);
    with_sim(&format!("rules: [{{ path: /, status: 400, body: {body} }}]"), |sim| {
        let place = Place::with("screen-error", sim, "default_provider: claude\n");
        for arguments in
            ["ask hello", "ask hello --json", "-vvv ask hello", "providers status", "models list --live"]
        {
            let said = shown(&place, arguments);
            assert!(said.contains("red"), "{arguments}: {said:?}");
            assert!(!said.contains(is_harmful), "{arguments}: {said:?}");
        }
    });
}
