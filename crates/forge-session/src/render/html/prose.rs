//! The Markdown of a model as HTML.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// The document's HTML. What the model wrote as HTML is shown as text; links and pictures are their words and
/// their address as text, so that nothing in the page leads or asks elsewhere.
pub(super) fn render(markdown: &str) -> String {
    let mut addresses = Vec::new();
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let events = events.filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            addresses.push(dest_url);
            None
        }
        Event::End(TagEnd::Link | TagEnd::Image) => {
            addresses.pop().map(|address| Event::Text(format!(" ({address})").into()))
        }
        other => Some(other),
    });
    let mut out = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut out, events);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_kept_and_nothing_leads_or_asks_elsewhere() {
        let page = render(
            "# A\n\n- *b* `c<d>`\n\n<script>x()</script>\n\n[go](javascript:x) ![see](http://a/b.png) <b>&amp;\n\n| h |\n|---|\n| 1 |\n",
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
}
