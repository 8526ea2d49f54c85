//! The Markdown of a model as HTML, with a mark at the passage of each finding.

use std::{collections::BTreeSet, ops::Range};

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::{answer::FindingId, render::passages::Passage};

/// A document, and the findings whose passages are marked in it.
pub(super) struct Prose {
    pub(super) html: String,
    pub(super) marked: BTreeSet<FindingId>,
}

/// The document's HTML. What the model wrote as HTML is shown as text; links and pictures are their words and
/// their address as text, so that nothing in the page leads or asks elsewhere. `passages` are in the order of the
/// document.
pub(super) fn render(markdown: &str, passages: &[Passage]) -> Prose {
    let mut marker = Marker::new(markdown, passages);
    let mut addresses = Vec::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => marker.text(text, range),
            Event::Code(_) => marker.whole(event, &range),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                addresses.push(dest_url);
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let address = addresses.pop().map(|address| format!(" ({address})").into());
                marker.events.extend(address.map(Event::Text));
            }
            // A wide table scrolls inside itself.
            Event::Start(Tag::Table(_)) => {
                marker.events.extend([raw("<div class=\"wide\">".to_owned()), event]);
            }
            Event::End(TagEnd::Table) => marker.events.extend([event, raw("</div>\n".to_owned())]),
            other => marker.events.push(other),
        }
    }
    let mut out = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut out, marker.events.into_iter());
    Prose { html: out, marked: marker.marked }
}

/// HTML of our own, which is not escaped: it holds nothing but numbers from a result.
fn raw<'a>(html: String) -> Event<'a> {
    Event::InlineHtml(html.into())
}

/// Cuts texts where passages begin and end.
struct Marker<'a> {
    source: &'a str,
    passages: &'a [Passage],
    /// The passages before this one have their label, or had no text to put it at.
    next: usize,
    /// What the passages cover, without overlaps.
    covered: Vec<Range<usize>>,
    events: Vec<Event<'a>>,
    marked: BTreeSet<FindingId>,
}

impl<'a> Marker<'a> {
    fn new(source: &'a str, passages: &'a [Passage]) -> Self {
        let mut covered: Vec<Range<usize>> = Vec::new();
        for range in passages.iter().map(|one| &one.range) {
            match covered.last_mut() {
                // Passages of several findings may overlap, and marks must not stand in each other.
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => covered.push(range.clone()),
            }
        }
        Self { source, passages, next: 0, covered, events: Vec::new(), marked: BTreeSet::new() }
    }

    /// A text, cut where passages and labels begin and end.
    fn text(&mut self, text: CowStr<'a>, range: Range<usize>) {
        // An entity differs from its source and cannot be cut.
        if self.source.get(range.clone()) != Some(&*text) {
            return self.whole(Event::Text(text), &range);
        }
        let mut at = range.start;
        while at < range.end {
            self.labels(at, at + 1);
            // Cut also where a passage begins inside of another one, whose label stands there.
            let begins = self.passages.get(self.next).map_or(range.end, |one| one.range.start);
            let (marked, border) = self.cover(at);
            let end = [begins, border].into_iter().filter(|one| *one > at).fold(range.end, usize::min);
            self.push(Event::Text(CowStr::Borrowed(&self.source[at..end])), marked);
            at = end;
        }
    }

    /// What cannot be cut, such as code, is marked as a whole as soon as a passage touches it.
    fn whole(&mut self, event: Event<'a>, range: &Range<usize>) {
        self.labels(range.start, range.end);
        let (marked, border) = self.cover(range.start);
        self.push(event, marked || border < range.end);
    }

    fn push(&mut self, event: Event<'a>, marked: bool) {
        // White space with a mark around it would show as a bar of colour.
        let visible = !matches!(&event, Event::Text(text) if text.trim().is_empty());
        if marked && visible {
            self.events.extend([raw("<mark>".to_owned()), event, raw("</mark>".to_owned())]);
        } else {
            self.events.push(event);
        }
    }

    /// Whether a passage covers this place, and where that changes.
    fn cover(&self, at: usize) -> (bool, usize) {
        match self.covered.get(self.covered.partition_point(|one| one.end <= at)) {
            Some(one) if one.start <= at => (true, one.end),
            Some(one) => (false, one.start),
            None => (false, usize::MAX),
        }
    }

    /// The labels of the passages that begin before `end` and reach beyond `start`.
    fn labels(&mut self, start: usize, end: usize) {
        while let Some(one) = self.passages.get(self.next).filter(|one| one.range.start < end) {
            self.next += 1;
            if one.range.end <= start || !self.marked.insert(one.finding) {
                continue;
            }
            let number = one.finding.0;
            self.events.push(raw(format!(
                "<sup class=\"label\"><a id=\"passage-{number}\" href=\"#finding-{number}\" \
                 aria-label=\"Finding {number}\">F{number}</a>&nbsp;</sup>"
            )));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(markdown: &str, places: &[Range<usize>]) -> String {
        let passage = |(number, range): (u32, &Range<usize>)| Passage {
            finding: FindingId(number),
            range: range.clone(),
            heading: String::new(),
        };
        let passages: Vec<Passage> = (1..).zip(places).map(passage).collect();
        render(markdown, &passages).html
    }

    #[test]
    fn markup_is_kept_and_nothing_leads_or_asks_elsewhere() {
        let page = page(
            "# A\n\n- *b* `c<d>`\n\n<script>x()</script>\n\n[go](javascript:x) ![see](http://a/b.png) <b>&amp;\n\n| h |\n|---|\n| 1 |\n",
            &[],
        );
        for kept in
            ["<h1>A</h1>", "<li><em>b</em> <code>c&lt;d&gt;</code></li>", "<td>1</td>", "&lt;script&gt;x()"]
        {
            assert!(page.contains(kept), "{kept}: {page}");
        }
        assert!(page.contains("go (javascript:x) see (http://a/b.png) &lt;b&gt;&amp;"), "{page}");
        for bad in ["<a", "<img", "<script", "<b>"] {
            assert!(!page.contains(bad), "{bad}: {page}");
        }
    }

    #[test]
    fn a_passage_over_markup_has_one_label_and_marks_all_its_texts() {
        // `two **three** four`, and `three` again for another finding.
        let page = page("one two **three** four five\n", &[4..22, 10..15]);
        let label = |number: u32| {
            format!(
                "<sup class=\"label\"><a id=\"passage-{number}\" href=\"#finding-{number}\" aria-label=\"Finding {number}\">F{number}</a>&nbsp;</sup>"
            )
        };
        let expected = format!(
            "<p>one {}<mark>two </mark><strong>{}<mark>three</mark></strong><mark> four</mark> five</p>\n",
            label(1),
            label(2)
        );
        assert_eq!(page, expected);
    }
}
