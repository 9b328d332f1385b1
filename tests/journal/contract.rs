//! The rules of the port, each a test of its own that every store has to pass. A rule does not know which store it tests.
//!
//! `contract_suite!(factory)` makes the tests of one store. `factory` is an async function without arguments that makes a
//! [`Fresh`] store, or `None` (after printing why) where this machine cannot.

pub(crate) mod appending;
pub(crate) mod dead_letters;
pub(crate) mod fencing;
pub(crate) mod given;
pub(crate) mod leasing;
pub(crate) mod model;
pub(crate) mod nodes;
pub(crate) mod outbox;
pub(crate) mod payloads;
pub(crate) mod reading;
pub(crate) mod receipts;
pub(crate) mod scanning;
pub(crate) mod snapshots;
pub(crate) mod timers;

use ionveil_journal::Store;
use std::any::Any;
use std::future::Future;
use std::sync::Arc;

/// An empty store of several partitions, of which none was ever claimed.
pub(crate) struct Fresh {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// What has to live as long as the store, such as its directory.
    pub(crate) _keep: Box<dyn Any + Send>,
}

impl Fresh {
    /// A store, and what has to outlive it.
    pub(crate) fn new(store: impl Store, keep: impl Any + Send) -> Self {
        Self { store: Arc::new(store), _keep: Box::new(keep) }
    }
}

/// Runs one rule on a fresh store and closes it.
pub(crate) async fn hold<F, R>(fresh: F, rule: impl FnOnce(Arc<dyn Store>) -> R)
where
    F: Future<Output: Into<Option<Fresh>>>,
    R: Future<Output = ()>,
{
    let Some(fresh) = fresh.await.into() else { return };
    rule(fresh.store.clone()).await;
    fresh.store.close().await;
}

/// One test per rule, over the stores that `$factory` makes.
macro_rules! contract_suite {
    ($factory:path) => {
        $crate::journal::contract::contract_suite! { $factory:
            appending: accepted_events_read_back_as_they_were_given, positions_are_dense_and_follow_the_batch,
                recorded_at_never_goes_back, an_append_is_whole_or_absent, sequence_numbers_have_no_gaps,
                appends_of_one_owner_build_on_each_other, a_conflict_spoils_the_later_appends_of_its_owner_only,
                an_append_over_several_streams_is_one, an_empty_append_stores_its_receipt, an_empty_batch_does_nothing,
                the_same_id_elsewhere_is_another_entity, streams_of_one_append_may_interleave;
            receipts: a_repeat_gets_the_first_receipt, a_repeat_is_recognised_before_its_version_is_looked_at,
                a_command_twice_in_a_batch_is_a_conflict, a_duplicate_spoils_what_follows_it, commands_belong_to_their_owner,
                receipts_come_in_the_order_asked, refused_commands_leave_no_receipt;
            fencing: a_fenced_partition_refuses_its_own_only, without_claims_all_is_fenced, an_old_epoch_is_fenced,
                fenced_is_told_before_duplicate, a_fenced_append_spoils_nothing_of_others;
            payloads: texts_survive, a_megabyte_survives, names_of_full_length_survive, extreme_times_survive,
                twenty_thousand_events_travel_alone, two_thousand_appends_travel_together;
            reading: a_stream_is_read_from_anywhere, an_entity_is_read_with_its_parts, an_entity_is_read_after_a_snapshot,
                what_is_unknown_is_empty, entities_are_paged_in_order,
                organisations_are_paged_in_order, heads_count_what_is_committed;
            scanning: a_partition_is_read_page_by_page, filters_pass_over_what_they_do_not_want, ranges_are_pages_of_their_partitions,
                a_filter_that_wants_nothing_still_gets_to_the_end, a_read_behind_the_end_stays_there, since_cuts_exactly,
                a_long_scan_gets_on;
            leasing: the_first_node_gets_everything, the_same_node_takes_again_at_once, another_node_waits_for_the_lease,
                a_heartbeat_keeps_the_lease, a_heartbeat_tells_what_was_lost, what_is_released_is_free, leases_tell_who_holds_what,
                reclaiming_raises_the_epoch, reclaiming_what_was_lost_gives_nothing, two_nodes_never_get_the_same,
                nothing_commits_under_an_epoch_that_was_raised;
            nodes: nodes_make_themselves_known, a_node_says_so_when_it_moves_on, a_silent_node_is_live_until_its_lease_ends,
                texts_of_a_node_have_their_bounds, single_partitions_are_taken_and_given, a_secret_stays;
            snapshots: there_is_none_at_first, a_newer_one_replaces_an_older, an_older_one_is_ignored,
                another_reducer_replaces_even_a_newer, snapshots_belong_to_their_entity;
            timers: an_armed_timer_reads_back_as_it_was_given,
                arming_takes_the_position_of_the_receipt_also_without_events,
                what_is_refused_changes_no_timer,
                a_batch_of_both_kinds_arms_for_the_accepted_only,
                changes_follow_the_order_of_list_and_batch,
                many_changes_agree_with_a_map,
                a_timer_is_consumed_once_and_only_as_it_was_armed,
                who_lost_the_partition_consumes_nothing,
                due_timers_are_paged_in_order,
                partitions_that_are_not_asked_for_stay_out,
                names_that_no_store_takes_are_refused,
                extreme_dues_survive;
            outbox: a_step_stores_checkpoint_and_rows_as_they_were_given,
                a_step_from_elsewhere_moves_nothing,
                who_lost_the_partition_stores_nothing,
                a_row_belongs_to_its_partition,
                an_effect_is_stored_once,
                a_long_step_is_stored_whole,
                steps_that_no_store_takes_are_refused,
                what_is_due_comes_in_order,
                the_next_time_is_that_of_what_is_pending,
                only_what_is_pending_begins,
                every_state_can_be_settled_in_every_way,
                tries_are_counted,
                what_a_dead_owner_was_sending_is_unknown,
                the_outbox_is_listed_page_by_page;
            dead_letters: a_dead_letter_reads_back_as_it_was_given,
                the_same_command_has_one_dead_letter,
                an_organisation_has_so_many_and_takes_none_from_others,
                dead_letters_are_paged_by_organisation,
                what_is_discarded_is_gone,
                a_zero_byte_is_refused_in_commands_and_replaced_in_faults;
        }

        #[test]
        fn random_batches_agree_with_the_model() {
            $crate::journal::contract::model::agree($factory);
        }
    };
    ($factory:path: $($module:ident: $($rule:ident),+;)+) => {
        $($(
            #[tokio::test]
            async fn $rule() {
                $crate::journal::contract::hold($factory(), |store| $crate::journal::contract::$module::$rule(store)).await;
            }
        )+)+
    };
}
pub(crate) use contract_suite;
