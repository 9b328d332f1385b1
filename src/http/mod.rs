//! The HTTP edge: requests to commands and queries, results to responses. It decides nothing.

pub mod auth;
pub mod body;
pub mod fields;
pub mod guard;
pub mod json;
pub mod problem;
pub mod trace;
pub mod values;

pub mod alert_bodies;
pub mod alert_people;
pub mod alert_people_bodies;
pub mod alert_requests;
pub mod alert_rule_bodies;
pub mod alert_rules;
pub mod alertmanager;
pub mod alertmanager_requests;
pub mod alerts;
pub mod alone;
pub mod analytics;
pub mod analytics_bodies;
pub mod analytics_requests;
pub mod answers;
pub mod app;
pub mod assignments;
pub mod audit;
pub mod call;
pub mod channel_requests;
pub mod channel_shapes;
pub mod channels;
pub mod cluster;
pub mod code;
pub mod dead_letters;
pub mod drain;
pub mod elsewhere;
pub mod event_body;
pub mod events;
pub mod failover;
pub mod incident_bodies;
pub mod incident_requests;
pub mod incidents;
pub mod intake;
pub mod list;
pub mod machines;
pub mod openapi;
pub mod order_requests;
pub mod orders;
pub mod organisation;
pub mod policy;
pub mod policy_audit;
pub mod policy_commands;
pub mod policy_outcomes;
pub mod policy_preview;
pub mod policy_preview_requests;
pub mod policy_requests;
pub mod queues;
pub mod reports;
pub mod resilience;
pub mod routing;
pub mod routing_bodies;
pub mod routing_requests;
pub mod server;
pub mod simulation_bodies;
pub mod simulation_problems;
pub mod simulation_requests;
pub mod simulation_shapes;
pub mod simulations;
pub mod socket;
pub mod sse;
pub mod streams;
pub mod system;
pub mod tree;
pub mod unit_bodies;
pub mod unit_requests;
pub mod units;
pub mod unrouted;
pub mod workflow_requests;
pub mod workflows;

use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, get, post, redirect, resource, scope, to};

