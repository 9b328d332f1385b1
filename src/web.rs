//! Clients of the web, made in one place: no proxy, whatever the environment says, and a TLS that rests on nothing global, so
//! that an embedded instance installs no provider. Roots are those of Mozilla, built in.

use reqwest::ClientBuilder;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Certificates that are trusted besides those built in, such as that of an organisation's own authority. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Roots(Arc<[CertificateDer<'static>]>);

impl Roots {
    /// Those of a file in PEM.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(file: &Path) -> Result<Self, String> {
        let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
        let read: Vec<_> = read.map_err(|error| format!("{} cannot be read as PEM: {error}", file.display()))?;
        if read.is_empty() {
            return Err(format!("{} holds no certificate", file.display()));
        }
        let mut store = RootCertStore::empty();
        for certificate in &read {
            store.add(certificate.clone()).map_err(|error| format!("{} holds what is no certificate: {error}", file.display()))?;
        }
        Ok(Self(read.into()))
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// A client that goes where it is sent and nowhere else.
pub fn client() -> ClientBuilder {
    client_that_trusts(&Roots::default())
}

/// The same, which trusts `roots` as well.
pub(crate) fn client_that_trusts(roots: &Roots) -> ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls(roots))
}

/// The same for a thread that may wait. It is made on a thread of its own, because it must not be made where tasks run.
///
/// # Errors
/// If it cannot be made.
#[cfg(feature = "otlp")]
pub(crate) fn blocking_client(timeout: std::time::Duration) -> reqwest::Result<reqwest::blocking::Client> {
    let make =
        move || reqwest::blocking::Client::builder().no_proxy().tls_backend_preconfigured(tls(&Roots::default())).timeout(timeout).build();
    std::thread::spawn(make).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn tls(more: &Roots) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(more.0.iter().cloned());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions.unwrap_or_else(|_| unreachable!("ring knows the versions of TLS")).with_root_certificates(roots).with_no_client_auth()
}
