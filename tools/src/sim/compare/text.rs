//! The machines side by side on 80 columns.

use std::fmt;

use super::{Comparison, differences::Difference};
use crate::{
    sim::{
        metric::Number,
        report::text::{excerpt, grouped, section, table},
    },
    trace::Excerpt,
};

/// How many machines fit beside the first one.
const BESIDE: usize = 2;

/// How many columns are left to a name behind its number.
const HEAD: usize = 68;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(report) = self.variants.first() {
            report.write_trace(f)?;
        }
        writeln!(f)?;
        for (place, name) in self.names.iter().enumerate() {
            let heading = if place == 0 { "Machines" } else { "" };
            let name: Excerpt = excerpt(name, HEAD - 3);
            writeln!(f, "{heading:<8} {:>2}  {name}", place + 1)?;
        }
        let others: Vec<_> = (1..self.names.len()).collect();
        others
            .chunks(BESIDE)
            .try_for_each(|others| self.side_by_side(f, others))
    }
}

impl Comparison {
    fn side_by_side(&self, f: &mut fmt::Formatter<'_>, others: &[usize]) -> fmt::Result {
        let mut header = vec![String::from("Compared"), String::from("1")];
        for other in others {
            let number = (other + 1).to_string();
            header.push(number.clone());
            header.push(format!("{number} to 1"));
        }
        let mut table = table(header);
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        for difference in &self.differences {
            table.add_row(row(difference, others));
        }
        section(f, &table)
    }
}

fn row(difference: &Difference, others: &[usize]) -> Vec<String> {
    let mut row = vec![format!("  {}", difference.title), shown(difference.first)];
    for &other in others {
        let Some(other) = difference.others.get(other - 1) else {
            continue;
        };
        row.push(shown(other.change.after));
        row.push(other.change.to_string());
    }
    row
}

fn shown(number: Number) -> String {
    match number {
        Number::Whole(count) => grouped(count),
        Number::Fraction(ratio) => format!("{ratio:.3}"),
    }
}
