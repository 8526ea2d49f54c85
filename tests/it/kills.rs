//! Killed at any moment, a session goes on: no finished call is made again, none is lost, and the document is the
//! same.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use forge::{
    session::{CallKey, Event, Record},
    storage::{
        accounts::{AccountsReader as _, CallStatus, Filter},
        journal::{Journal, StreamName},
    },
    store::{JsonlJournal, Store, StoreOptions},
    time::SystemTimer,
};
use forge_sim::{RecordedRequest, Sim, Vendor};
use serde_json::Value;

use crate::{place::Place, with_sim};

/// How often a process is killed, times `FORGE_TEST_SCALE`, unless `FORGE_TEST_KILLS` says otherwise.
const KILLS: usize = 15;

/// Sessions differ by their seed.
pub(crate) const SEEDS: u64 = 4;

pub(crate) const TOPIC: &str = "Design a rate limiter for a public HTTP API";

/// Long enough that kills fall into calls and between them.
pub(crate) const PACE: &str = "latency: [{ first_byte_ms: { uniform: [0, 60] } }]";

pub(crate) fn config(sim: &Sim) -> String {
    format!(
        r#"  luna: {{ type: openai, model: gpt-6-luna, api_key: "${{KEY}}", endpoint: "{}" }}
roles:
  drafter:     {{ provider: claude }}
  critic:      {{ panel: [gpt, gemini, luna] }}
  synthesizer: {{ provider: claude }}
  reviewer:    {{ provider: gemini }}
retry: {{ max_attempts: 1 }}
session: {{ critics: 3, required: 3, cycles: 1 }}
"#,
        sim.base_url(Vendor::OpenAi)
    )
}

/// A call as both sides know it: its stage and the configured provider.
pub(crate) type Asked = (String, &'static str);

fn asked(request: &RecordedRequest) -> Option<Asked> {
    let body = request.body.to_string();
    let stage = ["Draft", "Critique", "Synthesis", "Check"]
        .into_iter()
        .find(|stage| body.contains(&format!("\"# {stage}\\n")))?;
    let provider = match request.vendor? {
        Vendor::Anthropic => "claude",
        Vendor::Google => "gemini",
        _ if request.body["model"] == "gpt-6-luna" => "luna",
        _ => "gpt",
    };
    Some((stage.to_lowercase(), provider))
}

/// How often each call was made.
pub(crate) fn counts(sim: &Sim) -> BTreeMap<Asked, usize> {
    let mut counts = BTreeMap::new();
    for asked in sim.journal().iter().filter_map(asked) {
        *counts.entry(asked).or_default() += 1;
    }
    counts
}

/// How often each call was intended, which is written down before it is sent. A request of a process that was killed may
/// reach a vendor later than its end is seen.
pub(crate) fn intended(entries: &[Vec<u8>]) -> BTreeMap<Asked, usize> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        if let Event::CallIntended(intent) = serde_json::from_slice::<Record>(entry).unwrap().event {
            let id = intent.participant.provider_id.to_string();
            let provider = ["claude", "gpt", "gemini", "luna"].into_iter().find(|one| *one == id).unwrap();
            *counts.entry((intent.call.stage.to_string(), provider)).or_default() += 1;
        }
    }
    counts
}

/// Where the command remembers what it remembers: in memory, where the system has a place for that. What a killed
/// process has written is there in any case, and a disk would only make the calls a small part of the time.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    pub(crate) fn new(name: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let within = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = within.join(format!("forge-{name}-home-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A folder that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The command with its configuration in one place and its memory in another.
pub(crate) struct Command {
    pub(crate) place: Place,
    pub(crate) home: Home,
}

