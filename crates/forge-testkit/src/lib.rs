//! What every Forge provider must do, as tests, and the tools for them. A dev-dependency of adapter
//! crates and of adapters that live elsewhere.
//!
//! - [`contract!`] makes one test of each scenario in [`mod@contract`], for one [`Subject`]: an adapter in
//!   one of its dialects, run against the simulated vendor that speaks it. A scenario that does not
//!   apply is declared in [`Subject::exempt`] with its reason.
//! - [`ScriptedServer`] says exactly the bytes it is told to say, and misbehaves where it is told to.
//! - [`Recorder`] keeps what a server said, to be played again.
//!
//! ```no_run
//! use forge_testkit::ScriptedServer;
//!
//! # async fn demo() -> std::io::Result<()> {
//! let server = ScriptedServer::start([forge_testkit::Reply::json(503, "{}")]).await?;
//! println!("{}", server.url());
//! # Ok(())
//! # }
//! ```

#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a failed assertion is how the suite reports"
)]
pub mod contract;
mod recorder;
mod server;
#[expect(clippy::unwrap_used, clippy::print_stdout, reason = "part of the suite")]
mod subject;

pub use recorder::Recorder;
pub use server::{Reply, Request, ScriptedServer, Then};
pub use subject::Subject;

/// One test for each scenario of the contract.
#[macro_export]
macro_rules! contract {
    ($subject:expr) => {
        $crate::contract! { @each $subject;
            a_stream_equals_the_whole_reply
            events_keep_their_order
            the_form_of_the_bytes_changes_nothing
            a_cut_reply_is_never_a_short_success
            a_damaged_reply_is_survived
            a_dropped_stream_cancels_the_request
            error_facts_survive
            opaque_parts_come_back_byte_exact
            usage_sums_to_the_vendors_total
            an_unsupported_feature_fails_before_sending
            each_mistake_has_its_kind
            an_endless_line_is_refused
            the_key_is_nowhere_to_be_seen
            bad_settings_are_refused
            the_free_calls_work
            the_raw_reply_is_kept_on_request
        }
    };
    (@each $subject:expr; $($scenario:ident)*) => {$(
        #[tokio::test]
        async fn $scenario() {
            $crate::contract::$scenario($subject).await;
        }
    )*};
}
