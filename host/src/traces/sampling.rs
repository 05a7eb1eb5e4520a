//! Which traces are sent. A request goes by what its client says, as OpenTelemetry has it, and a job by the request that it was
//! accepted by, so that a link never leads to a span that nobody has.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Decides whether a trace is sent.
#[derive(Debug, Clone)]
pub(super) struct JobSampler {
    /// Decides about traces that begin here.
    root: Sampler,
    /// Whether a trace that began elsewhere is sent if it is sampled there.
    is_parent_based: bool,
}

impl JobSampler {
    pub(super) fn new(root: Sampler, is_parent_based: bool) -> Self {
        Self { root, is_parent_based }
    }
}

impl ShouldSample for JobSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent_span = parent.map(|parent| parent.span().span_context().clone()).filter(|span| span.is_valid());
        let followed = parent_span.as_ref().or_else(|| links.first().map(|link| &link.span_context));
        match followed {
            // The rest of a run goes by its root: its trace has another id than the one that the root was judged by.
            Some(followed) if self.is_parent_based || parent_span.as_ref().is_some_and(|span| !span.is_remote()) => {
                SamplingResult {
                    decision: if followed.is_sampled() {
                        SamplingDecision::RecordAndSample
                    } else {
                        SamplingDecision::Drop
                    },
                    attributes: Vec::new(),
                    trace_state: parent_span.map(|span| span.trace_state().clone()).unwrap_or_default(),
                }
            }
            _ => {
                let judged = followed.map_or(trace, |followed| followed.trace_id());
                self.root.should_sample(parent, judged, name, kind, attributes, links)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        Link, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};

    use super::JobSampler;

    /// Traces whose ids a half of all traces is, and is not, sampled by.
    const LOW: TraceId = TraceId::from_bytes([1; 16]);
    const HIGH: TraceId = TraceId::from_bytes([0xfe; 16]);

    fn span(trace: TraceId, is_sampled: bool, is_remote: bool) -> SpanContext {
        let flags = TraceFlags::default().with_sampled(is_sampled);
        SpanContext::new(trace, SpanId::from_bytes([7; 8]), flags, is_remote, TraceState::default())
    }

    #[test]
    fn a_run_is_sampled_as_its_request_was_and_the_rest_of_the_run_as_its_root() {
        let half = Sampler::TraceIdRatioBased(0.5);
        let request = |trace, is_sampled| span(trace, is_sampled, true);
        for (case, is_parent_based, parent, own, link, expected) in [
            ("a request without a parent", false, None, LOW, None, true),
            ("a request without a parent", false, None, HIGH, None, false),
            ("a client's trace", false, Some(request(LOW, false)), LOW, None, true),
            ("a client's trace", false, Some(request(HIGH, true)), HIGH, None, false),
            ("a client's trace, as it says", true, Some(request(LOW, false)), LOW, None, false),
            ("a client's trace, as it says", true, Some(request(HIGH, true)), HIGH, None, true),
            ("a run", false, None, HIGH, Some(request(LOW, true)), true),
            ("a run", false, None, LOW, Some(request(HIGH, false)), false),
            ("a run, as its request says", true, None, LOW, Some(request(LOW, false)), false),
            ("a run, as its request says", true, None, HIGH, Some(request(HIGH, true)), true),
            ("a run without a request's span", false, None, LOW, None, true),
            ("a batch", false, Some(span(HIGH, true, false)), HIGH, None, true),
            ("a batch", true, Some(span(HIGH, true, false)), HIGH, None, true),
        ] {
            let sampler = JobSampler::new(half.clone(), is_parent_based);
            let context = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
            let links: Vec<Link> = link.into_iter().map(Link::with_context).collect();
            let result = sampler.should_sample(Some(&context), own, "span", &SpanKind::Internal, &[], &links);
            assert_eq!(result.decision == SamplingDecision::RecordAndSample, expected, "{case}: {own} {links:?}");
        }
    }
}
