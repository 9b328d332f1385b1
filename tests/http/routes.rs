//! Every route of the description is asked here: without a credential, below and at the role that it needs.

use super::answer::Answer;
use super::client::Api;
use super::given::{Guarded, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Least {
    Anybody,
    Operator,
    Dispatcher,
    Supervisor,
    Admin,
}

struct Route {
    method: &'static str,
    template: &'static str,
    path: &'static str,
    body: Option<&'static str>,
    least: Least,
    status: u16,
}

const fn get(template: &'static str, path: &'static str, least: Least) -> Route {
    Route { method: "GET", template, path, body: None, least, status: 200 }
}

const fn post(template: &'static str, path: &'static str, body: &'static str, least: Least, status: u16) -> Route {
    Route { method: "POST", template, path, body: Some(body), least, status }
}

const COMPARED: &str = r#"{"scenarios":[],"pattern":{"generator":"burst","size":3,"interval_s":9,"duration_s":9}}"#;
const ROUTING: &str = "/api/v1/routing/nodes";
const LOAD: &str = r#"{"service":"s","endpoint":"e","latency_ms":20,"queue_depth":2,"saturation":0.1}"#;
const REGIONS: &str = r#"{"primary":"a","candidates":["b"]}"#;
const REPLAY: &str = r#"{"events":10,"timeout_s":2,"primary":"a","candidates":["b"]}"#;
const INCIDENTS: &str = "/api/v1/incidents";
const CALL: &str = r#"{"title":"t","description":"d","latitude":1,"longitude":1}"#;
const CERTIFICATE: &str = r#"{"name":"emt","issued":"2020-01-01T00:00:00Z","expires":"2999-01-01T00:00:00Z"}"#;
const REPORTED: &str = r#"{"kind":"unit","id":"rep","name":"rep","type":"engine","occurred_at":"2017-01-01T00:00:00Z"}"#;
const ORDERS: &str = "/api/v1/dispatch/orders";
const PLANS: &str = r#"{"request_id":"r2","requests":[{"agency":"a","capacity":1}]}"#;
const RULE: &str = r#"{"name":"n","condition":"sla_breach","severity":"critical"}"#;
const TRIAL: &str =
    r#"{"rule":{"name":"n","condition":"sla_breach","severity":"info"},"from":"2020-01-01T00:00:00Z","to":"2020-01-02T00:00:00Z"}"#;
const CHECKED: &str = r#"{"incident":"i","priority":1,"dispatched_at":"2020-01-01T00:00:00Z","now":"2020-01-01T00:00:01Z"}"#;
const SUPPRESSED: &str = r#"{"pattern":"sla-.*","minutes":1,"reason":"r"}"#;
const HOOKED: &str = r#"{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"b"}}]}"#;
const RECIPIENT: &str = r#"{"addresses":{"sms":"1"}}"#;
const LEVELS: &str = r#"{"name":"p","levels":[{"level":"L1","timeout_minutes":1,"recipients":["desk"]}]}"#;
const CHANNELS: &str = "/api/v1/channels";
const NODES: &str = "/api/v1/policy/nodes";
const OVERRIDE: &str = "/api/v1/policy/nodes/z/override";
const CLEAR: &str = "/api/v1/policy/nodes/z/override?authorization=chief";
const ROOT: &str = r#"{"level":"watch","authorization":"chief"}"#;

/// In an order in which each succeeds, but for those that need an entity in trouble: they find none.
const ROUTES: &[Route] = &[
    get("/health", "/health", Least::Anybody),
    get("/health/live", "/health/live", Least::Anybody),
    get("/health/ready", "/health/ready", Least::Anybody),
    get("/metrics", "/metrics", Least::Operator),
    get("/api/v1/machines", "/api/v1/machines", Least::Operator),
    get("/api/v1/machines/{machine}/path", "/api/v1/machines/dispatch/path?from=queued&to=arrived", Least::Operator),
    post("/api/v1/workflows", "/api/v1/workflows", r#"{"id":"w","machine":"dispatch"}"#, Least::Dispatcher, 201),
    get("/api/v1/workflows", "/api/v1/workflows", Least::Operator),
    get("/api/v1/workflows/{id}", "/api/v1/workflows/w", Least::Operator),
    get("/api/v1/workflows/{id}/events", "/api/v1/workflows/w/events", Least::Operator),
    post("/api/v1/workflows/{id}/transitions", "/api/v1/workflows/w/transitions", r#"{"to":"allocated"}"#, Least::Dispatcher, 200),
    post("/api/v1/workflows/{id}/steps", "/api/v1/workflows/w/steps", r#"{"step":"departed","outcome":"started"}"#, Least::Operator, 200),
    post("/api/v1/workflows/{id}/rollback", "/api/v1/workflows/w/rollback", "{}", Least::Dispatcher, 200),
    post("/api/v1/workflows/{id}/clone", "/api/v1/workflows/w/clone", r#"{"new_id":"copy"}"#, Least::Dispatcher, 201),
    post("/api/v1/workflows/{id}/cancel", "/api/v1/workflows/w/cancel", "{}", Least::Dispatcher, 200),
    post("/api/v1/workflows/{id}/reconcile", "/api/v1/workflows/w/reconcile", r#"{"to":"queued"}"#, Least::Admin, 200),
    get("/api/v1/policy/audit", "/api/v1/policy/audit", Least::Operator),
    post("/api/v1/policy/preview", "/api/v1/policy/preview", r#"{"command":{"kind":"remove","node":"nosuch"}}"#, Least::Supervisor, 404),
    post("/api/v1/policy/nodes", NODES, r#"{"id":"city","kind":"global"}"#, Least::Admin, 201),
    post("/api/v1/policy/nodes", NODES, r#"{"id":"n","kind":"region","parent":"city"}"#, Least::Admin, 201),
    post("/api/v1/policy/nodes", NODES, r#"{"id":"z","kind":"zone","parent":"city"}"#, Least::Admin, 201),
    get("/api/v1/policy/nodes", "/api/v1/policy/nodes?root=n", Least::Operator),
    get("/api/v1/policy/nodes/{id}", "/api/v1/policy/nodes/z", Least::Operator),
    post("/api/v1/policy/nodes/{id}/outcomes", "/api/v1/policy/nodes/z/outcomes", r#"{"success":true}"#, Least::Dispatcher, 200),
    post("/api/v1/policy/nodes/{id}/override", OVERRIDE, r#"{"level":"halted","authorization":"chief"}"#, Least::Supervisor, 200),
    Route { method: "DELETE", body: None, ..post("/api/v1/policy/nodes/{id}/override", CLEAR, "", Least::Supervisor, 200) },
    post("/api/v1/policy/nodes/{id}/move", "/api/v1/policy/nodes/z/move", r#"{"parent":"n"}"#, Least::Admin, 200),
    Route { method: "PUT", ..post("/api/v1/policy/root", "/api/v1/policy/root", ROOT, Least::Supervisor, 200) },
    Route { method: "DELETE", body: None, ..post("/api/v1/policy/nodes/{id}", "/api/v1/policy/nodes/z", "", Least::Admin, 200) },
    post("/api/v1/routing/nodes", ROUTING, LOAD, Least::Dispatcher, 201),
    get("/api/v1/routing/nodes", ROUTING, Least::Operator),
    post("/api/v1/routing/nodes/{endpoint}/health", "/api/v1/routing/nodes/e/health", r#"{"value":1}"#, Least::Dispatcher, 200),
    post("/api/v1/routing/nodes/{endpoint}/degraded", "/api/v1/routing/nodes/e/degraded", "{}", Least::Supervisor, 200),
    post("/api/v1/routing/nodes/{endpoint}/maintenance", "/api/v1/routing/nodes/e/maintenance", "{}", Least::Supervisor, 200),
    post("/api/v1/routing/nodes/{endpoint}/recovered", "/api/v1/routing/nodes/e/recovered", "", Least::Supervisor, 200),
    get("/api/v1/routing/services/{service}/candidates", "/api/v1/routing/services/s/candidates", Least::Operator),
    post("/api/v1/routing/select", "/api/v1/routing/select", r#"{"service":"s","draw":0.5}"#, Least::Operator, 200),
    post("/api/v1/routing/route", "/api/v1/routing/route", r#"{"intent":"status-refresh"}"#, Least::Operator, 409),
    post("/api/v1/resilience/replay-plan", "/api/v1/resilience/replay-plan", REPLAY, Least::Operator, 200),
    post("/api/v1/resilience/failover-region", "/api/v1/resilience/failover-region", REGIONS, Least::Operator, 200),
    get("/api/v1/resilience/backoff", "/api/v1/resilience/backoff?attempt=3", Least::Operator),
    get("/api/v1/system/cluster", "/api/v1/system/cluster", Least::Operator),
    get("/api/v1/system/tree", "/api/v1/system/tree", Least::Operator),
    get("/api/v1/system/entities/{kind}/{id}", "/api/v1/system/entities/workflow/w", Least::Operator),
    post("/api/v1/system/entities/{kind}/{id}/resume", "/api/v1/system/entities/workflow/w/resume", "", Least::Supervisor, 409),
    get("/api/v1/system/dead-letters", "/api/v1/system/dead-letters", Least::Supervisor),
    Route { status: 404, ..get("/api/v1/system/dead-letters/{id}", "/api/v1/system/dead-letters/nobody", Least::Supervisor) },
    post("/api/v1/system/dead-letters/{id}/replay", "/api/v1/system/dead-letters/nobody/replay", "{}", Least::Admin, 404),
    post("/api/v1/system/dead-letters/{id}/discard", "/api/v1/system/dead-letters/nobody/discard", "{}", Least::Admin, 404),
    post(
        "/api/v1/simulations",
        "/api/v1/simulations",
        r#"{"scenario":{"name":"s"},"pattern":{"generator":"burst","size":3,"interval_s":9,"duration_s":9}}"#,
        Least::Dispatcher,
        201,
    ),
    post("/api/v1/simulations/{id}/run", "/api/v1/simulations/nobody/run", "{}", Least::Dispatcher, 404),
    Route { status: 404, ..get("/api/v1/simulations/{id}", "/api/v1/simulations/nobody", Least::Operator) },
    Route { status: 404, ..get("/api/v1/simulations/{id}/policy", "/api/v1/simulations/nobody/policy?at=0", Least::Operator) },
    Route { method: "DELETE", status: 404, ..get("/api/v1/simulations/{id}", "/api/v1/simulations/nobody", Least::Dispatcher) },
    post("/api/v1/simulations/compare", "/api/v1/simulations/compare", COMPARED, Least::Dispatcher, 200),
    post("/api/v1/simulations/recommend", "/api/v1/simulations/recommend", r#"{"simulations":[]}"#, Least::Operator, 409),
    post("/api/v1/channels", CHANNELS, r#"{"name":"c","driver":{"kind":"simulated","latency_ms":1}}"#, Least::Admin, 201),
    get("/api/v1/channels", CHANNELS, Least::Operator),
    get("/api/v1/channels/{name}", "/api/v1/channels/c", Least::Operator),
    Route {
        method: "PUT",
        ..post("/api/v1/channels/{name}", "/api/v1/channels/c", r#"{"driver":{"kind":"simulated","latency_ms":2}}"#, Least::Admin, 200)
    },
    post("/api/v1/channels/{name}/block", "/api/v1/channels/c/block", r#"{"reason":"drill"}"#, Least::Supervisor, 200),
    post("/api/v1/channels/{name}/unblock", "/api/v1/channels/c/unblock", "{}", Least::Supervisor, 200),
    post("/api/v1/channels/{name}/force", "/api/v1/channels/c/force", r#"{"state":"metrics_only"}"#, Least::Supervisor, 200),
    post("/api/v1/channels/{name}/test", "/api/v1/channels/c/test", "{}", Least::Supervisor, 200),
    post(
        "/api/v1/dispatch/route/failover",
        "/api/v1/dispatch/route/failover",
        r#"{"dispatch_id":"d1","primary":"c"}"#,
        Least::Dispatcher,
        200,
    ),
    post("/dispatch/route/failover", "/dispatch/route/failover", r#"{"dispatch_id":"d2","primary":"c"}"#, Least::Dispatcher, 200),
    get("/api/v1/routing/attempts", "/api/v1/routing/attempts", Least::Operator),
    Route { method: "DELETE", body: None, ..post("/api/v1/channels/{name}", "/api/v1/channels/c", "", Least::Admin, 200) },
    post("/api/v1/incidents", INCIDENTS, CALL, Least::Operator, 201),
    get("/api/v1/incidents", INCIDENTS, Least::Operator),
    Route { status: 404, ..get("/api/v1/incidents/{id}", "/api/v1/incidents/nobody", Least::Operator) },
    Route { method: "PATCH", ..post("/api/v1/incidents/{id}", "/api/v1/incidents/nobody", r#"{"title":"t"}"#, Least::Dispatcher, 404) },
    Route { method: "DELETE", status: 404, ..get("/api/v1/incidents/{id}", "/api/v1/incidents/nobody", Least::Admin) },
    post("/api/v1/incidents/{id}/transitions", "/api/v1/incidents/nobody/transitions", r#"{"to":"triaged"}"#, Least::Dispatcher, 404),
    post("/api/v1/incidents/{id}/merge", "/api/v1/incidents/nobody/merge", r#"{"secondary":"x"}"#, Least::Dispatcher, 404),
    post("/api/v1/incidents/{id}/close", "/api/v1/incidents/nobody/close", "{}", Least::Dispatcher, 404),
    post("/api/v1/incidents/{id}/remarks", "/api/v1/incidents/nobody/remarks", r#"{"text":"t"}"#, Least::Operator, 404),
    post("/api/v1/incidents/{id}/reassign", "/api/v1/incidents/nobody/reassign", r#"{"from":"a","to":"b"}"#, Least::Dispatcher, 404),
    post("/api/v1/incidents/{id}/units/{unit}/release", "/api/v1/incidents/nobody/units/u/release", "{}", Least::Dispatcher, 404),
    Route { status: 404, ..get("/api/v1/incidents/{id}/timeline", "/api/v1/incidents/nobody/timeline", Least::Operator) },
    post("/api/v1/units", "/api/v1/units", r#"{"id":"u","name":"u","type":"engine"}"#, Least::Dispatcher, 201),
    get("/api/v1/units", "/api/v1/units", Least::Operator),
    get("/api/v1/units/capacity", "/api/v1/units/capacity", Least::Operator),
    get("/api/v1/units/certificates", "/api/v1/units/certificates", Least::Operator),
    get("/api/v1/units/{id}", "/api/v1/units/u", Least::Operator),
    Route { method: "PATCH", ..post("/api/v1/units/{id}", "/api/v1/units/u", r#"{"name":"v"}"#, Least::Dispatcher, 200) },
    post("/api/v1/units/{id}/status", "/api/v1/units/u/status", r#"{"duty":"on_break"}"#, Least::Dispatcher, 200),
    post("/api/v1/units/{id}/position", "/api/v1/units/u/position", r#"{"latitude":1,"longitude":1}"#, Least::Operator, 200),
    post("/api/v1/units/{id}/certificates", "/api/v1/units/u/certificates", CERTIFICATE, Least::Dispatcher, 200),
    get("/api/v1/resources/available", "/api/v1/resources/available?lat=1&lon=1", Least::Operator),
    post("/api/v1/dispatch", "/api/v1/dispatch", r#"{"incident":"nobody"}"#, Least::Dispatcher, 404),
    post("/api/v1/dispatch/reports", "/api/v1/dispatch/reports", REPORTED, Least::Supervisor, 200),
    get("/api/v1/alerts/rules", "/api/v1/alerts/rules", Least::Operator),
    Route { method: "PUT", ..post("/api/v1/alerts/rules/{id}", "/api/v1/alerts/rules/r", RULE, Least::Supervisor, 200) },
    get("/api/v1/alerts/rules/{id}", "/api/v1/alerts/rules/r", Least::Operator),
    post("/api/v1/alerts/rules/try", "/api/v1/alerts/rules/try", TRIAL, Least::Supervisor, 200),
    Route { method: "DELETE", body: None, ..post("/api/v1/alerts/rules/{id}", "/api/v1/alerts/rules/r", "", Least::Supervisor, 200) },
    post("/api/v1/alerts/check", "/api/v1/alerts/check", CHECKED, Least::Operator, 200),
    post("/api/v1/alerts/suppressions", "/api/v1/alerts/suppressions", SUPPRESSED, Least::Supervisor, 201),
    get("/api/v1/alerts/suppressions", "/api/v1/alerts/suppressions", Least::Operator),
    Route {
        method: "DELETE",
        body: None,
        ..post("/api/v1/alerts/suppressions/{id}", "/api/v1/alerts/suppressions/x", "", Least::Supervisor, 404)
    },
    Route { method: "PUT", ..post("/api/v1/recipients/{id}", "/api/v1/recipients/desk", RECIPIENT, Least::Supervisor, 200) },
    get("/api/v1/recipients", "/api/v1/recipients", Least::Operator),
    get("/api/v1/recipients/{id}", "/api/v1/recipients/desk", Least::Supervisor),
    post("/api/v1/recipients/{id}/test", "/api/v1/recipients/desk/test", "{}", Least::Supervisor, 202),
    Route { method: "PUT", ..post("/api/v1/alerts/escalation-policy", "/api/v1/alerts/escalation-policy", LEVELS, Least::Supervisor, 200) },
    get("/api/v1/alerts/escalation-policy", "/api/v1/alerts/escalation-policy", Least::Operator),
    Route { method: "DELETE", body: None, ..post("/api/v1/recipients/{id}", "/api/v1/recipients/desk", "", Least::Supervisor, 409) },
    get("/api/v1/alerts", "/api/v1/alerts", Least::Operator),
    Route { status: 404, ..get("/api/v1/alerts/{id}", "/api/v1/alerts/x", Least::Operator) },
    post("/api/v1/alerts/{id}/acknowledge", "/api/v1/alerts/x/acknowledge", "{}", Least::Operator, 404),
    post("/api/v1/alerts/{id}/resolve", "/api/v1/alerts/x/resolve", r#"{"note":"n"}"#, Least::Operator, 404),
    post("/api/v1/alerts/{id}/escalate", "/api/v1/alerts/x/escalate", "{}", Least::Operator, 404),
    get("/api/v1/notifications", "/api/v1/notifications", Least::Operator),
    post("/api/v2/alerts", "/api/v2/alerts", r#"[{"labels":{"alertname":"a"}}]"#, Least::Operator, 200),
    post("/api/v1/integrations/alertmanager", "/api/v1/integrations/alertmanager", HOOKED, Least::Operator, 200),
    Route { status: 404, ..get("/acknowledge/{token}", "/acknowledge/x", Least::Anybody) },
    Route { body: None, ..post("/acknowledge/{token}", "/acknowledge/x", "", Least::Anybody, 404) },
    get("/api/v1/organisation/sla", "/api/v1/organisation/sla", Least::Operator),
    Route { method: "PUT", ..post("/api/v1/organisation/sla", "/api/v1/organisation/sla", "{}", Least::Admin, 200) },
    post("/api/v1/dispatch/orders", ORDERS, r#"[{"id":"o","urgency":1},{"id":"p","urgency":1}]"#, Least::Dispatcher, 201),
    get("/api/v1/dispatch/orders", ORDERS, Least::Operator),
    get("/api/v1/dispatch/orders/{id}", "/api/v1/dispatch/orders/o", Least::Operator),
    Route {
        method: "PATCH",
        ..post("/api/v1/dispatch/orders/{id}", "/api/v1/dispatch/orders/o", r#"{"urgency":2}"#, Least::Dispatcher, 200)
    },
    Route { method: "DELETE", body: None, ..post("/api/v1/dispatch/orders/{id}", "/api/v1/dispatch/orders/p", "", Least::Dispatcher, 200) },
    post("/api/v1/dispatch/plan", "/api/v1/dispatch/plan", r#"{"request_id":"r1","capacity":1}"#, Least::Dispatcher, 200),
    post("/api/v1/dispatch/plan/batch", "/api/v1/dispatch/plan/batch", PLANS, Least::Dispatcher, 200),
    get("/api/v1/queues", "/api/v1/queues", Least::Operator),
    get("/api/v1/queues/{name}/health", "/api/v1/queues/pool/health", Least::Operator),
    post("/api/v1/intake/batches", "/api/v1/intake/batches", r#"{"batch_id":"b","rows":[1]}"#, Least::Dispatcher, 200),
    get("/api/v1/intake/batches/{id}", "/api/v1/intake/batches/b", Least::Operator),
    post("/api/v1/dashboard/events", "/api/v1/dashboard/events", "[]", Least::Dispatcher, 200),
    get("/api/v1/dashboard/metrics", "/api/v1/dashboard/metrics?metric=distance", Least::Operator),
    get("/api/v1/dashboard/snapshot", "/api/v1/dashboard/snapshot", Least::Operator),
    get("/api/v1/dashboard/trends", "/api/v1/dashboard/trends?metric=distance", Least::Operator),
    get("/api/v1/dashboard/anomalies", "/api/v1/dashboard/anomalies?metric=distance", Least::Operator),
    get("/api/v1/dashboard/regions", "/api/v1/dashboard/regions", Least::Operator),
    get("/api/v1/dashboard/heatmap", "/api/v1/dashboard/heatmap?metric=distance", Least::Operator),
    get("/api/v1/dashboard/stream", "/api/v1/dashboard/stream", Least::Operator),
    post("/api/v1/dashboard/rebuild", "/api/v1/dashboard/rebuild", "{}", Least::Admin, 200),
    get("/api/v1/dashboard/rebuild", "/api/v1/dashboard/rebuild", Least::Operator),
    get("/api/v1/audit", "/api/v1/audit", Least::Supervisor),
    get("/api/v1/events", "/api/v1/events", Least::Operator),
    get("/api/v1/events/stream", "/api/v1/events/stream", Least::Operator),
];

impl Route {
    async fn ask(&self, api: &Api) -> reqwest::Response {
        let request = api.request(self.method, self.path);
        let request = match self.body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    async fn allowed(&self, api: &Api, who: &str) {
        // Not read to its end: the event stream has none.
        let status = self.ask(api).await.status().as_u16();
        assert_eq!(status, self.status, "{who}: {} {}", self.method, self.path);
    }

    async fn refused(&self, api: &Api, status: u16, code: &str) {
        let answer = Answer::read(self.ask(api).await).await;
        assert_eq!(answer.status, status, "{} {}: {}", self.method, self.path, answer.text);
        answer.problem(status, code);
    }
}

/// Roles from the lowest, with what each may do.
const ROLES: [(&str, Least); 4] =
    [("operator", Least::Operator), ("dispatcher", Least::Dispatcher), ("supervisor", Least::Supervisor), ("admin", Least::Admin)];

#[tokio::test]
async fn the_table_above_holds_every_route_of_the_description() {
    let world = World::open();
    let description = world.api.get("/openapi.json").await.json(200);
    let paths = description["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("an object").keys().filter(|key| *key != "parameters");
        methods.map(|method| format!("{} {path}", method.to_uppercase())).collect::<Vec<_>>()
    };
    let described: BTreeSet<_> = paths.iter().flat_map(of_path).collect();
    let tested: BTreeSet<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.template)).collect();
    assert_eq!(described, tested);
}

#[tokio::test]
async fn every_route_needs_a_credential_but_those_of_health() {
    let guarded = Guarded::start();
    for route in ROUTES {
        match route.least {
            Least::Anybody => route.allowed(guarded.stranger(), "a stranger").await,
            Least::Operator | Least::Dispatcher | Least::Supervisor | Least::Admin => {
                route.refused(guarded.stranger(), 401, "unauthenticated").await
            }
        }
    }
    for path in ["/", "/docs/", "/openapi.json", "/docs/errors/unauthenticated"] {
        assert!(guarded.stranger().get(path).await.status < 400, "{path} is for everybody");
    }
    assert_eq!(guarded.member("acme", "admin").feed().await.len(), 0, "nothing was stored");
}

#[tokio::test]
async fn every_route_is_closed_below_its_role_and_open_at_it() {
    let guarded = Guarded::start();
    for (role, may) in ROLES {
        // Each role in an organisation of its own, so that each starts from nothing.
        let member = guarded.member(role, role);
        let admin = guarded.member(role, "admin");
        for route in ROUTES {
            if may >= route.least {
                route.allowed(&member, role).await;
            } else {
                route.refused(&member, 403, "forbidden").await;
                route.allowed(&admin, "admin").await;
            }
        }
    }
}

#[tokio::test]
async fn no_path_knows_a_method_that_it_does_not_describe() {
    let world = World::open();
    let described = world.api.get("/openapi.json").await.json(200);
    for route in ROUTES {
        let path = route.path.split('?').next().expect("a path");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if described["paths"][route.template].get(method.to_lowercase()).is_some() {
                continue;
            }
            let answer = world.api.send(world.api.request(method, path)).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            let allowed = answer.header("allow").expect("Allow");
            assert!(allowed.split(", ").any(|known| known == route.method), "{allowed} at {path}");
            if method != "HEAD" {
                answer.problem(405, "method_not_allowed");
            }
        }
    }
    for path in ["/api/v1", "/api/v1/", "/api/v2/workflows", "/api/v1/workflows/", "/api/v1/workflows/a/b", "/favicon.ico"] {
        world.api.get(path).await.problem(404, "not_found");
        world.api.post(path, json!({})).await.problem(404, "not_found");
    }
}