/// Mounts the routes of the contract. The app's data must hold what [`server::start`] puts there.
pub fn configure(routes: &mut ServiceConfig) {
    let api = scope("/api/v1")
        .wrap(from_fn(drain::turn_away))
        .service(workflows::create_workflow)
        .service(workflows::list_workflows)
        .service(workflows::get_workflow)
        .service(workflows::transition_workflow)
        .service(workflows::report_step)
        .service(workflows::roll_back_workflow)
        .service(workflows::clone_workflow)
        .service(workflows::cancel_workflow)
        .service(workflows::reconcile_workflow)
        .service(workflows::list_workflow_events)
        .service(machines::list_machines)
        .service(machines::find_path)
        .service(events::list_events)
        .service(events::stream_events)
        .service(policy_commands::add_policy_node)
        .service(policy::list_policy_nodes)
        .service(policy::get_policy_node)
        .service(policy_commands::move_policy_node)
        .service(policy_commands::remove_policy_node)
        .service(policy_commands::set_policy_override)
        .service(policy_commands::clear_policy_override)
        .service(policy_commands::set_policy_root)
        .service(policy_outcomes::report_policy_outcome)
        .service(policy_audit::list_policy_audit)
        .service(policy_preview::preview_policy)
        .service(routing::report_routing_node)
        .service(routing::list_routing_nodes)
        .service(routing::report_routing_health)
        .service(routing::degrade_routing_node)
        .service(routing::maintain_routing_node)
        .service(routing::recover_routing_node)
        .service(routing::list_routing_candidates)
        .service(routing::select_routing_node)
        .service(routing::find_route)
        .service(resilience::plan_replay)
        .service(resilience::select_failover_region)
        .service(resilience::get_backoff)
        .service(cluster::get_cluster)
        .service(tree::get_tree)
        .service(tree::get_entity)
        .service(tree::resume_entity)
        .service(dead_letters::list_dead_letters)
        .service(dead_letters::get_dead_letter)
        .service(dead_letters::replay_dead_letter)
        .service(dead_letters::discard_dead_letter)
        .service(channels::create_channel)
        .service(channels::list_channels)
        .service(channels::get_channel)
        .service(channels::change_channel)
        .service(channels::remove_channel)
        .service(channels::block_channel)
        .service(channels::unblock_channel)
        .service(channels::force_channel)
        .service(channels::test_channel)
        .service(failover::route_failover)
        .service(failover::list_attempts)
        .service(incidents::create_incident)
        .service(incidents::list_incidents)
        .service(incidents::get_incident)
        .service(incidents::update_incident)
        .service(incidents::archive_incident)
        .service(incidents::transition_incident)
        .service(incidents::close_incident)
        .service(incidents::remark_incident)
        .service(incidents::merge_incident)
        .service(incidents::get_timeline)
        .service(units::create_unit)
        .service(units::list_units)
        .service(resource("/units/capacity").route(get().to(units::get_capacity)).default_service(to(unrouted::answer)))
        .service(resource("/units/certificates").route(get().to(units::list_certificates)).default_service(to(unrouted::answer)))
        .service(units::get_unit)
        .service(units::update_unit)
        .service(units::set_unit_status)
        .service(units::move_unit)
        .service(units::certify_unit)
        .service(units::list_available)
        .service(assignments::dispatch_units)
        .service(assignments::reassign_unit)
        .service(assignments::release_unit)
        .service(reports::record_report)
        .service(organisation::set_sla)
        .service(organisation::get_sla)
        .service(orders::routes())
        .service(orders::get_order)
        .service(orders::reprioritise_order)
        .service(orders::withdraw_order)
        .service(orders::plan_orders)
        .service(orders::plan_agencies)
        .service(queues::list_queues)
        .service(queues::get_queue_health)
        .service(alert_rules::list_alert_rules)
        .service(resource("/alerts/rules/try").route(post().to(alert_rules::try_alert_rule)).default_service(to(unrouted::answer)))
        .service(alert_rules::put_alert_rule)
        .service(alert_rules::get_alert_rule)
        .service(alert_rules::remove_alert_rule)
        .service(resource("/alerts/check").route(post().to(alert_rules::check_incident)).default_service(to(unrouted::answer)))
        .service(alert_rules::suppress_alerts)
        .service(alert_rules::list_suppressions)
        .service(alert_rules::lift_suppression)
        .service(alert_people::set_escalation_policy)
        .service(alert_people::get_escalation_policy)
        .service(alerts::list_alerts)
        .service(alerts::get_alert)
        .service(alerts::acknowledge_alert)
        .service(alerts::resolve_alert)
        .service(alerts::escalate_alert)
        .service(alerts::list_notifications)
        .service(alertmanager::webhook())
        .service(alert_people::list_recipients)
        .service(alert_people::put_recipient)
        .service(alert_people::get_recipient)
        .service(alert_people::remove_recipient)
        .service(alert_people::test_recipient)
        .service(intake::take_batch)
        .service(intake::get_batch)
        .service(analytics::routes())
        .service(analytics::get_metrics)
        .service(analytics::get_snapshot)
        .service(analytics::get_trends)
        .service(analytics::get_anomalies)
        .service(analytics::get_regions)
        .service(analytics::get_heatmap)
        .service(analytics::rebuild)
        .service(analytics::get_rebuild)
        .service(streams::follow)
        .service(audit::list_audit)
        .service(simulations::routes());
    let at_root = resource("/dispatch/route/failover")
        .wrap(from_fn(drain::turn_away))
        .route(post().to(failover::route_failover_at_root))
        .default_service(to(unrouted::answer));
    routes
        .service(api)
        .service(system::root)
        .service(redirect("/docs", "/docs/"))
        .service(system::get_health)
        .service(system::get_live)
        .service(system::get_ready)
        .service(system::get_metrics)
        .service(system::error_page)
        .service(alert_people::show_link)
        .service(alert_people::follow_link)
        .service(alertmanager::at_root())
        .service(cluster::take_parcel)
        .service(cluster::say_heard)
        .service(elsewhere::answer_question)
        .service(at_root);
}
