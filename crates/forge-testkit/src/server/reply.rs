//! What is sent.

use forge_core::TokenCount;

use crate::form::ByteForm;

/// What a connection does after the bytes of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Waits for the next request.
    KeepAlive,
    /// Closes, as at the end of a reply without a length.
    Close,
    /// Resets the connection.
    Reset,
    /// Stays silent until the client hangs up.
    Hold,
}

/// The bytes of one reply, head included.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) pieces: usize,
    pub(super) then: Then,
    pub(super) billed: Option<TokenCount>,
}

impl Reply {
    /// Exactly these bytes, in one write, then the connection closes. Nothing is added or checked.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), pieces: usize::MAX, then: Then::Close, billed: None }
    }

    /// A whole reply with its length; the connection stays open.
    pub fn whole(status: u16, content_type: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let head = head(status, content_type, headers);
        let bytes = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        Self { then: Then::KeepAlive, ..Self::raw(bytes) }
    }

    /// A whole reply of JSON.
    pub fn json(status: u16, body: &str) -> Self {
        Self::whole(status, "application/json", &[], body)
    }

    /// A stream of server-sent events, in one chunk, with status 200. `body` is written as it is, with its
    /// line ends.
    pub fn sse(body: &str) -> Self {
        Self::stream("text/event-stream", &[], body)
    }

    /// A stream, in one chunk, with status 200; the connection stays open.
    pub fn stream(content_type: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let head = head(200, content_type, headers);
        Self { then: Then::KeepAlive, ..Self::raw(chunked(&head, body)) }
    }

    /// The same reply, broken off after this many bytes of its body's chunk; the connection closes. Beyond
    /// its end, nothing is missing.
    pub fn cut_body(self, at: usize) -> Self {
        let body = self.body_start();
        Self { bytes: self.bytes[..(body + at).min(self.bytes.len())].to_vec(), then: Then::Close, ..self }
    }

    /// The same reply, sent in pieces of this many bytes, at least 1.
    pub fn in_pieces(self, pieces: usize) -> Self {
        Self { pieces, ..self }
    }

    /// The same reply with another ending.
    pub fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// The same reply, which bills these tokens; the text says so in the vendor's own way.
    pub fn billing(self, tokens: TokenCount) -> Self {
        Self { billed: Some(tokens), ..self }
    }

    /// The same reply with its bytes in another form. Keep-alives are comments, which only server-sent events have;
    /// other streams get an empty line.
    pub fn in_form(self, form: ByteForm) -> Self {
        let start = self.body_start();
        let (head, body) = self.bytes.split_at(start);
        let head = String::from_utf8_lossy(head);
        let is_stream = head.contains("chunked\r\n\r\n");
        let body = String::from_utf8_lossy(body);
        let body = if is_stream { body.strip_suffix("\r\n0\r\n\r\n").unwrap_or_default() } else { &body };
        let head = &head[..head.find("\r\n\r\n").unwrap_or(head.len())];
        let is_sse = head.contains("text/event-stream");
        let (body, pieces) = match form {
            ByteForm::EveryByte => (body.to_owned(), 1),
            ByteForm::CrLf if is_stream => (body.replace('\n', "\r\n"), 3),
            ByteForm::KeepAlives if is_sse => (body.replace("\n\n", "\n\n: ping\n\n"), 5),
            ByteForm::KeepAlives if is_stream => (body.replace('\n', "\n\n"), 5),
            ByteForm::Unterminated => (body.trim_end().to_owned(), usize::MAX),
            ByteForm::CrLf | ByteForm::KeepAlives | ByteForm::OneWrite => (body.to_owned(), usize::MAX),
        };
        // A whole reply without a length needs chunks to have an end.
        let bytes = if is_stream || form == ByteForm::Unterminated {
            let names = head.lines().filter(|line| !line.starts_with("content-length"));
            let names = names.filter(|line| !line.starts_with("transfer-encoding"));
            let head: String = names.flat_map(|line| [line, "\r\n"]).collect();
            chunked(&head, &body)
        } else {
            self.bytes
        };
        Self { bytes, pieces, ..self }
    }

    /// Where the text of the body begins: after the head, and after the first chunk's size.
    fn body_start(&self) -> usize {
        let find = |from: usize, what: &[u8]| {
            let rest = &self.bytes[from..];
            rest.windows(what.len())
                .position(|window| window == what)
                .map_or(self.bytes.len(), |at| from + at + what.len())
        };
        let head = find(0, b"\r\n\r\n");
        if self.bytes[..head].ends_with(b"chunked\r\n\r\n") { find(head, b"\r\n") } else { head }
    }
}

fn head(status: u16, content_type: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\n");
    for (name, value) in headers {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    head
}

/// A head with a body in one chunk.
fn chunked(head: &str, body: &str) -> Vec<u8> {
    let chunk = if body.is_empty() { String::new() } else { format!("{:x}\r\n{body}\r\n", body.len()) };
    format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: Reply) -> String {
        String::from_utf8(reply.bytes).unwrap()
    }

    #[test]
    fn a_form_changes_how_a_body_is_written_and_nothing_else() {
        let stream = Reply::sse("data: 1\n\ndata: ä\n\n");
        let body = |form| {
            let reply = text(stream.clone().in_form(form));
            let (head, body) = reply.split_once("chunked\r\n\r\n").unwrap();
            assert_eq!(
                head,
                "HTTP/1.1 200 Scripted\r\ncontent-type: text/event-stream\r\ntransfer-encoding: "
            );
            body.to_owned()
        };
        assert_eq!(body(ByteForm::EveryByte), "13\r\ndata: 1\n\ndata: ä\n\n\r\n0\r\n\r\n");
        assert_eq!(body(ByteForm::CrLf), "17\r\ndata: 1\r\n\r\ndata: ä\r\n\r\n\r\n0\r\n\r\n");
        assert_eq!(body(ByteForm::Unterminated), "11\r\ndata: 1\n\ndata: ä\r\n0\r\n\r\n");
        assert!(body(ByteForm::KeepAlives).contains("data: 1\n\n: ping\n\ndata"));
    }

    #[test]
    fn a_whole_reply_may_lose_its_length() {
        let whole = Reply::json(200, "{}");
        assert_eq!(text(whole.clone().in_form(ByteForm::CrLf)), text(whole.clone()));
        let chunked = text(whole.in_form(ByteForm::Unterminated));
        assert!(
            chunked.ends_with("json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
            "{chunked}"
        );
    }
}
