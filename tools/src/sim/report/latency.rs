//! How long page walks took.

use comfy_table::Table;
use serde::Serialize;
use tlb::Stream;

use super::{
    ratio, stream_name,
    text::{grouped, indented, table},
};
use crate::sim::why::{Latencies, WalkLog};

/// The latencies of the walks for a stream, in cycles; all nothing if there was no walk.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WalkLatency {
    stream: &'static str,
    walks: u64,
    cycles: u64,
    min: u64,
    max: u64,
    mean: f64,
    /// Percentiles are upper bounds of buckets, at most an eighth too large.
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    buckets: Vec<Bucket>,
}

/// Walks that took so many cycles, both bounds included.
#[derive(Clone, Debug, Serialize)]
struct Bucket {
    from: u64,
    to: u64,
    walks: u64,
}

impl WalkLatency {
    pub(super) fn of_all_streams(log: &WalkLog) -> Vec<Self> {
        let of = |stream| Self::new(stream, log.latencies(stream));
        Stream::ALL.map(of).into()
    }

    fn new(stream: Stream, latencies: &Latencies) -> Self {
        let percentile = |thousandths| latencies.percentile(thousandths).as_u64();
        let (walks, cycles) = (latencies.walks(), latencies.sum().as_u64());
        let buckets = latencies.filled().map(|(bounds, walks)| Bucket {
            from: *bounds.start(),
            to: *bounds.end(),
            walks,
        });
        Self {
            stream: stream_name(stream),
            walks,
            cycles,
            min: latencies.min().as_u64(),
            max: latencies.max().as_u64(),
            mean: ratio(cycles, walks),
            p50: percentile(500),
            p90: percentile(900),
            p99: percentile(990),
            p999: percentile(999),
            buckets: buckets.collect(),
        }
    }

    pub(super) fn walks(&self) -> u64 {
        self.walks
    }

    pub(super) fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Walks that took from so many cycles on to twice as many.
    fn walks_of_power(&self, power: u32) -> u64 {
        let buckets = self.buckets.iter();
        let of_power = buckets.filter(|bucket| bucket.from.max(1).ilog2() == power);
        of_power.map(|bucket| bucket.walks).sum()
    }
}

/// The streams side by side, and bars by powers of two.
pub(super) fn tables(streams: &[WalkLatency]) -> Vec<Table> {
    if streams.iter().all(|stream| stream.walks == 0) {
        return Vec::new();
    }
    vec![percentile_table(streams), bars(streams)]
}

fn percentile_table(streams: &[WalkLatency]) -> Table {
    let header = [
        "Cycles a walk",
        "mean",
        "min",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
    ];
    let mut table = table(header);
    for stream in streams.iter().filter(|stream| stream.walks > 0) {
        table.add_row([
            indented(1, stream.stream),
            format!("{:.1}", stream.mean),
            grouped(stream.min),
            grouped(stream.p50),
            grouped(stream.p90),
            grouped(stream.p99),
            grouped(stream.p999),
            grouped(stream.max),
        ]);
    }
    table
}

/// How long the longest bar is.
const BAR: u64 = 24;

fn bars(streams: &[WalkLatency]) -> Table {
    let mut table = table(["Walks by cycles", "fetch", "load", "store", ""]);
    if let Some(bars) = table.column_mut(4) {
        bars.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    let of_power = |power| -> u64 {
        let walks = streams.iter().map(|stream| stream.walks_of_power(power));
        walks.sum()
    };
    let filled = || (0..u64::BITS).filter(|&power| of_power(power) > 0);
    let (Some(first), Some(last)) = (filled().next(), filled().next_back()) else {
        return table;
    };
    let most = (first..=last).map(of_power).max().unwrap_or(1).max(1);
    for power in first..=last {
        let (from, to) = (1_u64 << power, u64::MAX >> (63 - power));
        let from = if power == 0 { 0 } else { from };
        let mut row = vec![indented(
            1,
            &format!("{} to {}", grouped(from), grouped(to)),
        )];
        row.extend(
            streams
                .iter()
                .map(|stream| grouped(stream.walks_of_power(power))),
        );
        row.push(bar(of_power(power), most));
        table.add_row(row);
    }
    table
}

/// As long as its share of the longest; what is not nothing has at least one sign.
fn bar(walks: u64, most: u64) -> String {
    let length = (u128::from(walks) * u128::from(BAR)).div_ceil(most.into());
    "#".repeat(usize::try_from(length).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_invisible() {
        for (walks, length) in [(0, 0), (1, 1), (500, 12), (501, 13), (1000, 24)] {
            assert_eq!(bar(walks, 1000).len(), length);
        }
    }
}
