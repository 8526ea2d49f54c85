//! Requests that are passed on as a client sent them.

use std::{
    borrow::Cow,
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use super::{Delivery, ModelRequest, Outline, outline};

/// A wire format in which requests come and go, such as `chat` or `messages`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dialect(Cow<'static, str>);

impl Dialect {
    /// A dialect by its name.
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The dialect's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A body that is no request of its dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is no request: {reason}")]
#[non_exhaustive]
pub struct InvalidBody {
    /// What is wrong with it.
    pub reason: String,
}

impl InvalidBody {
    /// A body that is no request for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Reads a carried body into a request.
pub type ParseBody = dyn Fn(&Bytes) -> Result<ModelRequest, InvalidBody> + Send + Sync;

type ChangeRequest = dyn Fn(&mut ModelRequest) + Send + Sync;

/// A request in the bytes of its client.
///
/// An adapter that speaks the same dialect sends the body with the name of the model replaced; whoever needs
/// more reads it, at most once.
pub struct Carried {
    /// The format of the body.
    pub dialect: Dialect,
    /// Headers of the client that the vendor is to see.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Where the name of the model stands in the body, with its quotes; empty where it stands elsewhere.
    pub model: Range<usize>,
    /// Whether the body asks for a stream or for one whole reply.
    pub delivery: Delivery,
    /// Fields that the body does not have and that go out with it: their names, and their values in JSON.
    pub added: Vec<(&'static str, &'static str)>,
    /// What routing has to know.
    pub outline: Outline,
    /// It is nothing that could be put into a common request: it goes on as it is, or is not answered.
    pub stays_as_it_is: bool,
    parse: Box<ParseBody>,
    change: Option<Box<ChangeRequest>>,
    parsed: OnceLock<ModelRequest>,
}

impl Carried {
    /// A body of `dialect` that `parse` reads.
    pub fn new(
        dialect: Dialect,
        body: Bytes,
        model: Range<usize>,
        outline: Outline,
        parse: impl Fn(&Bytes) -> Result<ModelRequest, InvalidBody> + Send + Sync + 'static,
    ) -> Self {
        let (headers, added, delivery) = (Vec::new(), Vec::new(), Delivery::Stream);
        let (parse, change, parsed) = (Box::new(parse), None, OnceLock::new());
        let stays_as_it_is = false;
        Self {
            dialect,
            headers,
            body,
            model,
            delivery,
            added,
            outline,
            stays_as_it_is,
            parse,
            change,
            parsed,
        }
    }

    /// A body of `dialect` that is no conversation, such as a text of which numbers are to be made. It goes to providers that
    /// take it as it is, for one whole reply.
    pub fn as_it_is(dialect: Dialect, body: Bytes, model: Range<usize>, outline: Outline) -> Self {
        let unread = |_: &Bytes| Err(InvalidBody::new("no provider takes it that could answer"));
        let mut carried = Self::new(dialect, body, model, outline, unread).with_delivery(Delivery::Whole);
        carried.stays_as_it_is = true;
        carried
    }

    /// The same body, which asks for this delivery.
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The same body, with which these headers of the client go out.
    pub fn with_headers(mut self, headers: Vec<(String, String)>) -> Self {
        self.headers = headers;
        self
    }

    /// The request that the body holds.
    ///
    /// # Errors
    /// What `parse` says of the body.
    pub fn parsed(&self) -> Result<&ModelRequest, InvalidBody> {
        if self.parsed.get().is_none() {
            // Two callers at once may both read it; the first to end is kept.
            let mut request = (self.parse)(&self.body)?;
            if let Some(change) = &self.change {
                change(&mut request);
            }
            let _ = self.parsed.set(request);
        }
        // It is there by now, whoever set it. A library says so with an error, and does not panic.
        self.parsed.get().ok_or_else(|| InvalidBody::new("it is not there"))
    }
}

/// The same bytes in the same format are the same request.
impl PartialEq for Carried {
    fn eq(&self, other: &Self) -> bool {
        self.dialect == other.dialect && self.body == other.body
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body is somebody's text, which does not belong into logs.
        let Self { dialect, body, outline, .. } = self;
        f.debug_struct("Carried")
            .field("dialect", dialect)
            .field("bytes", &body.len())
            .field("outline", outline)
            .finish_non_exhaustive()
    }
}

impl ModelRequest {
    /// A request that is passed on in the bytes of its client.
    pub fn carry(carried: impl Into<Arc<Carried>>) -> Self {
        let carried = carried.into();
        let (max_tokens, delivery) = (carried.outline.max_tokens, carried.delivery);
        Self { max_tokens, delivery, carried: Some(carried), ..Self::default() }
    }

    /// The bytes in which the request came, where it is passed on in them.
    pub fn carried(&self) -> Option<&Arc<Carried>> {
        self.carried.as_ref()
    }

    /// Changes the request, or, while it is passed on in its client's bytes, what is read from them. Bytes that somebody else
    /// holds as well are left as they are.
    pub fn change_when_read(&mut self, change: impl Fn(&mut Self) + Send + Sync + 'static) {
        if self.carried.is_none() {
            change(self);
        } else if let Some(carried) = self.carried.as_mut().and_then(Arc::get_mut) {
            carried.change = Some(Box::new(change));
        }
    }

    /// What routing has to know of the request.
    pub fn outline(&self) -> Cow<'_, Outline> {
        match &self.carried {
            Some(carried) => Cow::Borrowed(&carried.outline),
            None => Cow::Owned(Outline::of(self)),
        }
    }

    /// Whether the model may end its turn without a word, as it does after the results of tools.
    pub fn may_be_silent(&self) -> bool {
        match &self.carried {
            Some(carried) => carried.outline.may_be_silent,
            None => outline::may_be_silent(self),
        }
    }

    /// The request with all its fields. One that is passed on in its client's bytes is read, at most once for all
    /// its copies.
    ///
    /// # Errors
    /// The body cannot be read.
    pub fn parsed(&self) -> Result<&Self, InvalidBody> {
        match &self.carried {
            Some(carried) => carried.parsed(),
            None => Ok(self),
        }
    }

    /// The request as it was read: itself, unless it is carried.
    ///
    /// # Errors
    /// A carried body that is no request.
    pub fn into_parsed(self: Arc<Self>) -> Result<Arc<Self>, InvalidBody> {
        if self.carried.is_none() {
            return Ok(self);
        }
        self.parsed().cloned().map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static READ: AtomicUsize = AtomicUsize::new(0);

    fn read(body: &Bytes) -> Result<ModelRequest, InvalidBody> {
        READ.fetch_add(1, Ordering::Relaxed);
        serde_json::from_slice(body).map_err(|error| InvalidBody::new(error.to_string()))
    }

    fn carried(body: &'static str) -> ModelRequest {
        let outline = Outline { max_tokens: Some(7), ..Outline::default() };
        ModelRequest::carry(Carried::new(Dialect::new("own"), Bytes::from(body), 0..0, outline, read))
    }

    #[test]
    fn a_carried_request_is_read_once_and_only_when_asked() {
        let request = carried(r#"{"system": "be brief"}"#);
        let copy = request.clone();
        assert_eq!((request.outline().max_tokens, READ.load(Ordering::Relaxed)), (Some(7), 0));
        assert_eq!(request.parsed().unwrap().system_text(), "be brief");
        assert_eq!((copy.parsed().unwrap().system.len(), READ.load(Ordering::Relaxed)), (1, 1));
        assert!(carried("{").parsed().is_err());
        let brief = |mut request: ModelRequest| {
            request.change_when_read(|request| request.max_tokens = Some(3));
            assert_eq!(request.parsed().unwrap().max_tokens, Some(3));
        };
        brief(carried("{}"));
        brief(ModelRequest::default());
    }
}
