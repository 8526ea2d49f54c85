//! What stands in for the vendor while the contract is tested.

use std::{fmt, io, time::Duration};

use forge_core::async_trait;

use crate::{
    form::ByteForm,
    server::{Request, ScriptedServer},
};

/// Stands in for a vendor: starts servers that speak its dialect, and knows which requests are wrong.
///
/// [`ScriptedServer::answering`] makes such a server of one function. With the feature `sim`, each vendor of the
/// simulator is one as well.
///
/// ```
/// use std::io;
/// use forge_core::async_trait;
/// use forge_testkit::{Behavior, Failure, Reply, Request, ScriptedServer, TestServer, TestVendor};
///
/// #[derive(Debug)]
/// struct Acme;
///
/// fn answer(_request: &Request) -> Reply {
///     Reply::sse("data: {\"say\":\"Hello\"}\n\ndata: {\"end\":true}\n\n")
/// }
///
/// #[async_trait]
/// impl TestVendor for Acme {
///     async fn start(&self, behavior: Behavior) -> io::Result<Box<dyn TestServer>> {
///         let server = ScriptedServer::answering(move |request| match behavior {
///             Behavior::Fails(Failure::RateLimited { retry_after }) => {
///                 let wait = retry_after.as_secs().to_string();
///                 Reply::whole(429, "application/json", &[("retry-after", &wait)], r#"{"error":"too many"}"#)
///             }
///             Behavior::Fails(_) => Reply::json(500, r#"{"error":"down"}"#),
///             Behavior::Bytes(form) => answer(request).in_form(form),
///             _ => answer(request),
///         });
///         Ok(Box::new(server.await?))
///     }
///
///     fn check(&self, request: &Request) -> Result<(), String> {
///         let has_model = request.line.starts_with("GET ") || request.body["model"].is_string();
///         if has_model { Ok(()) } else { Err("`model` is missing".into()) }
///     }
/// }
/// ```
#[async_trait]
pub trait TestVendor: fmt::Debug + Send + Sync {
    /// Starts a server on loopback that behaves so until it is dropped.
    ///
    /// # Errors
    /// [`Unsupported`](io::ErrorKind::Unsupported) where the server cannot do that; the subject then has to declare
    /// [`Behavior::name`] as exempt. Otherwise what kept the server from starting.
    async fn start(&self, behavior: Behavior) -> io::Result<Box<dyn TestServer>>;

    /// Says what is wrong with a request that was answered. A server that refuses wrong requests by itself leaves
    /// this as it is.
    ///
    /// # Errors
    /// What is wrong; the scenario fails with it.
    fn check(&self, request: &Request) -> Result<(), String> {
        let _ = request;
        Ok(())
    }
}

/// A running server.
pub trait TestServer: Send + Sync {
    /// What an adapter takes as its base URL: `http://`, an IP address with a port, and a path if there is one.
    fn base_url(&self) -> String;

    /// The requests so far, in their order, each with what its reply bills where that is known.
    fn requests(&self) -> Vec<Request>;
}

impl TestServer for ScriptedServer {
    fn base_url(&self) -> String {
        self.url()
    }

    fn requests(&self) -> Vec<Request> {
        Self::requests(self)
    }
}

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behavior {
    /// As the vendor does. A model named `no-such-model` is unknown.
    Normal,
    /// As the vendor does, with the bytes of the replies in another form. What they say stays the same.
    Bytes(ByteForm),
    /// Every call fails, as the vendor's own would.
    Fails(Failure),
}

impl Behavior {
    /// The name by which [`Subject::exempt`](crate::Subject) speaks of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Bytes(form) => form.name(),
            Self::Fails(failure) => failure.name(),
        }
    }
}

/// How a vendor fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Too many requests; the reply says when to come back. The time is in whole seconds.
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// A fault of the vendor's own.
    Server,
    /// Too much to do.
    Overloaded,
    /// Nothing is left of what was paid for.
    QuotaExhausted,
    /// A proxy in front of the vendor does not reach it.
    BadGateway,
    /// The key is not one of the vendor's. It contains `invalid`. Health checks fail so, too.
    WrongKey,
}

impl Failure {
    const fn name(self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Server => "server",
            Self::Overloaded => "overloaded",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BadGateway => "bad_gateway",
            Self::WrongKey => "wrong key",
        }
    }
}
