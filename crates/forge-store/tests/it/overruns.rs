//! Budgets against a model: processes that reserve, settle, end and are killed never overrun a cap together.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{ChildStdin, ChildStdout, Stdio},
    sync::Arc,
    time::Duration,
};

use forge_core::{
    Money,
    storage::budget::{Amount, BudgetCap, BudgetError, BudgetStore as _, Holder, ReservationId, Spent},
};
use forge_store::{Store, StoreOptions};
use forge_testkit::store::wait;

use crate::support::{Dir, Hand, Killed, child, put, task};

const NAME: &str = "overruns::processes_that_come_and_go_never_overrun_a_cap_and_book_what_was_spent";
/// How far the clock goes at once: a third of the time after which a process has lapsed is 200 s.
const STEP: Duration = Duration::from_secs(150);
const LAPSED: Duration = Duration::from_secs(600);
const KEYS: [&str; 3] = ["day", "team", "month"];

fn amount(money: u64, tokens: u64) -> Amount {
    Amount::new(Money::from_nanos(money), tokens)
}

/// `day:100:-` and the like: key, money and tokens, with `call` in place of a key for single calls.
fn written(cap: &BudgetCap) -> String {
    let side = |side: Option<u64>| side.map_or("-".to_owned(), |number| number.to_string());
    format!("{}:{}:{}", cap.key, side(cap.money.map(Money::nanos)), side(cap.tokens))
}

fn read(text: &str) -> BudgetCap {
    let parts: Vec<_> = text.split(':').collect();
    let [money, tokens] = [1, 2].map(|at| parts[at].parse::<u64>().ok());
    let cap = BudgetCap::new(parts[0]).with_money(money.map(Money::from_nanos)).with_tokens(tokens);
    if parts[0] == "call" { cap.for_each_call() } else { cap }
}

/// A process: it does what it is told, one line after the other, and answers each.
#[allow(clippy::print_stdout, reason = "it speaks to its parent")]
fn obey(path: &str) {
    let clock = Hand::new();
    let mut store = Some(
        Store::open(StoreOptions { clock: Arc::clone(&clock) as _, ..StoreOptions::new(path) }).unwrap(),
    );
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let open = store.as_ref().unwrap();
        let answer = match words[0] {
            "clock" => {
                clock.forward(Duration::from_secs(number(1)));
                "done".to_owned()
            }
            "reserve" => {
                let caps: Vec<_> = words[4..].iter().map(|text| read(text)).collect();
                let holder = (words[1] != "-").then(|| Holder::new(words[1]));
                match wait(open.reserve(&caps, amount(number(2), number(3)), holder.as_ref())) {
                    Ok(id) => id.0.to_string(),
                    Err(BudgetError::Exceeded { .. }) => "refused".to_owned(),
                    Err(error) => panic!("{error:?}"),
                }
            }
            "settle" => {
                open.settle(ReservationId(number(1)), amount(number(2), number(3)));
                "done".to_owned()
            }
            "release" => {
                open.release(ReservationId(number(1)));
                "done".to_owned()
            }
            "flush" => {
                put(open, []);
                // What keeps it alive follows the flush.
                put(open, []);
                "done".to_owned()
            }
            "spent" => {
                let Spent { booked, reserved } = wait(open.spent(words[1])).unwrap();
                let [booked, reserved] =
                    [booked, reserved].map(|it| format!("{} {}", it.money.nanos(), it.tokens));
                format!("{booked} {reserved}")
            }
            _ => {
                store = None;
                "done".to_owned()
            }
        };
        println!("\n= {answer}");
        if store.is_none() {
            return;
        }
    }
}

/// A process as its parent sees it.
struct Process {
    child: Killed,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    open: Vec<Call>,
    /// Settled since it was known to have written all.
    unsure: Vec<Call>,
}

#[derive(Debug, Clone)]
struct Call {
    id: u64,
    caps: Vec<BudgetCap>,
    amount: Amount,
}

impl Process {
    fn start(dir: &Dir) -> Self {
        let mut command = child(NAME, dir.db().to_str().unwrap());
        let mut child = Killed(command.stdin(Stdio::piped()).spawn().unwrap());
        let (orders, answers) = (child.0.stdin.take().unwrap(), child.0.stdout.take().unwrap());
        Self { child, orders, answers: BufReader::new(answers), open: Vec::new(), unsure: Vec::new() }
    }

