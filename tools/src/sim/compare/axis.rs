use std::str::FromStr;

use clap::ValueEnum;

use crate::{
    byte_size::{ByteSize, ByteSizeError},
    page_policy::PagePolicy,
    sim::{MachineConfig, Paging},
};

/// What differs between the machines of a comparison: `cpu=a,b`, `pages=4k,2m`,
/// `ram=1GiB,64MiB` or `paging=4-level,5-level`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Their processors: presets or files.
    Cpu(Vec<String>),
    /// The sizes of their programs' pages.
    Pages(Vec<PagePolicy>),
    /// The sizes of their memories, which go to page files.
    Ram(Vec<ByteSize>),
    /// How many levels of page tables their processes have.
    Paging(Vec<Paging>),
}

/// The machines that were asked for cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AxisError {
    /// It is not of the form `WHAT=a,b`.
    #[error("expected cpu=NAME,NAME, pages=SIZE,SIZE, ram=SIZE,SIZE or paging=4-level,5-level")]
    Malformed,
    /// Nothing of this name can be compared.
    #[error("\"{0}\" cannot be compared; cpu, pages, ram and paging can")]
    UnknownAxis(String),
    /// There is nothing before, after or between commas.
    #[error("a name is missing in \"{0}\"")]
    MissingName(String),
    /// No page has this size.
    #[error("there are no pages of \"{0}\"; there are 4k, 2m, 1g and thp")]
    UnknownPages(String),
    /// No memory has this size.
    #[error(transparent)]
    Ram(#[from] ByteSizeError),
    /// There is no such paging.
    #[error("there is no paging of \"{0}\"; there are 4-level and 5-level")]
    UnknownPaging(String),
    /// The same value is there twice.
    #[error("\"{0}\" is there twice")]
    Twice(String),
    /// Two axes are of the same kind.
    #[error("--compare {0}= is given twice; separate the names by commas instead")]
    AxisTwice(&'static str),
    /// One machine is no comparison.
    #[error("there is only one machine to compare; name at least two of a kind")]
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
            Self::Ram(_) => "ram",
            Self::Paging(_) => "paging",
        }
    }
}

impl FromStr for Axis {
    type Err = AxisError;

