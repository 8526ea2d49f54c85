//! `forge review`, as typed.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{Accept, FailOn, SessionArgs, Source, TopicArgs};

/// Judge a change, or a document: its faults, and the decision on each. What is judged stays as it is.
///
/// Without an argument, the change is what differs from HEAD in the working tree. A single revision means what came since its
/// merge base with HEAD; A..B and A...B mean what they mean to git. An argument that is no revision and names a file is a
/// document.
#[derive(Debug, clap::Args)]
pub(crate) struct Review {
    /// A revision or a range of them; or a document.
    #[arg(value_name = "REVSPEC", conflicts_with_all = ["document", "staged", "worktree", "diff"])]
    pub(crate) target: Option<String>,
    /// The change that is staged.
    #[arg(long, conflicts_with_all = ["worktree", "diff", "document"])]
    pub(crate) staged: bool,
    /// The change of the working tree, staged or not.
    #[arg(long, conflicts_with_all = ["diff", "document"])]
    pub(crate) worktree: bool,
    /// The change in this file, a diff; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "document")]
    pub(crate) diff: Option<PathBuf>,
    /// The document; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) document: Option<PathBuf>,
    /// What the document or the change should do.
    #[arg(long, value_name = "TEXT")]
    pub(crate) task: Option<String>,
    /// How deep it goes. `judge`: several critics, a decision on each finding, and somebody who tries to refute what was
    /// accepted; of a change that is the default. `review`: one critic for a change; for a document, several, and a revision
    /// is proposed.
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ReviewMode>,
    /// End with exit code 6 if a fault of this severity or a higher one remains.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOn>,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    #[command(flatten)]
    pub(crate) topic: TopicArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// What is said of the review of a change alone.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// The most tokens of a change that are read at once, with the code around it, such as `8k`.
    #[arg(long, value_name = "TOKENS", default_value = "8k", value_parser = tokens)]
    pub(crate) context: u64,
    /// The form of the review.
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReviewFormat>,
    /// Findings in this file are not repeated: an earlier review in JSON or SARIF, or a fingerprint a line. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Vec<PathBuf>,
    /// Take in the results of a scanner, in SARIF. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) scanned: Vec<PathBuf>,
    /// The most calls that the review may make.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_calls: Option<u32>,
    /// How many findings are shown, worst first; the others are counted.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) most: usize,
    /// Read all of a branch again, not only what changed since its last review.
    #[arg(long)]
    pub(crate) all: bool,
    /// Put the lines that finding ID of the last review here suggests into its file. Nothing is reviewed.
    #[cfg(unix)]
    #[arg(long, value_name = "ID", conflicts_with_all = ["target", "staged", "worktree", "diff", "document"])]
    pub(crate) apply: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewMode {
    Review,
    Judge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewFormat {
    /// For a terminal.
    Text,
    /// All of it.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of a workflow on GitHub.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
    /// Lines for reviewdog.
    Rdjsonl,
    /// A comment.
    Markdown,
    /// One page for a browser.
    Html,
}

impl Review {
    /// Whether stdout holds one object.
    pub(crate) fn is_in_json(&self) -> bool {
        self.change.format == Some(ReviewFormat::Json)
    }

    /// Whether a lesser review is good enough.
    pub(crate) fn accepts_less(&self) -> bool {
        self.session.accept == Some(Accept::Degraded)
    }
}

/// A number, or thousands of them behind which a `k` stands.
fn tokens(text: &str) -> Result<u64, String> {
    let (number, factor) = text.strip_suffix(['k', 'K']).map_or((text, 1), |number| (number, 1_000));
    let number: u64 = number.parse().map_err(|_| "a number of tokens, such as 8000 or 8k".to_owned())?;
    let tokens = number.saturating_mul(factor);
    if (500..=1_000_000).contains(&tokens) { Ok(tokens) } else { Err("between 500 and 1000k".to_owned()) }
}
