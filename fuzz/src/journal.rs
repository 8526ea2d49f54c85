//! The journals of sessions, as files and as entries.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use forge_core::{
    storage::{
        journal::{Batch, Claim, Journal as _, JournalError, StreamName},
        memory::MemoryJournal,
    },
    time::ManualTimer,
};
use forge_session::{SessionResult, State};
use forge_store::JsonlJournal;
use futures_util::FutureExt as _;

const LEASE: Duration = Duration::from_secs(60);

/// The bytes as the file of a journal, and line by line as the entries of a session. What can be read is the same
/// before and after a claim has put aside what is torn; not a byte is lost; and the journal goes on.
pub fn journal(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(file(data));
    entries(data).now_or_never().expect("memory does not wait");
}

fn name() -> StreamName {
    StreamName::new("s").expect("a name")
}

async fn file(data: &[u8]) {
    thread_local! {
        static FOLDER: Folder = Folder::new();
    }
    let folder = FOLDER.with(|folder| folder.0.clone());
    let path = |extension: &str| folder.join(format!("s.{extension}"));
    let journal = JsonlJournal::open(&folder, Arc::new(ManualTimer::new())).expect("a journal");
    for extension in ["claim", "torn"] {
        let _ = fs::remove_file(path(extension));
    }
    fs::write(path("jsonl"), data).expect("a file");
    let read = match journal.read(&name(), 0).await {
        Ok(read) => read,
        // A newer version, or damage that no crash leaves.
        Err(JournalError::Storage(_)) => return,
        Err(error) => panic!("{error}"),
    };
    let fence = journal.claim(&name(), &Claim::new("holder", LEASE)).await.expect("a claim");
    assert_eq!(journal.read(&name(), 0).await.expect("entries"), read);
    let kept = fs::read(path("jsonl")).expect("a file");
    let torn = fs::read(path("torn")).unwrap_or_default();
    assert_eq!([kept, torn].concat(), data);

    let count = read.len() as u64;
    let added =
        journal.append(&name(), fence, Batch::new(count, vec![b"{}".to_vec()])).await.expect("an entry");
    assert_eq!(added, count + 1);
    let read_on = journal.read(&name(), count).await.expect("entries");
    assert_eq!(read_on.len(), 1);
    assert_eq!((read_on[0].sequence, &read_on[0].payload[..]), (count, &b"{}"[..]));
}

async fn entries(data: &[u8]) {
    let journal = MemoryJournal::new(Arc::new(ManualTimer::new()));
    let fence = journal.claim(&name(), &Claim::new("holder", LEASE)).await.expect("a claim");
    let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec);
    journal.append(&name(), fence, Batch::new(0, lines.collect())).await.expect("entries");
    if let Ok(state) = State::read(&journal, &name()).await {
        let result = SessionResult::of("s", &state);
        let _ = (result.to_markdown(), result.to_html());
        let json = serde_json::to_string(&result).expect("JSON");
        serde_json::from_str::<SessionResult>(&json).expect("a result");
    }
}

/// A folder of this thread's own, which is removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("forge-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