/// One process, and whether it was killed.
pub(crate) struct Leg {
    pub(crate) killed: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Command {
    /// Runs it and kills it after `delay` if it has not ended.
    pub(crate) fn leg(&self, arguments: &[String], delay: Duration) -> Leg {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.place.command(&arguments);
        command.env("FORGE_HOME", &self.home.0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (ends, ended) = mpsc::channel();
        let stdout = thread::spawn(move || {
            let text = read(&mut out);
            // Nobody listens any more after a kill.
            let _ = ends.send(());
            text
        });
        let stderr = thread::spawn(move || read(&mut err));
        let late = ended.recv_timeout(delay).is_err();
        if late {
            child.kill().unwrap();
        }
        let code = child.wait().unwrap().code();
        let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
        // A process that had just ended by itself was not killed.
        Leg { killed: late && code.is_none(), code, stdout, stderr }
    }
}

fn read(from: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where sessions are kept: in the accounts, or in plain files.
pub(crate) enum Kept {
    Store(PathBuf),
    Files(PathBuf),
}

impl Kept {
    pub(crate) fn arguments(&self) -> Vec<String> {
        match self {
            Self::Store(_) => Vec::new(),
            Self::Files(folder) => vec!["--journal".into(), folder.display().to_string()],
        }
    }

    pub(crate) fn entries(&self, id: &str) -> Vec<Vec<u8>> {
        let journal: Arc<dyn Journal> = match self {
            Self::Store(file) => Arc::new(Store::open(StoreOptions::new(file)).unwrap()),
            Self::Files(folder) => Arc::new(JsonlJournal::open(folder, SystemTimer::shared()).unwrap()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let entries = runtime.block_on(journal.read(&StreamName::new(id).unwrap(), 0));
        entries.unwrap().into_iter().map(|entry| entry.payload).collect()
    }
}

/// What a journal says of its calls: those that are finished, with who answered, and those that were in flight.
#[derive(Default)]
struct Calls {
    finished: HashMap<CallKey, String>,
    in_flight: Vec<CallKey>,
}

impl Calls {
    fn of(entries: &[Vec<u8>]) -> Self {
        let mut calls = Self::default();
        for entry in entries {
            match serde_json::from_slice::<Record>(entry).unwrap().event {
                Event::CallIntended(intent) => calls.in_flight.push(intent.call),
                Event::CallFinished { call, answer } => {
                    calls.in_flight.retain(|one| *one != call);
                    let again = calls.finished.insert(call, answer.served.provider_id.to_string());
                    assert_eq!(again, None, "{call} is finished twice");
                }
                _ => {}
            }
        }
        calls
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        most.mul_f64((self.0 >> 33) as f64 / f64::from(1_u32 << 31))
    }
}

/// The sessions of each seed as they are when nobody is killed.
pub(crate) struct Whole {
    pub(crate) results: Vec<Value>,
    pub(crate) took: Duration,
    providers: HashMap<(String, u64), &'static str>,
}

pub(crate) fn beginning(seed: u64) -> Vec<String> {
    ["run", TOPIC, "--seed", &seed.to_string(), "--json"].map(str::to_owned).into()
}

pub(crate) fn whole(command: &Command, sim: &Sim) -> Whole {
    let mut whole = Whole { results: Vec::new(), took: Duration::MAX, providers: HashMap::new() };
    for seed in 0..SEEDS {
        let begun = Instant::now();
        let said = command.leg(&beginning(seed), Duration::from_secs(60));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        whole.took = whole.took.min(begun.elapsed());
        let result: Value = serde_json::from_str(&said.stdout).unwrap();
        for call in result["calls"].as_array().unwrap() {
            let key =
                (call["call"]["stage"].as_str().unwrap().to_owned(), call["call"]["seat"].as_u64().unwrap());
            let provider = call["participant"]["provider"].as_str().unwrap();
            let provider =
                ["claude", "gpt", "gemini", "luna"].into_iter().find(|one| *one == provider).unwrap();
            whole.providers.insert(key, provider);
        }
        whole.results.push(result);
    }
    assert_eq!(counts(sim).values().sum::<usize>(), 6 * whole.results.len());
    whole
}

impl Whole {
    fn asked(&self, call: CallKey) -> Asked {
        let stage = call.stage.to_string();
        let provider = self.providers[&(stage.clone(), call.seat.into())];
        (stage, provider)
    }
}

/// A session that is killed again and again until it ends; returns how many entries its journal had each time, and
/// how many calls died before they were sent.
fn killed_until_it_ends(
    command: &Command,
    sim: &Sim,
    kept: &Kept,
    whole: &Whole,
    seed: u64,
    dice: &mut Dice,
) -> (Vec<usize>, usize) {
    sim.reset();
    let (mut id, mut before) = (None::<String>, Vec::new());
    let (mut done, mut may_repeat) = (BTreeMap::new(), BTreeMap::new());
    let mut kills = Vec::new();
    let result: Value = loop {
        let mut arguments = match &id {
            None => beginning(seed),
            Some(id) => ["resume", id, "--json"].map(str::to_owned).into(),
        };
        arguments.extend(kept.arguments());
        // A machine that has become slower gets more time, so that every session ends.
        let patience = u32::try_from(1 + kills.len() / 16).unwrap();
        let leg = command.leg(&arguments, dice.below(whole.took * patience));
        if !leg.killed {
            assert_eq!(leg.code, Some(0), "{arguments:?}: {}", leg.stderr);
            break serde_json::from_str(&leg.stdout).unwrap();
        }
        let named = leg.stderr.lines().find_map(|line| line.strip_prefix("session "));
        let named = id.clone().or_else(|| named.map(str::to_owned));
        let entries = named.as_deref().map(|id| kept.entries(id)).unwrap_or_default();
        kills.push(entries.len());
        assert!(entries.starts_with(&before), "what was written stays");
        if entries.is_empty() {
            assert!(counts(sim).is_empty(), "nothing is asked before the session is written down");
            continue;
        }
        let (calls, made) = (Calls::of(&entries), counts(sim));
        for (call, provider) in calls.finished {
            let asked = whole.asked(call);
            assert_eq!(asked.1, provider);
            done.entry(asked.clone()).or_insert(made[&asked]);
        }
        for call in calls.in_flight {
            *may_repeat.entry(whole.asked(call)).or_insert(0) += 1;
        }
        (id, before) = (named, entries);
    };
    let made = counts(sim);
    assert_eq!(made.len(), 6, "{made:?}");
    for (asked, times) in &made {
        assert!(
            done.get(asked).is_none_or(|before| before == times),
            "{asked:?} was finished and is made again"
        );
        let most = 1 + may_repeat.get(asked).copied().unwrap_or(0);
        assert!(*times <= most, "{asked:?} is made {times} times, {most} at most");
    }
    let finished = Calls::of(&kept.entries(result["session"].as_str().unwrap()));
    assert_eq!((finished.finished.len(), finished.in_flight), (6, Vec::new()));
    let expected = &whole.results[usize::try_from(seed).unwrap()];
    for part in ["document", "draft", "findings", "dissents", "conflicts", "label", "stop_reason", "degraded"]
    {
        assert_eq!(result[part], expected[part], "{part}");
    }
    (kills, accounted_for(command, sim, &result))
}

/// How often a stage asked a provider by the accounts, and how many of these calls died with their run.
pub(crate) fn rows(command: &Command, session: &str) -> BTreeMap<Asked, (usize, usize)> {
    let store = Store::open(StoreOptions::new(command.home.0.join("forge.db"))).unwrap();
    let filter = Filter { sessions: vec![session.to_owned()], ..Filter::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut counts: BTreeMap<Asked, (usize, usize)> = BTreeMap::new();
    for row in runtime.block_on(store.attempts(&filter, None, 10_000)).unwrap() {
        let stage = match row.role.as_str() {
            "drafter" => "draft",
            "critic" => "critique",
            "synthesizer" => "synthesis",
            _ => "check",
        };
        let known = ["claude", "gpt", "gemini", "luna"].into_iter().find(|one| row.provider == *one);
        let (rows, killed) = counts.entry((stage.to_owned(), known.unwrap())).or_default();
        *rows += 1;
        *killed += usize::from(row.status == CallStatus::Killed);
    }
    counts
}

/// Every request is in the accounts; returns how many rows have none. Those are of calls that died before they were
/// sent, which nobody can know.
pub(crate) fn accounted_for(command: &Command, sim: &Sim, result: &Value) -> usize {
    let rows = rows(command, result["session"].as_str().unwrap());
    let made = counts(sim);
    for (asked, requests) in &made {
        let (rows, killed) = rows.get(asked).copied().unwrap_or_default();
        let known = rows - killed..=rows;
        assert!(
            known.contains(requests),
            "{asked:?}: {requests} requests, {rows} rows, {killed} of them killed"
        );
    }
    let (all, killed) = rows.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    assert_eq!(result["total"]["calls"], all, "the result counts what the accounts do");
    assert_eq!(result["calls"].as_array().unwrap().len(), all);
    assert!(result["total"]["unknown"].as_u64().unwrap() >= killed as u64);
    all - made.values().sum::<usize>()
}

#[allow(clippy::disallowed_methods, reason = "how long a test runs is for its caller to say")]
pub(crate) fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn a_session_killed_at_random_moments_repeats_no_finished_call_and_ends_as_if_nothing_had_been() {
    let wanted = number("FORGE_TEST_KILLS").unwrap_or(KILLS * number("FORGE_TEST_SCALE").unwrap_or(1));
    with_sim(PACE, |sim| {
        let command = Command { place: Place::with("kills", sim, &config(sim)), home: Home::new("kills") };
        let whole = whole(&command, sim);
        let mut dice = Dice(200);
        let (mut kills, mut sessions, mut unsent) = (Vec::new(), 0, 0);
        while kills.len() < wanted {
            let kept = match sessions % 2 {
                0 => Kept::Store(command.home.0.join("forge.db")),
                _ => Kept::Files(command.home.0.join("sessions")),
            };
            let (more, unsent_more) =
                killed_until_it_ends(&command, sim, &kept, &whole, sessions % SEEDS, &mut dice);
            kills.extend(more);
            unsent += unsent_more;
            sessions += 1;
        }
        kills.sort_unstable();
        println!("seed 200; every request has its row; {unsent} calls died before they were sent");
        println!("a session takes {:?} when nobody is killed", whole.took);
        println!(
            "{} kills in {sessions} sessions, at these lengths of their journals: {kills:?}",
            kills.len()
        );
        // Sessions were killed in the middle, and not only while the process began.
        assert!(kills.iter().any(|entries| *entries > 3), "{kills:?}");
    });
}