    fn tell(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.answers.read_line(&mut line).unwrap() > 0, "no answer to `{order}`");
            if let Some(answer) = line.strip_prefix("= ") {
                return answer.trim().to_owned();
            }
        }
    }
}

fn sums<'a>(calls: impl IntoIterator<Item = &'a Call>, key: &str) -> Amount {
    let mut sum = Amount::default();
    for call in calls {
        if call.caps.iter().any(|cap| cap.key == key) {
            sum = sum.plus(call.amount);
        }
    }
    sum
}

/// What has to hold, and the means to look at it.
struct World {
    dice: fastrand::Rng,
    dir: Dir,
    clock: Arc<Hand>,
    observer: Store,
    caps: Vec<BudgetCap>,
    processes: Vec<Process>,
    booked: BTreeMap<&'static str, Amount>,
    /// Calls that were open when their process died, and how long it has been silent.
    dead: Vec<(Call, Duration)>,
    reserved: u64,
    refused: u64,
    killed: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let (mut dice, dir, clock) = (fastrand::Rng::with_seed(seed), Dir::new(), Hand::new());
        let observer =
            Store::open(StoreOptions { clock: Arc::clone(&clock) as _, ..StoreOptions::new(dir.db()) })
                .unwrap();
        let side = |dice: &mut fastrand::Rng| (dice.u8(..4) > 0).then(|| dice.u64(50..4_000));
        let caps = KEYS.map(|key| {
            let money = side(&mut dice);
            let tokens = if money.is_none() { Some(dice.u64(50..4_000)) } else { side(&mut dice) };
            BudgetCap::new(key).with_money(money.map(Money::from_nanos)).with_tokens(tokens)
        });
        let processes = (0..3).map(|_| Process::start(&dir)).collect();
        let (caps, booked) = (caps.to_vec(), BTreeMap::new());
        let dead = Vec::new();
        Self { dice, dir, clock, observer, caps, processes, booked, dead, reserved: 0, refused: 0, killed: 0 }
    }

    fn reserve(&mut self, at: usize) {
        let dice = &mut self.dice;
        let mut caps: Vec<_> = self.caps.iter().filter(|_| dice.u8(..3) > 0).cloned().collect();
        if dice.u8(..4) == 0 {
            caps.push(BudgetCap::new("call").with_tokens(19).for_each_call());
        }
        let most = [4, 12, 40][dice.usize(..3)];
        let amount = amount(dice.u64(..most), dice.u64(..most));
        let holder = if dice.u8(..5) == 0 { "s-1" } else { "-" };
        let order = format!("reserve {holder} {} {}", amount.money.nanos(), amount.tokens);
        let order = caps.iter().fold(order, |order, cap| format!("{order} {}", written(cap)));
        match &*self.processes[at].tell(&order) {
            "refused" => self.refused += 1,
            id => {
                self.reserved += 1;
                self.processes[at].open.push(Call { id: id.parse().unwrap(), caps, amount });
            }
        }
    }

    fn settle(&mut self, at: usize) {
        let process = &mut self.processes[at];
        if process.open.is_empty() {
            return;
        }
        let call = process.open.swap_remove(self.dice.usize(..process.open.len()));
        let part = |dice: &mut fastrand::Rng, most: u64| if dice.bool() { most } else { dice.u64(..=most) };
        let actual = if self.dice.u8(..5) == 0 {
            process.tell(&format!("release {}", call.id));
            Amount::default()
        } else {
            let (money, tokens) = (call.amount.money.nanos(), call.amount.tokens);
            let (money, tokens) = (part(&mut self.dice, money), part(&mut self.dice, tokens));
            process.tell(&format!("settle {} {money} {tokens}", call.id));
            amount(money, tokens)
        };
        let call = Call { amount: actual, ..call };
        for key in KEYS {
            let booked = self.booked.entry(key).or_default();
            *booked = booked.plus(sums([&call], key));
        }
        process.unsure.push(call);
    }

    /// `kill -9`: what it had open lapses after a time, and what it had not written is lost with that.
    fn kill(&mut self, at: usize) {
        if self.dice.bool() {
            self.processes[at].tell("flush");
            self.processes[at].unsure.clear();
        }
        let mut process = std::mem::replace(&mut self.processes[at], Process::start(&self.dir));
        process.child.0.kill().unwrap();
        process.child.0.wait().unwrap();
        self.catch_up(at);
        self.killed += 1;
        for other in &mut self.processes {
            other.tell("flush");
            other.unsure.clear();
        }
        for key in KEYS {
            let (booked, found) = (self.booked.entry(key).or_default(), self.observer.spent(key));
            let found = wait(found).unwrap();
            let lost = sums(&process.unsure, key);
            assert!(
                covers(*booked, found.booked) && covers(found.booked, booked.minus(lost)),
                "{key}: {found:?}"
            );
            // Until it lapses, what was lost counts all the same.
            assert!(covers(found.booked.plus(found.reserved), booked.plus(sums(&process.open, key))));
            *booked = found.booked;
        }
        self.dead.extend(process.open.into_iter().map(|call| (call, Duration::ZERO)));
    }

    /// Gives a process that was started late the time of the others.
    fn catch_up(&mut self, at: usize) {
        use forge_core::time::Clock as _;
        let gone = (self.clock.now() - crate::support::noon()).num_seconds();
        self.processes[at].tell(&format!("clock {gone}"));
    }

    fn close(&mut self, at: usize) {
        let mut process = std::mem::replace(&mut self.processes[at], Process::start(&self.dir));
        process.tell("close");
        process.child.0.wait().unwrap();
        self.catch_up(at);
        self.dead.extend(process.open.into_iter().map(|call| (call, Duration::ZERO)));
    }

    /// Time passes, in which everybody who lives renews its name.
    fn pass(&mut self) {
        self.clock.forward(STEP);
        for process in &mut self.processes {
            process.tell(&format!("clock {}", STEP.as_secs()));
            process.tell("flush");
            process.unsure.clear();
        }
        for (_, silent) in &mut self.dead {
            *silent += STEP;
        }
    }

    fn look(&mut self) {
        for cap in &self.caps {
            let key = &*cap.key;
            let booked = self.booked.get(key).copied().unwrap_or_default();
            let found = wait(self.observer.spent(key)).unwrap();
            assert!(cap.allows(found.booked.plus(found.reserved)), "{key}: {found:?} is over {cap:?}");
            let open = sums(self.processes.iter().flat_map(|process| &process.open), key);
            // One step less, because nobody knows when in the last one it renewed its name.
            let counted =
                self.dead.iter().filter(|(_, silent)| *silent + STEP < LAPSED).map(|(call, _)| call);
            let real = booked.plus(open).plus(sums(counted, key));
            assert!(covers(found.booked.plus(found.reserved), real), "{key}: {found:?}, but it is {real:?}");
            let unsure = sums(self.processes.iter().flat_map(|process| &process.unsure), key);
            assert!(
                covers(booked, found.booked) && covers(found.booked.plus(unsure), booked),
                "{key}: {found:?}"
            );
        }
        // Each sees its own calls exactly.
        let (at, key) = (self.dice.usize(..self.processes.len()), KEYS[self.dice.usize(..KEYS.len())]);
        let spent = self.processes[at].tell(&format!("spent {key}"));
        let numbers: Vec<u64> = spent.split(' ').map(|number| number.parse().unwrap()).collect();
        let others = self.processes.iter().enumerate().filter(|(other, _)| *other != at);
        let unsure = sums(others.flat_map(|(_, process)| &process.unsure), key);
        let booked = self.booked.get(key).copied().unwrap_or_default();
        let seen = amount(numbers[0], numbers[1]);
        assert!(covers(booked, seen) && covers(seen.plus(unsure), booked), "{key}: {seen:?} of {booked:?}");
    }

    fn end(&mut self) {
        for at in 0..self.processes.len() {
            while !self.processes[at].open.is_empty() {
                self.settle(at);
            }
            self.processes[at].tell("close");
        }
        for key in KEYS {
            let found = wait(self.observer.spent(key)).unwrap();
            let booked = self.booked.get(key).copied().unwrap_or_default();
            assert_eq!(found.booked, booked, "{key}");
        }
        self.clock.forward(LAPSED + STEP);
        for key in KEYS {
            assert_eq!(wait(self.observer.spent(key)).unwrap().reserved, Amount::default(), "{key}");
        }
    }
}

