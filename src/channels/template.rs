//! Bodies of messages: the default form, or a template of the channel's own (minijinja). A template has no loader and little
//! fuel, and what it makes is bounded.

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Value, json};

/// The most bytes of a body.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1_024;
/// Steps that a template may take.
const FUEL: u64 = 50_000;
/// How deep templates may call themselves.
const RECURSION_MAX: usize = 32;

/// What a message is made of.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// The dispatch.
    pub dispatch_id: String,
    /// The channel.
    pub channel: String,
    /// Where it happens.
    pub zone: Option<String>,
    /// What is to be told.
    pub payload: Value,
}

/// A template that cannot be used, or that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("tojson", minijinja::filters::tojson);
    environment.add_filter("default", minijinja::filters::default);
    environment
}

/// Whether `template` can be read, and knows what it calls: it is tried on a message without a payload, on which what is
/// missing is forgiven.
///
/// # Errors
/// [`TemplateError`], with the line.
pub(super) fn check(template: &str) -> Result<(), TemplateError> {
    try_out(template, &Message { dispatch_id: "d".into(), channel: "c".into(), zone: None, payload: json!({}) })
}

/// Whether `template` can be read, knows what it calls, and comes to an end with these values; what is missing is forgiven.
///
/// # Errors
/// [`TemplateError`], with the line.
pub(crate) fn try_out(template: &str, values: &impl Serialize) -> Result<(), TemplateError> {
    let mut environment = environment();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    let tried = environment.template_from_str(template).and_then(|template| template.render(minijinja::value::Serde(values)));
    match tried {
        Err(error) if !fails_only_here(error.kind()) => Err(TemplateError(error.to_string())),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What hangs on the message, not on the template alone.
const fn fails_only_here(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UndefinedError | ErrorKind::InvalidOperation | ErrorKind::MissingArgument | ErrorKind::BadSerialization)
}

/// The body of a message.
///
/// # Errors
/// [`TemplateError`] if the template asks for what is not there, runs too long, or makes too much.
pub(super) fn body(template: Option<&str>, message: &Message) -> Result<String, TemplateError> {
    let Some(template) = template else {
        return Ok(json!({"dispatch_id": message.dispatch_id, "payload": message.payload}).to_string());
    };
    render(template, message)
}

/// What a template makes of these values.
///
/// # Errors
/// As [`body`].
pub(crate) fn render(template: &str, values: &impl Serialize) -> Result<String, TemplateError> {
    let made = environment().render_str(template, minijinja::value::Serde(values)).map_err(|error| TemplateError(error.to_string()))?;
    if made.len() > BODY_BYTES_MAX { Err(TemplateError(format!("makes more than {BODY_BYTES_MAX} bytes"))) } else { Ok(made) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message { dispatch_id: "d1".into(), channel: "radio".into(), zone: None, payload: json!({"text": "a \"b\" <c>", "n": [1, 2]}) }
    }

    #[test]
    fn without_a_template_the_payload_goes_as_it_is() {
        let body: Value = serde_json::from_str(&super::body(None, &message()).unwrap()).unwrap();
        assert_eq!(body, json!({"dispatch_id": "d1", "payload": {"text": "a \"b\" <c>", "n": [1, 2]}}));
    }

    #[test]
    fn a_template_puts_values_where_it_says() {
        let template = r#"{"to": "{{ channel }}", "text": {{ payload.text | tojson }}, "id": {{ dispatch_id | tojson }}}"#;
        let body: Value = serde_json::from_str(&body(Some(template), &message()).unwrap()).unwrap();
        assert_eq!((&body["to"], &body["id"]), (&json!("radio"), &json!("d1")));
        assert_eq!(body["text"], "a \"b\" <c>");
    }

    #[test]
    fn what_is_wrong_or_without_end_is_an_error() {
        assert!(check("{{ payload.text }}").is_ok());
        for template in ["{{ ", "{% for %}", "{{ x | nothing }}"] {
            assert!(check(template).is_err(), "{template}");
        }
        let many = Message { payload: json!(vec![0; 1_000]), ..message() };
        let squared = "{% for a in payload %}{% for b in payload %}x{% endfor %}{% endfor %}";
        assert!(body(Some("{% for a in payload %}x{% endfor %}"), &many).is_ok(), "a thousand steps are few");
        for template in ["{{ payload.missing.deeper }}", squared, "{% include 'x' %}"] {
            assert!(body(Some(template), &many).is_err(), "{template}");
        }
    }
}
