//! What one round saw: counts, whole histograms, and how the counts lay over time.

use hdrhistogram::Histogram;

/// Slices of the timeline, in nanoseconds.
pub(crate) const SLICE_NS: u64 = 100_000_000;
/// Slices at most: two minutes of measuring.
const SLICES_MAX: usize = 1200;
/// Latencies up to here are told apart, in nanoseconds: ten minutes.
const LATENCY_MAX_NS: u64 = 600_000_000_000;

/// The part of a run that counts, in nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// After the warm-up.
    pub(crate) begin_ns: u64,
    /// When nothing new is sent.
    pub(crate) end_ns: u64,
}

impl Span {
    /// Whether a moment counts.
    pub(crate) fn holds(&self, at_ns: u64) -> bool {
        (self.begin_ns..self.end_ns).contains(&at_ns)
    }

    /// Its length in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        (self.end_ns - self.begin_ns) as f64 / 1e9
    }
}

/// Events of one kind within a span: how many, how late, when.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    /// How many.
    pub(crate) count: u64,
    /// How late each was, in nanoseconds, as far as that was timed.
    pub(crate) latency: Histogram<u64>,
    /// How many in each slice of the span.
    pub(crate) slices: Vec<u64>,
}

impl Default for Events {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3);
        Self { count: 0, latency: latency.expect("these bounds are possible"), slices: Vec::new() }
    }
}

impl Events {
    /// Counts events at a moment of the span.
    pub(crate) fn count(&mut self, span: &Span, at_ns: u64, events: u64) {
        if !span.holds(at_ns) {
            return;
        }
        self.count += events;
        let slice = usize::try_from((at_ns - span.begin_ns) / SLICE_NS).unwrap_or(SLICES_MAX);
        let slice = slice.min(SLICES_MAX - 1);
        if self.slices.len() <= slice {
            self.slices.resize(slice + 1, 0);
        }
        self.slices[slice] += events;
    }

    /// Notes how late an event was.
    pub(crate) fn time(&mut self, latency_ns: u64) {
        self.latency.saturating_record(latency_ns);
    }

    /// Adds what another connection saw.
    pub(crate) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.latency.add(&other.latency).expect("all histograms have the same bounds");
        if self.slices.len() < other.slices.len() {
            self.slices.resize(other.slices.len(), 0);
        }
        for (all, one) in self.slices.iter_mut().zip(&other.slices) {
            *all += one;
        }
    }

    /// A quantile of the latency, in milliseconds; not a number when nothing was timed, which no
    /// report takes for a time of nothing.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        if self.latency.is_empty() {
            return f64::NAN;
        }
        self.latency.value_at_quantile(quantile) as f64 / 1e6
    }
}

/// What one connection, or all of a round, saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Acknowledged writes.
    pub(crate) acked: Events,
    /// Delivered writes, each listener's counted.
    pub(crate) delivered: Events,
    /// For each write its mark and when its ack or it itself came, if anyone asked.
    pub(crate) notes: Option<Vec<(u64, u64)>>,
}

impl Tally {
    /// Notes when something came of a write, if anyone asked.
    pub(crate) fn note(&mut self, mark_ns: u64, at_ns: u64) {
        if let Some(notes) = &mut self.notes {
            notes.push((mark_ns, at_ns));
        }
    }

    /// Adds what another connection saw.
    pub(crate) fn add(&mut self, other: &Self) {
        self.acked.add(&other.acked);
        self.delivered.add(&other.delivered);
        let notes = other.notes.iter().flatten().copied();
        self.notes.get_or_insert_default().extend(notes);
    }
}
