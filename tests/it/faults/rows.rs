//! The rows of the table of faults.

use super::table::{Row, Test};

pub(super) const ROWS: &[Row] = &[
    Row {
        fault: "A vendor answers 503 to every one of 1,000 calls",
        expected: "A shared budget stops the retries",
        tests: &[
            Test(
                "crates/forge-layers/src/retry.rs",
                "an_outage_costs_a_fifth_more_attempts_and_not_two_hundred_percent",
            ),
            Test("crates/forge-router/tests/it/times.rs", "an_outage_does_not_multiply_the_calls"),
        ],
        goal: "attempts <= 1.2 x + 10",
        measured: "1,200 to 1,210 attempts, asserted",
    },
    Row {
        fault: "429 with a hint: seconds, milliseconds, fractions, dates, 1e18, negative, garbage",
        expected: "No retry is early; what would take longer than 120 s goes to the next route",
        tests: &[
            Test("crates/forge-layers/src/retry.rs", "no_retry_is_ever_early"),
            Test(
                "crates/forge-layers/src/retry.rs",
                "a_wait_that_would_pass_the_deadline_or_the_longest_hint_is_not_begun",
            ),
            Test("crates/forge-http/src/hints.rs", "every_notation_of_a_wait_is_read"),
            Test("crates/forge-http/src/hints.rs", "no_text_makes_a_hint_panic"),
        ],
        goal: "0 early, 0 panics",
        measured: "10,000 random waits: 0 early; 10,000 random headers: 0 panics",
    },
    Row {
        fault: "500 clients fail at the same moment and try again",
        expected: "They come back spread out over the whole wait",
        tests: &[Test(
            "crates/forge-layers/src/retry.rs",
            "clients_that_failed_together_come_back_spread_out",
        )],
        goal: "fullest tenth <= 15 %",
        measured: "<= 15 % (75 of 500), with and without a hint, asserted",
    },
    Row {
        fault: "1,000 times 400 and 1,000 times a prompt that is too long",
        expected: "The breaker does not move, nothing is tried again",
        tests: &[
            Test(
                "crates/forge-layers/src/breaker/mod.rs",
                "a_thousand_faults_of_the_caller_leave_it_closed_and_hide_no_outage",
            ),
            Test(
                "crates/forge-layers/src/retry.rs",
                "what_will_not_pass_and_what_has_begun_to_answer_is_not_tried_again",
            ),
        ],
        goal: "0 transitions",
        measured: "0 of 2,000",
    },
    Row {
        fault: "A hard outage; half of the calls failing",
        expected: "The breaker opens by the streak; by the rate",
        tests: &[
            Test(
                "crates/forge-layers/src/breaker/mod.rs",
                "a_hard_outage_opens_the_circuit_within_five_calls",
            ),
            Test(
                "crates/forge-layers/src/breaker/circuit.rs",
                "half_of_the_calls_failing_opens_it_within_twenty",
            ),
        ],
        goal: "<= 5 calls; <= 20 calls",
        measured: "5 of 1,000 calls reach the vendor; <= 20",
    },
    Row {
        fault: "100 callers at a half-open circuit; the probe is dropped",
        expected: "One probe; its slot comes back wherever it is dropped",
        tests: &[
            Test("crates/forge-layers/src/breaker/mod.rs", "of_a_hundred_callers_exactly_one_is_the_probe"),
            Test("crates/forge-layers/src/breaker/mod.rs", "a_probe_dropped_at_any_poll_gives_its_slot_back"),
            Test(
                "crates/forge-layers/src/breaker/circuit.rs",
                "there_is_never_more_than_one_probe_and_always_a_way_back",
            ),
        ],
        goal: "exactly 1; the circuit recovers",
        measured: "1 of 100; 6 of 6 polls",
    },
    Row {
        fault: "The first route's circuit is open",
        expected: "The next route at once; nobody knocks",
        tests: &[
            Test("tests/it/faults/open.rs", "a_primary_whose_circuit_is_open_costs_a_call_nothing"),
            Test("crates/forge-router/tests/it/times.rs", "falling_back_takes_no_time_at_all"),
        ],
        goal: "< 1 ms added at p99",
        measured: "300 calls, release build: p50 0.25 ms and p99 0.36 ms behind an open circuit, 0.25 and 0.45 ms without; 0 connections to the first",
    },
    Row {
        fault: "Connection refused, reset, half a head, a bad chunk, before the answer has begun",
        expected: "An error of the right kind, and the next route",
        tests: &[
            Test(
                "tests/it/failover.rs",
                "every_way_to_fail_before_the_answer_leads_to_the_next_route_under_its_own_name",
            ),
            Test("tests/it/faults/open.rs", "a_refusal_or_a_reset_costs_a_call_little"),
        ],
        goal: "< 10 ms added, right kind 100 %",
        measured: "16 ways, each of the right kind; 100 calls each, release build: 0.2 to 0.3 ms added at p50 (one run of a reset: 1.6 ms), at most 2.6 ms at p99",
    },
    Row {
        fault: "Silence before the head, in the head, before the first byte, in mid-stream; a byte now and then; nothing but pings",
        expected: "The clock of that silence ends the call",
        tests: &[
            Test("tests/it/faults/stalls.rs", "every_kind_of_silence_ends_by_its_clock"),
            Test("crates/forge-layers/src/timeout.rs", "each_silence_has_its_own_patience"),
            Test("crates/forge-http/tests/it/main.rs", "pings_do_not_stop_the_clock_for_content"),
        ],
        goal: "0 hangs in 500; deadline + 50 ms",
        measured: "7 kinds, 500 calls each, 0 hangs. Clocks of 200 ms, release build: all ended within 211 to 254 ms of their beginning; the slowest had said five events before they fell silent",
    },
    Row {
        fault: "A caller who reads slowly",
        expected: "No stall",
        tests: &[
            Test("crates/forge-http/tests/it/main.rs", "a_caller_who_is_slow_to_read_is_not_a_stall"),
            Test("crates/forge-layers/src/timeout.rs", "a_caller_who_reads_slowly_is_not_a_stall"),
        ],
        goal: "0 false errors",
        measured: "0; the caller rests three times as long as the clock",
    },
    Row {
        fault: "A reply is cut at any byte",
        expected: "Cut off, with what had come; or whole",
        tests: &[
            Test("crates/forge-testkit/src/contract/damage.rs", "a_cut_stream_is_never_a_short_success"),
            Test(
                "crates/forge-testkit/src/contract/damage.rs",
                "a_cut_stream_of_thoughts_is_never_a_short_success",
            ),
            Test("crates/forge-testkit/src/contract/damage.rs", "a_cut_whole_reply_is_never_a_short_success"),
            Test("tests/it/failover.rs", "an_answer_that_breaks_off_is_not_spliced_with_another"),
        ],
        goal: "100 %, 0 short successes",
        measured: "every byte of three replies of each adapter and dialect: 0 short successes",
    },
    Row {
        fault: "A stream in other pieces, with other line ends, a byte order mark, split characters",
        expected: "The same events",
        tests: &[
            Test("crates/forge-http/src/frames.rs", "every_split_in_two_gives_the_same_frames"),
            Test("crates/forge-http/src/frames.rs", "any_bytes_in_any_pieces_give_the_same_frames"),
            Test("crates/forge-http/src/frames.rs", "another_implementation_reads_the_same"),
            Test("crates/forge-testkit/src/contract/replies.rs", "the_form_of_the_bytes_changes_nothing"),
        ],
        goal: "0 differences",
        measured: "every split in two, 10,000 random ones, 2,000 against another implementation: 0",
    },
    Row {
        fault: "Random bytes for the parsers of events, replies, errors, hints, journals and configurations",
        expected: "No panic, no hang",
        tests: &[
            Test("tests/it/corpora.rs", "what_was_fuzzed_still_holds"),
            Test("crates/forge-testkit/src/contract/damage.rs", "a_damaged_reply_is_survived"),
            Test("crates/forge/tests/it/hostile.rs", "no_mutation_of_the_sample_makes_it_panic"),
        ],
        goal: "0 in 10 min",
        measured: "10 targets, 10 minutes each: 148,000 to 2,228,000 executions, 0 findings at the end; what was found on the way stands in the corpora, which the tests replay",
    },
    Row {
        fault: "A line of 100 MiB, a body and a stream of 1 GiB, a head of 10 MiB, a gigabyte in a megabyte of gzip",
        expected: "An error at the cap",
        tests: &[
            Test(
                "crates/forge-http/tests/it/limits.rs",
                "replies_without_measure_end_at_their_cap_in_little_memory",
            ),
            Test("crates/forge-testkit/src/contract/damage.rs", "an_endless_line_is_refused"),
        ],
        goal: "memory grows by <= cap + 16 MiB",
        measured: "peak of a process: line +69.2 MiB (cap 64), stream +5.9 (1), head +5.1 (1), body +69.3 (64), gzip +70.3 (64)",
    },
    Row {
        fault: "More calls at once than one HTTP/2 connection takes",
        expected: "No hidden queue",
        tests: &[
            Test(
                "crates/forge-http/tests/it/many.rs",
                "calls_beyond_the_streams_of_one_connection_do_not_queue",
            ),
            Test("crates/forge-http/src/clients.rs", "a_full_client_is_left_for_another_and_comes_back"),
        ],
        goal: "250 in flight reached",
        measured: "250 of 250 in flight, twice, where a connection takes 100; hangs when all of them share one client",
    },
    Row {
        fault: "A call is dropped at any poll",
        expected: "Permits, reservation and probe come back; one row of usage for each attempt",
        tests: &[
            Test(
                "crates/forge-router/tests/it/budgets.rs",
                "a_call_dropped_at_any_poll_gives_everything_back",
            ),
            Test("crates/forge-layers/src/retry.rs", "slots_come_back_wherever_the_call_is_dropped"),
            Test(
                "crates/forge-layers/src/concurrency.rs",
                "a_call_dropped_at_any_poll_gives_its_permit_back",
            ),
            Test("crates/forge-layers/src/observe.rs", "an_attempt_dropped_anywhere_leaves_one_record"),
            Test("crates/forge-layers/src/rate_limit/tests.rs", "nothing_leaks_wherever_a_call_is_dropped"),
        ],
        goal: "0 leaks",
        measured: "each of 10 polls of a call with two retries and a fallback, and of each layer alone: 0 leaks",
    },
    Row {
        fault: "A termination with 50 streams under way; a second one",
        expected: "The session ends cleanly, can be resumed, and every attempt is accounted for; the second ends it at once",
        tests: &[
            Test("tests/it/faults/ends.rs", "a_termination_ends_fifty_streams_and_loses_no_row"),
            Test("tests/it/faults/ends.rs", "a_second_termination_waits_for_nothing"),
            Test(
                "crates/forge-router/tests/it/times.rs",
                "a_shutdown_waits_for_calls_ends_those_that_take_too_long_and_flushes",
            ),
        ],
        goal: "<= grace + 0.5 s, 0 rows lost; < 100 ms",
        measured: "10 processes of 5 streams each (no command of today serves 50 in one): all gone after 0.18 s, 0 of 60 rows lost; the second: 6 to 45 ms",
    },
    Row {
        fault: "`kill -9` at random while records are written",
        expected: "The file is whole; what was acknowledged is there, once",
        tests: &[Test(
            "crates/forge-store/tests/it/processes.rs",
            "what_was_acknowledged_survives_a_kill_and_nothing_is_doubled",
        )],
        goal: "200 of 200 whole, 0 lost, 0 doubled",
        measured: "200 of 200 whole; 422,200 acknowledged, 422,700 found, 0 lost, 0 doubled",
    },
    Row {
        fault: "Four processes write to one file for 60 s",
        expected: "No caller sees a locked file",
        tests: &[Test(
            "crates/forge-store/tests/it/processes.rs",
            "four_processes_write_at_once_and_none_sees_an_error",
        )],
        goal: "0 errors",
        measured: "1,722,600 records and 1,724 journal entries in 60 s: 0 errors, 0 to the spool",
    },
    Row {
        fault: "Many records at once",
        expected: "They are written in batches",
        tests: &[Test(
            "crates/forge-store/tests/it/spool.rs",
            "records_are_taken_while_the_writer_waits_for_the_file",
        )],
        goal: ">= 30,000 rows/s, enqueue p99 < 50 µs",
        measured: "113,000 rows/s; see the accounts in [benchmarks.md](benchmarks.md)",
    },
    Row {
        fault: "The disk is full; the accounts are read-only, damaged, cut, no database, of a newer version, a folder",
        expected: "Calls work, records go to the spool and come back, one loud warning",
        tests: &[
            Test("tests/it/faults/accounts.rs", "accounts_in_any_state_fail_no_call_and_say_so"),
            Test(
                "crates/forge-store/tests/it/faults.rs",
                "a_full_file_sends_records_to_the_spool_until_there_is_room",
            ),
            Test(
                "crates/forge-store/tests/it/faults.rs",
                "a_read_only_file_can_be_asked_but_records_go_to_the_spool",
            ),
            Test(
                "crates/forge-store/tests/it/faults.rs",
                "whatever_bit_flips_no_record_is_lost_and_nothing_panics",
            ),
        ],
        goal: "0 failed calls",
        measured: "7 states, 3 calls and a session each: 0 failed, 4 of 4 records back each time; 60 files with flipped bits: 0 records lost",
    },
    Row {
        fault: "A journal or spool in plain files is cut at any byte of its last records",
        expected: "Every whole record is kept, the rest is put aside",
        tests: &[
            Test(
                "crates/forge-session/tests/it/torn.rs",
                "a_journal_cut_at_any_byte_of_its_last_three_records_keeps_every_whole_one_and_puts_the_rest_aside",
            ),
            Test(
                "crates/forge-store/src/spool.rs",
                "a_spool_cut_at_any_byte_of_its_last_lines_loses_only_what_is_cut",
            ),
        ],
        goal: "100 %",
        measured: "every byte of the last three records: all whole ones kept",
    },
    Row {
        fault: "A session is killed at any step and resumed",
        expected: "No finished call is made again",
        tests: &[
            Test(
                "crates/forge-session/tests/it/cut.rs",
                "a_session_cut_at_any_entry_goes_on_without_repeating_a_finished_call",
            ),
            Test("tests/it/run.rs", "a_killed_session_goes_on_and_no_finished_call_is_made_again"),
            Test(
                "tests/it/kills.rs",
                "a_session_killed_at_random_moments_repeats_no_finished_call_and_ends_as_if_nothing_had_been",
            ),
        ],
        goal: "0 repeated calls, the same result",
        measured: "every entry of a journal, and 300 kills of the command at random moments: 0 repeated, the same result",
    },
    Row {
        fault: "Two resume the same session; a late writer",
        expected: "The second is refused; the late one is fenced off",
        tests: &[
            Test(
                "crates/forge-session/tests/it/council.rs",
                "a_second_resumer_is_refused_while_the_first_is_at_work",
            ),
            Test(
                "tests/it/takeovers.rs",
                "of_two_who_resume_a_killed_session_at_once_exactly_one_goes_on_and_no_call_is_paid_twice",
            ),
            Test("tests/it/takeovers.rs", "a_run_that_lives_in_another_pid_namespace_keeps_its_session"),
            Test("crates/forge-session/tests/it/council.rs", "a_run_that_was_presumed_dead_is_fenced_off"),
            Test(
                "crates/forge-store/tests/it/journals.rs",
                "a_second_writer_is_refused_and_a_late_one_fenced_off",
            ),
            Test(
                "crates/forge-session/tests/it/output.rs",
                "plain_files_keep_a_second_writer_out_and_fence_a_late_one_off",
            ),
        ],
        goal: "0 doubled steps",
        measured: "0",
    },
    Row {
        fault: "64 calls at once under a budget",
        expected: "Money is set aside before anything is sent",
        tests: &[
            Test("crates/forge-router/tests/it/budgets.rs", "sixty_four_calls_at_once_never_overspend"),
            Test(
                "crates/forge-store/tests/it/budgets.rs",
                "sixty_four_at_once_on_two_stores_do_not_overspend",
            ),
            Test("crates/forge-store/tests/it/processes.rs", "two_processes_do_not_overspend"),
        ],
        goal: "0 overspent",
        measured: "10 of 64 are sent, as many as fit: 0 overspent",
    },
    Row {
        fault: "Vendors say the key in errors, heads, redirects and streams; everything is logged, written down and shown",
        expected: "It is found nowhere",
        tests: &[
            Test("tests/it/faults/keys.rs", "no_key_is_said_or_written_whatever_the_vendors_say"),
            Test("tests/it/faults/keys.rs", "no_key_is_in_anything_that_a_panic_could_show"),
            Test("tests/it/faults/keys.rs", "a_key_that_cannot_be_used_is_not_shown_either"),
            Test("crates/forge-testkit/src/contract/secrets.rs", "the_key_is_nowhere_to_be_seen"),
        ],
        goal: "0 finds",
        measured: "290 commands with full logs and 90 files (accounts, journals, reports, exports), 5 keys, plain, in base64 and backwards: 0",
    },
    Row {
        fault: "A redirect to another port",
        expected: "An error; the other server sees nothing",
        tests: &[Test("tests/it/failover.rs", "a_redirect_carries_nothing_to_another_place")],
        goal: "0 requests",
        measured: "0 requests, 0 connections",
    },
    Row {
        fault: "Somebody else's project sets an address, headers, a key, a file, a command",
        expected: "Refused until the file is trusted as it is",
        tests: &[
            Test("crates/forge/tests/it/broken.rs", "a_project_file_gives_a_vendor_no_key_but_its_own"),
            Test("tests/it/faults/project.rs", "a_project_sends_no_byte_anywhere_before_it_is_trusted"),
            Test("tests/it/config.rs", "a_project_file_sends_no_key_elsewhere_until_it_is_trusted_as_it_is"),
            Test(
                "crates/forge/tests/it/broken.rs",
                "a_project_file_shows_no_variable_as_the_name_of_a_model",
            ),
        ],
        goal: "0 bytes sent",
        measured: "20 files with 7 commands each: 0 connections; once trusted, the same server is reached",
    },
    Row {
        fault: "60 spellings of the address of this machine and its neighbours",
        expected: "Refused in a project; never visited as a picture",
        tests: &[
            Test("tests/it/faults/spellings.rs", "a_project_names_no_address_however_it_is_spelled"),
            Test("tests/it/faults/spellings.rs", "the_address_of_a_picture_is_not_visited"),
        ],
        goal: "100 %",
        measured: "60 of 60 refused, 0 connections; Forge itself fetches nothing by an address in a request",
    },
    Row {
        fault: "Line ends, NUL and other control characters in a key, model, address, header, role or id",
        expected: "An error with its line when the file is read; nothing on the wire",
        tests: &[
            Test(
                "crates/forge/tests/it/hostile.rs",
                "a_control_character_anywhere_is_a_mistake_with_its_line",
            ),
            Test("crates/forge-testkit/src/contract/secrets.rs", "bad_settings_are_refused"),
            Test("tests/it/faults/smuggling.rs", "no_name_in_a_call_adds_a_line_to_its_request"),
        ],
        goal: "0 on the wire",
        measured: "256 random characters in 8 places and a key: 256 errors with the line; 48 calls with such names: 0 lines added",
    },
    Row {
        fault: "Aliases of aliases, 100,000 levels, 10 MiB of YAML",
        expected: "An error",
        tests: &[
            Test("crates/forge/tests/it/hostile.rs", "a_bomb_is_refused_in_little_memory"),
            Test("crates/forge/tests/it/hostile.rs", "depth_ends_at_64"),
            Test("crates/forge/tests/it/hostile.rs", "aliases_count_as_what_they_stand_for"),
        ],
        goal: "< 100 ms, < 32 MiB",
        measured: "release build: aliases 27 ms and 10.5 MiB, depth 0.2 ms, 10 MiB 0.03 ms. Worst of 17 files: 20,000 keys in a mebibyte, 24.3 MiB and 77 ms",
    },
    Row {
        fault: "A template that loops 10^10 times, repeats without measure, asks for 10^9 elements",
        expected: "Refused before anything is asked",
        tests: &[Test(
            "crates/forge-session/tests/it/prompts.rs",
            "a_template_that_cannot_be_used_is_refused_before_anything_is_asked",
        )],
        goal: "< 100 ms",
        measured: "refused; out of fuel, or larger than 16 MiB",
    },
    Row {
        fault: "60 names of sessions that lead elsewhere; a link in a folder of plain journals",
        expected: "Refused",
        tests: &[
            Test("tests/it/faults/paths.rs", "no_name_of_a_session_leads_out_of_its_folder"),
            Test("crates/forge-core/src/storage/memory/journal.rs", "a_stream_name_is_never_a_path"),
            Test("crates/forge-session/tests/it/output.rs", "a_link_in_the_place_of_a_file_is_not_followed"),
        ],
        goal: "0 outside files",
        measured: "60 of 60 refused by 4 commands, every file outside is as it was; links are not followed",
    },
    Row {
        fault: "A critique hides behind thoughts, an example of the form, another language or scale, a fence, a repetition; \
                or says nothing",
        expected: "What it says counts, once; what says nothing does not count",
        tests: &[
            Test(
                "crates/forge-session/src/answer/corpus.rs",
                "no_finding_is_lost_or_invented_in_three_hundred_critiques",
            ),
            Test("benches/tests/trust.rs", "no_hostile_council_makes_a_session_say_what_is_not_so"),
            Test(
                "crates/forge-session/tests/it/trust.rs",
                "a_finding_behind_thoughts_or_an_example_of_the_form_is_heard",
            ),
            Test("crates/forge-session/tests/it/trust.rs", "a_panel_that_says_nothing_is_below_the_quorum"),
            Test(
                "crates/forge-session/tests/it/trust.rs",
                "an_unknown_rating_is_asked_for_and_blocks_until_it_is_given",
            ),
        ],
        goal: "0 findings lost or invented, 0 false `converged`",
        measured: "300 critiques, and 60,000 by hand: 0 lost, 0 invented, 0 to repair; 10,000 hostile sessions: 0",
    },
    Row {
        fault: "A synthesis drops lines, leaves the rest out, claims changes that it does not make, names false duplicates",
        expected: "The host makes the edits; a whole document is looked through, asked for once more, and not used",
        tests: &[
            Test(
                "crates/forge-session/tests/it/trust.rs",
                "what_no_accepted_finding_touches_stays_byte_for_byte",
            ),
            Test(
                "crates/forge-session/tests/it/trust.rs",
                "a_document_that_leaves_the_rest_out_is_asked_for_once_more_and_never_delivered",
            ),
            Test("crates/forge-session/tests/it/trust.rs", "a_few_lost_lines_are_said"),
            Test("crates/forge-session/src/revise.rs", "acceptance_counts_only_if_the_text_changed"),
            Test(
                "crates/forge-session/src/ledger.rs",
                "a_duplicate_counts_only_at_the_place_of_a_finding_that_is_decided_itself",
            ),
        ],
        goal: "0 lines lost unsaid",
        measured: "a document of 60 KB with 20 findings: equal outside of them; 10,000 hostile sessions: 0 lines lost unsaid",
    },
    Row {
        fault: "Serious findings are rejected by the family that wrote the text, or a checker lies",
        expected: "Rejections are judged; what most critics raised is never settled by its author's family",
        tests: &[
            Test("crates/forge-session/tests/it/trust.rs", "the_check_judges_rejections"),
            Test(
                "crates/forge-session/tests/it/trust.rs",
                "what_most_critics_raised_and_the_authors_family_rejected_is_a_banner_and_not_convergence",
            ),
            Test("benches/tests/trust.rs", "no_hostile_council_makes_a_session_say_what_is_not_so"),
        ],
        goal: "0 false `converged`",
        measured: "10,000 hostile sessions: 0",
    },
    Row {
        fault: "Vendors fail in any way, and a fallback would bring the author of the text or a provider outside of the role",
        expected: "A stand-in of the role, or the seat stays empty",
        tests: &[
            Test("crates/forge/tests/it/closed.rs", "no_call_reaches_a_provider_that_no_role_names"),
            Test(
                "crates/forge-router/tests/it/alone.rs",
                "whoever_is_excluded_is_passed_over_wherever_it_stands",
            ),
            Test(
                "crates/forge-session/tests/it/trust.rs",
                "nobody_judges_a_text_of_its_own_whoever_was_asked_for_it",
            ),
            Test(
                "crates/forge-session/tests/it/trust.rs",
                "a_stand_in_takes_an_empty_seat_and_nobody_sits_twice",
            ),
        ],
        goal: "0 bytes to anyone outside of the roles",
        measured: "10,200 random configurations, each with whole sessions that fail: 0 of 146,021 calls",
    },
    Row {
        fault: "A vendor asks for a longer wait than the call has left",
        expected: "The next one at once; the error names the wait",
        tests: &[Test(
            "crates/forge-router/tests/it/alone.rs",
            "a_wait_longer_than_the_call_has_left_leads_on_at_once_and_says_what_it_is",
        )],
        goal: "0 s waited",
        measured: "0 s, on a clock that is moved",
    },
    Row {
        fault: "A text of a model or a document holds fences, roles, verdicts, templates, control characters",
        expected: "It stays inside its fence, is not expanded and changes no verdict",
        tests: &[
            Test(
                "crates/forge-session/tests/it/injection.rs",
                "no_text_is_expanded_or_leaves_its_fence_or_changes_a_verdict",
            ),
            Test(
                "crates/forge-session/tests/it/injection.rs",
                "a_text_that_knows_the_marker_of_a_prompt_gets_another_one",
            ),
        ],
        goal: "100 %",
        measured: "30 texts in 12 places: all",
    },
    Row {
        fault: "A text of a model or a vendor holds escapes, C1 controls, bidirectional overrides",
        expected: "They do not reach the screen",
        tests: &[
            Test("tests/it/faults/screen.rs", "nothing_that_a_model_or_a_vendor_says_controls_the_terminal"),
            Test(
                "crates/forge-cli/src/layout.rs",
                "nothing_that_moves_a_cursor_or_turns_text_around_is_left",
            ),
        ],
        goal: "100 %",
        measured: "15 commands on a real terminal: 0 such characters",
    },
    Row {
        fault: "What vendors say and refuse in the field, each composed anew: error texts, empty and odd replies, ids, schemas, \
            thoughts, histories, counts, addresses, citations",
        expected: "Every text has its kind, every odd reply its answer, every history the form that the vendor takes",
        tests: &[
            Test(
                "crates/forge-openai/tests/it/fixtures.rs",
                "more_than_ten_vendors_have_fixtures_of_their_own",
            ),
            Test("crates/forge-anthropic/tests/it/fixtures.rs", "replies"),
            Test("crates/forge-google/tests/it/fixtures.rs", "replies"),
            Test("crates/forge-local/tests/it/fixtures.rs", "servers"),
        ],
        goal: ">= 150 fixtures, >= 10 vendors, 0 that do not hold",
        measured: "275 fixtures, 24 vendors of the Chat dialect and three others: errors 89, addresses 33, counts 26, histories 24, odd 22, fields 18, empty 16, thoughts 15, ids 10, citations 8, schemas 10, forms 4; all hold",
    },
    Row {
        fault: "One odd value in a paid answer: another type, a number that cannot be right, half of a character, no field",
        expected: "The answer stands, with a warning",
        tests: &[
            Test("crates/forge-openai/src/odd.rs", "a_streamed_chat_reply"),
            Test("crates/forge-openai/src/odd.rs", "a_whole_chat_reply"),
            Test("crates/forge-local/src/odd.rs", "a_streamed_native_reply"),
            Test("crates/forge-anthropic/src/stream_tests.rs", "nothing_but_the_answer_can_spoil_the_answer"),
            Test("crates/forge-google/src/stream_tests.rs", "nothing_but_the_answer_can_spoil_the_answer"),
            Test("crates/forge-http/src/sound.rs", "any_units_can_be_read"),
            Test("crates/forge-http/src/lenient/mod.rs", "no_value_of_any_field_fails_the_whole"),
        ],
        goal: "0 answers lost",
        measured: "15 values, or none, in the place of every field beside the answer in the dialects of OpenAI and Ollama, random ones in those of Anthropic and Google: 0 lost, asserted",
    },
    Row {
        fault: "A reply of status 200 that says nothing; a tool call that the vendor could not use",
        expected: "No success; the next route, unless the role says otherwise; silence after the results of tools is an answer",
        tests: &[
            Test(
                "crates/forge-router/tests/it/chains.rs",
                "a_reply_without_an_answer_leads_on_unless_the_role_says_otherwise",
            ),
            Test("crates/forge-router/tests/it/chains.rs", "silence_after_the_results_of_tools_is_an_answer"),
            Test(
                "crates/forge-session/tests/it/panel.rs",
                "a_drafter_that_says_nothing_is_followed_by_its_fallback",
            ),
        ],
        goal: "100 %",
        measured: "each of them, asserted",
    },
    Row {
        fault: "A refusal whose reason nobody knows; texts for spent accounts, long prompts, bad keys, missing models",
        expected: "One route to another vendor is asked; known texts and codes have their kind",
        tests: &[
            Test(
                "crates/forge-router/tests/it/chains.rs",
                "what_one_vendor_refuses_for_an_unknown_reason_one_other_vendor_is_asked",
            ),
            Test(
                "crates/forge-openai/src/error.rs",
                "texts_of_the_field_have_their_kinds_and_their_neighbours_keep_theirs",
            ),
            Test(
                "crates/forge-anthropic/src/error.rs",
                "texts_and_codes_decide_where_the_type_says_too_little",
            ),
            Test("crates/forge-google/src/error.rs", "texts_decide_where_the_status_says_too_little"),
        ],
        goal: ">= 95 % of the public texts",
        measured: "every text of the tables, asserted",
    },
    Row {
        fault: "A conversation of another vendor: its ids, blank texts, roles, media types, thoughts, schemas",
        expected: "It is fitted for the vendor that is asked, in the same way every time",
        tests: &[
            Test("tests/it/continued.rs", "a_conversation_goes_on_with_every_other_vendor"),
            Test("tests/it/continued.rs", "a_strict_template_gets_turns_that_alternate"),
            Test(
                "crates/forge-http/src/fit/ids.rs",
                "any_ids_become_good_ones_and_what_is_added_changes_nothing_before",
            ),
        ],
        goal: "0 refusals",
        measured: "19 servers, each continued on each of the others in four ways through the strict simulated vendors: 0 of 1,444 requests refused",
    },
    Row {
        fault: "Proxies in the environment, hosts that must not go through them, addresses without TLS",
        expected: "The usual rules: the scheme decides, NO_PROXY wins, this machine is reached directly",
        tests: &[
            Test("crates/forge/src/proxy.rs", "the_scheme_of_the_address_decides"),
            Test("crates/forge/src/proxy.rs", "hosts_that_are_named_and_this_machine_are_reached_directly"),
            Test("crates/forge/tests/it/good.rs", "a_proxy_is_used_for_other_machines_only"),
        ],
        goal: "0 bytes in the clear through a proxy for others",
        measured: "asserted",
    },
    Row {
        fault: "A banned crate, an unknown licence or source; a build that is not locked",
        expected: "The check of the project fails",
        tests: &[Test("tests/it/arrows.rs", "the_command_has_at_most_320_crates")],
        goal: "0 open",
        measured: "by hand, `cargo deny check bans licenses sources`: ok on 2026-11-21; every build of `.ci/run` is `--locked`",
    },
    Row {
        fault: "A new advisory about a crate",
        expected: "The check of the project fails",
        tests: &[],
        goal: "0 open",
        measured: "a copy of the advisories that can be read without a network",
    },
    Row {
        fault: "10,000 hostile names and prompts for tmux",
        expected: "Nothing runs, the text is exact",
        tests: &[],
        goal: "0 executions, 100 % equal",
        measured: "the part that drives tmux",
    },
    Row {
        fault: "A gateway is asked with a bad Host, a foreign Origin, a form, no key, on every address without a key",
        expected: "403, 403, 415, 401, refuses to start",
        tests: &[],
        goal: "100 %, no question to the accounts before the key is checked",
        measured: "the gateway",
    },
];
