//! What [`bulkhead::store::Store`] promises, shown for every dialect: each test runs on each of them, as
//! `sqlite::claims::oldest_first` and `postgres::claims::oldest_first`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod claims;
mod commit;
mod components;
mod contacts;
mod credentials;
mod expiry;
mod ground;
mod history;
mod hosts;
mod listing;
mod logs;
mod lost_answers;
mod made_up;
mod opening;
mod races;
mod results;
mod setup;
mod submit;
mod tenants;

use ground::Ground;

/// Makes a test of each of these functions for a dialect.
macro_rules! dialect {
    ($dialect:ident { $($concern:ident: $($name:ident),+;)+ }) => {
        mod $dialect {
            $(mod $concern {
                $(#[test]
                fn $name() {
                    crate::$concern::$name(&crate::Ground::$dialect());
                })+
            })+
        }
    };
}

/// Makes a test of each of these functions for every dialect, or for some of them. A function that is missing here is dead code, which the
/// compiler warns of.
macro_rules! conformance {
    (both { $($both:tt)+ } embedded { $($embedded:tt)+ } shared { $($shared:tt)+ }) => {
        dialect!(sqlite { $($both)+ $($embedded)+ });
        dialect!(postgres { $($both)+ $($shared)+ });
    };
}

conformance! {
    both {
        claims:
            oldest_first,
            the_least_recently_served_tenant_first,
            a_long_queue_hides_nobody,
            a_tenant_can_have_several_at_once,
            a_claim_says_everything,
            a_lease_ends,
            a_lease_can_be_prolonged,
            a_lease_can_be_a_moment,
            void_ones_are_told_from_those_that_hold,
            what_is_given_back_goes_on,
            attempts_count_since_a_job_got_on,
            an_expired_job_is_nobodys,
            an_expired_claim_is_void,
            a_new_start_voids_what_only_the_dead_can_hold;
        commit:
            everything_takes_effect_at_once,
            the_last_one_finishes_the_job,
            nothing_takes_effect_twice,
            nothing_takes_effect_after_a_delete,
            nothing_takes_effect_after_the_tenant,
            a_conflict_changes_nothing,
            keys_can_change_hands_within_a_batch,
            keys_are_a_tenants_and_a_fields,
            what_fails_changes_no_contact,
            a_batch_can_be_large,
            jobs_beside_each_other_conflict_by_contacts_alone;
        components:
            are_registered_once,
            are_listed_from_the_oldest,
            keep_every_byte,
            are_removed_when_nobody_needs_them,
            a_job_needs_registered_ones;
        contacts:
            are_found_each_once,
            too_many_at_once_are_refused,
            writes_of_a_call_are_all_or_nothing,
            nothing_is_written_for_a_removed_tenant,
            a_deleted_one_leaves_nothing;
        credentials:
            a_secret_is_one_tenants,
            a_token_stands_for_a_tenant_for_some_time,
            tokens_go_with_their_tenant;
        expiry:
            an_expired_job_is_unknown_before_it_is_swept,
            a_job_lives_on_from_its_end,
            what_has_expired_is_swept,
            a_sweep_takes_some_at_a_time,
            what_runs_while_it_expires_ends;
        listing:
            have_an_order_and_parts,
            can_go_by_the_last_change,
            show_what_was_committed_before,
            follow_commits,
            follow_large_commits_in_parts,
            can_be_of_some_ids,
            are_searched_by_the_beginnings_of_words,
            forget_what_was_changed_or_deleted,
            end_with_the_last_change;
        logs:
            are_kept_up_to_a_limit,
            take_any_text;
        opening:
            nothing_is_lost_between_two_starts,
            several_can_open_it_at_the_same_moment,
            a_newer_schema_is_refused_in_words;
        races:
            for_a_claim,
            for_a_tenants_turn,
            for_an_idempotency_key,
            for_the_last_place_in_the_queue,
            for_a_place_in_the_order,
            for_a_chunk,
            for_a_unique_key,
            for_the_same_contacts,
            of_a_delete_with_a_commit,
            of_a_deletion_with_a_change,
            of_listing_with_writing,
            of_chores_with_commits,
            of_sweeping_with_claims,
            of_an_old_claim_with_a_new_one;
        results:
            pages_join_without_gap_or_overlap;
        submit:
            what_is_accepted_is_there,
            belongs_to_its_tenant,
            a_job_without_items_is_done,
            items_come_back_as_they_were_sent,
            the_same_request_is_the_same_job,
            what_was_refused_uses_up_no_key,
            jobs_that_wait_are_limited_for_each_tenant,
            bytes_that_wait_are_limited_for_each_tenant;
        tenants:
            a_name_is_taken_once,
            are_listed_by_name,
            a_removed_one_is_gone,
            many_contacts_of_a_removed_one_are_swept,
            what_is_not_changed_stays,
            a_change_is_whole_or_not_at_all,
            components_can_be_rolled_back,
            a_job_keeps_the_profile_it_came_with,
            settings_of_a_newer_server_stop_nothing;
    }
    embedded {
        history:
            what_the_first_version_stored_is_kept;
    }
    shared {
        hosts:
            hear_of_each_other,
            go_on_after_their_connections_were_cut,
            go_on_after_the_database_was_restarted,
            say_so_when_nothing_can_be_written,
            pass_over_what_a_frozen_one_has_locked,
            pass_over_what_a_frozen_one_sweeps;
        lost_answers:
            of_a_claim,
            of_a_submission,
            of_a_commit,
            of_a_write_that_belongs_to_no_job;
        setup:
            every_key_begins_with_the_tenant,
            a_role_that_cannot_create_serves_what_is_there,
            a_schema_each_makes_two_services,
            another_encoding_is_refused,
            a_commit_waits_for_the_disk_whatever_the_database_says,
            the_host_that_takes_writes_is_found;
    }
}
