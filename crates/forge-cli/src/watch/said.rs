//! What somebody who attends a session types.

use std::path::PathBuf;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The document, on the screen or into a file.
    Show(Option<PathBuf>),
    /// The document as it is in this file, in the place of the version that was shown last.
    Edit(PathBuf),
    Feedback(String),
    Continue,
    Skip,
    Pause,
    Resume,
    Abort,
}

pub(super) const HELP: &str = "\
continue          go on, where a decision is waited for
skip              leave out the remaining cycles, where a decision is waited for; else what is under way in the stage
feedback TEXT     something for the next stage; where a decision is waited for, one more cycle with it
show [FILE]       the document, into FILE if one is named
edit FILE         the text of FILE in the place of the version that was shown last
pause, resume     no calls, calls again
abort             end the session; `forge resume` takes that back";

/// Reads a line; `None` if it means nothing.
pub(super) fn said(line: &str) -> Option<Said> {
    let line = line.trim();
    let (word, rest) =
        line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
    Some(match (word, rest) {
        ("show", "") => Said::Show(None),
        ("show", file) => Said::Show(Some(file.into())),
        ("edit", file) if !file.is_empty() => Said::Edit(file.into()),
        ("feedback", text) if !text.is_empty() => Said::Feedback(text.to_owned()),
        ("continue", "") => Said::Continue,
        ("skip", "") => Said::Skip,
        ("pause", "") => Said::Pause,
        ("resume", "") => Said::Resume,
        ("abort", "") => Said::Abort,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_what_is_wanted_and_nonsense_is_nothing() {
        assert_eq!(said(" feedback  be brief "), Some(Said::Feedback("be brief".into())));
        assert_eq!(said("edit my draft.md"), Some(Said::Edit("my draft.md".into())));
        assert_eq!(said("show"), Some(Said::Show(None)));
        for nonsense in ["", "help", "feedback", "edit", "skip it", "Abort", "go on"] {
            assert_eq!(said(nonsense), None, "{nonsense}");
        }
    }
}
