//! Metrics of an application's own, in the same list as the server's.

use std::sync::{Arc, PoisonError};

use prometheus_client::metrics::counter::Counter as Count;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge as Level;
use prometheus_client::metrics::histogram::Histogram as Spread;

use super::Metrics;

type Labels = Vec<(&'static str, Arc<str>)>;

/// Makes metrics of one application. Names, labels and help are an interface: dashboards are built on
/// them. Labels take few values (cameras, scenes, reasons), never what a client writes: each value stays
/// in memory.
#[derive(Debug, Clone)]
pub struct Meters {
    metrics: Arc<Metrics>,
    prefix: &'static str,
}

impl Meters {
    /// `prefix` is the application: names become `strata_PREFIX_NAME`.
    pub(crate) fn new(metrics: Arc<Metrics>, prefix: &'static str) -> Self {
        Self { metrics, prefix }
    }

    /// Something that is counted; `_total` is put behind its name.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str, labels: &'static [&'static str]) -> Counters {
        let family = Family::default();
        self.register(name, help, family.clone());
        Counters { family, labels }
    }

    /// Something that goes up and down.
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str, labels: &'static [&'static str]) -> Gauges {
        let family = Family::default();
        self.register(name, help, family.clone());
        Gauges { family, labels }
    }

    /// Something that is measured again and again, counted by the upper bounds given, in growing order;
    /// its name ends with its unit (`_seconds`).
    #[must_use]
    pub fn histogram(
        &self,
        (name, help): (&str, &str),
        labels: &'static [&'static str],
        bounds: &'static [f64],
    ) -> Histograms {
        let family = Family::new_with_constructor(Bounds(bounds));
        self.register(name, help, family.clone());
        Histograms { family, labels }
    }

    fn register(&self, name: &str, help: &str, metric: impl prometheus_client::registry::Metric) {
        let mut registry = self.metrics.apps.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(format!("strata_{}_{name}", self.prefix), help, metric);
    }
}

#[derive(Debug, Clone, Copy)]
struct Bounds(&'static [f64]);

impl MetricConstructor<Spread> for Bounds {
    fn new_metric(&self) -> Spread {
        Spread::new(self.0.iter().copied())
    }
}

/// Values in the order of the labels; what is missing is empty, what is too much is left out.
fn labelled(names: &'static [&'static str], values: &[&str]) -> Labels {
    let value = |at: usize| Arc::from(values.get(at).copied().unwrap_or_default());
    names.iter().enumerate().map(|(at, name)| (*name, value(at))).collect()
}

/// Counters of one name, by labels.
#[derive(Debug, Clone)]
pub struct Counters {
    family: Family<Labels, Count>,
    labels: &'static [&'static str],
}

impl Counters {
    /// The counter with these values of its labels. To be kept: counting then takes no look-up.
    #[must_use]
    pub fn with(&self, values: &[&str]) -> Counter {
        Counter(self.family.get_or_create_owned(&labelled(self.labels, values)))
    }
}

/// A count that only grows. Clones are the same count.
#[derive(Debug, Clone)]
pub struct Counter(Count);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.0.inc();
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.inc_by(more);
    }

    /// The count so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Gauges of one name, by labels.
#[derive(Debug, Clone)]
pub struct Gauges {
    family: Family<Labels, Level<f64, std::sync::atomic::AtomicU64>>,
    labels: &'static [&'static str],
}

impl Gauges {
    /// The gauge with these values of its labels.
    #[must_use]
    pub fn with(&self, values: &[&str]) -> Gauge {
        Gauge(self.family.get_or_create_owned(&labelled(self.labels, values)))
    }

    /// Forgets it, where what it measures is gone.
    pub fn remove(&self, values: &[&str]) {
        self.family.remove(&labelled(self.labels, values));
    }
}

/// A level. Clones are the same level.
#[derive(Debug, Clone)]
pub struct Gauge(Level<f64, std::sync::atomic::AtomicU64>);

impl Gauge {
    /// The level now.
    pub fn set(&self, level: f64) {
        self.0.set(level);
    }
}

/// Histograms of one name, by labels.
#[derive(Debug, Clone)]
pub struct Histograms {
    family: Family<Labels, Spread, Bounds>,
    labels: &'static [&'static str],
}

impl Histograms {
    /// The histogram with these values of its labels.
    #[must_use]
    pub fn with(&self, values: &[&str]) -> Histogram {
        Histogram(self.family.get_or_create_owned(&labelled(self.labels, values)))
    }
}

/// Measurements by size. Clones are the same.
#[derive(Debug, Clone)]
pub struct Histogram(Spread);

impl Histogram {
    /// Another measurement.
    pub fn observe(&self, value: f64) {
        self.0.observe(value);
    }
}
