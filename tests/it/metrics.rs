//! The accounts of many calls, against the journal of the vendors that served them.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use forge::{ModelProvider, ModelTable, Money, TokenCount};
use forge_sim::{Sim, Vendor};
use serde_json::Value;

use crate::{Said, forge, run, with_sim};

/// A folder with a configuration of three simulated vendors and four roles, and the accounts.
struct Office(PathBuf);

const ROLES: [&str; 4] = ["drafter", "critic", "synthesizer", "coder"];

impl Office {
    fn new(sim: &Sim, name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("forge-metrics-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let yaml = format!(
            r#"schema_version: "1.0"
providers:
  claude: {{ type: anthropic, model: claude-sonnet-5-5, api_key: "${{KEY}}", endpoint: "{}" }}
  gpt:    {{ type: openai, model: gpt-6.2-sol, api_key: "${{KEY}}", endpoint: "{}" }}
  gemini: {{ type: google, model: gemini-3.8-flash, api_key: "${{KEY}}", endpoint: "{}" }}
roles:
  drafter:     {{ provider: claude, fallback: [gpt] }}
  critic:      {{ panel: [gemini, gpt] }}
  synthesizer: {{ provider: claude, fallback: [gemini] }}
  coder:       {{ provider: gpt, fallback: [claude] }}
retry: {{ max_attempts: 2, initial_backoff: 1ms }}
budget: {{ per_day_usd: 100 }}
"#,
            sim.base_url(Vendor::Anthropic),
            sim.base_url(Vendor::OpenAi),
            sim.base_url(Vendor::Google),
        );
        std::fs::write(folder.join("forge.yaml"), yaml).unwrap();
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = forge();
        command
            .env("KEY", "sk-test-1")
            .env("FORGE_HOME", &self.0)
            .args(arguments)
            .arg("--config")
            .arg(self.0.join("forge.yaml"));
        run(&mut command)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[&["metrics", "summary", "--format", "json"], arguments].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        serde_json::from_str(&said.stdout).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        // A folder that stays behind in the system's temporary one harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
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
        let tokens = TokenCount {
            input: Some(usage.input),
            cache_read: Some(usage.cache_read),
            cache_write_5m: Some(usage.cache_write_5m),
            cache_write_1h: Some(usage.cache_write_1h),
            output: Some(usage.output),
            reasoning: Some(usage.reasoning),
        };
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
        let office = Office::new(sim, "hundred");
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
                        let said = office.run(&["ask", &prompt, "--role", ROLES[task % 4]]);
                        assert_eq!(said.code, Some(0), "{}", said.stderr);
                    }
                });
            }
        });

        let vendors = took(sim, &forge::models());
        assert_eq!(vendors.values().map(|took| took.successes).sum::<u64>(), 100);
        let summary = office.json(&["--by", "provider"]);
        assert_eq!(number(&summary["total"]["calls"]), 100);
        let rows = summary["rows"].as_array().unwrap();
        let ours: BTreeMap<&str, Took> = rows
            .iter()
            .map(|row| {
                let took = Took {
                    attempts: number(&row["attempts"]),
                    successes: number(&row["successes"]),
                    tokens: tokens(row),
                    cost: number(&row["cost"]),
                };
                (row["provider"].as_str().unwrap(), took)
            })
            .collect();
        assert_eq!(ours, vendors);
        assert!(number(&summary["total"]["retries"]) > 0 && number(&summary["total"]["unknown_cost"]) == 0);

        // Every way to ask gives the same numbers.
        let coder = office.json(&["--provider", "gpt", "--role", "coder", "--by", "role"]);
        assert_eq!(number(&coder["total"]["calls"]), 25);
        let csv = office.run(&["metrics", "export", "--format", "csv", "-q"]).stdout;
        assert_eq!(csv.lines().count() as u64, 1 + vendors.values().map(|took| took.attempts).sum::<u64>());
        let lines = office.run(&["metrics", "export", "--format", "jsonl", "-q"]).stdout;
        let cost: u64 = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["cost_nano_usd"].as_u64().unwrap_or(0))
            .sum();
        assert_eq!(cost, vendors.values().map(|took| took.cost).sum::<u64>());
        let table = office.run(&["metrics", "summary"]).stdout;
        assert!(
            table.contains("claude-sonnet-5-5") && table.lines().any(|line| line.starts_with("all")),
            "{table}"
        );

        let page = office.path("page.html");
        assert_eq!(office.run(&["metrics", "summary", "--html", &page]).code, Some(0));
        let html = std::fs::read_to_string(&page).unwrap();
        let dollars = Money::from_nanos(cost).dollars();
        assert!(html.contains("<b>100</b>") && html.contains(&format!("<b>${dollars:.4}</b>")), "{html}");
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    });
}

