//! Conformance tests of [`bulkhead::store::Store`]. Each test runs on every dialect, for instance as
//! `sqlite::claims::a_lease_of_milliseconds_ends` and `postgres::claims::a_lease_of_milliseconds_ends`, and on several versions of
//! PostgreSQL: `postgres` is the one that the system installs, beside the oldest that is promised and the newest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod audit;
mod builders;
mod claims;
mod commit;
mod components;
mod console;
mod contacts;
mod credentials;
mod dry_runs;
mod expiry;
mod fixture;
mod history;
mod jobs;
mod listing;
mod logs;
mod lost_answers;
mod opening;
mod races;
mod refresh_tokens;
mod remarks;
mod results;
mod search_bound;
mod searching;
mod setup;
mod several_servers;
mod shrinking;
mod submit;
mod tenants;
mod undo;
mod usage;
mod webhooks;

use fixture::StoreFixture;

/// Makes a test of each of these functions, for one dialect.
macro_rules! dialect {
    ($dialect:ident { $($concern:ident: $($name:ident),+;)+ }) => {
        mod $dialect {
            $(mod $concern {
                $(#[test]
                fn $name() {
                    crate::$concern::$name(&crate::StoreFixture::$dialect());
                })+
            })+
        }
    };
}

/// Makes tests of these functions for both dialects, for SQLite (`embedded`) or for PostgreSQL (`shared`). The compiler warns
/// of a function that is missing here, as dead code.
macro_rules! conformance {
    (both { $($both:tt)+ } embedded { $($embedded:tt)+ } shared { $($shared:tt)+ }) => {
        dialect!(sqlite { $($both)+ $($embedded)+ });
        dialect!(postgres { $($both)+ $($shared)+ });
        dialect!(postgres_13 { $($both)+ $($shared)+ });
        dialect!(postgres_18 { $($both)+ $($shared)+ });
    };
}

