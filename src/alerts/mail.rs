//! Mail over SMTP (lettre), with TLS unless the configuration says plainly that there is none. A connection is made for each message:
//! that it could not be made is certain to mean that nothing was sent, and only what breaks off afterwards is not known.

use super::send::Sent;
use crate::channels::Secrets;
use crate::web::Roots;
use ionveil_channels::channel::Text;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use std::time::Duration;

/// A mail server.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: Tls,
    /// With which name; none: without one.
    pub user: Option<String>,
    /// And with which password.
    pub password: Option<Text>,
    /// From whom mails come.
    pub from: Mailbox,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// As it is.
    None,
    /// Encrypted after a first greeting, or not at all.
    Starttls,
    /// Encrypted from the beginning.
    Wrapped,
}

impl Mail {
    /// A mail under an id.
    pub(super) fn message(&self, id: &str, to: &str, subject: &str, text: String) -> Result<Message, &'static str> {
        let to: Mailbox = to.parse().map_err(|_| "address_invalid")?;
        let id = format!("<{id}@{}>", self.from.email.domain());
        let built = Message::builder().from(self.from.clone()).to(to).subject(subject).message_id(Some(id));
        built.header(lettre::message::header::ContentType::TEXT_PLAIN).body(text).map_err(|_| "message_invalid")
    }

    /// Hands a mail over. `timeout` is that of each step up to the greeting; the caller bounds the whole.
    pub(super) async fn send(&self, message: &Message, secrets: &Secrets, roots: &Roots, timeout: Duration) -> Sent {
        let mut connection = match self.connect(secrets, roots, timeout).await {
            Ok(connection) => connection,
            Err(error) if error.is_permanent() => return Sent::failed("mail_refused", false),
            Err(_) => return Sent::failed("connect_failed", false),
        };
        let sent = connection.send(message.envelope(), &message.formatted()).await;
        match sent {
            Ok(_taken) => {
                let _ = connection.quit().await;
                Sent::Taken
            }
            Err(error) if error.status().is_some() => Sent::failed("mail_refused", error.is_permanent()),
            Err(_) => Sent::unknown("connection_lost"),
        }
    }

    async fn connect(&self, secrets: &Secrets, roots: &Roots, timeout: Duration) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let tls = (self.tls != Tls::None).then(|| self.parameters(roots)).transpose()?;
        let (wrapped, later) = if self.tls == Tls::Wrapped { (tls, None) } else { (None, tls) };
        let place = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(place, Some(timeout), &hello, wrapped, None).await?;
        if let Some(tls) = later {
            connection.starttls(tls, &hello).await?;
        }
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            let password = secrets.resolve(password).unwrap_or_default();
            connection.auth(DEFAULT_MECHANISMS, &Credentials::new(user.clone(), password)).await?;
        }
        Ok(connection)
    }

    fn parameters(&self, roots: &Roots) -> Result<TlsParameters, Error> {
        let mut builder = TlsParameters::builder(self.host.clone());
        for root in roots.certificates() {
            builder = builder.add_root_certificate(Certificate::from_der(root.to_vec())?);
        }
        builder.build()
    }
}
