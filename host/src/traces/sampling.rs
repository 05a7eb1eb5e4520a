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
    /// Whether a trace that began elsewhere is sent if it is kept there.
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
            Some(followed) if self.is_parent_based => SamplingResult {
                decision: if followed.is_sampled() {
                    SamplingDecision::RecordAndSample
                } else {
                    SamplingDecision::Drop
                },
                attributes: Vec::new(),
                trace_state: parent_span.map(|span| span.trace_state().clone()).unwrap_or_default(),
            },
            _ => self.root.should_sample(parent, trace, name, kind, attributes, links),
        }
    }
}