fn covers(whole: Amount, part: Amount) -> bool {
    part.minus(whole) == Amount::default()
}

#[test]
fn processes_that_come_and_go_never_overrun_a_cap_and_book_what_was_spent() {
    if let Some(path) = task() {
        return obey(&path);
    }
    let cases = 20 * crate::support::amount("FORGE_TEST_SCALE", 1);
    let first = crate::support::amount("FORGE_TEST_SEED", 1);
    let mut counts = [0; 3];
    for seed in first..first + cases {
        println!("seed {seed}: FORGE_TEST_SEED={seed} FORGE_TEST_SCALE=1 shows it first");
        let mut world = World::new(seed);
        for _ in 0..400 {
            let at = world.dice.usize(..world.processes.len());
            match world.dice.u8(..100) {
                0..58 => world.reserve(at),
                58..88 => world.settle(at),
                88..95 => world.look(),
                95..97 => world.pass(),
                97..99 => world.kill(at),
                _ => world.close(at),
            }
        }
        world.look();
        world.end();
        for (count, more) in counts.iter_mut().zip([world.reserved, world.refused, world.killed]) {
            *count += more;
        }
    }
    let [reserved, refused, killed] = counts;
    println!("{reserved} calls, {refused} refused, {killed} kills, no overrun");
    assert!(reserved > 0 && refused > 0 && killed > 0);
}

