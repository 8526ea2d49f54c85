//! Text reaches an agent byte for byte, once, and nothing in it is obeyed.

use forge_worker::{DeliverError, Delivery, LONGEST_PASTE, Message, SpawnRequest};

use crate::yard::{Yard, scale, until, worker};

/// A worker that keeps every prompt byte for byte, and the file.
async fn recording(yard: &Yard, id: &str) -> std::path::PathBuf {
    let record = yard.root.join(format!("{id}.prompts"));
    yard.sim(id, &["--record", record.to_str().unwrap()]).await;
    yard.is(id, "ready").await;
    record
}

fn prompts(record: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(record).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_text_arrives_byte_for_byte_and_only_once() {
    let yard = Yard::new();
    let record = recording(&yard, "alpha").await;
    let text = "/plan 'one' \"two\" `three` $HOME; \n\tabc;\n\n\\ 漢字 🎉\n@file !bang #{pane_id} %H ~";
    let message = Message::new("1", text);
    for _ in 0..3 {
        let sent = yard.launcher.deliver(&worker("alpha"), &message).await.unwrap();
        assert_eq!(sent, Delivery::Delivered);
        yard.is("alpha", "ready").await;
    }
    assert_eq!(prompts(&record), [text]);
    let other = yard.launcher.deliver(&worker("alpha"), &Message::new("1", "else")).await;
    assert!(matches!(other, Err(DeliverError::OtherText { .. })), "{other:?}");
}

#[tokio::test]
async fn the_end_of_a_paste_inside_of_a_text_is_refused() {
    let yard = Yard::new();
    let record = recording(&yard, "alpha").await;
    for text in ["a\u{1b}[201~\rrm -rf /", "a\0b", "a\rb", "a\u{9b}201~", "\u{7f}"] {
        let refused = yard.launcher.deliver(&worker("alpha"), &Message::new(text, text)).await;
        assert!(matches!(refused, Err(DeliverError::ControlCharacter { .. })), "{refused:?}");
    }
    assert!(prompts(&record).is_empty());
}

#[tokio::test]
async fn nothing_is_typed_into_an_agent_that_is_not_ready() {
    let yard = Yard::new();
    let record = yard.root.join("prompts");
    yard.sim("alpha", &["--record", record.to_str().unwrap()]).await;
    yard.send("alpha", "permission").await;
    yard.is("alpha", "waiting_permission").await;
    let refused = yard.launcher.deliver(&worker("alpha"), &Message::new("x", "yes")).await;
    assert!(
        matches!(refused, Err(DeliverError::NotReady { state: "waiting_permission", .. })),
        "{refused:?}"
    );
    assert_eq!(prompts(&record), ["permission"]);
    yard.tmux(&["send-keys", "-t", "=forge-worker-alpha:", "y"]);
    yard.is("alpha", "ready").await;
}

#[tokio::test]
async fn copy_mode_is_left_and_input_that_is_off_is_told() {
    let yard = Yard::new();
    let record = recording(&yard, "alpha").await;
    yard.tmux(&["copy-mode", "-t", "=forge-worker-alpha:"]);
    yard.launcher.deliver(&worker("alpha"), &Message::new("1", "one\ntwo")).await.unwrap();
    assert_eq!(prompts(&record), ["one\ntwo"]);
    yard.is("alpha", "ready").await;
    yard.tmux(&["select-pane", "-d", "-t", "=forge-worker-alpha:"]);
    let refused = yard.launcher.deliver(&worker("alpha"), &Message::new("2", "three")).await;
    assert!(matches!(refused, Err(DeliverError::InputOff)), "{refused:?}");
    yard.tmux(&["select-pane", "-e", "-t", "=forge-worker-alpha:"]);
    yard.launcher.deliver(&worker("alpha"), &Message::new("2", "three")).await.unwrap();
    assert_eq!(
        prompts(&record),
        ["one\ntwo", "three"],
        "a refusal before the paste does not use the message up"
    );
}

#[tokio::test]
async fn a_long_text_becomes_a_file_that_the_prompt_names() {
    let yard = Yard::new();
    let record = recording(&yard, "alpha").await;
    let most = "ä".repeat(LONGEST_PASTE / 2);
    yard.launcher.deliver(&worker("alpha"), &Message::new("1", &most)).await.unwrap();
    yard.is("alpha", "ready").await;
    let more = format!("{most}x");
    yard.launcher.deliver(&worker("alpha"), &Message::new("2", &more)).await.unwrap();
    let seen = prompts(&record);
    assert_eq!(seen[0], most);
    let path = seen[1].strip_prefix("Read the file ").unwrap().split(" and do").next().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), more);
}

