use assoc::{Geometry, IndexFunction};
use cache::{NextLine, Stride};

use super::{Located, at_least_one, cycles, placed, replacement};
use crate::preset::{error::Invalid, schema};

pub(super) fn caches(caches: &schema::Caches) -> Result<cache::HierarchyConfig, Located> {
    Ok(cache::HierarchyConfig {
        l1i: level(&caches.l1i)?,
        l1d: level(&caches.l1d)?,
        l2: level(&caches.l2)?,
        llc: level(&caches.llc)?,
        memory_latency: cycles(&caches.memory_latency),
        walks_enter: match caches.walks_enter.value {
            schema::WalkPort::L1d => cache::WalkPort::L1d,
            schema::WalkPort::L2 => cache::WalkPort::L2,
        },
        combining_buffers: one_set(&caches.combining_buffers)?,
        processors: 1,
        inclusion: match caches.llc_inclusion.value {
            schema::Inclusion::Free => cache::Inclusion::Free,
            schema::Inclusion::Inclusive => cache::Inclusion::Inclusive,
            schema::Inclusion::Exclusive => cache::Inclusion::Exclusive,
        },
        peer_latency: cycles(&caches.peer_latency),
        prefetch: caches
            .prefetch
            .as_ref()
            .map_or(Ok(cache::Prefetch::default()), prefetch)?,
    })
}

fn level(level: &schema::Cache) -> Result<cache::LevelConfig, Located> {
    let (size, at_size) = placed(&level.size);
    let ways = at_least_one(&level.ways)?;
    if size.0 == 0 {
        return Err((at_size, Invalid::Zero));
    }
    if !size.0.is_multiple_of(cache::LINE_BYTES) {
        return Err((at_size, Invalid::PartialLine(size.0)));
    }
    let lines = u32::try_from(size.0 / cache::LINE_BYTES)
        .map_err(|_| (at_size, Invalid::TooManyLines(size)))?;
    let geometry = Geometry::of_entries(lines, ways)
        .map_err(|error| (level.ways.span(), Invalid::Geometry(error)))?;
    Ok(cache::LevelConfig {
        geometry,
        index: IndexFunction::Linear,
        replacement: replacement(&level.replacement, ways)?,
        latency: cycles(&level.latency),
    })
}

/// The entries of a table that is one set.
fn one_set(count: &schema::Placed<schema::Count>) -> Result<u32, Located> {
    let entries = at_least_one(count)?;
    Geometry::fully_associative(entries)
        .map_err(|error| (count.span(), Invalid::Geometry(error)))?;
    Ok(entries)
}

fn prefetch(prefetch: &schema::Prefetch) -> Result<cache::Prefetch, Located> {
    let stride = match (&prefetch.stride_lines, &prefetch.stride_pages) {
        (None, None) => Stride::Off,
        (Some(lines), Some(pages)) => Stride::Ahead {
            lines: at_least_one(lines)?,
            pages: one_set(pages)?,
        },
        (Some(lines), None) => return Err((lines.span(), Invalid::HalfAStride)),
        (None, Some(pages)) => return Err((pages.span(), Invalid::HalfAStride)),
    };
    let next_line = match prefetch.next_line.as_ref().map(|cited| cited.value) {
        None | Some(schema::Switch::Off) => NextLine::Off,
        Some(schema::Switch::On) => NextLine::On,
    };
    Ok(cache::Prefetch { next_line, stride })
}
