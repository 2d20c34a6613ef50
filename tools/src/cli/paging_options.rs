//! The options of `sim` about a machine whose memory goes to a page file.

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    str::FromStr,
};

use clap::{Args, ValueEnum};
use memory_manager::{DiskModel, PageFileSize};

use super::{CliError, from_one::from_one, outputs::Output};
use crate::{
    byte_size::{ByteSize, ByteSizeError},
    sim::{MachineConfig, PageFile, PageFilePlace},
};

/// Where pages go when there is no more memory.
#[derive(Debug, Args)]
#[command(next_help_heading = "Memory under pressure")]
pub(super) struct PagingOptions {
    /// The page file, a temporary one: none, its size, or MIN-MAX. With --ram and 4 KiB pages,
    /// it is as large as Windows makes it if nothing is said; else there is none
    #[arg(long, value_name = "none|SIZE|MIN-MAX")]
    page_file: Option<PageFileChoice>,
    /// Where the page file is to be, for as long as the run lasts: where nothing is yet. If nothing
    /// is said, it has no name, and is in TMPDIR
    #[arg(long, value_name = "PATH", value_parser = path)]
    page_file_path: Option<PathBuf>,
    /// The disk that the page file is on: an ssd if nothing is said
    #[arg(long, value_enum, value_name = "KIND")]
    disk: Option<DiskKind>,
    /// Microseconds before the disk reads or writes the first byte, instead of those of its
    /// kind (ssd: 85:20, hdd: 12670)
    #[arg(long, value_name = "READ[:WRITE]")]
    disk_latency: Option<Pair<u64>>,
    /// How fast the disk reads and writes then, in MB (10^6 bytes) a second, instead of as its kind
    /// (ssd: 3200:1050, hdd: 150)
    #[arg(long, value_name = "READ[:WRITE]")]
    disk_rate: Option<Pair<NonZeroU64>>,
    /// The frequency of the processors, in MHz: it says how many cycles a disk takes, and how
    /// many a second has; 3000 if nothing is said
    #[arg(long, value_name = "N", value_parser = from_one::<NonZeroU32>)]
    core_mhz: Option<NonZeroU32>,
}

/// Which page file there is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageFileChoice {
    None,
    Of(PageFileSize),
}

/// Disks that are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DiskKind {
    /// A solid-state disk, Intel's P4500
    #[default]
    Ssd,
    /// A hard disk of 7200 revolutions a minute
    Hdd,
}

/// One number for reads and one for writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair<T> {
    read: T,
    write: T,
}

impl PagingOptions {
    /// Gives machines that are run together page files: all of them or none, so that they can
    /// be compared. `ram` is what was said of their memory.
    pub(super) fn equip<'c>(
        &self,
        machines: impl IntoIterator<Item = &'c mut MachineConfig>,
        ram: Ram,
    ) -> Result<(), CliError> {
        let mut machines: Vec<_> = machines.into_iter().collect();
        let is_pageable = machines.iter().all(|machine| machine.is_pageable());
        let is_wanted = match (self.page_file, ram) {
            (Some(PageFileChoice::None), _) | (None, Ram::Default) => false,
            (Some(PageFileChoice::Of(_)), _) | (None, Ram::Compared) => true,
            (None, Ram::Said) => is_pageable,
        };
        if !is_wanted {
            return match self.about_the_disk() {
                Some(option) => Err(CliError::NothingPages(option)),
                None => Ok(()),
            };
        }
        for machine in &mut machines {
            let mut page_file = PageFile::of_memory(machine.ram);
            page_file.disk = self.disk();
            if let Some(PageFileChoice::Of(size)) = self.page_file {
                page_file.size = size;
            }
            if let Some(path) = &self.page_file_path {
                // It is named once, and for as long as the command runs.
                page_file.place = PageFilePlace::At(Box::leak(path.clone().into_boxed_path()));
            }
            machine.page_file = Some(page_file);
        }
        Ok(())
    }

    /// The page file, if it has a name: no result may be written to it.
    pub(super) fn output(&self) -> Option<Output<'_>> {
        Output::of("--page-file-path", self.page_file_path.as_ref())
    }

    /// An option that was given and is of no use without a page file.
    fn about_the_disk(&self) -> Option<&'static str> {
        let given = [
            (self.disk.is_some(), "--disk"),
            (self.disk_latency.is_some(), "--disk-latency"),
            (self.disk_rate.is_some(), "--disk-rate"),
            (self.core_mhz.is_some(), "--core-mhz"),
            (self.page_file_path.is_some(), "--page-file-path"),
        ];
        let given = given.into_iter().find(|(is_given, _)| *is_given);
        given.map(|(_, option)| option)
    }

    fn disk(&self) -> DiskModel {
        let mut disk = match self.disk.unwrap_or_default() {
            DiskKind::Ssd => DiskModel::SSD,
            DiskKind::Hdd => DiskModel::HARD_DISK,
        };
        if let Some(micros) = self.disk_latency {
            disk.read_latency_ns = micros.read.saturating_mul(1000);
            disk.write_latency_ns = micros.write.saturating_mul(1000);
        }
        if let Some(rate) = self.disk_rate {
            disk.read_mb_per_s = rate.read;
            disk.write_mb_per_s = rate.write;
        }
        if let Some(mhz) = self.core_mhz {
            disk.core_mhz = mhz.get().into();
        }
        disk
    }
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    match text {
        "" | "-" => Err("a page file is a file with a name"),
        path => Ok(path.into()),
    }
}

/// What was said of the memory of machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ram {
    /// Nothing.
    Default,
    /// How much there is.
    Said,
    /// How much each of several machines has.
    Compared,
}

impl FromStr for PageFileChoice {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::None);
        }
        let (minimum, maximum) = text.split_once('-').unwrap_or((text, text));
        let (minimum, maximum) = (minimum.parse::<ByteSize>()?, maximum.parse::<ByteSize>()?);
        Ok(Self::Of(PageFileSize {
            minimum: minimum.0,
            maximum: maximum.0,
        }))
    }
}

impl<T: FromStr + Copy> FromStr for Pair<T> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            let read = text.parse();
            read.map_err(|_| "expected a whole number, or two with a colon between")
        };
        let (read, write) = text.split_once(':').unwrap_or((text, text));
        Ok(Self {
            read: number(read)?,
            write: number(write)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_file_is_none_or_has_one_size_or_two() {
        let of = |minimum, maximum| Ok(PageFileChoice::Of(PageFileSize { minimum, maximum }));
        for (text, choice) in [
            ("none", Ok(PageFileChoice::None)),
            ("64MiB", of(64 << 20, 64 << 20)),
            ("1MiB-4GiB", of(1 << 20, 4 << 30)),
            ("1MiB-", Err(ByteSizeError::Malformed(String::new()))),
            ("some", Err(ByteSizeError::Malformed("some".into()))),
        ] {
            assert_eq!(text.parse(), choice, "{text}");
        }
    }

    #[test]
    fn one_number_is_for_reads_and_writes() {
        assert_eq!("7".parse(), Ok(Pair { read: 7, write: 7 }));
        assert_eq!(
            "85:20".parse(),
            Ok(Pair {
                read: 85,
                write: 20
            })
        );
        for text in ["", ":", "1:", "1:2:3", "x"] {
            assert!(text.parse::<Pair<u64>>().is_err(), "{text}");
        }
        assert!("0".parse::<Pair<NonZeroU64>>().is_err());
    }
}