#[tokio::test]
async fn a_text_without_a_record_is_undelivered_and_never_pasted_again() {
    let yard = Yard::new();
    // An agent that looks ready and records nothing.
    std::fs::create_dir_all(yard.launcher.home().root().join("agents")).unwrap();
    let definition = "name = \"deaf\"\nargv = [\"sh\", \"-c\", \"echo 'sim> '; cat >> got.txt\"]\n\
                      [[panes]]\npattern = '(?m)^sim>'\nstate = \"ready\"\n[delivery]\nrecord = \"UserPromptSubmit\"\n";
    std::fs::write(yard.launcher.home().root().join("agents/deaf.toml"), definition).unwrap();
    yard.launcher.spawn(SpawnRequest::new("alpha", yard.config("deaf"))).await.unwrap();
    yard.is("alpha", "ready").await;
    let message = Message::new("1", "hello");
    for _ in 0..2 {
        let lost = yard.launcher.deliver(&worker("alpha"), &message).await;
        assert!(matches!(lost, Err(DeliverError::Undelivered)), "{lost:?}");
        yard.is("alpha", "undelivered").await;
    }
    let got = || std::fs::read_to_string(yard.work().join("got.txt")).unwrap_or_default();
    until("it was pasted", || !got().is_empty()).await;
    assert_eq!(got(), "hello\n");
    // The record of another text proves nothing; that of this one does, however late.
    let run = yard.place("alpha").spec().unwrap().run;
    let records = |prompt: &str| {
        let report = serde_json::json!({"hook_event_name": "UserPromptSubmit", "prompt": prompt});
        yard.hook(&["deaf"], &report.to_string(), &run)
    };
    records("hello, and more");
    let lost = yard.launcher.deliver(&worker("alpha"), &message).await;
    assert!(matches!(lost, Err(DeliverError::Undelivered)), "{lost:?}");
    let status = yard.launcher.check_status(&worker("alpha")).await.unwrap();
    assert_eq!(status, forge_worker::WorkerStatus::Active);
    records("hello");
    assert_eq!(yard.launcher.deliver(&worker("alpha"), &message).await.unwrap(), Delivery::Delivered);
    assert_eq!(got(), "hello\n");
}

#[tokio::test]
async fn an_agent_without_a_record_leaves_a_delivery_unconfirmed() {
    let yard = Yard::new();
    let config = yard.config("generic").with_arguments(["sh", "-c", "echo prompt; cat > got.txt"]);
    yard.launcher.spawn(SpawnRequest::new("alpha", config.with_ready("^prompt"))).await.unwrap();
    yard.is("alpha", "ready").await;
    let sent = yard.launcher.deliver(&worker("alpha"), &Message::new("1", "hello")).await.unwrap();
    assert_eq!(sent, Delivery::Unconfirmed);
    until("it arrives", || {
        std::fs::read_to_string(yard.work().join("got.txt")).is_ok_and(|text| text == "hello\n")
    })
    .await;
}

/// Names, titles and prompts that would do something if anybody executed or expanded them. Every execution would leave a file.
#[tokio::test]
async fn hostile_texts_do_nothing_and_arrive_as_they_are() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let yard = Yard::new();
    let record = recording(&yard, "alpha").await;
    let owned = yard.root.join("owned");
    let owned = owned.display();
    let bits = [
        format!("$(touch {owned})"),
        format!("`touch {owned}`"),
        format!("; touch {owned} ;"),
        format!("#(touch {owned})"),
        format!("' && touch {owned} '"),
        "\" ".into(),
        "#{session_name}".into(),
        "%1".into(),
        "=x:0".into(),
        "-t".into(),
        "\n".into(),
        "\t".into(),
        "\\".into(),
        "\\n".into(),
        "{".into(),
        "}".into(),
        "|".into(),
        "!".into(),
        "~".into(),
        "&".into(),
        "漢".into(),
        "🎉".into(),
        "e\u{301}".into(),
        "C-c".into(),
        "Enter".into(),
        ";".into(),
        "'".into(),
    ];
    let mut sent = Vec::new();
    for count in 0..25 * scale() {
        let length = random.usize(1..8);
        let text: String = (0..length).map(|_| bits[random.usize(..bits.len())].as_str()).collect();
        let text = format!("x{text}");
        yard.is("alpha", "ready").await;
        yard.launcher.deliver(&worker("alpha"), &Message::new(count.to_string(), &text)).await.unwrap();
        sent.push(text);
    }
    assert_eq!(prompts(&record), sent, "seed {seed}");
    for count in 0..475 * scale() {
        let length = random.usize(1..6);
        let name: String = (0..length).map(|_| bits[random.usize(..bits.len())].as_str()).collect();
        let config = yard.config("sim").with_timeout(1);
        let request = if count % 2 == 0 {
            SpawnRequest::new(format!("{name}$"), config)
        } else {
            let mut config = config;
            config.session = format!("{name}.");
            SpawnRequest::new("beta", config)
        };
        let refused = yard.launcher.spawn(request).await;
        assert!(matches!(refused, Err(forge_worker::LauncherError::Name(_))), "{name:?}: {refused:?}");
    }
    assert!(!yard.root.join("owned").exists(), "seed {seed}");
}
