//! The accounts of many calls, against the journal of the vendors that served them.

mod forms;
mod sql;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use forge::{ModelProvider, ModelTable, Money, TokenCount};
use forge_sim::{Sim, Vendor};
use serde_json::Value;

use crate::{place::Place, run, with_sim};

const ROLES: [&str; 4] = ["drafter", "critic", "synthesizer", "coder"];

const JOBS: &str = r"
roles:
  drafter:     { provider: claude, fallback: [gpt] }
  critic:      { panel: [gemini, gpt] }
  synthesizer: { provider: claude, fallback: [gemini] }
  coder:       { provider: gpt, fallback: [claude] }
retry: { max_attempts: 2, initial_backoff: 1ms }
budget: { per_day_usd: 100 }
";

fn summary(place: &Place, arguments: &[&str]) -> Value {
    let said = place.run(&[&["metrics", "summary", "--format", "json"], arguments].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

/// What a vendor's journal says that its replies took.
#[derive(Debug, Default, PartialEq)]
struct Took {
    attempts: u64,
    successes: u64,
    tokens: u64,
    cost: u64,
}

fn took(sim: &Sim, prices: &ModelTable) -> BTreeMap<&'static str, Took> {
    let day = chrono::Utc::now().date_naive();
    let mut all: BTreeMap<&'static str, Took> = BTreeMap::new();
    for request in sim.journal() {
        let (id, vendor) = match request.vendor.unwrap() {
            Vendor::Anthropic => ("claude", ModelProvider::Anthropic),
            Vendor::OpenAi => ("gpt", ModelProvider::OpenAI),
            _ => ("gemini", ModelProvider::Google),
        };
        let outcome = request.outcome.unwrap();
        let took = all.entry(id).or_default();
        took.attempts += 1;
        let Some(usage) = outcome.usage.filter(|_| outcome.status == Some(200)) else { continue };
        took.successes += 1;
        took.tokens += usage.total();
        let tokens = TokenCount::default()
            .with_input(usage.input)
            .with_cache_read(usage.cache_read)
            .with_cache_write_5m(usage.cache_write_5m)
            .with_cache_write_1h(usage.cache_write_1h)
            .with_output(usage.output)
            .with_reasoning(usage.reasoning);
        let model = outcome.model_served.unwrap().as_str().into();
        took.cost += prices.cost(&vendor, &model, day, &tokens).map_or(0, Money::nanos);
    }
    all
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn tokens(row: &Value) -> u64 {
    row["tokens"].as_object().unwrap().values().map(number).sum()
}

#[test]
fn a_hundred_tasks_agree_with_the_vendors_to_the_token_and_the_nano_dollar() {
    // One call in ten of the coder's first choice fails once, and is made again.
    let scenario = "rules: [{ vendor: openai, nth: { every: 10 }, error: { kind: overloaded } }]";
    with_sim(scenario, |sim| {
        let place = Place::with("hundred", sim, JOBS);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let task = next.fetch_add(1, Ordering::Relaxed);
                        if task >= 100 {
                            return;
                        }
                        let prompt = format!("Task {task}: name {} things.", task % 7);
                        let said = place.run(&["ask", &prompt, "--role", ROLES[task % 4]]);
                        assert_eq!(said.code, Some(0), "{}", said.stderr);
                    }
                });
            }
        });

        let vendors = took(sim, &forge::models());
        assert_eq!(vendors.values().map(|took| took.successes).sum::<u64>(), 100);
        let all = summary(&place, &["--by", "provider"]);
        assert_eq!(number(&all["total"]["calls"]), 100);
        let rows = all["rows"].as_array().unwrap();
        let ours: BTreeMap<&str, Took> = rows
            .iter()
            .map(|row| {
                let took = Took {
                    attempts: number(&row["attempts"]),
                    successes: number(&row["successes"]),
                    tokens: tokens(row),
                    cost: number(&row["cost_nano_usd"]),
                };
                (row["provider"].as_str().unwrap(), took)
            })
            .collect();
        assert_eq!(ours, vendors);
        assert!(number(&all["total"]["retries"]) > 0 && number(&all["total"]["unknown_cost"]) == 0);

        // Every way to ask gives the same numbers.
        let coder = summary(&place, &["--provider", "gpt", "--role", "coder", "--by", "role"]);
        assert_eq!(number(&coder["total"]["calls"]), 25);
        let csv = place.run(&["metrics", "export", "--format", "csv", "-q"]).stdout;
        assert_eq!(csv.lines().count() as u64, 1 + vendors.values().map(|took| took.attempts).sum::<u64>());
        let lines = place.run(&["metrics", "export", "--format", "jsonl", "-q"]).stdout;
        let cost: u64 = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["cost_nano_usd"].as_u64().unwrap_or(0))
            .sum();
        assert_eq!(cost, vendors.values().map(|took| took.cost).sum::<u64>());
        let table = place.run(&["metrics", "summary"]).stdout;
        assert!(
            table.contains("claude-sonnet-5-5") && table.lines().any(|line| line.starts_with("all")),
            "{table}"
        );

        let page = place.path("page.html");
        assert_eq!(place.run(&["metrics", "summary", "--html", &page]).code, Some(0));
        let html = std::fs::read_to_string(&page).unwrap();
        let dollars = Money::from_nanos(cost).dollars();
        assert!(html.contains("<b>100</b>") && html.contains(&format!("<b>${dollars:.4}</b>")), "{html}");
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    });
}

