use std::{fmt, str::FromStr};

use crate::sim::metric::Change;

/// What must not become of a number: `translation_cycles > +1%`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: String,
    metric: String,
    relation: Relation,
    bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What is compared, and with what.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    /// The change, in percent of the baseline's number.
    Percent(f64),
    /// The change.
    Change(f64),
    /// The number itself.
    Value(f64),
}

/// A text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Nothing is compared.
    #[error("expected METRIC > NUMBER, or with >=, <, <=; for example \"total_cycles > +1%\"")]
    NoRelation,
    /// There is nothing before the relation.
    #[error("what is compared is missing before \"{0}\"")]
    NoMetric(String),
    /// What is behind the relation is no number.
    #[error("\"{0}\" is no number: expected one such as 100, +100, -0.5 or +1%")]
    NoNumber(String),
}

impl Rule {
    /// The name of the number it is about.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// Whether the rule says that the check failed.
    pub fn is_violated(&self, change: Change) -> bool {
        let (is, bound) = match self.bound {
            // Multiplied, so that nothing is divided by a baseline of 0 or rounded.
            Bound::Percent(percent) => {
                let old = change.before.as_f64();
                (100.0 * change.absolute(), percent * old)
            }
            Bound::Change(bound) => (change.absolute(), bound),
            Bound::Value(bound) => (change.after.as_f64(), bound),
        };
        match self.relation {
            Relation::Greater => is > bound,
            Relation::GreaterOrEqual => is >= bound,
            Relation::Less => is < bound,
            Relation::LessOrEqual => is <= bound,
        }
    }
}

/// As it was written.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let at = text.find(['<', '>']).ok_or(RuleError::NoRelation)?;
        let (metric, rest) = text.split_at(at);
        let relations = [
            (">=", Relation::GreaterOrEqual),
            ("<=", Relation::LessOrEqual),
            (">", Relation::Greater),
            ("<", Relation::Less),
        ];
        let found = relations
            .into_iter()
            .find_map(|(sign, relation)| Some((relation, rest.strip_prefix(sign)?)));
        let (relation, bound) = found.ok_or(RuleError::NoRelation)?;
        if metric.trim().is_empty() {
            return Err(RuleError::NoMetric(rest.trim().into()));
        }
        Ok(Self {
            text: text.trim().into(),
            metric: metric.trim().into(),
            relation,
            bound: bound.trim().parse()?,
        })
    }
}

impl FromStr for Bound {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let malformed = || RuleError::NoNumber(text.into());
        let (number, is_percent) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (text, false),
        };
        let has_sign = number.starts_with(['+', '-']);
        let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
        // Not all that Rust reads as a number is one here: no inf, no NaN, no 1e5.
        let is_number = digits.starts_with(|first: char| first.is_ascii_digit())
            && digits
                .chars()
                .all(|char| char.is_ascii_digit() || char == '.');
        if !is_number {
            return Err(malformed());
        }
        let number: f64 = number.parse().map_err(|_| malformed())?;
        if !number.is_finite() {
            return Err(malformed());
        }
        Ok(match (is_percent, has_sign) {
            (true, _) => Self::Percent(number),
            (false, true) => Self::Change(number),
            (false, false) => Self::Value(number),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sim::metric::Number;

    fn is_violated(rule: &str, before: u64, after: u64) -> bool {
        let rule: Rule = rule.parse().unwrap();
        rule.is_violated(Number::Whole(after).since(Number::Whole(before)))
    }

    #[test]
    fn percents_are_of_the_baseline() {
        assert!(!is_violated("x > +1%", 1000, 1010));
        assert!(is_violated("x > +1%", 1000, 1011));
        assert!(is_violated("x >= 1%", 1000, 1010));
        assert!(!is_violated("x < -0.5%", 1000, 995));
        assert!(is_violated("x < -0.5 %", 1000, 994));
        assert!(is_violated("x<=-50%", 2, 1));
    }

    #[test]
    fn signs_mean_a_change_and_no_sign_the_number_itself() {
        assert!(is_violated("x > +5", 10, 16));
        assert!(!is_violated("x > +5", 10, 15));
        assert!(is_violated("x < -5", 10, 4));
        assert!(is_violated("x > 5", 100, 6));
        assert!(!is_violated("x > 5", 0, 5));
        assert!(is_violated("x <= 5.5", 100, 5));
    }

    /// Any growth is more than some percent of nothing.
    #[test]
    fn a_baseline_of_nothing_can_only_grow() {
        assert!(!is_violated("x > +1%", 0, 0));
        assert!(is_violated("x > +1%", 0, 1));
        assert!(!is_violated("x < -1%", 0, 1));
    }

    #[test]
    fn a_rule_is_read_with_any_spaces() {
        for text in ["a.b-c>=+1%", "a.b-c >= +1%", "  a.b-c  >=  +1 %  "] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!(rule.metric(), "a.b-c");
            assert_eq!(rule.relation, Relation::GreaterOrEqual);
            assert_eq!(rule.bound, Bound::Percent(1.0));
            assert_eq!(rule.to_string(), text.trim());
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["", "x", "x = 1", "x 1%"] {
            assert_eq!(text.parse::<Rule>(), Err(RuleError::NoRelation), "{text}");
        }
        assert_eq!(
            "> 1".parse::<Rule>(),
            Err(RuleError::NoMetric("> 1".into()))
        );
        for bound in [
            "", "%", "+", "-%", "one", "inf", "NaN", "1e5", "1.2.3", "++1", "+-1", ".5", "1%%",
            "> 1", "=1", "1 x", "0x10",
        ] {
            let rule = format!("x > {bound}").parse::<Rule>();
            assert_eq!(rule, Err(RuleError::NoNumber(bound.into())));
        }
        let huge = format!("x > {}", "9".repeat(400));
        assert!(huge.parse::<Rule>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error(text in ".*") {
            let _ = text.parse::<Rule>();
        }
    }
}
