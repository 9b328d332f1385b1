//! One attempt over one channel, and what is known of it afterwards. Text messages, push and radio go over the organisation's channel
//! of that name, with its template, its secrets and its breaker; what goes elsewhere has a breaker per receiver here.

use super::message::{About, PUSH_CHARS_MAX, cut};
use crate::channels::{Channels, Posted, Secrets};
use crate::config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ionveil_alerts::words::Channel;
use ionveil_channels::breaker::{Breaker, BreakerPolicy, Permit, Profile, Report};
use ionveil_channels::detector::Verdict;
use ionveil_kernel::{EntityId, Env, Org};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;

/// The most receivers of which a breaker is kept.
const BREAKERS_MAX: usize = 10_000;

/// What is known of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The receiver has it.
    Taken,
    /// It certainly has not.
    Failed {
        /// Why.
        reason: &'static str,
        /// Whether it would fail again.
        permanent: bool,
    },
    /// It may have it.
    Unknown {
        /// Why that is not known.
        reason: &'static str,
    },
}

impl Sent {
    pub(super) const fn failed(reason: &'static str, permanent: bool) -> Self {
        Self::Failed { reason, permanent }
    }

    pub(super) const fn unknown(reason: &'static str) -> Self {
        Self::Unknown { reason }
    }
}

impl From<Posted> for Sent {
    fn from(posted: Posted) -> Self {
        match posted {
            Posted::Status(200..=299) => Self::Taken,
            Posted::Status(408 | 425 | 429 | 503) => Self::failed("receiver_busy", false),
            Posted::Status(400..=499) => Self::failed("receiver_refused", true),
            // Whoever answers so may have taken it before it broke.
            Posted::Status(_) => Self::unknown("receiver_failed"),
            Posted::NotSent("address_not_allowed") => Self::failed("address_not_allowed", true),
            Posted::NotSent(reason) => Self::failed(reason, false),
            Posted::Unknown(reason) => Self::unknown(reason),
        }
    }
}

/// What is to be sent to whom.
pub(super) struct Letter<'a> {
    pub(super) org: &'a Org,
    pub(super) id: &'a EntityId,
    pub(super) attempt: u32,
    pub(super) channel: Channel,
    pub(super) address: &'a str,
    pub(super) about: About,
}

/// Sends.
pub(super) struct Sender {
    env: Env,
    channels: Channels,
    secrets: Secrets,
    settings: config::Alerts,
    breakers: Mutex<BTreeMap<String, Breaker>>,
}

impl Sender {
    pub(super) fn new(env: Env, channels: Channels, secrets: Secrets, settings: config::Alerts) -> Self {
        Self { env, channels, secrets, settings, breakers: Mutex::default() }
    }

    /// Tries once, for as long as the settings say.
    pub(super) async fn send(&self, letter: Letter<'_>) -> Sent {
        if matches!(letter.channel, Channel::Sms | Channel::Push | Channel::Radio) {
            return self.over_channel(&letter).await;
        }
        let receiver = self.receiver(&letter);
        let Some(permit) = self.leave(&receiver, letter.id) else { return Sent::failed("circuit_open", false) };
        let sent = self.directly(&letter).await;
        self.report(&receiver, &permit, sent);
        sent
    }

    async fn directly(&self, letter: &Letter<'_>) -> Sent {
        let (subject, text) = self.settings.templates.fill(&letter.about);
        match letter.channel {
            Channel::Email => self.mail(letter, &subject, text).await,
            Channel::Slack => self.post(letter.address, &[], &json!({"text": format!("*{subject}*\n{text}")})).await,
            Channel::Pagerduty => {
                let body = pagerduty(letter, &subject);
                self.post(&self.settings.pagerduty_url, &[], &body).await
            }
            Channel::Webhook => {
                let body = json!({"type": "alert.notification", "timestamp": letter.about.at, "data": letter.about}).to_string();
                let Some(key) = self.settings.webhook_key(&self.secrets) else { return Sent::failed("unknown_secret", true) };
                let headers = signed(&key, letter.id.as_str(), self.env.now().micros().div_euclid(1_000_000), &body);
                self.channels.drivers().post(letter.address, &headers, body, self.settings.timeout).await.into()
            }
            Channel::Sms | Channel::Push | Channel::Radio => Sent::failed("no_such_channel", true),
        }
    }

