//! Clients of the web, made in one place: no proxy, whatever the environment says, and a TLS that rests on nothing global, so
//! that an embedded instance installs no provider. Roots are those of Mozilla, built in.

use reqwest::ClientBuilder;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// A client that goes where it is sent and nowhere else.
pub fn client() -> ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls())
}

/// The same for a thread that may wait. It is made on a thread of its own, because it must not be made where tasks run.
///
/// # Errors
/// If it cannot be made.
#[cfg(feature = "otlp")]
pub(crate) fn blocking_client(timeout: std::time::Duration) -> reqwest::Result<reqwest::blocking::Client> {
    let make = move || reqwest::blocking::Client::builder().no_proxy().tls_backend_preconfigured(tls()).timeout(timeout).build();
    std::thread::spawn(make).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn tls() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions.unwrap_or_else(|_| unreachable!("ring knows the versions of TLS")).with_root_certificates(roots).with_no_client_auth()
}