#[test]
fn accounts_that_cannot_be_written_fail_no_call() {
    with_sim("{}", |sim| {
        let place = Place::with("unwritable", sim, JOBS);
        let broken = place.path("forge.db");
        std::fs::create_dir_all(&broken).unwrap();
        let said = place.run(&["ask", "hello", "--role", "coder"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(
            said.stderr.contains("go to the spool") && said.stderr.contains("is a directory"),
            "{}",
            said.stderr
        );
        let said = place.run(&["metrics", "summary"]);
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains("error[E006]"), "{}", said.stderr);
        let said = place.run(&["ask", "hello", "--role", "coder", "-q"]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "only errors are said");
    });
}

#[test]
fn absurd_questions_are_usage_errors_and_an_empty_book_is_none() {
    with_sim("{}", |sim| {
        let place = Place::with("questions", sim, JOBS);
        assert_eq!(place.run(&["metrics", "summary"]).stdout, "no calls are recorded\n");
        for arguments in [
            &["metrics", "summary", "--since", "yesterday"][..],
            &["metrics", "summary", "--since", "2026-11-21", "--until", "2026-11-20"],
            &["metrics", "summary", "--by", "weather"],
            &["metrics", "prune", "--before", ""],
            &["metrics", "reprice", "--prices", "/no/such/file.json"],
        ] {
            let said = place.run(arguments);
            assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", said.stderr);
        }
        assert_eq!(
            place
                .run(&["metrics", "summary", "--provider", "nobody", "--format", "csv"])
                .stdout
                .lines()
                .count(),
            1
        );
    });
}

#[test]
fn simulated_calls_are_accounted_for_apart() {
    with_sim("{}", |sim| {
        let place = Place::with("apart", sim, JOBS);
        assert_eq!(place.run(&["ask", "hello", "--offline"]).code, Some(0));
        assert_eq!(number(&summary(&place, &[])["total"]["calls"]), 0);
        let simulated = summary(&place, &["--offline"]);
        assert_eq!((number(&simulated["total"]["calls"]), &simulated["simulated"]), (1, &Value::Bool(true)));
        let table = place.run(&["metrics", "summary", "--offline"]).stdout;
        assert!(table.starts_with("SIMULATED\n"), "{table}");
        let page = place.path("hours.html");
        place.run(&["metrics", "summary", "--offline", "--by", "hour", "--html", &page]);
        let html = std::fs::read_to_string(&page).unwrap();
        assert!(html.contains("h</td>"), "each hour has its name: {html}");
    });
}

#[test]
fn a_corrected_price_changes_the_past_and_pruning_keeps_its_sums() {
    with_sim("{}", |sim| {
        let place = Place::with("reprice", sim, JOBS);
        for _ in 0..3 {
            assert_eq!(place.run(&["ask", "hello", "--role", "coder"]).code, Some(0));
        }
        let before = summary(&place, &[])["total"].clone();
        let prices = r#"[{"provider": "openai", "id": "gpt-6.2-sol", "source": "a letter", "checked": "2026-11-21",
            "prices": [{"tiers": [{"input": "0", "output": "1000000"}]}]}]"#;
        std::fs::write(place.path("prices.json"), prices).unwrap();
        let said = place.run(&["metrics", "reprice", "--prices", &place.path("prices.json")]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stderr.contains("3 attempts cost $"), "{}", said.stderr);
        let after = summary(&place, &[])["total"].clone();
        let output = number(&after["tokens"]["output"]) + number(&after["tokens"]["reasoning"]);
        assert_eq!(number(&after["cost_nano_usd"]), output * 1_000_000_000);
        assert_eq!(tokens(&after), tokens(&before));

        let said =
            place.run(&["metrics", "prune", "--before", "2100-01-01", "--archive", &place.path("old.jsonl")]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let told =
            "3 attempts that began before 2100-01-01T00:00:00Z removed: days are cut at midnight (UTC)";
        assert!(said.stderr.starts_with(told), "{}", said.stderr);
        assert_eq!(std::fs::read_to_string(place.path("old.jsonl")).unwrap().lines().count(), 3);
        assert_eq!(
            place.run(&["metrics", "export", "-q"]).stdout.lines().count(),
            1,
            "only the heading is left"
        );
        assert_eq!(number(&summary(&place, &[])["total"]["cost_nano_usd"]), number(&after["cost_nano_usd"]));
    });
}

