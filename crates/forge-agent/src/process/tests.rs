#![cfg(unix)]

use std::{
    fs, path::PathBuf, process::Command as Plain, sync::atomic::AtomicUsize, thread::JoinHandle,
    time::Instant,
};

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn limits(timeout: Duration) -> Limits {
    Limits { timeout, output: 10_000 }
}

fn environment() -> BTreeMap<String, String> {
    BTreeMap::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())])
}

async fn sh(script: &str, stdin: &[u8], limits: Limits) -> Ended {
    let argv = ["sh", "-c", script].map(str::to_owned);
    run(&argv, Path::new("/"), &environment(), stdin, limits).await.unwrap()
}

/// A pipe that tells whether anybody who has it open lives on: it is at its end once they are all gone.
struct Witness {
    path: PathBuf,
    reader: JoinHandle<String>,
}

impl Witness {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("forge-agent-process-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        assert!(Plain::new("mkfifo").arg(&path).status().unwrap().success());
        let from = path.clone();
        Self { path, reader: std::thread::spawn(move || fs::read_to_string(from).unwrap()) }
    }

    /// What was written by those who were not ended.
    fn said(self) -> String {
        let said = self.reader.join().unwrap();
        fs::remove_file(self.path).unwrap();
        said
    }
}

#[tokio::test]
async fn a_program_has_its_input_folder_and_environment_and_no_other() {
    let mut env = environment();
    env.insert("COLOUR".to_owned(), "red".to_owned());
    let argv = ["sh", "-c", "cat; pwd; echo $COLOUR ${HOME-none}; echo wrong >&2; exit 3"].map(str::to_owned);
    let ended = run(&argv, Path::new("/usr"), &env, b"given\n", limits(LONG)).await.unwrap();
    assert_eq!(ended.exit, Exit::Code(3));
    assert_eq!(ended.stdout.text(), "given\n/usr\nred none\n");
    assert_eq!(ended.stderr.text(), "wrong\n");
}

#[tokio::test]
async fn input_that_nobody_reads_keeps_nobody() {
    let input = vec![b'x'; 1 << 20];
    let ended = sh("exit 0", &input, limits(LONG)).await;
    assert_eq!(ended.exit, Exit::Code(0));
    let begun = Instant::now();
    let ended = sh("exec <&-; sleep 0.1", &input, limits(LONG)).await;
    assert!(ended.exit.is_success() && begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn endless_output_without_a_line_is_cut_and_the_program_goes_on() {
    let ended = sh("head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2", b"", limits(LONG)).await;
    assert_eq!(ended.exit, Exit::Code(0));
    assert_eq!((ended.stdout.bytes.len(), ended.stdout.dropped), (10_000, 990_000));
    assert_eq!((ended.stderr.bytes.len(), ended.stderr.dropped), (10_000, 290_000));
    let ended = sh("cat /dev/zero", b"", limits(Duration::from_millis(200))).await;
    assert_eq!(ended.exit, Exit::TimedOut);
    assert_eq!(ended.stdout.bytes.len(), 10_000);
}

#[tokio::test]
async fn a_crash_is_told_with_its_signal() {
    assert_eq!(sh("kill -SEGV $$", b"", limits(LONG)).await.exit, Exit::Signal(11));
    assert_eq!(Exit::Signal(11).to_string(), "was ended by signal 11");
}

#[tokio::test]
async fn what_cannot_be_started_is_an_error() {
    let start = async |program: &str, cwd: &str| {
        let argv = [program.to_owned()];
        run(&argv, Path::new(cwd), &environment(), b"", limits(LONG)).await.unwrap_err().kind()
    };
    assert_eq!(start("forge-has-no-such-program", "/").await, io::ErrorKind::NotFound);
    assert_eq!(start("/etc/passwd", "/").await, io::ErrorKind::PermissionDenied);
    assert_eq!(start("sh", "/no/such/folder").await, io::ErrorKind::NotADirectory);
    let none = run(&[], Path::new("/"), &environment(), b"", limits(LONG)).await.unwrap_err();
    assert_eq!(none.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn children_end_with_a_program_whose_time_is_over() {
    let witness = Witness::new();
    // One without a mark too.
    let child = "env -i sh -c 'sleep 5; echo child >&9' &";
    let script = format!("exec 9>{}; {child} sleep 30", witness.path.display());
    let ended = sh(&script, b"", limits(Duration::from_millis(300))).await;
    assert_eq!(ended.exit, Exit::TimedOut);
    assert_eq!(witness.said(), "");
}

#[tokio::test]
async fn children_that_hold_the_pipes_open_end_with_the_program() {
    let witness = Witness::new();
    let script = format!("exec 9>{}; (sleep 5; echo child >&9) & echo done", witness.path.display());
    let begun = Instant::now();
    let ended = sh(&script, b"", limits(LONG)).await;
    assert!(ended.exit.is_success() && begun.elapsed() < GRACE, "{:?}", begun.elapsed());
    assert_eq!(ended.stdout.text(), "done\n");
    assert_eq!(witness.said(), "");
}

#[tokio::test]
async fn a_program_that_nobody_waits_for_any_more_ends_with_its_children() {
    let witness = Witness::new();
    let script = format!("exec 9>{}; (sleep 5; echo child >&9) & sleep 30", witness.path.display());
    let given_up = timeout(Duration::from_millis(300), sh(&script, b"", limits(LONG))).await;
    assert!(given_up.is_err());
    assert_eq!(witness.said(), "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn daemons_that_left_the_group_end_too() {
    for end in ["sleep 30", "exit 0"] {
        let witness = Witness::new();
        // The one that forks says so, because an end may come before it has left.
        let daemon = "setsid sh -c '(sleep 5; echo daemon >&9) & echo >&8; wait'";
        let fifo = witness.path.display();
        let script = format!("exec 9>{fifo}; mkfifo {fifo}.8; {daemon} 8>{fifo}.8 & read x <{fifo}.8; {end}");
        sh(&script, b"", limits(Duration::from_millis(800))).await;
        fs::remove_file(format!("{fifo}.8")).unwrap();
        assert_eq!(witness.said(), "", "{end}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_cannot_be_found_does_not_keep_us() {
    let begun = Instant::now();
    let ended = sh("env -i setsid sleep 6 & sleep 0.3; echo done", b"", limits(LONG)).await;
    assert!(ended.exit.is_success() && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(ended.stdout.text(), "done\n");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_end_reaches_what_a_program_of_ours_runs_in_its_turn() {
    let outer = tree::mark(&environment()).unwrap();
    let mut env = environment();
    env.insert(tree::VARIABLE.to_owned(), outer.clone());
    let argv = ["sh", "-c", "echo $FORGE_PROCESS"].map(str::to_owned);
    let ended = run(&argv, Path::new("/"), &env, b"", limits(LONG)).await.unwrap();
    let mark = ended.stdout.text().trim().to_owned();
    assert!(mark.starts_with(&format!("{outer}:")) && mark.len() == 33, "{mark}");
    let env = |mark: &str| format!("PATH=/bin\0FORGE_PROCESS={mark}\0").into_bytes();
    assert!(tree::has_mark(&env(&mark), &outer) && tree::has_mark(&env(&mark), &mark));
    assert!(!tree::has_mark(&env(&outer), &mark) && !tree::has_mark(b"PATH=/bin", &mark));
}
