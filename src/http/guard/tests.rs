//! Foreign hosts, forged forms, path tricks, and what actix would answer by itself.

use super::*;
use crate::auth::testing::env_at;
use crate::http::body::{Body, BodyLimits, Nothing};
use crate::http::fields::{Fields, FromFields};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpServer, web};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Name(String);

impl FromFields for Name {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        fields.line("name", 9).map(Self)
    }
}

async fn echo(body: Body<Name>) -> String {
    body.value.0
}

async fn show(id: web::Path<String>, trace: Trace) -> String {
    format!("{id} in {}", trace.id)
}

async fn fails() -> Result<String, Error> {
    Err(actix_web::error::ErrorInternalServerError("the password is hunter2"))
}

async fn unready() -> HttpResponse {
    HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "starting"}))
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(BodyLimits { bytes: 64, depth: 4, ..BodyLimits::default() })
        .service(web::resource("/echo").route(web::post().to(echo)))
        .service(web::resource("/nothing").route(web::post().to(async |_: Body<Nothing>| "ok")))
        .service(web::resource("/things/{id}").route(web::get().to(show)))
        .service(web::resource("/numbers/{n}").route(web::get().to(async |n: web::Path<u8>| n.to_string())))
        .service(web::resource("/fails").route(web::get().to(fails)))
        .service(web::resource("/answers").route(web::get().to(async || Problem::new(Code::NoPath, "no").response())))
        .service(web::resource("/unready").route(web::get().to(unready)));
}

fn loopback() -> Arc<Guard> {
    Arc::new(Guard::loopback_only(env_at(0), &["Console.Example".to_owned()]))
}

async fn call(guard: Arc<Guard>, request: TestRequest) -> (u16, HeaderMap, String) {
    let app = init_service(App::new().app_data(guard).configure(routes).wrap(from_fn(super::guard))).await;
    let response = call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, String::from_utf8(read_body(response).await.to_vec()).unwrap())
}

