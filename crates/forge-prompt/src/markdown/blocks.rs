//! Markdown as a sequence of lines that know where they stand.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{fences::fenced_lines, line::split_field};

/// A line as it is written, without the marks of what it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a reader that skips a kind of block loses what the answer says there"
)]
pub enum Block {
    /// A heading, and how deep it is: 1 to 6.
    Heading(String, u8),
    /// The first line of an item, and whether its list is part of another one.
    Item(String, bool),
    /// A line of anything else.
    Text(String),
    /// A line of a quotation.
    Quote(String),
    /// The cells in the head of a table.
    Columns(Vec<String>),
    /// The cells of a row.
    Row(Vec<String>),
    /// The whole of a code block, word for word.
    Code(String),
}

/// The lines of a text. `is_field` knows the names of fields: `<name>value</name>` becomes a line `name: value`, and a
/// line `name: value` above a rule is no heading.
pub fn blocks(text: &str, is_field: impl Fn(&str) -> bool) -> Vec<Block> {
    let text = prepared(text, &is_field);
    let mut reader = Reader::new(&text, &is_field);
    for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
        reader.event(event, range);
    }
    reader.blocks
}

/// Where code stands, in bytes of the text, and whether it is a block; in the order of the text.
pub fn code(text: &str) -> Vec<(Range<usize>, bool)> {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    let code = events.filter_map(|(event, range)| match event {
        Event::Start(Tag::CodeBlock(_)) => Some((range, true)),
        Event::Code(_) => Some((range, false)),
        _ => None,
    });
    code.collect()
}

/// Folds the events of the parser into lines.
struct Reader<'a> {
    text: &'a str,
    is_field: &'a dyn Fn(&str) -> bool,
    blocks: Vec<Block>,
    lists: usize,
    quotes: usize,
    /// The next line is the first of an item.
    begins_item: bool,
    heading: Option<u8>,
    cells: Option<Vec<String>>,
    code: Option<String>,
    /// The line so far, and where it may begin.
    line: Option<Range<usize>>,
    floor: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, is_field: &'a dyn Fn(&str) -> bool) -> Self {
        Self {
            text,
            is_field,
            blocks: Vec::new(),
            lists: 0,
            quotes: 0,
            begins_item: false,
            heading: None,
            cells: None,
            code: None,
            line: None,
            floor: 0,
        }
    }

    /// Takes the next event of the parser. Lines are cut out of the source and not put together from events,
    /// so that marks inside of them stay as they were written.
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(Tag::List(_)) => self.between(|reader| reader.lists += 1),
            Event::End(TagEnd::List(_)) => self.between(|reader| reader.lists -= 1),
            Event::Start(Tag::Item) => self.between(|reader| reader.begins_item = true),
            Event::End(TagEnd::Item) => self.between(|reader| reader.begins_item = false),
            Event::Start(Tag::BlockQuote(_)) => self.between(|reader| reader.quotes += 1),
            Event::End(TagEnd::BlockQuote(_)) => self.between(|reader| reader.quotes -= 1),
            // A rule below a paragraph makes a heading of it; only a short line is meant as one.
            Event::Start(Tag::Heading { level, .. }) => {
                let source = self.text[range].trim();
                let first = source.lines().next().unwrap_or_default();
                let is_title = || source.lines().count() == 2 && split_field(first, self.is_field).is_none();
                let is_heading = source.starts_with('#') || is_title();
                self.heading = is_heading.then_some(level as u8);
            }
            Event::End(TagEnd::Heading(_)) => self.between(|reader| reader.heading = None),
            Event::Start(Tag::CodeBlock(_)) => self.between(|reader| reader.code = Some(String::new())),
            Event::End(TagEnd::CodeBlock) => self.blocks.extend(self.code.take().map(Block::Code)),
            Event::Start(Tag::TableHead | Tag::TableRow) => self.cells = Some(Vec::new()),
            Event::End(TagEnd::TableHead) => self.blocks.extend(self.cells.take().map(Block::Columns)),
            Event::End(TagEnd::TableRow) => self.blocks.extend(self.cells.take().map(Block::Row)),
            Event::Start(Tag::TableCell) => self.line = None,
            Event::End(TagEnd::TableCell) => self.cell(),
            Event::End(TagEnd::Paragraph | TagEnd::HtmlBlock) => self.between(|_| {}),
            Event::Start(Tag::Paragraph | Tag::HtmlBlock | Tag::Table(_))
            | Event::End(TagEnd::Table)
            | Event::Rule => {}
            Event::SoftBreak | Event::HardBreak => self.end_line(Some(range)),
            Event::Text(text) if self.code.is_some() => {
                self.code.get_or_insert_default().push_str(&text);
            }
            Event::Html(_) => {
                self.extend(range);
                self.end_line(None);
            }
            _ => self.extend(range),
        }
    }

    /// A border between blocks ends the line before the state changes: the line belongs to what was open.
    fn between(&mut self, change: impl FnOnce(&mut Self)) {
        self.end_line(None);
        change(self);
    }

    /// Adds a range of the source to the line.
    fn extend(&mut self, range: Range<usize>) {
        let line = self.line.get_or_insert(range.start.max(self.floor)..range.end);
        line.end = line.end.max(range.end);
    }

    /// Ends a cell of a table.
    fn cell(&mut self) {
        let text = self.line.take().map_or("", |line| &self.text[line]);
        if let Some(cells) = &mut self.cells {
            cells.push(text.trim().trim_matches('*').replace("\\|", "|"));
        }
    }

    /// Ends the line, at a line break if there is one, and puts it where it stands: heading, quotation, item
    /// or text.
    fn end_line(&mut self, at: Option<Range<usize>>) {
        let line = self.line.take();
        self.floor = at.as_ref().map_or(self.floor, |at| at.end);
        let Some(line) = line else { return };
        let end = at.map_or(line.end, |at| at.start);
        let text = self.text.get(line.start..end).unwrap_or_default().trim().to_owned();
        if text.is_empty() {
            return;
        }
        let begins_item = std::mem::take(&mut self.begins_item);
        // A line may belong to a quotation without its mark; then it is meant as what comes after it.
        let line_start = self.text[..line.start].rfind('\n').map_or(0, |at| at + 1);
        let is_quoted = self.quotes > 0 && self.text[line_start..line.start].contains('>');
        self.blocks.push(match self.heading {
            Some(level) => Block::Heading(text.trim_end_matches('#').trim().to_owned(), level),
            None if is_quoted => Block::Quote(text),
            None if begins_item => Block::Item(text, self.lists > 1),
            None => Block::Text(text),
        });
    }
}