    async fn mail(&self, letter: &Letter<'_>, subject: &str, text: String) -> Sent {
        let Some(mail) = &self.settings.mail else { return Sent::failed("no_mail_server", true) };
        let message = match mail.message(letter.id.as_str(), letter.address, subject, text) {
            Ok(message) => message,
            Err(reason) => return Sent::failed(reason, true),
        };
        let patience = self.env.sleep(self.settings.timeout);
        tokio::select! {
            biased;
            sent = mail.send(&message, &self.secrets, self.channels.drivers().roots(), self.settings.timeout) => sent,
            () = patience => Sent::unknown("timeout"),
        }
    }

    async fn post(&self, url: &str, headers: &[(&'static str, String)], body: &Value) -> Sent {
        self.channels.drivers().post(url, headers, body.to_string(), self.settings.timeout).await.into()
    }

    /// Over the channel that is called as this one is.
    async fn over_channel(&self, letter: &Letter<'_>) -> Sent {
        let (subject, mut text) = self.settings.templates.fill(&letter.about);
        if letter.channel == Channel::Push {
            text = cut(&text, PUSH_CHARS_MAX);
        }
        let payload = json!({"to": letter.address, "subject": subject, "text": text, "alert": letter.about});
        let told = self.channels.tell(letter.org, letter.channel.as_str(), letter.id, letter.attempt, payload, self.settings.timeout);
        told.await.map_or(Sent::failed("no_such_channel", false), Sent::from)
    }

    /// Whose breaker counts: that of a server, whoever is reached over it.
    fn receiver(&self, letter: &Letter<'_>) -> String {
        let host = |url: &str| reqwest::Url::parse(url).ok().map(|url| format!("{}:{:?}", url.host_str().unwrap_or_default(), url.port()));
        match letter.channel {
            Channel::Email => "mail".to_owned(),
            Channel::Pagerduty => "pagerduty".to_owned(),
            channel => format!("{channel} {}", host(letter.address).unwrap_or_default()),
        }
    }

    fn leave(&self, receiver: &str, id: &EntityId) -> Option<Permit> {
        let mut breakers = self.breakers.lock();
        if breakers.len() >= BREAKERS_MAX && !breakers.contains_key(receiver) {
            breakers.clear();
        }
        let breaker = breakers.entry(receiver.to_owned()).or_insert_with(|| Breaker::new(BreakerPolicy::of(Profile::Core)));
        breaker.allow_request(self.env.now(), id.as_str()).ok()
    }

    fn report(&self, receiver: &str, permit: &Permit, sent: Sent) {
        let verdict = match sent {
            Sent::Taken => Verdict::Success,
            // It is well, and does not want this message.
            Sent::Failed { permanent: true, .. } => Verdict::Ignored,
            Sent::Failed { .. } | Sent::Unknown { .. } => Verdict::Failure,
        };
        let mut breakers = self.breakers.lock();
        if let Some(breaker) = breakers.get_mut(receiver) {
            breaker.record(self.env.now(), &Report { permit: Some(permit), verdict, slow: false, detector: None });
            breaker.take_changes();
        }
    }
}

/// An event of PagerDuty's (Events API v2).
fn pagerduty(letter: &Letter<'_>, subject: &str) -> Value {
    let severity = match letter.about.severity.as_str() {
        "emergency" | "critical" => "critical",
        "warning" => "warning",
        _ => "info",
    };
    json!({
        "routing_key": letter.address,
        "event_action": "trigger",
        "dedup_key": letter.id,
        "payload": {
            "summary": cut(subject, 1_024),
            "source": "ionveil",
            "severity": severity,
            "custom_details": letter.about,
        },
        "links": if letter.about.link.is_empty() { json!([]) } else { json!([{"href": letter.about.link, "text": "acknowledge"}]) },
    })
}

/// The headers of a Standard Webhook: its id, when it was sent (seconds), and the signature over both and the body.
fn signed(key: &[u8], id: &str, seconds: i64, body: &str) -> [(&'static str, String); 3] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("a key of HMAC may have any length"));
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    [("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_signed_as_the_standard_says() {
        // The example of standardwebhooks' own libraries.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let [_, _, (_, signature)] = signed(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_what_was_certainly_not_taken_counts_as_failed() {
        for (posted, sent) in [
            (Posted::Status(202), Sent::Taken),
            (Posted::Status(404), Sent::failed("receiver_refused", true)),
            (Posted::Status(429), Sent::failed("receiver_busy", false)),
            (Posted::Status(500), Sent::unknown("receiver_failed")),
            (Posted::NotSent("connect_failed"), Sent::failed("connect_failed", false)),
            (Posted::NotSent("address_not_allowed"), Sent::failed("address_not_allowed", true)),
            (Posted::Unknown("timeout"), Sent::unknown("timeout")),
        ] {
            assert_eq!(Sent::from(posted), sent);
        }
    }
}