    fn from_str(text: &str) -> Result<Self, AxisError> {
        let (axis, values) = text.split_once('=').ok_or(AxisError::Malformed)?;
        if !["cpu", "pages", "ram", "paging"].contains(&axis) {
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
        let values = values.into_iter();
        Ok(match axis {
            "cpu" => Self::Cpu(values.map(str::to_owned).collect()),
            "pages" => {
                let policies = values.map(|value| {
                    let policy = value.parse::<PagePolicy>();
                    policy.map_err(|_| AxisError::UnknownPages(value.into()))
                });
                Self::Pages(policies.collect::<Result<_, _>>()?)
            }
            "ram" => Self::Ram(values.map(str::parse).collect::<Result<_, _>>()?),
            _ => {
                let pagings = values.map(|value| {
                    let paging = Paging::from_str(value, false);
                    paging.map_err(|_| AxisError::UnknownPaging(value.into()))
                });
                Self::Paging(pagings.collect::<Result<_, _>>()?)
            }
        })
    }
}

/// Every processor with every size of page and of memory and every paging, in the order in which they were
/// named. `cpu` and `config` are those of all machines where no axis says otherwise.
///
/// # Errors
/// [`AxisError`] if that is not from two machines on to [`MOST_VARIANTS`].
pub fn product(
    axes: &[Axis],
    cpu: &str,
    config: MachineConfig,
) -> Result<Vec<(String, MachineConfig)>, AxisError> {
    for (place, axis) in axes.iter().enumerate() {
        let before = &axes[..place];
        if before.iter().any(|before| before.name() == axis.name()) {
            return Err(AxisError::AxisTwice(axis.name()));
        }
    }
    let (mut cpus, mut sizes) = (vec![cpu.to_owned()], vec![config.pages]);
    let (mut rams, mut pagings) = (vec![config.ram], vec![config.paging]);
    for axis in axes {
        match axis {
            Axis::Cpu(names) => cpus.clone_from(names),
            Axis::Pages(pages) => sizes.clone_from(pages),
            Axis::Ram(ram) => rams.clone_from(ram),
            Axis::Paging(paging) => pagings.clone_from(paging),
        }
    }
    match cpus.len() * sizes.len() * rams.len() * pagings.len() {
        0 | 1 => return Err(AxisError::OnlyOne),
        2..=MOST_VARIANTS => {}
        count => return Err(AxisError::TooMany(count)),
    }
    let mut configs = Vec::new();
    for &pages in &sizes {
        for &ram in &rams {
            configs.extend(pagings.iter().map(|&paging| MachineConfig {
                pages,
                ram,
                paging,
                ..config
            }));
        }
    }
    let machines = cpus.iter().flat_map(|cpu| {
        let configs = configs.iter();
        configs.map(|&config| (cpu.clone(), config))
    });
    Ok(machines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::Pages;

    const GIB: PagePolicy = PagePolicy::Fixed(Pages::Size1GiB);

    fn of(pages: PagePolicy) -> MachineConfig {
        MachineConfig {
            pages,
            ..MachineConfig::default()
        }
    }

    fn all(axes: &[&str], cpu: &str) -> Vec<(String, PagePolicy, Paging)> {
        let axes: Vec<Axis> = axes.iter().map(|axis| axis.parse().unwrap()).collect();
        let machines = product(&axes, cpu, of(GIB)).unwrap().into_iter();
        machines
            .map(|(cpu, config)| (cpu, config.pages, config.paging))
            .collect()
    }

    #[test]
    fn axes_make_every_combination_in_their_order() {
        let (large, small) = (Pages::Size2MiB.into(), Pages::Size4KiB.into());
        let expected = [
            ("zen4", large),
            ("zen4", small),
            ("./my.toml", large),
            ("./my.toml", small),
        ];
        let expected = expected.map(|(cpu, pages)| (cpu.to_owned(), pages, Paging::FourLevel));
        let two = ["pages=2m,4k", "cpu=zen4,./my.toml"];
        assert_eq!(all(&two, "golden-cove"), expected);
        assert_eq!(all(&two[..1], "zen4"), expected[..2]);
        let expected = [(GIB, Paging::FiveLevel), (GIB, Paging::FourLevel)];
        let expected = expected.map(|(pages, paging)| ("zen4".to_owned(), pages, paging));
        assert_eq!(all(&["paging=5-level,4-level"], "zen4"), expected);
    }

    #[test]
    fn what_is_no_comparison_is_refused() {
        for (text, error) in [
            ("cpu", AxisError::Malformed),
            ("", AxisError::Malformed),
            ("disk=1,2", AxisError::UnknownAxis("disk".into())),
            (
                "ram=1,some",
                AxisError::Ram(ByteSizeError::Malformed("some".into())),
            ),
            ("cpu=", AxisError::MissingName("cpu=".into())),
            ("cpu=a,", AxisError::MissingName("cpu=a,".into())),
            ("pages=4k,3m", AxisError::UnknownPages("3m".into())),
            ("paging=4-level,3", AxisError::UnknownPaging("3".into())),
            ("pages=4k,4k", AxisError::Twice("4k".into())),
        ] {
            assert_eq!(text.parse::<Axis>(), Err(error), "{text}");
        }
        let refused = |axes: &[Axis]| product(axes, "a", of(GIB)).unwrap_err();
        let one = Axis::Pages(vec![PagePolicy::Fixed(Pages::Size4KiB)]);
        assert_eq!(refused(std::slice::from_ref(&one)), AxisError::OnlyOne);
        assert_eq!(refused(&[one.clone(), one]), AxisError::AxisTwice("pages"));
        let many = Axis::Cpu((0..17).map(|cpu| cpu.to_string()).collect());
        assert_eq!(refused(&[many]), AxisError::TooMany(17));
    }
}
