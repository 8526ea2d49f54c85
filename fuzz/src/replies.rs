//! What models answer at each stage of a session.

use std::{
    pin::pin,
    sync::{Arc, LazyLock},
};

use forge_core::{
    Capabilities, ModelProvider, Participant, Provider,
    storage::{journal::StreamName, memory::MemoryJournal},
    tags::Tags,
    time::ManualTimer,
};
use forge_session::{Cast, Plan, Prompts, Session, SessionDeps, SessionResult, State, Topic};
use forge_testkit::Script;
use futures_util::FutureExt as _;

/// Between the answers of the stages.
const BORDER: &str = "\n%%%\n";

/// Answers of the critic, the synthesizer, the checker, the drafter.
type Answers = [String; 4];

const STAGES: [&str; 4] = ["critic", "synthesizer", "checker", "drafter"];

fn script(answers: Answers) -> Script {
    let mut able = Capabilities::default();
    able.structured_output = true;
    let script = Script::new(move |cx, _| {
        let stage = STAGES.iter().position(|stage| *stage == cx.model().as_str()).expect("a stage");
        answers[stage].clone()
    });
    script.with_capabilities(able)
}

const DRAFT: &str = "# Tea\n\nBoil the water.\n";

/// The text is what a critic, the synthesizer, the checker and the drafter answer, with borders between. The session
/// comes to its end; its findings say nothing that nobody said; and its journal tells the same session again.
pub fn replies(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut answers = text.split(BORDER).map(str::to_owned);
    let mut answer = |usual: &str| answers.next().unwrap_or_else(|| usual.to_owned());
    let answers = [answer("{}"), answer("{}"), answer("{}"), answer(DRAFT)];
    let said = answers.join("\n");
    // What does not show is taken out of what is read.
    let clean: String = said.chars().filter(|c| shows(*c)).collect();
    let (result, again) = session(answers);

    assert_eq!(result, again);
    for (number, finding) in (1..).zip(&result.findings) {
        assert_eq!(finding.id.0, number);
        assert!(!finding.raised_by.is_empty());
        let issue = &finding.issue;
        for words in [&issue.claim, &issue.quote, &issue.location, &issue.suggested_change] {
            // An escaped character does not stand in the answer as such.
            let plain = |word: &&str| !said.contains('\\') && !word.is_empty();
            for word in words.split(|c: char| !c.is_alphabetic()).filter(plain) {
                assert!(said.contains(word) || clean.contains(word), "{word:?} in {issue:?}");
            }
        }
    }
    let _ = result.to_markdown();
    let page = result.to_html();
    assert_eq!(page.matches("<script").count(), *SCRIPTS, "{page}");
    let json = serde_json::to_string(&result).expect("JSON");
    assert_eq!(serde_json::from_str::<SessionResult>(&json).expect("a result"), result);
}

fn shows(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !hidden && (!c.is_control() || matches!(c, '\n' | '\t'))
}

/// How many scripts a page has anyway.
static SCRIPTS: LazyLock<usize> = LazyLock::new(|| {
    let usual = ["{}", "{}", "{}", DRAFT].map(str::to_owned);
    session(usual).0.to_html().matches("<script").count()
});

/// The result of a session, and of its journal.
fn session(answers: Answers) -> (SessionResult, SessionResult) {
    static PROMPTS: LazyLock<Arc<Prompts>> =
        LazyLock::new(|| Arc::new(Prompts::built_in().expect("prompts")));
    let timer = ManualTimer::new();
    let journal = Arc::new(MemoryJournal::new(Arc::new(timer.clone())));
    let provider: Arc<dyn Provider> = Arc::new(script(answers));
    let parts = SessionDeps {
        providers: provider.into(),
        journal: Arc::clone(&journal) as _,
        timer: Arc::new(timer.clone()),
        configured: forge_session::nothing_configured(),
        prices: forge_session::no_prices(),
        prompts: Arc::clone(&PROMPTS),
        observer: None,
        approver: None,
        locks: None,
        sink: Arc::new(()),
        accounts: None,
        budgets: None,
        tags: Tags::default(),
        budget_caps: Arc::default(),
        holder: "this program".into(),
    };
    let one = |stage: &str| vec![Participant::new(ModelProvider::Local, stage)];
    let cast = Cast {
        critics: vec![one("critic")],
        synthesizer: one("synthesizer"),
        checker: one("checker"),
        drafter: one("drafter"),
    };
    let mut plan = Plan::new(Topic::new("Tea"), cast);
    plan.settings.cycles = 1;
    let name = StreamName::new("tea").expect("a name");
    let mut future = pin!(async {
        let session = Session::start(parts, name.clone(), plan).await.expect("a session");
        let result = session.run().await.expect("a result");
        let state = State::read(&*journal, &name).await.expect("a journal");
        (result, SessionResult::of(name.as_str(), &state))
    });
    loop {
        if let Some(results) = future.as_mut().now_or_never() {
            return results;
        }
        timer.advance(timer.next_wake().expect("somebody waits for time"));
    }
}
