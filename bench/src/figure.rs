//! Every figure that a report may hold, named and explained once.

use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    /// More.
    Higher,
    /// Less.
    Lower,
    /// Neither: it explains the others.
    Neither,
}

/// One kind of figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Its name in reports.
    pub(crate) name: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// Which way is better.
    pub(crate) better: Better,
}

macro_rules! figures {
    ($($(#[doc = $doc:literal])+ $id:ident = $name:literal, $unit:literal, $better:ident;)+) => {
        $($(#[doc = $doc])+
        pub(crate) const $id: Figure =
            Figure { name: $name, unit: $unit, better: Better::$better };)+

        /// All kinds, by name.
        pub(crate) fn named(name: &str) -> Option<Figure> {
            [$($id),+].into_iter().find(|figure| figure.name == name)
        }
    };
}

figures! {
    /// Writes handed to listeners, each listener's counted.
    DELIVERIES = "deliveries", "/s", Higher;
    /// Acknowledged writes.
    ACKED = "acked writes", "/s", Higher;
    /// From when a write was meant to be sent until a listener had it: half were quicker.
    DELIVERY_P50 = "delivery p50", "ms", Lower;
    /// The same, exceeded by one in ten.
    DELIVERY_P90 = "delivery p90", "ms", Lower;
    /// The same, exceeded by one in a hundred.
    DELIVERY_P99 = "delivery p99", "ms", Lower;
    /// The same, exceeded by one in a thousand.
    DELIVERY_P999 = "delivery p99.9", "ms", Lower;
    /// The same, the worst.
    DELIVERY_MAX = "delivery max", "ms", Lower;
    /// From when a write was meant to be sent until its ack had come: half were quicker.
    ACK_P50 = "ack p50", "ms", Lower;
    /// The same, exceeded by one in ten.
    ACK_P90 = "ack p90", "ms", Lower;
    /// The same, exceeded by one in a hundred.
    ACK_P99 = "ack p99", "ms", Lower;
    /// The same, exceeded by one in a thousand.
    ACK_P999 = "ack p99.9", "ms", Lower;
    /// The same, the worst.
    ACK_MAX = "ack max", "ms", Lower;
    /// How much later than its ack a write was delivered, exceeded by one in a hundred.
    AFTER_ACK_P99 = "delivery after ack p99", "ms", Lower;
    /// Processor time of the system for one delivery.
    CPU_DELIVERY = "cpu a delivery", "us", Lower;
    /// Processor time of the system for one acknowledged write.
    CPU_WRITE = "cpu a write", "us", Lower;
    /// Bytes on the loopback interface for one delivery, headers and acks of TCP counted.
    WIRE_DELIVERY = "wire a delivery", "B", Lower;
    /// Durable commits.
    COMMITS = "commits", "/s", Neither;
    /// Writes of one commit.
    BATCH = "writes a commit", "", Neither;
    /// Bytes handed to the disk for one write.
    WRITTEN = "disk a write", "B", Lower;
    /// Half of the commits were quicker.
    COMMIT_P50 = "commit p50", "ms", Lower;
    /// Exceeded by one commit in a hundred.
    COMMIT_P99 = "commit p99", "ms", Lower;
    /// How long it took.
    SECONDS = "seconds", "s", Lower;
    /// Records received.
    RECORDS = "records", "/s", Higher;
    /// Bytes received.
    MEGABYTES = "megabytes", "MB/s", Higher;
    /// Bytes received for one record.
    WIRE_RECORD = "wire a record", "B", Lower;
    /// Bytes received in all.
    WIRE_BYTES = "wire bytes", "B", Lower;
    /// Bytes of the changes that were missed, in the log's own form.
    CHANGED_BYTES = "changed bytes", "B", Neither;
    /// Memory of one session.
    SESSION_BYTES = "memory a session", "B", Lower;
    /// Processor time that one session takes of a second.
    SESSION_CPU = "cpu a session-second", "us", Lower;
    /// The most memory that was resident.
    PEAK = "peak memory", "MB", Lower;
    /// Memory when it was over, as a part of that before.
    SETTLED = "memory after to before", "", Lower;
    /// How long a bystander waited at worst for a write of another bystander.
    BYSTANDER_P99 = "bystander p99", "ms", Lower;
    /// The same before it began.
    QUIET_P99 = "quiet p99", "ms", Lower;
    /// How much of one processor the harness itself took: near all of what is there, the harness is
    /// what was measured.
    HARNESS_CPU = "harness cpu", "%", Neither;
    /// How much of one processor the system took.
    SYSTEM_CPU = "system cpu", "%", Neither;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name() {
        assert_eq!(named("ack p99.9"), Some(ACK_P999));
        assert_eq!(named("speed"), None);
    }
}
