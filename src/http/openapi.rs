//! The description of the interface, made from the handlers, and the page to try it.

use crate::http::app::App;
use crate::http::problem::{Fault, ProblemBody};
use crate::http::{
    alert_people, alert_rules, alertmanager, alerts, analytics, assignments, audit, channels, cluster, dead_letters, events, failover,
    incidents, intake, machines, orders, organisation, policy, policy_audit, policy_commands, policy_outcomes, policy_preview, queues,
    reports, resilience, routing, simulations, streams, system, tree, units, workflows,
};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The description, as `/openapi.json` shows it.
#[derive(OpenApi)]
#[openapi(
    info(title = "IonVeil", description = "Decisions that must not be lost: event-sourced workflows with two time axes."),
    paths(
        workflows::create_workflow, workflows::list_workflows, workflows::get_workflow, workflows::transition_workflow, workflows::report_step, workflows::roll_back_workflow,
        workflows::clone_workflow, workflows::cancel_workflow, workflows::reconcile_workflow, workflows::list_workflow_events,
        machines::list_machines, machines::find_path,
        events::list_events, events::stream_events,
        policy_commands::add_policy_node, policy::list_policy_nodes, policy::get_policy_node, policy_commands::move_policy_node, policy_commands::remove_policy_node,
        policy_commands::set_policy_override, policy_commands::clear_policy_override, policy_commands::set_policy_root, policy_outcomes::report_policy_outcome,
        policy_audit::list_policy_audit, policy_preview::preview_policy,
        routing::report_routing_node, routing::list_routing_nodes, routing::report_routing_health, routing::degrade_routing_node,
        routing::maintain_routing_node, routing::recover_routing_node, routing::list_routing_candidates, routing::select_routing_node, routing::find_route,
        resilience::plan_replay, resilience::select_failover_region, resilience::get_backoff,
        cluster::get_cluster, tree::get_tree, tree::get_entity, tree::resume_entity,
        dead_letters::list_dead_letters, dead_letters::get_dead_letter, dead_letters::replay_dead_letter, dead_letters::discard_dead_letter,
        simulations::create_simulation, simulations::run_simulation, simulations::get_simulation, simulations::get_simulation_policy,
        simulations::cancel_simulation, simulations::compare_scenarios, simulations::recommend_settings,
        channels::create_channel, channels::list_channels, channels::get_channel, channels::change_channel, channels::remove_channel,
        channels::block_channel, channels::unblock_channel, channels::force_channel, channels::test_channel,
        orders::insert_orders, orders::list_orders, orders::get_order, orders::reprioritise_order, orders::withdraw_order,
        orders::plan_orders, orders::plan_agencies, queues::list_queues, queues::get_queue_health, intake::take_batch, intake::get_batch,
        alert_rules::put_alert_rule, alert_rules::list_alert_rules, alert_rules::get_alert_rule, alert_rules::remove_alert_rule, alert_rules::try_alert_rule,
        alert_rules::check_incident, alert_rules::suppress_alerts, alert_rules::list_suppressions, alert_rules::lift_suppression,
        alert_people::set_escalation_policy, alert_people::get_escalation_policy, alert_people::put_recipient, alert_people::list_recipients,
        alert_people::get_recipient, alert_people::remove_recipient, alert_people::test_recipient, alert_people::show_link, alert_people::follow_link,
        alerts::list_alerts, alerts::get_alert, alerts::acknowledge_alert, alerts::resolve_alert, alerts::escalate_alert, alerts::list_notifications,
        alertmanager::post_alerts, alertmanager::take_hook,
        analytics::post_events, analytics::get_metrics, analytics::get_snapshot, analytics::get_trends, analytics::get_anomalies,
        analytics::get_regions, analytics::get_heatmap, analytics::rebuild, analytics::get_rebuild, streams::follow, audit::list_audit,
        failover::route_failover, failover::route_failover_at_root, failover::list_attempts,
        incidents::create_incident, incidents::list_incidents, incidents::get_incident, incidents::update_incident, incidents::archive_incident,
        incidents::transition_incident, incidents::close_incident, incidents::remark_incident, incidents::merge_incident, incidents::get_timeline,
        units::create_unit, units::list_units, units::get_capacity, units::list_certificates, units::get_unit, units::update_unit,
        units::set_unit_status, units::move_unit, units::certify_unit, units::list_available,
        assignments::dispatch_units, assignments::reassign_unit, assignments::release_unit,
        reports::record_report, organisation::set_sla, organisation::get_sla,
        system::get_health, system::get_live, system::get_ready, system::get_metrics,
    ),
    components(schemas(Fault, ProblemBody)),
    security((), ("bearer" = []), ("api_key" = [])),
    modifiers(&Credentials),
)]
pub struct ApiDoc;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let key = ApiKeyValue::new(crate::http::auth::API_KEY_HEADER);
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

/// The description as JSON.
#[get("/openapi.json")]
async fn json(text: Data<String>, app: Data<App>) -> HttpResponse {
    let Some(play) = app.node.env.play() else { return HttpResponse::Ok().content_type("application/json").body(text.get_ref().clone()) };
    // The page shows the title: nobody is to take what he sees for the present.
    let mut description = ApiDoc::openapi();
    let begin = crate::time::format(play.begin);
    description.info.title = format!("IonVeil (live play from {begin}, {} times as fast: nothing here is the present)", play.speed);
    HttpResponse::Ok().content_type("application/json").body(description.to_json().unwrap_or_default())
}

/// Mounts description and page.
pub fn configure(routes: &mut ServiceConfig) {
    // The description is made of plain values, so it always has a JSON form.
    let text = ApiDoc::openapi().to_json().unwrap_or_default();
    let page = SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json"));
    routes.app_data(Data::new(text)).service(json).service(page);
}