#[test]
fn a_real_browser_draws_the_page() {
    let Some(browser) = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .find(|path| PathBuf::from(path).exists())
    else {
        println!("SKIPPED: chromium is not installed, so the page is not looked at");
        return;
    };
    with_sim("{}", |sim| {
        let place = Place::with("browser", sim, JOBS);
        for role in ROLES {
            assert_eq!(place.run(&["ask", "hello", "--role", role]).code, Some(0));
        }
        let page = place.path("page.html");
        assert_eq!(place.run(&["metrics", "summary", "--html", &page]).code, Some(0));
        let mut command = std::process::Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.arg(format!("--user-data-dir={}", place.path("browser")));
        let said = run(command.args(["--dump-dom"]).arg(format!("file://{page}")));
        let (drawn, written) = (said.stdout, std::fs::read_to_string(&page).unwrap());
        for mark in ["<rect", "<text", "<svg", "<tr>"] {
            assert!(written.matches(mark).count() > 2, "{mark}");
            assert_eq!(drawn.matches(mark).count(), written.matches(mark).count(), "{mark}: {}", said.stderr);
        }
        assert!(drawn.contains("<b>4</b>") && drawn.contains("claude-sonnet-5-5"), "{drawn}");
    });
}

#[test]
fn the_doctor_finds_noise_in_the_accounts_that_nobody_has_read() {
    let place = Place::new("doctor-noise");
    for _ in 0..2 {
        assert_eq!(place.run(&["ask", "hello", "--offline"]).code, Some(0));
    }
    std::fs::copy(place.path("simulated.db"), place.path("forge.db")).unwrap();
    assert!(accounts(&place)["facts"]["fault"].is_null());
    let mut bytes = std::fs::read(place.path("forge.db")).unwrap();
    let half = bytes.len() / 8_192 * 4_096;
    for page in bytes[half..].chunks_mut(4_096) {
        page[..64].fill(0xa5);
    }
    std::fs::write(place.path("forge.db"), bytes).unwrap();
    let found = accounts(&place);
    assert_eq!(found["ok"], false, "{found}");
    assert!(found["text"].as_str().unwrap().contains("is damaged"), "{found}");
}

/// What the doctor says of the accounts.
fn accounts(place: &Place) -> Value {
    let said = place.run(&["doctor", "--json"]);
    let object: Value = serde_json::from_str(&said.stdout).unwrap();
    let findings = object["findings"].as_array().unwrap();
    findings.iter().find(|one| one["topic"] == "accounts").unwrap().clone()
}

#[test]
fn the_doctor_tells_what_is_wrong_with_the_accounts_and_shows_no_key() {
    with_sim("{}", |sim| {
        let place = Place::with("doctor", sim, JOBS);
        let doctor = |arguments: &[&str]| place.run(&[&["doctor"], arguments].concat());
        let said = doctor(&["--live"]);
        assert_eq!(said.code, Some(0), "{}", said.stdout);
        for expected in
            ["config.yaml: 3 providers, 0 warnings", "forge.db: ", "claude ready, gpt ready, gemini ready"]
        {
            assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
        }
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(place.path("forge.db"), open).unwrap();
        let said = doctor(&[]);
        assert!(said.stdout.contains("mode 600, "), "others may no longer read it: {}", said.stdout);
        std::fs::remove_file(place.path("forge.db")).unwrap();
        std::fs::create_dir_all(place.path("forge.db")).unwrap();
        assert_eq!(place.run(&["ask", "hello", "--role", "coder"]).code, Some(0));
        let said = doctor(&["--json"]);
        assert_eq!(said.code, Some(1));
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        let findings = object["findings"].as_array().unwrap();
        let accounts = findings.iter().find(|one| one["topic"] == "accounts").unwrap();
        assert_eq!(accounts["ok"], false);
        assert!(accounts["text"].as_str().unwrap().contains("is a directory"), "{accounts}");
        assert!(number(&accounts["facts"]["status"]["spool_bytes"]) > 0, "{accounts}");
        assert!(!said.stdout.contains("sk-test"));
    });
}