#[test]
fn accounts_that_cannot_be_written_fail_no_call() {
    with_sim("{}", |sim| {
        let office = Office::new(sim, "unwritable");
        let broken = office.path("forge.db");
        std::fs::create_dir_all(&broken).unwrap();
        let said = office.run(&["ask", "hello", "--role", "coder"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(
            said.stderr.contains("go to the spool") && said.stderr.contains("is a directory"),
            "{}",
            said.stderr
        );
        let said = office.run(&["metrics", "summary"]);
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains("error[E006]"), "{}", said.stderr);
    });
}

#[test]
fn absurd_questions_are_usage_errors_and_an_empty_book_is_none() {
    with_sim("{}", |sim| {
        let office = Office::new(sim, "questions");
        assert_eq!(office.run(&["metrics", "summary"]).stdout, "no calls are recorded\n");
        for arguments in [
            &["metrics", "summary", "--since", "yesterday"][..],
            &["metrics", "summary", "--since", "2026-11-21", "--until", "2026-11-20"],
            &["metrics", "summary", "--by", "weather"],
            &["metrics", "prune", "--before", ""],
            &["metrics", "reprice", "--prices", "/no/such/file.json"],
        ] {
            let said = office.run(arguments);
            assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", said.stderr);
        }
        assert_eq!(
            office
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
        let office = Office::new(sim, "apart");
        assert_eq!(office.run(&["ask", "hello", "--offline"]).code, Some(0));
        assert_eq!(number(&office.json(&[])["total"]["calls"]), 0);
        let simulated = office.json(&["--offline"]);
        assert_eq!((number(&simulated["total"]["calls"]), &simulated["simulated"]), (1, &Value::Bool(true)));
        let table = office.run(&["metrics", "summary", "--offline"]).stdout;
        assert!(table.starts_with("SIMULATED\n"), "{table}");
    });
}

#[test]
fn a_corrected_price_changes_the_past_and_pruning_keeps_its_sums() {
    with_sim("{}", |sim| {
        let office = Office::new(sim, "reprice");
        for _ in 0..3 {
            assert_eq!(office.run(&["ask", "hello", "--role", "coder"]).code, Some(0));
        }
        let before = office.json(&[])["total"].clone();
        let prices = r#"[{"provider": "openai", "id": "gpt-6.2-sol", "source": "a letter", "checked": "2026-11-21",
            "prices": [{"tiers": [{"input": "0", "output": "1000000"}]}]}]"#;
        std::fs::write(office.path("prices.json"), prices).unwrap();
        let said = office.run(&["metrics", "reprice", "--prices", &office.path("prices.json")]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stderr.contains("3 attempts cost $"), "{}", said.stderr);
        let after = office.json(&[])["total"].clone();
        let output = number(&after["tokens"]["output"]) + number(&after["tokens"]["reasoning"]);
        assert_eq!(number(&after["cost"]), output * 1_000_000_000);
        assert_eq!(tokens(&after), tokens(&before));

        let said = office.run(&[
            "metrics",
            "prune",
            "--before",
            "2100-01-01",
            "--archive",
            &office.path("old.jsonl"),
        ]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert_eq!(std::fs::read_to_string(office.path("old.jsonl")).unwrap().lines().count(), 3);
        assert_eq!(
            office.run(&["metrics", "export", "-q"]).stdout.lines().count(),
            1,
            "only the heading is left"
        );
        assert_eq!(number(&office.json(&[])["total"]["cost"]), number(&after["cost"]));
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
        let office = Office::new(sim, "browser");
        for role in ROLES {
            assert_eq!(office.run(&["ask", "hello", "--role", role]).code, Some(0));
        }
        let page = office.path("page.html");
        assert_eq!(office.run(&["metrics", "summary", "--html", &page]).code, Some(0));
        let mut command = std::process::Command::new(browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.arg(format!("--user-data-dir={}", office.path("browser")));
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
fn the_doctor_tells_what_is_wrong_with_the_accounts_and_shows_no_key() {
    with_sim("{}", |sim| {
        let office = Office::new(sim, "doctor");
        let doctor = |arguments: &[&str]| office.run(&[&["doctor"], arguments].concat());
        let said = doctor(&["--live"]);
        assert_eq!(said.code, Some(0), "{}", said.stdout);
        for expected in
            ["forge.yaml: 3 providers, 0 warnings", "forge.db: ", "claude ready, gemini ready, gpt ready"]
        {
            assert!(said.stdout.contains(expected), "{expected}: {}", said.stdout);
        }
        std::fs::remove_file(office.path("forge.db")).unwrap();
        std::fs::create_dir_all(office.path("forge.db")).unwrap();
        assert_eq!(office.run(&["ask", "hello", "--role", "coder"]).code, Some(0));
        let said = doctor(&["--json"]);
        assert_eq!(said.code, Some(1));
        let object: Value = serde_json::from_str(&said.stdout).unwrap();
        let accounts = &object["findings"].as_array().unwrap()[3];
        assert_eq!((&accounts["topic"], &accounts["ok"]), (&"accounts".into(), &Value::Bool(false)));
        assert!(accounts["text"].as_str().unwrap().contains("is a directory"), "{accounts}");
        assert!(number(&accounts["facts"]["status"]["spool_bytes"]) > 0, "{accounts}");
        assert!(!said.stdout.contains("sk-test"));
    });
}
