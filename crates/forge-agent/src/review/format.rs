//! Reviews as others read them: people, build servers, code hosts. What models wrote is escaped for whoever reads it.

mod annotations;
mod escape;
mod html;
mod markdown;
mod quality;
mod sarif;
mod text;

use super::report::{Report, Status};

/// A form of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
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

/// The review in this form, with a line feed at its end.
pub fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Text => text::text(report),
        Format::Json => report.to_json() + "\n",
        Format::Sarif => sarif::sarif(report),
        Format::Github => annotations::annotations(report),
        Format::Gitlab => quality::gitlab(report),
        Format::Rdjsonl => quality::rdjsonl(report),
        Format::Markdown => markdown::markdown(report),
        Format::Html => html::html(report),
    }
}

/// What has to be said wherever findings alone are read: that not all of the change was. `None` where it was.
fn shortfall(report: &Report) -> Option<String> {
    match report.coverage.status {
        Status::Reviewed | Status::Empty => None,
        Status::Capped | Status::Partly | Status::NotReviewed => Some(report.first_line()),
    }
}

/// A path to hang that on.
fn some_path(report: &Report) -> &str {
    report.not_read.first().map_or(".", |unread| unread.path.as_str())
}

/// The suggestion in words: without a fenced block, which is shown by itself where it fits.
fn advice(suggested: &str) -> String {
    let mut inside = false;
    let words = suggested.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        !inside && !is_fence
    });
    words.collect::<Vec<_>>().join(" ").trim().to_owned()
}
