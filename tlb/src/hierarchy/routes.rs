use alloc::boxed::Box;

use units::PageSize;

use super::LevelConfig;
use crate::{
    Cacheable, Coalescing, PageSizes, Stream, Streams, Tlb,
    probe::{Kind, Probe},
};

/// Where a level is looked into for one stream.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// The TLBs that serve the stream.
    serving: Box<[usize]>,
    /// Where to look, one after the other: room for every kind in every TLB.
    stops: Box<[Stop]>,
    /// How many of these there are now.
    count: usize,
}

/// Where a TLB may have a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) tlb: usize,
    pub(super) probe: Probe,
}

impl Route {
    pub(super) fn new(config: &LevelConfig, stream: Stream) -> Self {
        let serving = serving(config, stream, PageSizes::all());
        let nowhere = Stop {
            tlb: 0,
            probe: Probe::new(Kind::ALL[0], 0),
        };
        Self {
            stops: alloc::vec![nowhere; serving.len() * Kind::COUNT].into_boxed_slice(),
            serving,
            count: 0,
        }
    }

    pub(super) fn serving(&self) -> &[usize] {
        &self.serving
    }

    #[inline]
    pub(super) fn stops(&self) -> &[Stop] {
        &self.stops[..self.count]
    }

    /// What is present in the TLBs has changed.
    pub(super) fn find_again<P: Cacheable>(&mut self, tlbs: &[Tlb<P>]) {
        let of_tlb = |&tlb: &usize| tlbs[tlb].probes().map(move |probe| Stop { tlb, probe });
        let stops = self.serving.iter().flat_map(of_tlb);
        self.count = 0;
        for (place, stop) in self.stops.iter_mut().zip(stops) {
            *place = stop;
            self.count += 1;
        }
    }
}

/// A translation to be put in, and where to look for its home.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<P> {
    pub(super) payload: P,
    size: u8,
    ownership: u8,
}

impl<P: Cacheable> Page<P> {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are four sizes")]
    pub(super) fn new(payload: P) -> Self {
        Self {
            payload,
            size: payload.page_size().index() as u8,
            ownership: payload.is_global().into(),
        }
    }

    /// The place of its size in [`PageSize::ALL`].
    #[inline]
    pub(super) fn size(&self) -> usize {
        usize::from(self.size) % PageSize::ALL.len()
    }

    /// 1 if it is global, 0 if it is its PCID's.
    #[inline]
    pub(super) fn ownership(&self) -> usize {
        usize::from(self.ownership & 1)
    }
}

/// Where pages of one size go in a level.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// The TLBs that hold them or their fragments; none if such a page has no home.
    pub(super) tlbs: Box<[usize]>,
    /// As what they do: by the ownership of the page.
    pub(super) kinds: [Kind; 2],
    /// Whether an entry of one of them can be a group of such pages.
    pub(super) has_groups: bool,
    /// By the ownership of the page, whether each of them is looked into for such pages, and all
    /// are full if they are several.
    pub(super) is_settled: [bool; 2],
}

impl Home {
    pub(super) fn new(config: &LevelConfig, stream: Stream, page: PageSize) -> Self {
        let holds = config.holds(stream);
        let sizes = PageSize::ALL.into_iter().rev();
        let mut no_larger = sizes.filter(|&size| size <= page);
        let held_as = no_larger.find(|&size| holds.contains(size.into()));
        let tlbs = held_as.map_or_else(Box::default, |size| serving(config, stream, size.into()));
        let mut shapes = tlbs.iter().map(|&place: &usize| &config.tlbs[place]);
        Self {
            kinds: Kind::of_each_owner(held_as.unwrap_or(page)),
            has_groups: shapes.any(|tlb| tlb.coalescing != Coalescing::Never),
            is_settled: [false; 2],
            tlbs,
        }
    }
}

/// The TLBs that serve a stream and hold pages of one of the sizes.
fn serving(config: &LevelConfig, stream: Stream, sizes: PageSizes) -> Box<[usize]> {
    let tlbs = config.tlbs.iter().enumerate();
    let serving = tlbs.filter(|(_, tlb)| tlb.serves.contains(Streams::from(stream)));
    let holding = serving.filter(|(_, tlb)| tlb.holds.intersects(sizes));
    holding.map(|(place, _)| place).collect()
}
