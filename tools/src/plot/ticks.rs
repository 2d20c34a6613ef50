use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use crate::byte_size::ByteSize;

/// How many ticks an axis has at most.
const MOST_TICKS: i32 = 10;

/// An axis: what it shows, and where it is labelled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) range: Range<f64>,
    pub(super) ticks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is a place in the picture"
    )]
    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        first + (share * f64::from(last - first)).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// The axis of sizes, given as logarithms to the base 2. Ticks are whole powers of two.
pub(super) fn sizes(logarithms: impl Iterator<Item = f64> + Clone) -> Axis {
    let first = logarithms.clone().fold(f64::INFINITY, f64::min);
    let last = logarithms.fold(f64::NEG_INFINITY, f64::max);
    // Of 64-bit sizes, so from 0 to 64; without any, some range is as good as another.
    let (first, last) = if first <= last {
        (first, last)
    } else {
        (12.0, 20.0)
    };
    let (first, mut last) = (whole(first.floor()), whole(last.ceil()));
    if first == last {
        last += 1;
    }
    let step = (1..=64).find(|step| (last - first) / step < MOST_TICKS);
    let ticks = (first..=last).step_by(step.unwrap_or(1).unsigned_abs() as usize);
    Axis {
        range: first.into()..last.into(),
        ticks: ticks.map(f64::from).collect(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is from 0 to 64")]
fn whole(logarithm: f64) -> i32 {
    logarithm as i32
}

/// The axis of values that ends with the greatest one.
pub(super) fn whole_of(greatest: f64) -> Axis {
    let mut axis = values(std::iter::once(greatest));
    if greatest > 0.0 {
        axis.range.end = greatest;
        axis.ticks.retain(|&tick| tick <= greatest * 1.0001);
    }
    axis
}

/// The axis of values, from 0 on. Ticks are at 1, 2 or 5 times a power of ten.
pub(super) fn values(values: impl Iterator<Item = f64>) -> Axis {
    let greatest = values.fold(0.0, f64::max);
    let greatest = if greatest > 0.0 { greatest } else { 1.0 };
    let rough = greatest / f64::from(MOST_TICKS);
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let step = steps.into_iter().find(|&step| step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let count = (greatest / step).ceil();
    let ticks = (0..=2 * MOST_TICKS).map(|tick| f64::from(tick) * step);
    let top = count * step;
    Axis {
        range: 0.0..top,
        ticks: ticks.take_while(|&tick| tick <= top * 1.0001).collect(),
    }
}

/// A size that is a power of two, in its unit.
pub(super) fn size_label(logarithm: f64) -> String {
    let size = 1_u64.checked_shl(whole(logarithm.round()).unsigned_abs());
    size.map_or_else(String::new, |size| ByteSize(size).to_string())
}

/// A value as short as it can be: the step decides how many digits it has.
pub(super) fn value_label(value: f64, ticks: &[f64]) -> String {
    let step = ticks.get(1).copied().unwrap_or(1.0);
    let digits = (0..12_i32).find(|&digits| step * 10_f64.powi(digits) >= 0.999);
    let digits = digits.unwrap_or(12).unsigned_abs() as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_labelled_at_powers_of_two() {
        let axis = sizes([14.0, 30.0].into_iter());
        assert_eq!(axis.range, 14.0..30.0);
        let labels: Vec<_> = axis.ticks.iter().map(|&tick| size_label(tick)).collect();
        assert_eq!(labels[..3], ["16 KiB", "64 KiB", "256 KiB"]);
        assert_eq!(labels.last().unwrap(), "1 GiB");
        let one = sizes([12.5].into_iter());
        assert_eq!((one.range, one.ticks), (12.0..13.0, vec![12.0, 13.0]));
        let same = sizes([12.0, 12.0].into_iter());
        assert_eq!(same.range, 12.0..13.0);
        assert_eq!(sizes([].into_iter()).range, 12.0..20.0);
        let all = sizes([0.0, 64.0].into_iter());
        assert!(all.ticks.len() <= 10, "{:?}", all.ticks);
    }

    #[test]
    fn values_are_labelled_at_round_numbers() {
        for (greatest, labels) in [
            (0.0, &["0.0", "0.1", "0.2"][..]),
            (1.0, &["0.0", "0.1"]),
            (97.0, &["0", "10", "20"]),
            (120.0, &["0", "20", "40"]),
            (0.034, &["0.000", "0.005", "0.010"]),
            (350_000.0, &["0", "50000", "100000"]),
        ] {
            let axis = values([greatest].into_iter());
            let shown = axis
                .ticks
                .iter()
                .map(|&tick| value_label(tick, &axis.ticks));
            let shown: Vec<_> = shown.take(labels.len()).collect();
            assert_eq!(shown, labels, "{greatest}");
            assert!(axis.range.end >= greatest && axis.ticks.len() <= 11);
        }
    }

    #[test]
    fn an_axis_can_end_with_what_there_is() {
        let axis = whole_of(12.3);
        assert_eq!(axis.range, 0.0..12.3);
        assert_eq!(axis.ticks.last(), Some(&12.0));
        assert_eq!(whole_of(0.0), values([0.0].into_iter()));
    }
}