const TAG_MARKS: [char; 3] = ['<', '/', '>'];

/// With fields in tags as lines of their own, without lines of other tags, and with nothing that could be taken
/// for the definition of a link, which would not be shown. Code stays as it is.
fn prepared(text: &str, is_field: &dyn Fn(&str) -> bool) -> String {
    let mut prepared = String::with_capacity(text.len());
    let has_pairs = text.contains("</");
    let untagged = |line: &str| if has_pairs { untagged(line, is_field) } else { line.to_owned() };
    for (line, is_code) in fenced_lines(text) {
        let start = line
            .trim_start_matches(|c: char| c.is_whitespace() || c.is_ascii_digit() || "-*+>.)".contains(c));
        if is_code {
            prepared.push_str(line);
        } else if is_tag(line.trim()) && !(has_pairs && is_field(line.trim().trim_matches(TAG_MARKS))) {
            prepared.push('\n');
        // `[Major]: text` would be the definition of a link, and vanish.
        } else if start.starts_with('[') && start.contains("]:") {
            prepared.push_str(&untagged(&line.replacen("]:", "] :", 1)));
        } else {
            prepared.push_str(&untagged(line));
        }
    }
    prepared
}

/// `<findings>` or `</findings>` and nothing else.
fn is_tag(line: &str) -> bool {
    let inner = line.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inner.is_some_and(|name| name.trim_start_matches('/').chars().all(char::is_alphanumeric))
}

/// `<name>value</name>` as `name: value` in a line of its own; tags that are no fields stay.
fn untagged(text: &str, is_field: &dyn Fn(&str) -> bool) -> String {
    let mut lines = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        let (closes, name) = tag.strip_prefix('/').map_or((false, tag), |name| (true, name));
        let name = &name[..name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len())];
        let after = tag.trim_start_matches('/')[name.len()..].strip_prefix('>');
        lines.push_str(before);
        rest = match after.filter(|_| is_field(name)) {
            Some(after) if closes => {
                lines.push('\n');
                after
            }
            Some(after) => {
                lines.extend(["\n", name, ": "]);
                after
            }
            None => {
                lines.push('<');
                tag
            }
        };
    }
    lines + rest
}
