//! Making a metric and registering it in one step, so that each is named in one place. All values of labels are texts of this
//! program, which bounds how many series there are.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::domain::TraceId;

/// Labels: names and values.
pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];
/// Counters by labels.
pub(super) type Counters<const N: usize> = Family<Labels<N>, Counter>;
/// Gauges by one label.
pub(super) type GaugesBy = Family<Labels<1>, Gauge>;
/// Histograms by one label.
pub(super) type Histograms = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// The label of an exemplar: a trace that is sampled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TraceLabel {
    trace_id: String,
}

impl From<TraceId> for TraceLabel {
    fn from(trace: TraceId) -> Self {
        Self { trace_id: trace.to_string() }
    }
}

/// Registers a metric, and returns it. `help` says what it is, without a full stop.
pub(super) fn registered<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// As [`registered`], for a metric in a unit, which becomes part of its name.
pub(super) fn measured<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, unit: Unit, metric: M) -> M {
    registry.register_with_unit(name, help, unit, metric.clone());
    metric
}

/// Registers counters by one label. What is counted at all is there from the beginning, so that a first one is an increase.
pub(super) fn counted(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = &'static str>,
) -> Counters<1> {
    let counters = registered(registry, name, help, Counters::default());
    for value in values {
        counters.get_or_create_owned(&[(label, value)]);
    }
    counters
}