#[test]
fn a_call_that_cannot_be_true_is_taken_out_of_every_sum_and_budget() {
    with_sim("{}", |sim| {
        // A day has room for the reservation of one call beside what one call costs.
        let place = Place::with("forget", sim, JOBS);
        for _ in 0..2 {
            assert_eq!(place.run(&["ask", "hello", "--role", "coder", "--max-tokens", "100"]).code, Some(0));
        }
        let exported = place.run(&["metrics", "export", "--format", "json", "-q"]);
        let document: Value = serde_json::from_str(&exported.stdout).unwrap();
        assert_eq!(document["version"], "2.0");
        let attempts = document["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 2);
        let cost = |at: usize| number(&attempts[at]["cost_nano_usd"]);
        let before = summary(&place, &[])["total"].clone();
        assert_eq!(number(&before["cost_nano_usd"]), cost(0) + cost(1));

        let call = attempts[0]["call_id"].as_str().unwrap();
        let said = place.run(&["metrics", "forget", call]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stderr.starts_with("1 attempts, "), "{}", said.stderr);
        let after = summary(&place, &[])["total"].clone();
        assert_eq!(number(&after["cost_nano_usd"]), cost(1));
        assert_eq!((number(&after["calls"]), number(&after["unknown_cost"])), (2, 1));
        let by_hour = summary(&place, &["--by", "hour"]);
        assert_eq!(number(&by_hour["total"]["cost_nano_usd"]), cost(1));
        let day = chrono::Utc::now().format("%F");
        let store =
            forge::store::Store::open(forge::store::StoreOptions::new(place.path("forge.db"))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let spent = runtime
            .block_on(forge::storage::budget::BudgetStore::spent(&store, &format!("day:{day}")))
            .unwrap();
        assert_eq!(spent.booked.money, Money::from_nanos(cost(1)));
        drop(store);

        // Twice takes nothing twice, and nobody is guessed.
        let said = place.run(&["metrics", "forget", call]);
        assert!(said.code == Some(0) && said.stderr.starts_with("0 attempts, 0 tokens"), "{}", said.stderr);
        for unknown in ["nonsense", "01939b00-0000-7000-8000-000000000000"] {
            assert_eq!(place.run(&["metrics", "forget", unknown]).code, Some(2), "{unknown}");
        }
    });
}

#[test]
fn a_backup_is_written_while_others_go_on_and_taken_back_on_demand() {
    with_sim("{}", |sim| {
        let place = Place::with("backup", sim, JOBS);
        let ask = || assert_eq!(place.run(&["ask", "hello", "--role", "coder"]).code, Some(0));
        ask();
        let copy = place.path("copy.db");
        let said = place.run(&["backup", &copy]);
        assert!(
            said.code == Some(0) && said.stderr.contains("every page was read and is intact"),
            "{}",
            said.stderr
        );
        assert_eq!(place.run(&["backup", &copy]).code, Some(2), "a good file is not written over");
        ask();
        let said = place.run(&["backup", "restore", &copy]);
        assert!(said.code == Some(2) && said.stderr.contains("--force"), "{}", said.stderr);
        assert_eq!(number(&summary(&place, &[])["total"]["calls"]), 2);
        let said = place.run(&["backup", "restore", &copy, "--force"]);
        assert!(said.code == Some(0) && said.stderr.contains("before-restore-1"), "{}", said.stderr);
        assert_eq!(number(&summary(&place, &[])["total"]["calls"]), 1);
        assert_eq!(place.run(&["backup"]).code, Some(2));
        assert_eq!(place.run(&["backup", "restore", &place.path("config.yaml"), "--force"]).code, Some(1));
    });
}