/// Takes from one budget what it gets, some calls at a time, and says how much that was.
#[allow(clippy::print_stdout, reason = "it speaks to its parent")]
fn take_all(path: &str, seed: u64) {
    let (store, mut dice) = (Store::open(StoreOptions::new(path)).unwrap(), fastrand::Rng::with_seed(seed));
    let (mut open, mut total) = (Vec::new(), 0);
    let mut refused = false;
    for call in 1.. {
        match wait(store.reserve(&[all()], amount(0, 10), None)) {
            Ok(id) => open.push(id),
            Err(BudgetError::Exceeded { .. }) => refused = true,
            Err(error) => panic!("{error:?}"),
        }
        while open.len() > 5 || (refused && !open.is_empty()) {
            let actual = dice.u64(..=10);
            store.settle(open.swap_remove(dice.usize(..open.len())), amount(0, actual));
            total += actual;
        }
        if refused || call % 100 == 0 {
            put(&store, []);
            println!("\n= {total}");
        }
        if refused {
            return;
        }
    }
}

fn all() -> BudgetCap {
    BudgetCap::new("all").with_tokens(20_000)
}

#[test]
fn processes_at_once_of_which_some_are_killed_never_overrun_a_cap() {
    if let Some(task) = task() {
        let (seed, path) = task.split_once(' ').unwrap();
        return take_all(path, seed.parse().unwrap());
    }
    let name = "overruns::processes_at_once_of_which_some_are_killed_never_overrun_a_cap";
    for round in 0..3 * crate::support::amount("FORGE_TEST_SCALE", 1) {
        println!("round {round}");
        let dir = Dir::new();
        let observer = dir.open();
        let start = |at: u64| {
            let task = format!("{} {}", round * 4 + at, dir.db().display());
            Killed(child(name, &task).spawn().unwrap())
        };
        let children: Vec<_> = (0..4).map(start).collect();
        // Each is listened to for itself; the first is killed in the middle of it.
        let listen = move |(at, mut child): (usize, Killed)| {
            let lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
            let mut totals = lines.filter_map(|line| line.strip_prefix("= ")?.parse::<u64>().ok());
            if at > 0 {
                let last = totals.last().unwrap();
                assert!(child.0.wait().unwrap().success());
                return last;
            }
            // The others may leave it so little that it ends before.
            let seen = totals.by_ref().take(1 + usize::try_from(round % 4).unwrap()).last();
            child.0.kill().unwrap();
            totals.last().or(seen).unwrap()
        };
        let listeners: Vec<_> =
            children.into_iter().enumerate().map(|one| std::thread::spawn(move || listen(one))).collect();
        while !listeners.iter().all(std::thread::JoinHandle::is_finished) {
            let now = wait(observer.spent("all")).unwrap();
            assert!(all().allows(now.booked.plus(now.reserved)), "{now:?}");
        }
        let told: u64 = listeners.into_iter().map(|listener| listener.join().unwrap()).sum();
        let Spent { booked, reserved } = wait(observer.spent("all")).unwrap();
        println!("{told} told, {booked:?} booked, {reserved:?} of the dead");
        assert!(all().allows(booked.plus(reserved)) && told <= booked.tokens, "{booked:?}, {reserved:?}");
        // What is missing is at most what the dead one has set aside, so that the others have used the rest.
        assert!(booked.tokens + reserved.tokens > 20_000 - 10 * 8 * 4, "{booked:?}, {reserved:?}");
    }
}
