//! The routes at the root: health, figures, the description and the pages.

use super::given::World;
use ionveil::http::problem::Code;
use serde_json::Value;

#[tokio::test]
async fn a_well_server_says_so() {
    let world = World::open();
    for path in ["/health", "/health/ready"] {
        let health = world.api.get(path).await.json(200);
        assert_eq!((health["status"].as_str(), health["journal"].as_bool()), (Some("ok"), Some(true)), "{path}");
        assert!(health["version"].is_string() && health["views_behind"].is_u64(), "{path}");
    }
    let live = world.api.get("/health/live").await;
    assert_eq!((live.status, live.text.as_str()), (200, "alive\n"));
}

#[tokio::test]
async fn figures_count_what_was_done() {
    let world = World::open();
    world.api.create("w", "dispatch").await;
    world.api.post("/api/v1/workflows/w/transitions", serde_json::json!({"to": "arrived"})).await.problem(409, "invalid_transition");
    let figures = world.api.get("/metrics").await;
    assert!(figures.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    for line in [
        "ionveil_commands_total{kind=\"workflow\"} 2",
        "ionveil_committed_total{kind=\"workflow\"} 1",
        "ionveil_rejected_total{kind=\"workflow\"} 1",
        "# EOF",
    ] {
        assert!(figures.text.lines().any(|found| found == line), "{line} in\n{}", figures.text);
    }
}

#[tokio::test]
async fn the_root_leads_to_the_documentation() {
    let world = World::open();
    for (path, status) in [("/", 302), ("/docs", 307)] {
        let answer = world.api.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (status, Some("/docs/")), "{path}");
    }
    let page = world.api.get("/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert!(page.text.contains(asset), "the page loads {asset}");
        let answer = world.api.get(&format!("/docs/{asset}")).await;
        assert_eq!(answer.status, 200, "{asset} comes from here, not from the internet");
    }
    let start = world.api.get("/docs/swagger-initializer.js").await;
    assert!(start.text.contains("/openapi.json"), "the page shows our description");
}

#[tokio::test]
async fn every_error_code_has_a_page() {
    let world = World::open();
    for code in Code::ALL {
        let page = world.api.get(&format!("/docs/errors/{code}")).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/markdown; charset=utf-8")), "{code}");
        assert!(page.text.starts_with(&format!("# `{code}`")), "{code}");
    }
    world.api.get("/docs/errors/nosuch").await.problem(404, "not_found");
    world.api.get("/docs/nosuch.css").await.problem(404, "not_found");
}

#[tokio::test]
async fn the_description_refers_to_nothing_that_it_lacks() {
    let world = World::open();
    let description = world.api.get("/openapi.json").await.json(200);
    assert!(description["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut references = Vec::new();
    collect(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a place in this document");
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn every_answer_forbids_guessing_framing_and_caching() {
    let world = World::open();
    let expected = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ];
    for path in ["/", "/health", "/docs/", "/api/v1/events", "/api/v1/workflows/nobody", "/nosuch"] {
        let answer = world.api.get(path).await;
        for (name, value) in expected {
            assert_eq!(answer.header(name), Some(value), "{name} of {path}");
        }
    }
}