conformance! {
    both {
        audit:
            an_act_is_logged_before_and_after,
            the_audit_log_keeps_its_newest_entries;
        claims:
            the_oldest_job_of_a_tenant_is_claimed_first,
            leases_are_listed_while_they_last,
            the_least_recently_served_tenant_is_next,
            a_long_queue_does_not_delay_other_tenants,
            tenants_are_passed_over,
            claims_of_a_tenant_are_limited_by_running_jobs,
            a_claim_has_the_state_of_its_job,
            a_job_can_be_claimed_again_after_its_lease,
            renewing_and_committing_extend_leases,
            a_lease_of_milliseconds_ends,
            lost_claims_returns_only_lost_claims,
            a_released_job_continues_at_its_cursor,
            attempts_count_from_the_last_commit,
            an_expired_job_is_not_claimed,
            the_claim_of_an_expired_job_is_lost,
            a_starting_server_voids_claims_of_dead_servers_only;
        commit:
            a_commit_writes_contacts_rows_and_counts,
            the_last_commit_finishes_the_job,
            no_batch_is_committed_twice,
            nothing_is_committed_after_a_job_is_deleted,
            nothing_is_committed_after_a_tenant_is_removed,
            a_conflict_changes_nothing,
            contacts_can_swap_keys_within_a_batch,
            keys_are_unique_within_a_tenant_and_field,
            failed_items_change_no_contact,
            a_large_batch_is_committed,
            concurrent_jobs_of_a_tenant_conflict_only_on_contacts;
        components:
            a_component_is_registered_once,
            a_name_moves_to_another_component,
            components_are_listed_oldest_first,
            the_bytes_of_a_component_are_kept,
            a_component_in_use_is_not_removed,
            a_job_needs_registered_components;
        console:
            a_session_is_found_until_it_ends_or_expires,
            the_oldest_sessions_of_a_credential_end,
            sessions_that_begin_at_once_stay_within_their_limit,
            sessions_go_with_their_tenant,
            a_staged_file_is_what_was_brought,
            a_staged_file_is_its_tenants_alone,
            the_oldest_staged_files_of_a_tenant_go,
            files_that_are_staged_at_once_stay_within_their_limit,
            expired_files_are_swept_a_few_at_a_time,
            staged_files_go_with_their_tenant,
            a_file_that_could_not_be_read_is_refused;
        contacts:
            each_contact_is_found_once,
            finding_too_many_bytes_is_an_error,
            writes_of_a_call_take_effect_all_or_none,
            nothing_is_written_for_a_removed_tenant,
            a_deleted_contact_frees_its_key_but_not_its_id;
        credentials:
            a_secret_authenticates_only_its_tenant,
            a_token_authenticates_its_tenant_until_it_expires,
            removing_a_tenant_removes_its_tokens,
            a_secret_is_replaced_while_clients_use_it,
            the_last_secret_is_not_revoked_by_mistake,
            two_operators_do_not_revoke_both_secrets,
            secrets_are_limited_and_expire,
            the_day_of_a_secrets_last_use_is_noted,
            tokens_are_revoked,
            the_scope_of_a_secret_is_that_of_its_tokens;
        dry_runs:
            a_dry_run_keeps_its_items_and_writes_no_contact,
            overlays_go_with_their_job,
            dry_runs_of_one_file_follow_each_other,
            a_completed_dry_run_is_applied_once,
            of_many_that_apply_a_dry_run_at_once_one_makes_the_job,
            what_came_out_otherwise_is_kept_and_counted;
        expiry:
            an_expired_job_is_unknown_before_it_is_swept,
            retention_starts_again_when_a_job_finishes,
            expired_jobs_are_swept,
            a_sweep_deletes_a_limited_number_of_jobs,
            sweeping_a_running_job_ends_its_claim;
        jobs:
            a_tenants_jobs_are_listed_newest_first,
            pages_of_a_list_of_jobs_have_no_gap_or_overlap,
            nothing_is_committed_after_a_job_is_cancelled,
            rows_of_failed_items_have_the_items,
            the_tenant_of_a_job_is_found,
            jobs_are_read_by_their_keys;
        listing:
            lists_are_ordered_and_paged,
            contacts_are_read_by_their_ids_without_an_index,
            lists_are_ordered_by_last_change,
            a_list_has_every_contact_committed_before,
            queued_contacts_are_indexed_in_several_steps,
            a_large_commit_is_indexed_in_parts,
            a_list_of_ids_has_those_that_exist,
            searches_match_the_beginnings_of_words,
            changed_and_deleted_contacts_leave_the_index,
            the_index_has_the_last_change;
        logs:
            a_log_is_kept_up_to_its_limit,
            a_log_takes_any_text;
        opening:
            data_is_kept_when_a_store_is_opened_again,
            several_servers_can_open_a_new_store_at_once,
            a_newer_schema_is_refused_with_a_reason,
            a_schema_that_is_newer_by_additions_is_worked_with,
            tables_without_a_schema_number_are_refused;
        races:
            a_job_is_claimed_once,
            the_limit_of_running_jobs_holds,
            an_idempotency_key_accepts_one_job,
            a_group_keeps_its_idempotency_key_as_long_as_a_job_is_left,
            the_limit_of_queued_jobs_holds,
            concurrent_submissions_keep_their_order,
            a_batch_is_committed_once,
            a_unique_key_is_taken_once,
            every_change_of_contested_contacts_counts_once,
            nothing_is_committed_after_a_delete,
            a_contact_is_deleted_once_and_not_changed_after,
            indexing_while_writing_loses_nothing,
            maintenance_does_not_fail_commits,
            sweeping_does_not_delay_claims,
            only_the_newest_claim_commits;
        refresh_tokens:
            a_refresh_token_is_replaced_each_time,
            a_refresh_token_that_is_used_again_revokes_its_family,
            a_refresh_token_that_no_server_issued_changes_nothing,
            refresh_tokens_belong_to_a_tenant_and_end_with_its_secrets,
            refresh_tokens_expire,
            refresh_tokens_are_limited_in_number,
            refresh_tokens_are_revoked,
            of_two_that_show_a_refresh_token_at_once_one_gets_a_token;
        remarks:
            remarks_are_added_up_over_the_batches_of_a_job,
            the_remarks_about_a_job_are_bounded,
            a_fenced_commit_remarks_nothing;
        results:
            consecutive_ranges_have_no_gap_or_overlap,
            large_rows_are_stored_a_few_together,
            a_failed_item_is_kept_as_it_was_sent,
            kept_items_leave_half_of_the_room;
        searching:
            filters_are_combined_as_sets,
            a_search_is_ordered_and_paged,
            words_that_many_have_are_found_like_others,
            searches_find_what_the_texts_have;
        submit:
            each_claim_of_a_job_has_the_trace_of_its_request,
            an_accepted_job_can_be_read_and_claimed,
            only_its_tenant_knows_a_job,
            a_job_without_items_is_completed,
            chunks_return_the_items_that_were_sent,
            a_repeated_request_is_the_same_job,
            a_deleted_job_releases_its_idempotency_key,
            a_group_keeps_its_idempotency_key_until_its_last_job_is_deleted,
            a_refused_request_uses_no_idempotency_key,
            unfinished_jobs_are_limited_per_tenant,
            unprocessed_bytes_are_limited_per_tenant;
        tenants:
            a_tenant_name_is_taken_once,
            tenants_are_listed_by_name,
            a_removed_tenant_leaves_nothing,
            contacts_of_a_removed_tenant_are_swept_in_parts,
            a_change_keeps_what_it_does_not_name,
            a_refused_change_changes_nothing,
            the_components_before_are_kept,
            a_tenant_that_is_not_as_seen_is_not_changed,
            a_job_keeps_the_profile_of_its_acceptance,
            unreadable_settings_do_not_block_the_queue;
        undo:
            a_commit_keeps_what_it_changed,
            what_is_kept_outlives_its_job_and_expires,
            contacts_are_deleted_and_come_back_under_their_ids,
            a_job_is_undone_by_one_job,
            a_deleted_contact_goes_out_of_the_images,
            a_contact_that_an_undo_deleted_goes_out_of_the_images,
            beyond_the_limit_the_oldest_jobs_are_forgotten,
            a_tenant_that_keeps_nothing_has_nothing_to_undo;
        usage:
            counters_are_what_a_recount_finds,
            what_is_deleted_or_expires_counts_no_more,
            a_job_beyond_the_stored_bytes_is_refused,
            jobs_in_a_minute_are_limited,
            the_contacts_of_a_group_count_once,
            tokens_are_limited_in_number_and_rate,
            jobs_share_their_profile,
            results_beyond_their_limit_lose_details;
        webhooks:
            endpoints_of_all_owners_are_listed_with_those_that_fail_first,
            messages_are_stored_with_the_end_of_a_job,
            a_message_is_taken_once_at_a_time_for_each_webhook,
            the_outcome_of_an_attempt_decides_what_follows,
            a_disabled_webhook_gets_what_it_missed,
            messages_that_were_taken_are_deleted_first,
            operators_are_told_once_an_hour_of_a_failing_component,
            webhooks_go_with_their_tenant;
    }
    embedded {
        history:
            data_of_the_first_version_is_kept;
        search_bound:
            a_search_ends_behind_the_newest_hundred_thousand;
        shrinking:
            free_space_is_given_back_in_small_steps;
    }
    shared {
        several_servers:
            servers_notify_each_other,
            servers_see_each_other,
            servers_hint_at_jobs_for_which_others_wait,
            work_continues_after_connections_are_cut,
            work_continues_after_the_database_restarts,
            a_read_only_database_is_reported,
            claims_pass_over_the_locks_of_a_frozen_server,
            claims_pass_over_the_sweep_of_a_frozen_server;
        lost_answers:
            a_claim_whose_answer_is_lost_is_returned,
            a_submission_whose_answer_is_lost_is_accepted,
            a_commit_whose_answer_is_lost_is_unsure,
            a_write_of_a_call_whose_answer_is_lost_is_unsure,
            a_cancellation_whose_answer_is_lost_makes_room_when_it_is_repeated;
        setup:
            every_key_begins_with_the_tenant,
            a_role_without_create_can_serve,
            a_database_without_the_clock_function_gets_it,
            a_heartbeat_reads_no_jobs_of_others,
            two_schemas_are_two_services,
            a_database_that_is_not_utf8_is_refused,
            a_commit_waits_for_the_disk_despite_the_database_settings,
            the_host_that_takes_writes_is_found;
    }
}
