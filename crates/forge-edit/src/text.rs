//! A file by its lines, with what stands between them.

/// The mark of UTF-8 at the beginning of a file.
pub(crate) const BOM: char = '\u{feff}';

/// A file by its lines.
#[derive(Debug)]
pub(crate) struct Text<'t> {
    /// Whether the file begins with a mark of UTF-8, which is in no line.
    pub(crate) bom: bool,
    pub(crate) lines: Vec<Line<'t>>,
}

/// A line with its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'t> {
    /// Without its line feed, with the carriage return before it.
    pub(crate) raw: &'t str,
    /// Whether a line feed follows; only the last line may have none.
    pub(crate) ended: bool,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Lf,
    CrLf,
}

impl<'t> Text<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let (bom, text) = text.strip_prefix(BOM).map_or((false, text), |rest| (true, rest));
        let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
            Some(raw) => Line { raw, ended: true },
            None => Line { raw: line, ended: false },
        });
        let mut lines: Vec<_> = lines.collect();
        // The mark alone is a line to every program that does not know it.
        if bom && lines.is_empty() {
            lines.push(Line { raw: "", ended: false });
        }
        Self { bom, lines }
    }

    /// What ends most of the lines.
    pub(crate) fn ending(&self) -> Ending {
        let crlf = self.lines.iter().filter(|line| line.ending() == Some(Ending::CrLf)).count();
        let lf = self.lines.iter().filter(|line| line.ending() == Some(Ending::Lf)).count();
        if crlf > lf { Ending::CrLf } else { Ending::Lf }
    }

    /// What ends the last line that has an end; where none has, a line feed.
    pub(crate) fn last_ending(&self) -> Ending {
        self.lines.iter().rev().find_map(Line::ending).unwrap_or(Ending::Lf)
    }

    /// Whether every line ends with a carriage return and a line feed.
    pub(crate) fn is_crlf(&self) -> bool {
        self.ending() == Ending::CrLf && self.lines.iter().all(|line| line.ending() != Some(Ending::Lf))
    }

    /// Whether the last line has an end; an empty file has.
    pub(crate) fn is_ended(&self) -> bool {
        self.lines.last().is_none_or(|line| line.ended)
    }
}

impl Line<'_> {
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ended.then(|| if self.raw.ends_with('\r') { Ending::CrLf } else { Ending::Lf })
    }
}

impl Ending {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

/// A line without the carriage return at its end.
pub(crate) fn bare(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}
