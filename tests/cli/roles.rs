//! `serve --roles`: services on listeners of their own.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::given::{Ground, alone};
use crate::support::server::{Server, ionveil};
use std::time::{Duration, Instant};

const ANY: [(&str, &str); 3] =
    [("IONVEIL__ROLES__SIMULATOR", "127.0.0.1:0"), ("IONVEIL__ROLES__DASHBOARD", "127.0.0.1:0"), ("IONVEIL__ROLES__ALERTS", "127.0.0.1:0")];

fn serve(ground: &Ground, roles: &str) -> Server {
    let data = ground.data();
    let mut command = ionveil(&["serve", "--roles", roles, "--data-dir", data.to_str().expect("UTF-8")]);
    command.envs(ANY);
    Server::spawn(command)
}

/// Where a service listens, as the log says.
fn address(server: &Server, service: &str) -> String {
    let begun = Instant::now();
    loop {
        let log = server.log();
        let line = log.lines().find(|line| line.contains(&format!("/ for {service} ")));
        if let Some(rest) = line.and_then(|line| line.split("listening on http://").nth(1)) {
            return rest.split('/').next().expect("an address").to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{service} does not listen: {log}");
        std::thread::yield_now();
    }
}

fn status(address: &str, path: &str) -> u16 {
    let client = ionveil::web::client().build().expect("a client");
    alone(client.get(format!("http://{address}{path}")).send()).expect("an answer").status().as_u16()
}

#[test]
fn each_service_has_its_own_listener_with_its_health_and_its_routes_alone() {
    let ground = Ground::new();
    let server = serve(&ground, "simulator,dashboard,alerts");
    let own = [("alerts", "/api/v1/alerts"), ("dashboard", "/api/v1/dashboard/snapshot"), ("simulator", "/api/v1/simulations/x")];
    let addresses = own.map(|(service, _)| address(&server, service));
    for (place, (service, _)) in addresses.iter().zip(own) {
        assert_eq!(status(place, "/health"), 200, "{service}");
        for (other, path) in own {
            let found = status(place, path);
            // No simulation is called x.
            let wanted = if other == service && service != "simulator" { 200 } else { 404 };
            assert_eq!(found, wanted, "{path} of {service}");
        }
        assert_eq!(status(place, "/api/v1/incidents"), 404, "{service}");
    }
    let log = server.log();
    let places = ["/ for alerts ", "/ for dashboard ", "/ for simulator "].map(|of| log.find(of).expect("it listens"));
    assert!(places.is_sorted(), "they start as the registry says: {log}");
    assert!(server.stop().success());
}

#[test]
fn one_service_alone_and_what_is_none_is_named() {
    let ground = Ground::new();
    let server = serve(&ground, "alerts");
    assert_eq!(status(&server.address, "/api/v1/recipients"), 200);
    assert!(!server.log().contains("/ for dashboard "));
    assert!(server.stop().success());
    ground.run(&["serve", "--roles", "alerts,sms"]).complains(2, &["unknown_service", "\"sms\"", "simulator, dashboard, alerts"]);
    ground.run(&["serve", "--roles", "gateway"]).complains(2, &["\"gateway\"", "no listener of its own"]);
    ground.run(&["serve", "--roles", "alerts,alerts"]).complains(2, &["twice"]);
    ground.run(&["serve", "--roles", "alerts", "--listen", "127.0.0.1:0"]).complains(2, &["--listen"]);
}
