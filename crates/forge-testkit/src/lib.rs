//! What every Forge provider must do, as tests, and the tools for them. A dev-dependency of adapter
//! crates and of adapters that live elsewhere.
//!
//! - [`contract!`] makes one test of each scenario in [`mod@contract`], for one [`Subject`]: an adapter in
//!   one of its dialects, run against a [`TestVendor`] that speaks it. What does not apply is declared in
//!   [`Subject::exempt`] with its reason. With the feature `sim`, every `forge_sim::Vendor` is a [`TestVendor`].
//! - [`Script`] is a provider that answers as it is told; it needs none of the features.
//! - [`ScriptedServer`] says exactly the bytes it is told to say, and misbehaves where it is told to.
//! - [`fixtures`] runs tables of what vendors are sent and say; [`odd`] puts odd values into replies.
//! - [`Recorder`] keeps what a server said, to be played again.
//! - [`store_contract!`] does for stores what [`contract!`] does for providers, in [`mod@store`].
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

#[cfg(feature = "contract")]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a failed assertion is how the suite reports"
)]
pub mod contract;
#[cfg(feature = "contract")]
#[expect(clippy::unwrap_used, reason = "a failed assertion is how fixtures report")]
pub mod fixtures;
#[cfg(feature = "contract")]
mod form;
#[cfg(feature = "contract")]
#[expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "part of the suite")]
pub mod odd;
#[cfg(feature = "contract")]
mod recorder;
mod script;
#[cfg(feature = "contract")]
mod server;
#[cfg(feature = "sim")]
mod sim;
#[cfg(feature = "store")]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a failed assertion is how the suite reports"
)]
pub mod store;
#[cfg(feature = "contract")]
#[expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "part of the suite")]
mod subject;
#[cfg(feature = "contract")]
mod vendor;

#[cfg(feature = "contract")]
pub use form::ByteForm;
#[cfg(feature = "contract")]
pub use recorder::Recorder;
pub use script::{Answer, Script, ScriptedCall, Step};
#[cfg(feature = "contract")]
pub use server::{Reply, Request, ScriptedServer, Then};
#[cfg(feature = "contract")]
pub use subject::Subject;
#[cfg(feature = "contract")]
pub use vendor::{Behavior, Failure, TestServer, TestVendor};

/// One test for each scenario of the contract. The crate that calls it needs `tokio` with the features `macros` and
/// `rt`.
#[cfg(feature = "contract")]
#[macro_export]
macro_rules! contract {
    ($subject:expr) => {
        $crate::contract! { @each $subject;
            a_stream_equals_the_whole_reply
            events_keep_their_order
            the_form_of_the_bytes_changes_nothing
            a_cut_stream_is_never_a_short_success
            a_cut_stream_of_thoughts_is_never_a_short_success
            a_cut_whole_reply_is_never_a_short_success
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
            let subject: $crate::Subject = $subject;
            if !subject.is_exempt(stringify!($scenario)) {
                $crate::contract::$scenario(subject).await;
            }
        }
    )*};
}

/// One test for each scenario of a part of the contract of stores: `journal`, `budget`, `accounts`, `access`,
/// `responses` or `prompts`, for one [`store::Subject`].
///
/// ```
/// use std::sync::Arc;
/// use forge_core::{storage::memory::MemoryBudgets, time::ManualTimer};
/// use forge_testkit::store::Subject;
///
/// fn memory() -> Subject<MemoryBudgets> {
///     let budgets = Arc::new(MemoryBudgets::default());
///     Subject::new(ManualTimer::new(), move || Arc::clone(&budgets))
/// }
///
/// forge_testkit::store_contract!(budget, memory());
/// ```
#[cfg(feature = "store")]
#[macro_export]
macro_rules! store_contract {
    (journal, $subject:expr) => {
        $crate::store_contract! { @each journal, $subject;
            a_claim_is_renewed_under_its_own_name_and_refused_under_another
            a_claim_that_lapsed_or_was_released_is_free
            a_takeover_raises_the_fence_and_shuts_the_old_writer_out
            of_many_who_take_over_exactly_one_does
            a_batch_is_appended_whole_or_not_at_all
            of_many_who_append_at_once_each_is_written_or_told
            streams_are_listed_with_their_summaries_the_latest_first
            a_stream_is_not_deleted_under_its_writer_and_stays_fenced_off_afterwards
            a_watch_sees_what_is_there_and_what_comes
        }
    };
    (budget, $subject:expr) => {
        $crate::store_contract! { @each budget, $subject;
            a_reservation_is_made_in_every_budget_or_in_none
            what_is_settled_is_booked_once_and_what_is_released_is_free
            many_at_once_never_overrun_a_cap
            a_cap_for_each_call_sums_nothing_up
            a_refusal_names_who_stands_in_the_way
            the_reservations_of_a_dead_holder_are_settled_by_whoever_takes_over
            sums_that_do_not_fit_stay_right
        }
    };
    (accounts, $subject:expr) => {
        $crate::store_contract! { @each accounts, $subject;
            a_record_that_comes_twice_counts_once
            attempts_of_a_call_agree_with_each_other_in_whatever_order_they_come
            questions_mean_what_they_say
            attempts_are_read_in_pages_and_come_back_whole
            what_a_killed_call_took_is_unknown_and_never_nothing
            a_trend_has_no_gaps
        }
    };
    (access, $subject:expr) => {
        $crate::store_contract! { @each access, $subject;
            keys_and_teams_come_back_whole_and_every_change_raises_the_version
            of_many_who_take_a_name_one_gets_it_for_ever
            a_key_is_rotated_disabled_and_revoked
            a_team_stays_while_keys_belong_to_it
            what_is_refused_leaves_no_trace
            every_change_is_logged_without_secrets
            the_log_is_one_chain
            servers_share_their_secrets_and_each_rotation_keeps_one_before
            a_first_rotation_makes_a_first_secret
        }
    };
    (responses, $subject:expr) => {
        $crate::store_contract! { @each responses, $subject;
            a_response_comes_back_whole_to_its_owner_alone
            a_conversation_is_walked_back_as_far_as_it_may
            a_response_under_way_ends_once
            what_has_expired_is_swept
        }
    };
    (prompts, $subject:expr) => {
        $crate::store_contract! { @each prompts, $subject;
            a_version_is_numbered_once_and_never_changes
            a_label_is_moved_and_goes_back
        }
    };
    (queue, $subject:expr) => {
        $crate::store_contract! { @each queue, $subject;
            lines_change_together_and_only_as_they_were_read
            a_task_has_one_owner_at_a_time
            a_lease_is_renewed_while_nobody_took_the_task
            a_lease_ends_once_and_together_with_its_line
            of_many_who_want_a_task_each_gets_another
            decisions_are_kept
        }
    };
    (@each $part:ident, $subject:expr; $($scenario:ident)*) => {$(
        #[test]
        fn $scenario() {
            $crate::store::$part::$scenario(&$subject);
        }
    )*};
}
