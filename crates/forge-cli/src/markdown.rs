//! Markdown on a terminal, rendered while it comes: words are wrapped at the width, and what marks them is shown instead
//! of written.

use unicode_width::UnicodeWidthStr as _;

const RESET: &str = "\u{1b}[0m";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const ITALIC: &str = "\u{1b}[3m";
const CODE: &str = "\u{1b}[36m";

/// Lines are not longer than this, which reads well, however wide the terminal is.
const WIDEST: usize = 100;

/// What has come so far, as far as the rest depends on it. It takes text without control characters.
#[derive(Debug, Default)]
pub(crate) struct Markdown {
    width: usize,
    /// Columns that are used in the line.
    column: usize,
    /// Spaces before every line of the paragraph but the first.
    indent: usize,
    /// The word that is not complete yet, or at the beginning of a line what may become a mark.
    word: String,
    /// Whether nothing but white space stands before the word in its line.
    at_start: bool,
    /// Whether the line is kept until it is whole: fences, tables, rules.
    whole: bool,
    fence: Option<String>,
    heading: bool,
    bold: bool,
    italic: bool,
    code: bool,
}

impl Markdown {
    pub(crate) fn new(width: usize) -> Self {
        Self { width: width.clamp(20, WIDEST), at_start: true, ..Self::default() }
    }

    /// What can be shown now that `text` has come.
    pub(crate) fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '\n' => self.end_line(&mut out),
                ' ' | '\t' if self.whole || self.fence.is_some() => self.word.push(c),
                ' ' | '\t' if self.at_start && self.word.is_empty() => self.indent += 1,
                ' ' | '\t' => {
                    self.end_word(&mut out);
                    // Where the word was kept as the beginning of a whole line.
                    if self.whole {
                        self.word.push(c);
                    }
                }
                c => self.word.push(c),
            }
        }
        out
    }

    /// The rest.
    pub(crate) fn end(&mut self) -> String {
        let mut out = String::new();
        if !self.word.is_empty() || self.column > 0 {
            self.end_line(&mut out);
        }
        out
    }

    fn end_line(&mut self, out: &mut String) {
        let is_fence =
            self.at_start && ["```", "~~~"].iter().any(|fence| self.word.trim_start().starts_with(fence));
        if self.fence.is_some() || is_fence {
            self.fenced(out);
        } else if self.at_start && is_rule(&self.word) {
            out.push_str(DIM);
            out.push_str(&"─".repeat(self.width));
            out.push_str(RESET);
        } else if self.whole {
            out.push_str(&self.word);
        } else if !self.word.is_empty() {
            self.end_word(out);
            if self.whole {
                out.push_str(&self.word);
            }
        }
        if self.styled() {
            out.push_str(RESET);
        }
        out.push('\n');
        let fence = self.fence.take();
        // Styles end with their line: a mark that is never closed would colour all that follows.
        *self = Self { fence, ..Self::new(self.width) };
    }

    /// A line of a fenced block, or one of its fences.
    fn fenced(&mut self, out: &mut String) {
        let line = format!("{}{}", " ".repeat(self.indent), self.word);
        let marks = line.trim();
        match &self.fence {
            Some(fence)
                if marks.starts_with(fence.as_str()) && marks.chars().all(|c| fence.starts_with(c)) =>
            {
                self.fence = None;
                out.extend([DIM, &line, RESET]);
            }
            Some(_) => out.push_str(&line),
            None => {
                let mark = marks.chars().next().unwrap_or('`');
                self.fence = Some(marks.chars().take_while(|c| *c == mark).collect());
                out.extend([DIM, &line, RESET]);
            }
        }
    }

    fn end_word(&mut self, out: &mut String) {
        let word = std::mem::take(&mut self.word);
        if self.at_start {
            if self.begins_whole_line(&word) {
                self.word = format!("{}{word}", " ".repeat(self.indent));
                return;
            }
            self.at_start = false;
            out.push_str(&" ".repeat(self.indent));
            self.column = self.indent;
            if self.begin_block(&word, out) {
                return;
            }
        }
        let shown = self.inline(&word);
        let width = plain_width(&shown);
        let gap = usize::from(self.column > self.indent);
        if self.column + gap + width > self.width && self.column > self.indent {
            out.push('\n');
            out.push_str(&" ".repeat(self.indent));
            self.column = self.indent;
        } else if gap > 0 {
            out.push(' ');
            self.column += 1;
        }
        self.column += width;
        out.push_str(&shown);
    }

    /// Tables, and what may be a fence or a rule, are shown as they are.
    fn begins_whole_line(&mut self, word: &str) -> bool {
        // Broken at the width of a terminal, a table could not be read.
        self.whole = word.starts_with('|') || word.starts_with("```") || word.starts_with("~~~");
        self.whole
    }

    /// Shows what begins a block; whether the word is that and no more.
    fn begin_block(&mut self, word: &str, out: &mut String) -> bool {
        let is_number = word.strip_suffix(['.', ')']).is_some_and(|number| number.parse::<u16>().is_ok());
        let shown = match word {
            "#" | "##" | "###" | "####" | "#####" | "######" => {
                self.heading = true;
                out.push_str(BOLD);
                return true;
            }
            "-" | "*" | "+" => "• ".to_owned(),
            ">" => format!("{DIM}│{RESET} "),
            word if is_number => format!("{word} "),
            _ => return false,
        };
        self.indent += plain_width(&shown);
        self.column = self.indent;
        out.push_str(&shown);
        true
    }

    const fn styled(&self) -> bool {
        self.heading || self.bold || self.italic || self.code
    }

    /// The word without its marks, and with what they mean.
    fn inline(&mut self, word: &str) -> String {
        let mut out = String::new();
        let mut rest = word;
        while let Some(c) = rest.chars().next() {
            let next = &rest[c.len_utf8()..];
            let before = word.len() - rest.len();
            let at_edge = |after: &str| {
                let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                !is_letter(word[..before].chars().next_back()) || !is_letter(after.chars().next())
            };
            match c {
                '`' => {
                    self.code = !self.code;
                    self.style(&mut out);
                    rest = next;
                }
                '*' if !self.code && next.starts_with('*') => {
                    self.bold = !self.bold;
                    self.style(&mut out);
                    rest = &next[1..];
                }
                // Inside of a word such as `max_tokens` these are no marks.
                '*' | '_' if !self.code && at_edge(next) && (self.italic || !next.is_empty()) => {
                    self.italic = !self.italic;
                    self.style(&mut out);
                    rest = next;
                }
                '\\' if !self.code && next.starts_with(|c: char| c.is_ascii_punctuation()) => {
                    out.push_str(&next[..1]);
                    rest = &next[1..];
                }
                c => {
                    out.push(c);
                    rest = next;
                }
            }
        }
        out
    }

    fn style(&self, out: &mut String) {
        out.push_str(RESET);
        let styles = [(self.bold || self.heading, BOLD), (self.italic, ITALIC), (self.code, CODE)];
        styles.iter().filter(|(on, _)| *on).for_each(|(_, style)| out.push_str(style));
    }
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() > 2 && ["-", "*", "_"].iter().any(|mark| line.replace(mark, "").trim().is_empty())
}

