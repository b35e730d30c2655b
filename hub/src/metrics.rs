//! Every figure that the hub counts, named and explained once; a leaf that anyone may use.

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

/// The hub's figures, as Prometheus reads them at `/metrics`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Sessions that are open.
    pub sessions: IntGauge,
    /// Bytes that wait in the queues of sessions.
    pub queue_bytes: IntGauge,
    /// Deltas applied.
    pub deltas_in: IntCounter,
    /// Deltas handed to sessions' queues.
    pub deltas_out: IntCounter,
    /// Deltas of one commit.
    pub commit_deltas: Histogram,
    /// Seconds of a commit, with the merging before it.
    pub commit_seconds: Histogram,
    /// Seconds that a commit waited for the disk.
    pub fsync_seconds: Histogram,
    /// Seconds of a checkpoint, which brings the journal into the store's file.
    pub checkpoint_seconds: Histogram,
    /// Seconds from a commit until its deltas are in the queues of all who are to have them.
    pub delivery_seconds: Histogram,
    /// Refusals, by code.
    pub rejects: IntCounterVec,
    /// Writes that lost without having been known to their winners.
    pub conflicts: IntCounter,
    /// Catch-ups begun: sessions that read from the log or a snapshot.
    pub catch_ups: IntCounter,
    /// Sessions whose queue was full and dropped.
    pub slow_consumers: IntCounter,
    /// Entries in all logs.
    pub log_entries: IntGauge,
    /// Bytes of the journal that the store's file does not hold for good.
    pub journal_bytes: IntGauge,
    /// Bytes of the store's file.
    pub store_bytes: IntGauge,
    /// 1 when the store can write.
    pub store_up: IntGauge,
}

impl Metrics {
    /// All figures at zero.
    ///
    /// # Panics
    /// Never: the names are good ones and stand once.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let seconds = || prometheus::exponential_buckets(0.000_1, 2.0, 16).expect("good buckets");
        let counts = || prometheus::exponential_buckets(1.0, 4.0, 8).expect("good buckets");
        let make = Make(&registry);
        let this = Self {
            sessions: make.gauge("syncline_sessions", "Sessions that are open"),
            queue_bytes: make.gauge("syncline_queue_bytes", "Bytes waiting in sessions' queues"),
            deltas_in: make.counter("syncline_deltas_in_total", "Deltas applied"),
            deltas_out: make.counter("syncline_deltas_out_total", "Deltas handed to sessions"),
            commit_deltas: make.histogram(
                "syncline_commit_deltas",
                "Deltas of one commit",
                counts(),
            ),
            commit_seconds: make.histogram(
                "syncline_commit_seconds",
                "Seconds of a commit, with the merging before it",
                seconds(),
            ),
            fsync_seconds: make.histogram(
                "syncline_fsync_seconds",
                "Seconds that a commit waited for the disk",
                seconds(),
            ),
            checkpoint_seconds: make.histogram(
                "syncline_checkpoint_seconds",
                "Seconds of a checkpoint of the journal into the store's file",
                seconds(),
            ),
            delivery_seconds: make.histogram(
                "syncline_delivery_seconds",
                "Seconds from a commit until its deltas are in the sessions' queues",
                seconds(),
            ),
            rejects: make.counters("syncline_rejects_total", "Refusals, by code", "code"),
            conflicts: make.counter("syncline_conflicts_total", "Writes that lost unseen"),
            catch_ups: make.counter("syncline_catch_ups_total", "Catch-ups begun"),
            slow_consumers: make
                .counter("syncline_slow_consumers_total", "Queues that were full and dropped"),
            log_entries: make.gauge("syncline_log_entries", "Entries in all logs"),
            journal_bytes: make.gauge(
                "syncline_journal_bytes",
                "Bytes of the journal that only a checkpoint brings into the store's file",
            ),
            store_bytes: make.gauge("syncline_store_bytes", "Bytes of the store's file"),
            store_up: make.gauge("syncline_store_up", "1 when the store can write"),
            registry: registry.clone(),
        };
        this.store_up.set(1);
        this
    }

    /// Refusals since the start, by code.
    #[must_use]
    pub fn rejects_by_code(&self) -> std::collections::BTreeMap<String, u64> {
        use prometheus::core::Collector as _;
        let families = self.rejects.collect();
        let counted = families.iter().flat_map(|family| family.get_metric()).filter_map(|metric| {
            let code = metric.get_label().first()?.value().to_owned();
            let count = metric.get_counter().get_value();
            // A counter of whole numbers.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some((code, count as u64))
        });
        counted.collect()
    }

    /// The figures in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to memory fails only when a metric has no name.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

/// A histogram at one moment, since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// How many there were.
    pub count: u64,
    /// All together.
    pub sum: f64,
    /// For each upper bound how many were at or below it; those above the last are in `count`.
    pub buckets: Vec<(f64, u64)>,
}

impl Distribution {
    /// What a histogram has seen.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        use prometheus::core::Collector as _;
        let mut this = Self { count: 0, sum: 0.0, buckets: Vec::new() };
        for family in histogram.collect() {
            for metric in family.get_metric() {
                let seen = metric.get_histogram();
                (this.count, this.sum) = (seen.get_sample_count(), seen.get_sample_sum());
                let buckets = seen.get_bucket().iter();
                let bucket = buckets.map(|it| (it.upper_bound(), it.cumulative_count()));
                this.buckets = bucket.collect();
            }
        }
        this
    }

    /// What a share (0 to 1) of all was at or below: an upper bound, as fine as the buckets. None
    /// when there was nothing, or when it lies above the last bound.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.count as f64;
        let reached = |(_, count): &&(f64, u64)| self.count > 0 && *count as f64 >= wanted;
        self.buckets.iter().find(reached).map(|(bound, _)| *bound)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes and registers figures.
struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::new(name, help).expect("a good name"))
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::new(name, help).expect("a good name"))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.keep(IntCounterVec::new(Opts::new(name, help), &[label]).expect("a good name"))
    }

    fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets);
        self.keep(Histogram::with_opts(options).expect("a good name"))
    }

    fn keep<C: prometheus::core::Collector + Clone + 'static>(&self, figure: C) -> C {
        self.0.register(Box::new(figure.clone())).expect("a name that stands once");
        figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_tells_its_quantiles() {
        let metrics = Metrics::new();
        let empty = Distribution::of(&metrics.commit_deltas);
        assert_eq!((empty.count, empty.quantile(0.5)), (0, None));
        for deltas in [1.0, 1.0, 3.0, 1e9] {
            metrics.commit_deltas.observe(deltas);
        }
        let seen = Distribution::of(&metrics.commit_deltas);
        assert_eq!((seen.count, seen.buckets[0], seen.buckets[1]), (4, (1.0, 2), (4.0, 3)));
        assert_eq!((seen.quantile(0.5), seen.quantile(0.75)), (Some(1.0), Some(4.0)));
        assert_eq!(seen.quantile(0.99), None);
    }

    #[test]
    fn figures_are_rendered_with_their_help() {
        let metrics = Metrics::new();
        metrics.deltas_in.inc_by(3);
        metrics.rejects.with_label_values(&["busy"]).inc();
        let text = String::from_utf8(metrics.render()).unwrap();
        assert!(text.contains("syncline_deltas_in_total 3"));
        assert!(text.contains("syncline_rejects_total{code=\"busy\"} 1"));
        assert!(text.contains("# HELP syncline_fsync_seconds"));
    }
}
