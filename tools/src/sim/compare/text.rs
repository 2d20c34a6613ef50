//! The machines side by side on 80 columns.

use std::fmt;

use super::{Comparison, differences::Difference};
use crate::sim::{
    Report,
    metric::Number,
    report::{
        paging_of_all,
        setup::write_machines,
        text::{grouped, section, table},
    },
};

/// How many machines fit beside the first one.
const BESIDE: usize = 2;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(report) = self.variants.first() {
            report.write_trace(f)?;
        }
        let setups = self.variants.iter().map(Report::setup);
        write_machines(f, &self.names, setups)?;
        if let Some(table) = paging_of_all(&self.variants) {
            section(f, &table)?;
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
