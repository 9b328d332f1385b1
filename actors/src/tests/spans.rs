//! Who wants spans is told what commands of recorded traces came to, and of no others.

use super::common::{entity, fresh};
use crate::RuntimeConfig;
use crate::testkit::Universe;
use ionveil_kernel::testkit::{Count, Counter};
use ionveil_kernel::{Meta, Span, SpanContext, SpanKind, Spans};
use parking_lot::Mutex;
use std::sync::Arc;

#[derive(Default)]
struct Kept(Mutex<Vec<Span>>);

impl Spans for Kept {
    fn end(&self, span: Span) {
        self.0.lock().push(span);
    }
}

#[test]
fn commands_of_recorded_traces_are_told() {
    Universe::run(5, RuntimeConfig::default(), async |universe: Universe| {
        let (env, kept) = (&universe.env, Arc::new(Kept::default()));
        assert!(universe.runtime.trace(kept.clone()));
        assert!(!universe.runtime.trace(kept.clone()), "only the first one counts");
        let counters = universe.runtime.entity(Arc::new(Counter { limit: 5 })).expect("a lawful kind");
        let parent = SpanContext { trace: 7, span: 9, sampled: true };
        let within = |context: SpanContext| Meta { traceparent: Some(context.to_string().into()), ..fresh(env) };
        let ask = |count, meta| counters.ask(entity("counter", "a"), Count(count), meta);
        let first = within(parent);
        ask(1, first.clone()).await.expect("accepted");
        ask(1, first.clone()).await.expect("accepted before");
        ask(9, within(parent)).await.expect_err("too much");
        ask(1, within(SpanContext { sampled: false, ..parent })).await.expect("accepted");
        ask(1, fresh(env)).await.expect("accepted");
        let spans = std::mem::take(&mut *kept.0.lock());
        let of = |span: &Span, name: &str| span.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let outcomes: Vec<_> = spans.iter().filter_map(|span| of(span, "ionveil.outcome")).collect();
        assert_eq!(outcomes, ["committed", "repeated", "too_much"]);
        assert_eq!(of(&spans[0], "ionveil.version").as_deref(), Some("1"));
        assert_eq!(of(&spans[0], "ionveil.entity").as_deref(), Some("counter:test:a"));
        assert_eq!(of(&spans[0], "ionveil.command_id"), Some(first.command_id.to_string()));
        for span in &spans {
            assert_eq!((span.context.trace, span.parent, span.kind, &*span.name), (7, Some(9), SpanKind::Internal, "counter"));
            assert!(span.context.span != 9 && span.start <= span.end && span.fault.is_none(), "{span:?}");
        }
    });
}
