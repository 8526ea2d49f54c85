//! The page for a person who watches the server. It is whole without scripts; with one it follows the events.

mod chart;
mod html;
mod session;
mod view;

use bytes::Bytes;
use tokio::time::{Duration, Instant};

use self::view::View;
use crate::service::Service;

/// The style and the script, which hold nothing secret.
pub(crate) const CSS: &str = include_str!("page.css");
pub(crate) const SCRIPT: &str = include_str!("page.js");
pub(crate) const ATTEND: &str = include_str!("attend.js");

/// What the page may do: nothing of others.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For how long a page serves everybody who asks: many who watch cost no more than one.
const FRESH: Duration = Duration::from_millis(500);

/// The page, as it was written last.
#[derive(Debug, Default)]
pub(crate) struct Page(tokio::sync::Mutex<Option<(Instant, Bytes)>>);

impl Page {
    /// The page of the session of this name; `None` if it does not run here, or cannot be read.
    pub(crate) async fn session(service: &Service, name: &str) -> Option<Bytes> {
        let session = service.sessions.as_ref()?.find(name)?;
        let state = session.state().await.ok()?;
        Some(session::page(&session, &state).into())
    }

    pub(crate) async fn html(&self, service: &Service) -> Bytes {
        let mut last = self.0.lock().await;
        if let Some((written, page)) = &*last
            && written.elapsed() < FRESH
        {
            return page.clone();
        }
        let page = Bytes::from(html::page(&View::of(service).await));
        *last = Some((Instant::now(), page.clone()));
        page
    }
}