async fn problem(guard: Arc<Guard>, request: TestRequest) -> (u16, String) {
    let (status, headers, body) = call(guard, request).await;
    assert!(is_problem(&headers), "{status} {body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["trace_id"].as_str().map(str::len), Some(32), "{body}");
    (status, body["code"].as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn only_loopback_names_are_answered_to() {
    for (host, fine) in [
        ("localhost", true),
        ("localhost:8080", true),
        ("LOCALHOST:1", true),
        ("127.0.0.1:8080", true),
        ("[::1]:8080", true),
        ("[::1]", true),
        ("console.example:443", true),
        ("evil.example", false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example:8080", false),
        ("localhost:8080@evil.example", false),
        ("localhost:evil", false),
        ("::1", false),
        ("0.0.0.0:8080", false),
        ("", false),
    ] {
        let (status, _, body) = call(loopback(), TestRequest::get().uri("/things/a").insert_header(("host", host))).await;
        assert_eq!(status, if fine { 200 } else { 403 }, "{host}: {body}");
    }
    let none = TestRequest::get().uri("/things/a");
    assert_eq!(problem(loopback(), none).await, (403, "host_not_allowed".to_owned()));
    let two = TestRequest::get().uri("/things/a").append_header(("host", "localhost")).append_header(("host", "localhost"));
    assert_eq!(problem(loopback(), two).await.0, 403);
    let absolute = TestRequest::get().uri("http://evil.example/things/a").insert_header(("host", "localhost"));
    assert_eq!(problem(loopback(), absolute).await.0, 403);
    let with_authentication = Arc::new(Guard::any_host(env_at(0)));
    assert_eq!(call(with_authentication, TestRequest::get().uri("/things/a").insert_header(("host", "any.example"))).await.0, 200);
}

fn post(uri: &str, media_type: Option<&str>, body: &'static str) -> TestRequest {
    let request = TestRequest::post().uri(uri).insert_header(("host", "localhost")).set_payload(body);
    let request = request.insert_header(("content-length", body.len().to_string()));
    match media_type {
        Some(media_type) => request.insert_header(("content-type", media_type)),
        None => request,
    }
}

#[actix_web::test]
async fn bodies_must_say_that_they_are_json() {
    let body = r#"{"name":"x"}"#;
    for (media_type, status) in [
        (Some("application/json"), 200),
        (Some("Application/JSON; charset=utf-8"), 200),
        (Some("text/plain"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("multipart/form-data; boundary=application/json"), 415),
        (Some("application/jsonp"), 415),
        (None, 415),
    ] {
        assert_eq!(call(loopback(), post("/echo", media_type, body)).await.0, status, "{media_type:?}");
    }
    assert_eq!(call(loopback(), post("/nothing", None, "")).await.0, 200, "without a body there is no type");
    let zipped = post("/echo", Some("application/json"), body).insert_header(("content-encoding", "gzip"));
    assert_eq!(problem(loopback(), zipped).await.1, "unsupported_media_type");
}

#[actix_web::test]
async fn every_failure_is_a_problem() {
    let get = |uri: &str| TestRequest::get().uri(uri).insert_header(("host", "localhost"));
    for (request, expected) in [
        (get("/nowhere"), (404, "not_found")),
        (get("/echo"), (405, "method_not_allowed")),
        (get("/fails"), (500, "internal")),
        (get("/answers"), (404, "no_path")),
        (post("/echo", Some("application/json"), "{"), (400, "malformed_json")),
        (post("/echo", Some("application/json"), r#"{"name":"x","nme":1}"#), (400, "unknown_field")),
        (post("/echo", Some("application/json"), "[[[[[]]]]]"), (400, "body_too_deep")),
        (
            post("/echo", Some("application/json"), "                                                                 "),
            (413, "body_too_large"),
        ),
    ] {
        let (status, code) = problem(loopback(), request).await;
        assert_eq!((status, code.as_str()), expected);
    }
    assert_eq!(problem(loopback(), get("/numbers/many")).await.0, 404, "a path that does not fit is no route");
    let (_, _, body) = call(loopback(), get("/fails")).await;
    assert!(!body.contains("hunter2"), "{body}");
    let (status, headers, body) = call(loopback(), get("/unready")).await;
    assert_eq!((status, is_problem(&headers), body.as_str()), (503, false, r#"{"status":"starting"}"#), "an answer of ours is kept");
    let (_, headers, _) = call(loopback(), get("/echo")).await;
    assert_eq!(headers.get("allow").map(HeaderValue::as_bytes), Some(&b"POST"[..]));
}

#[actix_web::test]
async fn the_clients_trace_is_kept_and_headers_are_set() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = TestRequest::get().uri("/things/a").insert_header(("host", "localhost")).insert_header(("traceparent", parent));
    let (_, headers, body) = call(loopback(), request).await;
    assert_eq!(body, "a in 4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(headers.get("x-content-type-options").map(HeaderValue::as_bytes), Some(&b"nosniff"[..]));
}

/// Sends `text` as it is over a socket, and returns the status and what followed.
async fn raw(address: std::net::SocketAddr, text: &str) -> (u16, String) {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

#[actix_web::test]
async fn path_tricks_lead_nowhere_over_a_real_socket() {
    let app = || App::new().app_data(loopback()).configure(routes).wrap(from_fn(super::guard));
    let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    for (path, statuses) in [
        ("/things/a", &[200][..]),
        ("/things/../echo", &[404]),
        ("/things/%2e%2e/echo", &[404]),
        ("/things/..%2fecho", &[200]),
        ("/things/%00", &[200]),
        ("/things/%ff%fe", &[200, 400, 404]),
        ("//things/a", &[404]),
        ("/things//a", &[404]),
        ("/things/a/", &[404]),
        ("/things/a%2f", &[200]),
        ("/THINGS/a", &[404]),
        ("/things/a;b=c", &[200]),
        ("/things/%", &[200, 400]),
        ("/./things/a", &[404]),
        ("/\\things\\a", &[400, 404]),
        ("*", &[400, 404]),
    ] {
        let (status, answer) = raw(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        assert!(statuses.contains(&status), "{path}: {status}\n{answer}");
    }
    let long = format!("GET /things/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "x".repeat(10_240));
    assert_eq!(raw(address, &long).await.0, 200, "what an id may be is for the handler to say");
    let chunked = "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
                   Transfer-Encoding: chunked\r\n\r\n32\r\n"
        .to_owned()
        + &" ".repeat(50)
        + "\r\n32\r\n"
        + &" ".repeat(50)
        + "\r\n0\r\n\r\n";
    let (status, answer) = raw(address, &chunked).await;
    assert!(status == 413 && answer.contains("body_too_large"), "{answer}");
    handle.stop(false).await;
}
