use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// A number of a report.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// A count.
    Whole(u64),
    /// A ratio.
    Fraction(f64),
}

impl Number {
    /// The number that a JSON value is, if it is one.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let whole = value.as_u64().map(Self::Whole);
        whole.or_else(|| value.as_f64().map(Self::Fraction))
    }

    /// The number as a fraction; counts beyond 2^53 lose their last digits.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(count) => count as f64,
            Self::Fraction(ratio) => ratio,
        }
    }

    /// What changed from an earlier number to this one.
    pub fn since(self, before: Self) -> Change {
        Change {
            before,
            after: self,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(count) => write!(f, "{count}"),
            Self::Fraction(ratio) => write!(f, "{ratio:.6}"),
        }
    }
}

/// The difference between two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// What is compared with.
    pub before: Number,
    /// What is compared.
    pub after: Number,
}

impl Change {
    /// By how much the number grew.
    pub fn absolute(self) -> f64 {
        match (self.before, self.after) {
            (Number::Whole(before), Number::Whole(after)) => {
                (i128::from(after) - i128::from(before)) as f64
            }
            (before, after) => after.as_f64() - before.as_f64(),
        }
    }

    /// By how many hundredths of itself the number grew; none if it was nothing, and is
    /// something.
    pub fn percent(self) -> Option<f64> {
        let (before, absolute) = (self.before.as_f64(), self.absolute());
        if before == 0.0 {
            return (absolute == 0.0).then_some(0.0);
        }
        Some(100.0 * absolute / before)
    }
}

/// In percent, with a sign.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.percent() {
            None => "from 0".into(),
            Some(0.0) => "same".into(),
            // A small change is not none.
            Some(percent) if percent.abs() < 0.01 => format!("{percent:+.0e}%"),
            Some(percent) if percent.abs() < 1000.0 => format!("{percent:+.2}%"),
            Some(percent) if percent.abs() < 100_000.0 => format!("{percent:+.0}%"),
            Some(percent) => format!("{percent:+.0e}%"),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_in_percent() {
        let whole = Number::Whole;
        for (before, after, text) in [
            (whole(100), whole(101), "+1.00%"),
            (whole(200), whole(100), "-50.00%"),
            (whole(7), whole(7), "same"),
            (whole(0), whole(0), "same"),
            (whole(0), whole(1), "from 0"),
            (whole(100_000_000), whole(100_000_001), "+1e-6%"),
            (whole(1), whole(101), "+10000%"),
            (whole(1), whole(1_000_001), "+1e8%"),
            (Number::Fraction(0.5), Number::Fraction(0.25), "-50.00%"),
            (whole(1), Number::Fraction(1.5), "+50.00%"),
        ] {
            assert_eq!(after.since(before).to_string(), text, "{before} to {after}");
        }
        let large = whole(u64::MAX).since(whole(u64::MAX - 1));
        assert!((large.absolute() - 1.0).abs() < f64::EPSILON);
    }
}
