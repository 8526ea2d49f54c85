//! Batches: answers in order, kills at any moment, and files that are not what they were.

use std::{
    collections::HashMap,
    fs,
    future::poll_fn,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use forge::{
    CallContext, ErrorKind, ModelRequest, ModelResponse, Money, Participant, ProviderError,
    batch::{
        Batch, BatchCall, BatchDeps, BatchError, BatchForm, BatchLine, BatchOptions, BatchReport, BatchStop,
    },
    durable::RunDeps,
    request::Part,
    storage::{budget::BudgetCap, memory::MemoryJournal},
    time::SystemTimer,
};
use forge_testkit::{Answer, Script};

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A folder of its own, a journal, how often each line was asked, and on which budgets.
struct Ground {
    folder: PathBuf,
    journal: Arc<MemoryJournal>,
    asked: Arc<Mutex<HashMap<String, u32>>>,
    budgets: Arc<Mutex<Vec<BudgetCap>>>,
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A line is a question, an answer the same line behind a word. `-` asks nothing.
#[derive(Debug)]
struct Plain;

impl BatchForm for Plain {
    fn read(&self, number: u64, line: &[u8]) -> BatchLine {
        let text = String::from_utf8_lossy(line).into_owned();
        if text.starts_with('-') {
            return BatchLine::Refused(format!("failed {number} refused"));
        }
        let request = Arc::new(ModelRequest::new("").with_user_message(text.clone()));
        let write = move |_: &CallContext, outcome: Result<&ModelResponse, &ProviderError>| match outcome {
            Ok(response) => format!("{number} {}", response.text()),
            Err(error) => format!("failed {number} {}", error.kind.describe()),
        };
        BatchLine::Call(BatchCall::new(Participant::local("m"), request, Box::new(write)))
    }

    fn has_failed(&self, written: &str) -> bool {
        written.starts_with("failed")
    }
}

fn question(request: &ModelRequest) -> String {
    match &request.messages[0].parts[0] {
        Part::Text { text, .. } => text.clone(),
        other => panic!("{other:?}"),
    }
}

impl Ground {
    fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("forge-batch-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, journal: Arc::default(), asked: Arc::default(), budgets: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn input(&self, lines: impl IntoIterator<Item = String>) {
        let text: String = lines.into_iter().flat_map(|line| [line, "\n".to_owned()]).collect();
        fs::write(self.path("in.jsonl"), text).unwrap();
    }

    fn output(&self) -> Vec<String> {
        fs::read_to_string(self.path("out.jsonl")).unwrap().lines().map(str::to_owned).collect()
    }

    fn asked(&self) -> u32 {
        self.asked.lock().unwrap().values().sum()
    }

    /// Deps whose provider gives these answers.
    fn deps(&self, answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> BatchDeps {
        let (asked, budgets) = (Arc::clone(&self.asked), Arc::clone(&self.budgets));
        let script = Script::new(move |cx, request| {
            for cap in cx.caps.iter().cloned() {
                let mut budgets = budgets.lock().unwrap();
                if !budgets.contains(&cap) {
                    budgets.push(cap);
                }
            }
            let text = question(request);
            *asked.lock().unwrap().entry(text.clone()).or_default() += 1;
            answer(&text)
        });
        let timer = SystemTimer::shared();
        let script = script.with_timer(SystemTimer);
        let run = RunDeps::new(self.journal.clone(), timer, "test");
        let price = Arc::new(|_: &ModelResponse| Some(Money::from_nanos(1_000)));
        BatchDeps::new(Arc::new(script), price, run, self.journal.clone())
    }

    async fn open(&self, deps: BatchDeps, options: BatchOptions) -> Result<Batch, BatchError> {
        let (input, output) = (self.path("in.jsonl"), self.path("out.jsonl"));
        Batch::open(deps, &input, &output, Arc::new(Plain), options).await
    }

    async fn run(&self, deps: BatchDeps) -> BatchReport {
        self.open(deps, BatchOptions::default()).await.unwrap().run().await.unwrap()
    }
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (1..=count).map(|number| format!("question {number}"))
}

fn expected(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{number} answer to question {number}")).collect()
}

/// Answers after up to three milliseconds, so that calls end in another order than they began.
fn soon(text: &str) -> Answer {
    let wait = Duration::from_micros(fastrand::u64(0..3_000));
    Answer::text(format!("answer to {text}")).after(wait)
}

#[allow(clippy::disallowed_methods, reason = "a test is told its scale by the environment")]
fn scale() -> u64 {
    std::env::var("FORGE_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[tokio::test]
async fn answers_stand_in_the_order_of_the_lines_and_are_asked_for_once() {
    let ground = Ground::new();
    // More than two segments, and lines that are none.
    ground.input(numbered(600).flat_map(|line| [line, String::new(), "  ".to_owned()]));
    let report = ground.run(ground.deps(soon)).await;
    assert_eq!((report.lines, report.done, report.failed, report.unpriced), (600, 600, 0, 0));
    assert_eq!(report.cost, Money::from_nanos(600_000));
    assert_eq!(ground.output(), expected(600));
    assert_eq!(ground.asked(), 600);
    assert!(!ground.path("out.jsonl.part").exists());
    // Nothing is left to do, and of its journals only the one that says so.
    let again = ground.run(ground.deps(soon)).await;
    assert_eq!((again.done, ground.asked()), (600, 600));
    let streams = forge::storage::journal::Streams::list(&*ground.journal).await.unwrap();
    assert_eq!(streams.len(), 1, "{streams:?}");
    assert_eq!(streams[0].summary.as_ref().unwrap()["complete"], true);
}

/// Runs `future` for so many polls, and drops it.
async fn killed_after<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

#[tokio::test]
async fn killed_anywhere_no_answer_that_is_written_down_is_paid_again() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    for round in 0..3 * scale() {
        let ground = Ground::new();
        let lines = 300 + dice.usize(0..400);
        ground.input(numbered(lines));
        // What the last report said is on disk.
        let kept = Arc::new(AtomicU64::new(0));
        let mut kills = 0;
        loop {
            let (seen, before) = (Arc::clone(&kept), ground.asked());
            let floor = kept.load(Ordering::SeqCst);
            let mut options = BatchOptions::default();
            options.concurrency = 1 + dice.usize(0..20);
            options.observer = Some(Arc::new(move |report| seen.store(report.done, Ordering::SeqCst)));
            let work = async {
                let batch = ground.open(ground.deps(soon), options).await.unwrap();
                batch.run().await.unwrap()
            };
            let ended = killed_after(dice.u32(1..60), work).await;
            let asked = u64::from(ground.asked() - before);
            assert!(asked <= lines as u64 - floor, "round {round}: {asked} asked after {floor} of {lines}");
            let Some(report) = ended else {
                kills += 1;
                continue;
            };
            assert_eq!(report.done, lines as u64);
            break;
        }
        assert_eq!(ground.output(), expected(lines), "round {round}, {kills} kills");
        // Each kill can repeat what was in flight, which is at most 20 calls.
        let repeated = ground.asked() as usize - lines;
        assert!(repeated <= kills * 20, "round {round}: {repeated} repeated after {kills} kills");
        println!("round {round}: {lines} lines, {kills} kills, {repeated} calls in flight asked again");
    }
}

#[tokio::test]
async fn what_is_reported_as_done_is_not_asked_again() {
    let ground = Ground::new();
    ground.input(numbered(100));
    let kept = Arc::new(Mutex::new((0, 0)));
    let (seen, asked) = (Arc::clone(&kept), Arc::clone(&ground.asked));
    let mut options = BatchOptions::default();
    let enough = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&enough);
    options.observer = Some(Arc::new(move |report| {
        *seen.lock().unwrap() = (report.done, asked.lock().unwrap().values().sum::<u32>());
        if report.done >= 40 {
            told.notify_one();
        }
    }));
    let batch = ground.open(ground.deps(soon), options).await.unwrap();
    tokio::select! {
        _ = batch.run() => panic!("it ended before it was killed"),
        () = enough.notified() => {}
    }
    let (done, _) = *kept.lock().unwrap();
    let before = u64::from(ground.asked());
    let report = ground.run(ground.deps(soon)).await;
    assert_eq!((report.done, report.cost), (100, Money::from_nanos(100_000)));
    assert_eq!(u64::from(ground.asked()) - before, 100 - done, "{done} were done");
    assert_eq!(ground.output(), expected(100));
}

#[tokio::test]
async fn lines_that_failed_are_asked_again_and_the_others_stay_as_they_are() {
    let ground = Ground::new();
    ground.input((1..=300).map(|number| match number {
        7 | 290 => format!("- nothing {number}"),
        _ => format!("question {number}"),
    }));
    let fails = |text: &str| match text {
        "question 3" | "question 280" => Answer::fail(ErrorKind::Server),
        text => Answer::text(format!("answer to {text}")),
    };
    let report = ground.run(ground.deps(fails)).await;
    assert_eq!((report.done, report.failed, report.unpriced), (300, 4, 2));
    assert_eq!(ground.output()[2], "failed 3 server error");
    assert_eq!(ground.output()[6], "failed 7 refused");
    // What failed stays so unless somebody wishes otherwise.
    assert_eq!(ground.run(ground.deps(soon)).await.failed, 4);
    assert_eq!(ground.asked(), 298);
    let mut options = BatchOptions::default();
    options.retry_failed = true;
    let other = |text: &str| Answer::text(format!("another answer to {text}"));
    let batch = ground.open(ground.deps(other), options.clone()).await.unwrap();
    let report = batch.run().await.unwrap();
    assert_eq!((report.done, report.failed), (300, 2));
    assert_eq!(report.cost, Money::from_nanos(298_000), "of all rounds");
    assert_eq!(ground.asked(), 300);
    let lines = ground.output();
    assert_eq!(lines[2], "3 another answer to question 3");
    assert_eq!(lines[279], "280 another answer to question 280");
    assert_eq!((&*lines[0], &*lines[6]), ("1 answer to question 1", "failed 7 refused"));
    assert_eq!(lines.len(), 300);
    // An output that is another one is refused before anything is begun: the batch is as complete as it was.
    let whole = fs::read_to_string(ground.path("out.jsonl")).unwrap();
    write(&ground.path("out.jsonl"), &format!("{whole}one more\n"));
    let refused = ground.open(ground.deps(other), options.clone()).await;
    assert!(matches!(refused, Err(BatchError::OtherInput(_))));
    write(&ground.path("out.jsonl"), &whole);
    assert_eq!(ground.run(ground.deps(other)).await.done, 300);
    // Killed in the middle of it, it goes on where it was.
    let batch = ground.open(ground.deps(other), options.clone()).await.unwrap();
    killed_after(3, batch.run()).await;
    let report = ground.open(ground.deps(other), options).await.unwrap().run().await.unwrap();
    assert_eq!((report.done, report.failed, ground.output()), (300, 2, lines));
}

#[tokio::test]
async fn a_budget_without_room_ends_it_with_all_that_is_there_kept() {
    let ground = Ground::new();
    ground.input(numbered(50));
    let left = Arc::new(AtomicU64::new(20));
    let refuses = move |text: &str| {
        let has_room =
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if has_room {
            return soon(text);
        }
        ProviderError::new(ErrorKind::BudgetExceeded, "script", "batch has no room").into()
    };
    let report = ground.run(ground.deps(refuses)).await;
    assert_eq!(report.stop, Some(BatchStop::Budget("batch has no room".to_owned())));
    assert!(!ground.path("out.jsonl").exists());
    let kept = ground.open(ground.deps(soon), BatchOptions::default()).await.unwrap();
    let report = kept.run().await.unwrap();
    assert_eq!((report.done, report.failed, report.stop), (50, 0, None));
    assert_eq!(report.cost, Money::from_nanos(50_000), "each was paid once");
    assert_eq!(ground.output(), expected(50));
}

#[tokio::test]
async fn a_batch_has_money_of_its_own_which_its_rounds_share() {
    let ground = Ground::new();
    ground.input(numbered(2));
    let fails = |text: &str| match text {
        "question 2" => Answer::fail(ErrorKind::Server),
        text => soon(text),
    };
    let mut options = BatchOptions::default();
    (options.money, options.retry_failed) = (Some(Money::from_nanos(5)), true);
    let run = async || {
        let batch = ground.open(ground.deps(fails), options.clone()).await.unwrap();
        batch.run().await.unwrap()
    };
    for rounds in [run().await, run().await] {
        assert_eq!(rounds.failed, 1);
    }
    assert_eq!(ground.asked(), 3);
    assert_eq!(ground.budgets.lock().unwrap().len(), 1, "asking again is the same batch");
    fs::remove_file(ground.path("out.jsonl")).unwrap();
    run().await;
    let budgets = ground.budgets.lock().unwrap();
    assert_eq!(budgets.len(), 2, "the next one under the same name has not spent what the one before has");
    assert!(budgets.iter().all(|cap| cap.firm && cap.money == Some(Money::from_nanos(5))), "{budgets:?}");
}

#[tokio::test]
async fn room_that_others_give_back_is_used() {
    let ground = Ground::new();
    ground.input(numbered(40));
    // One of two is refused as long as another is under way.
    let under_way = Arc::new(AtomicU64::new(0));
    let refuses = move |text: &str| {
        if under_way.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            return ProviderError::new(ErrorKind::BudgetExceeded, "script", "full").into();
        }
        soon(text)
    };
    let mut options = BatchOptions::default();
    options.concurrency = 2;
    let report = ground.open(ground.deps(refuses), options).await.unwrap().run().await.unwrap();
    assert_eq!((report.done, report.stop), (40, None));
    assert_eq!(ground.output(), expected(40));
}

#[tokio::test]
async fn whoever_stops_it_waits_for_calls_under_way_and_pays_for_none_again() {
    let ground = Ground::new();
    ground.input(numbered(500));
    let controls = Arc::new(Mutex::new(None::<forge::batch::BatchControls>));
    let steering = Arc::clone(&controls);
    let mut options = BatchOptions::default();
    options.observer = Some(Arc::new(move |report: &BatchReport| {
        if report.done >= 300 {
            steering.lock().unwrap().iter().for_each(forge::batch::BatchControls::stop);
        }
    }));
    let batch = ground.open(ground.deps(soon), options).await.unwrap();
    *controls.lock().unwrap() = Some(batch.controls());
    let report = batch.run().await.unwrap();
    assert_eq!(report.stop, Some(BatchStop::Asked));
    assert!(report.done < 500);
    let report = ground.run(ground.deps(soon)).await;
    assert_eq!((report.done, ground.asked()), (500, 500), "nothing was cut off");
    assert_eq!(ground.output(), expected(500));
}

#[tokio::test]
async fn whoever_stops_it_before_it_has_begun_is_heard() {
    let ground = Ground::new();
    ground.input(numbered(50));
    let batch = ground.open(ground.deps(soon), BatchOptions::default()).await.unwrap();
    batch.controls().stop();
    let report = batch.run().await.unwrap();
    assert_eq!((report.stop, ground.asked()), (Some(BatchStop::Asked), 0));
}

#[tokio::test]
async fn an_output_that_is_taken_away_in_the_middle_ends_it_with_the_answers_kept() {
    let ground = Ground::new();
    ground.input(numbered(600));
    let part = ground.path("out.jsonl.part");
    let mut options = BatchOptions::default();
    options.observer = Some(Arc::new(move |report: &BatchReport| {
        if report.done >= 300 {
            let _ = fs::remove_file(&part);
        }
    }));
    let batch = ground.open(ground.deps(soon), options).await.unwrap();
    let error = batch.run().await.unwrap_err();
    assert!(matches!(error, BatchError::Damaged { .. }), "{error}");
    assert!(!ground.path("out.jsonl.part").exists(), "nothing is made up in its place");
}

async fn refused(ground: &Ground) -> BatchError {
    let Err(error) = ground.open(ground.deps(soon), BatchOptions::default()).await else {
        panic!("it was opened");
    };
    error
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn nothing_is_overwritten_that_it_did_not_write_and_nothing_is_mixed() {
    let ground = Ground::new();
    ground.input(numbered(5));
    for name in ["out.jsonl", "out.jsonl.part"] {
        write(&ground.path(name), "precious\n");
        assert!(matches!(refused(&ground).await, BatchError::Occupied(path) if path.ends_with(name)));
        assert_eq!(fs::read_to_string(ground.path(name)).unwrap(), "precious\n");
        fs::remove_file(ground.path(name)).unwrap();
    }
    ground.run(ground.deps(soon)).await;
    ground.input(numbered(6));
    assert!(matches!(refused(&ground).await, BatchError::OtherInput(_)));
    assert_eq!(ground.output(), expected(5));
    // Once it is taken away, the next one begins under the same name.
    fs::remove_file(ground.path("out.jsonl")).unwrap();
    assert_eq!(ground.run(ground.deps(soon)).await.done, 6);
    assert_eq!(ground.output(), expected(6));
}

#[tokio::test]
async fn an_input_or_output_that_changed_in_the_middle_is_refused_and_can_be_put_back() {
    let ground = Ground::new();
    ground.input(numbered(600));
    let mut options = BatchOptions::default();
    let enough = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&enough);
    options.observer = Some(Arc::new(move |report| {
        if report.done >= 400 {
            told.notify_one();
        }
    }));
    let batch = ground.open(ground.deps(soon), options).await.unwrap();
    tokio::select! {
        _ = batch.run() => panic!("it ended before it was killed"),
        () = enough.notified() => {}
    }
    let whole = fs::read(ground.path("in.jsonl")).unwrap();
    ground.input(numbered(599));
    assert!(matches!(refused(&ground).await, BatchError::Changed(_)));
    fs::write(ground.path("in.jsonl"), whole).unwrap();
    let part = fs::read(ground.path("out.jsonl.part")).unwrap();
    fs::write(ground.path("out.jsonl.part"), &part[..part.len() - 1]).unwrap();
    assert!(matches!(refused(&ground).await, BatchError::Damaged { .. }));
    // Whatever stands behind what was written is of a run that died.
    fs::write(ground.path("out.jsonl.part"), [&part[..], b"half a li"].concat()).unwrap();
    assert_eq!(ground.run(ground.deps(soon)).await.done, 600);
    assert_eq!(ground.output(), expected(600));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let ground = Ground::new();
    let error = refused(&ground).await;
    assert!(error.to_string().contains("in.jsonl cannot be read"), "{error}");
    ground.input([" ".to_owned()]);
    assert!(matches!(refused(&ground).await, BatchError::Empty(_)));
    ground.input(numbered(1));
    let (input, nowhere) = (ground.path("in.jsonl"), ground.path("no/out.jsonl"));
    let opened = Batch::open(ground.deps(soon), &input, &nowhere, Arc::new(Plain), BatchOptions::default());
    let Err(error) = opened.await else { panic!("it was opened") };
    assert!(error.to_string().contains("out.jsonl cannot be written"), "{error}");
    // The input is not its own output.
    let same = ground.path("in.jsonl");
    let opened = Batch::open(ground.deps(soon), &same, &same, Arc::new(Plain), BatchOptions::default()).await;
    assert!(matches!(opened, Err(BatchError::Occupied(_))));
}
