use std::str::FromStr;

use crate::page_policy::PagePolicy;

/// What differs between the machines of a comparison: `cpu=a,b` or `pages=4k,2m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Their processors: presets or files.
    Cpu(Vec<String>),
    /// The sizes of their programs' pages.
    Pages(Vec<PagePolicy>),
}

/// The machines that were asked for cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AxisError {
    /// It is not of the form `WHAT=a,b`.
    #[error("expected cpu=NAME,NAME or pages=SIZE,SIZE")]
    Malformed,
    /// Nothing of this name can be compared.
    #[error("\"{0}\" cannot be compared; cpu and pages can")]
    UnknownAxis(String),
    /// There is nothing before, after or between commas.
    #[error("a name is missing in \"{0}\"")]
    MissingName(String),
    /// No page has this size.
    #[error("there are no pages of \"{0}\"; there are 4k, 2m, 1g and thp")]
    UnknownPages(String),
    /// The same value is there twice.
    #[error("\"{0}\" is there twice")]
    Twice(String),
    /// Two axes are of the same kind.
    #[error("--compare {0}= is given twice; separate the names by commas instead")]
    AxisTwice(&'static str),
    /// One machine is no comparison.
    #[error("there is only one machine to compare; name at least two processors or sizes")]
    OnlyOne,
    /// Too many machines to hold at once.
    #[error("{0} machines are too many to compare; {most} are possible", most = MOST_VARIANTS)]
    TooMany(usize),
}

/// How many machines are compared at most: each has page tables and memory of its own, and
/// more do not fit on a terminal.
pub const MOST_VARIANTS: usize = 16;

impl Axis {
    fn name(&self) -> &'static str {
        match self {
            Self::Cpu(_) => "cpu",
            Self::Pages(_) => "pages",
        }
    }
}

impl FromStr for Axis {
    type Err = AxisError;

    fn from_str(text: &str) -> Result<Self, AxisError> {
        let (axis, values) = text.split_once('=').ok_or(AxisError::Malformed)?;
        if !["cpu", "pages"].contains(&axis) {
            return Err(AxisError::UnknownAxis(axis.into()));
        }
        let values: Vec<_> = values.split(',').collect();
        for (place, value) in values.iter().enumerate() {
            if value.is_empty() {
                return Err(AxisError::MissingName(text.into()));
            }
            if values[..place].contains(value) {
                return Err(AxisError::Twice((*value).into()));
            }
        }
        if axis == "cpu" {
            return Ok(Self::Cpu(values.into_iter().map(str::to_owned).collect()));
        }
        let sizes = values.into_iter().map(|value| {
            let policy = value.parse::<PagePolicy>();
            policy.map_err(|_| AxisError::UnknownPages(value.into()))
        });
        Ok(Self::Pages(sizes.collect::<Result<_, _>>()?))
    }
}

/// Every processor with every size of page, in the order in which they were named. `cpu` and
/// `pages` are those of all machines where no axis says otherwise.
///
/// # Errors
/// [`AxisError`] if that is not from two machines on to [`MOST_VARIANTS`].
pub fn product(
    axes: &[Axis],
    cpu: &str,
    pages: PagePolicy,
) -> Result<Vec<(String, PagePolicy)>, AxisError> {
    for (place, axis) in axes.iter().enumerate() {
        let before = &axes[..place];
        if before.iter().any(|before| before.name() == axis.name()) {
            return Err(AxisError::AxisTwice(axis.name()));
        }
    }
    let (mut cpus, mut sizes) = (vec![cpu.to_owned()], vec![pages]);
    for axis in axes {
        match axis {
            Axis::Cpu(names) => cpus.clone_from(names),
            Axis::Pages(pages) => sizes.clone_from(pages),
        }
    }
    match cpus.len() * sizes.len() {
        0 | 1 => return Err(AxisError::OnlyOne),
        2..=MOST_VARIANTS => {}
        count => return Err(AxisError::TooMany(count)),
    }
    let with_all_sizes = |cpu: String| {
        let with_size = move |&pages: &PagePolicy| (cpu.clone(), pages);
        sizes.iter().map(with_size).collect::<Vec<_>>()
    };
    Ok(cpus.into_iter().flat_map(with_all_sizes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Pages;

    #[test]
    fn axes_make_every_combination_in_their_order() {
        let cpus: Axis = "cpu=zen4,./my.toml".parse().unwrap();
        let sizes: Axis = "pages=2m,4k".parse().unwrap();
        let all = product(
            &[sizes.clone(), cpus],
            "golden-cove",
            PagePolicy::Fixed(Pages::Size1GiB),
        )
        .unwrap();
        let expected = [
            ("zen4", PagePolicy::Fixed(Pages::Size2MiB)),
            ("zen4", PagePolicy::Fixed(Pages::Size4KiB)),
            ("./my.toml", PagePolicy::Fixed(Pages::Size2MiB)),
            ("./my.toml", PagePolicy::Fixed(Pages::Size4KiB)),
        ];
        assert_eq!(all, expected.map(|(cpu, pages)| (cpu.to_owned(), pages)));
        let of_one = product(&[sizes], "zen4", PagePolicy::Fixed(Pages::Size1GiB)).unwrap();
        assert_eq!(of_one, all[..2]);
    }

    #[test]
    fn what_is_no_comparison_is_refused() {
        for (text, error) in [
            ("cpu", AxisError::Malformed),
            ("", AxisError::Malformed),
            ("ram=1,2", AxisError::UnknownAxis("ram".into())),
            ("cpu=", AxisError::MissingName("cpu=".into())),
            ("cpu=a,", AxisError::MissingName("cpu=a,".into())),
            ("pages=4k,3m", AxisError::UnknownPages("3m".into())),
            ("pages=4k,4k", AxisError::Twice("4k".into())),
        ] {
            assert_eq!(text.parse::<Axis>(), Err(error), "{text}");
        }
        let one = Axis::Pages(vec![PagePolicy::Fixed(Pages::Size4KiB)]);
        let pages = PagePolicy::Fixed(Pages::Size4KiB);
        assert_eq!(
            product(std::slice::from_ref(&one), "a", pages),
            Err(AxisError::OnlyOne)
        );
        let twice = product(&[one.clone(), one], "a", pages);
        assert_eq!(twice, Err(AxisError::AxisTwice("pages")));
        let many = Axis::Cpu((0..17).map(|cpu| cpu.to_string()).collect());
        assert_eq!(product(&[many], "a", pages), Err(AxisError::TooMany(17)));
    }
}