/// Columns of a text without its escapes.
fn plain_width(text: &str) -> usize {
    let escapes = text.split('\u{1b}');
    escapes
        .enumerate()
        .map(|(at, part)| {
            let part = if at == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) };
            part.width()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(text: &str, width: usize) -> String {
        let mut markdown = Markdown::new(width);
        let out = markdown.push(text) + &markdown.end();
        [RESET, BOLD, DIM, ITALIC, CODE]
            .iter()
            .zip(["<>", "<b>", "<d>", "<i>", "<c>"])
            .fold(out, |out, (escape, name)| out.replace(escape, name))
    }

    #[test]
    fn what_marks_words_is_shown_and_not_written() {
        for (text, expected) in [
            ("# A title\n", "<b>A title<>\n"),
            ("a **bold** word\n", "a <><b>bold<> word\n"),
            ("an *italic* and `co de`.\n", "an <><i>italic<> and <><c>co de<>.\n"),
            ("- one\n  - two\n", "• one\n  • two\n"),
            ("1. one\n", "1. one\n"),
            ("> said\n", "<d>│<> said\n"),
            ("snake_case_name 2 * 3 \\*x\\*\n", "snake_case_name 2 * 3 *x*\n"),
            ("| a  | b |\n|----|---|\n", "| a  | b |\n|----|---|\n"),
            ("```rust\nlet  a = *b;\n```\nx\n", "<d>```rust<>\nlet  a = *b;\n<d>```<>\nx\n"),
            ("no end", "no end\n"),
            ("", ""),
            ("**open\nnext\n", "<><b>open<>\nnext\n"),
        ] {
            assert_eq!(rendered(text, 80), expected, "{text}");
        }
        assert!(rendered("---\n", 20).contains(&"─".repeat(20)));
    }

    #[test]
    fn words_are_wrapped_below_what_they_belong_to() {
        let text = "- one two three four five six\n";
        assert_eq!(rendered(text, 20), "• one two three four\n  five six\n");
        assert_eq!(rendered("日本語 日本語 日本語 日本語\n", 20), "日本語 日本語 日本語\n日本語\n");
    }

    proptest! {
        /// It does not matter in which pieces the text comes, and no word of prose is lost.
        #[test]
        fn pieces_are_shown_like_the_whole(text in "[a-c `*_#>|\n-]{0,60}", at in 0_usize..60) {
            let at = text.floor_char_boundary(at.min(text.len()));
            let mut parts = Markdown::new(30);
            let pieces = parts.push(&text[..at]) + &parts.push(&text[at..]) + &parts.end();
            let mut whole = Markdown::new(30);
            let whole = whole.push(&text) + &whole.end();
            prop_assert_eq!(&pieces, &whole);
            let letters = |text: &str| text.chars().filter(|c| ('a'..='c').contains(c)).collect::<String>();
            prop_assert_eq!(letters(&text), letters(&whole));
        }
    }
}
