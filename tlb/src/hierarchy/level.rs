use alloc::boxed::Box;

use units::{Cycles, PageSize, Pcid, VirtAddr};

use super::{Inclusion, LevelConfig};
use crate::{
    Cacheable, ConfigError, Cr3Write, PageSizes, Scope, Stream, Streams, Tlb,
    unit::{Displaced, Lost, Novelty, Victim},
};

/// The TLBs of one level.
#[derive(Clone, Debug)]
pub(super) struct Level<P> {
    pub(super) penalty: Cycles,
    pub(super) takes_what_walks_find: bool,
    promotes: bool,
    pub(super) inclusion: Inclusion,
    pub(super) tlbs: Box<[Tlb<P>]>,
    /// Which of the TLBs serve each stream.
    serving: [Box<[usize]>; Stream::COUNT],
    /// And which of those hold pages of each size.
    holding: [[Box<[usize]>; PageSize::ALL.len()]; Stream::COUNT],
    /// Which of those answered each stream last; beyond all of them for one that is not served.
    last: [usize; Stream::COUNT],
    /// For each stream and page size, as which size the level holds such a page, if it does.
    held_as: [[Option<PageSize>; PageSize::ALL.len()]; Stream::COUNT],
    /// Whose turn it is among several full TLBs.
    turn: usize,
}

impl<P: Cacheable> Level<P> {
    pub(super) fn new(config: &LevelConfig) -> Result<Self, ConfigError> {
        let serving = |stream: Stream, sizes: PageSizes| {
            let tlbs = config.tlbs.iter().enumerate();
            let serving = tlbs.filter(|(_, tlb)| tlb.serves.contains(Streams::from(stream)));
            let holding = serving.filter(|(_, tlb)| tlb.holds.intersects(sizes));
            holding.map(|(place, _)| place).collect()
        };
        let serving_any: [Box<[usize]>; Stream::COUNT] =
            Stream::ALL.map(|stream| serving(stream, PageSizes::all()));
        Ok(Self {
            penalty: config.penalty,
            takes_what_walks_find: config.takes_what_walks_find(),
            promotes: config.promotes(),
            inclusion: config.inclusion,
            tlbs: config.tlbs.iter().map(Tlb::new).collect::<Result<_, _>>()?,
            last: serving_any
                .each_ref()
                .map(|serving| serving.first().copied().unwrap_or(usize::MAX)),
            serving: serving_any,
            holding: Stream::ALL
                .map(|stream| PageSize::ALL.map(|size| serving(stream, size.into()))),
            held_as: Stream::ALL.map(|stream| {
                let holds = config.holds(stream);
                PageSize::ALL.map(|size| largest_held(holds, size))
            }),
            turn: 0,
        })
    }

    pub(super) fn serves(&self, stream: Stream) -> bool {
        !self.serving[stream.index()].is_empty()
    }

    /// What was found last for the stream, if that is asked for once more.
    #[inline]
    pub(super) fn lookup_again(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
    ) -> Option<P> {
        let tlb = self.tlbs.get_mut(self.last[stream.index()])?;
        tlb.lookup_again(address, pcid)
    }

    #[inline]
    pub(super) fn lookup(&mut self, address: VirtAddr, pcid: Pcid, stream: Stream) -> Option<P> {
        for &tlb in &self.serving[stream.index()] {
            let found = self.tlbs[tlb].lookup(address, pcid);
            if found.is_some() {
                self.last[stream.index()] = tlb;
                return found;
            }
        }
        None
    }

    pub(super) fn holds(&self, address: VirtAddr, pcid: Pcid, stream: Stream) -> bool {
        let mut serving = self.serving[stream.index()].iter();
        serving.any(|&tlb| self.tlbs[tlb].holds(address, pcid))
    }

    #[inline]
    pub(super) fn fill(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
        payload: P,
        novelty: Novelty,
        lost: Lost<'_, P>,
    ) -> Option<Displaced<P>> {
        let size = payload.page_size();
        let size = self.held_as[stream.index()][size.index()]?;
        let tlb = self.choose(address, pcid, stream, size, payload, novelty)?;
        self.tlbs[tlb].fill(address, pcid, size, payload, novelty, lost)
    }

    /// Whether it takes what lower levels answer, and such a page.
    pub(super) fn takes_from_below(&self, stream: Stream, page: PageSize) -> bool {
        self.promotes && self.held_as[stream.index()][page.index()].is_some()
    }

    /// The TLB that takes a page: the one that has it already, or neighbours that it can share
    /// an entry with, or has room, or whose turn it is.
    #[inline]
    fn choose(
        &mut self,
        address: VirtAddr,
        pcid: Pcid,
        stream: Stream,
        size: PageSize,
        payload: P,
        novelty: Novelty,
    ) -> Option<usize> {
        let holding = &*self.holding[stream.index()][size.index()];
        if let [only] = holding {
            return Some(*only);
        }
        let (mut with_group, mut with_room) = (None, None);
        for &place in holding {
            let tlb = &self.tlbs[place];
            if novelty == Novelty::Unknown && tlb.holds(address, pcid) {
                return Some(place);
            }
            if with_group.is_none() && tlb.has_group_of(address, pcid, size, payload) {
                with_group = Some(place);
            }
            if with_room.is_none() && tlb.has_room(address, size) {
                with_room = Some(place);
            }
        }
        if let Some(place) = with_group.or(with_room) {
            return Some(place);
        }
        // Those whose turn it was may have been more.
        let turn = if self.turn < holding.len() {
            self.turn
        } else {
            self.turn.checked_rem(holding.len())?
        };
        self.turn = turn + 1;
        holding.get(turn).copied()
    }

    pub(super) fn give_up(&mut self, address: VirtAddr, pcid: Pcid) {
        for tlb in &mut self.tlbs {
            tlb.give_up(address, pcid);
        }
    }

    pub(super) fn forget(&mut self, address: VirtAddr, pcid: Pcid, lost: Lost<'_, P>) -> usize {
        let tlbs = self.tlbs.iter_mut();
        tlbs.map(|tlb| tlb.forget(address, pcid, lost)).sum()
    }

    pub(super) fn forget_victim(&mut self, victim: &Victim<P>, lost: Lost<'_, P>) -> usize {
        let tlbs = self.tlbs.iter_mut();
        tlbs.map(|tlb| tlb.forget_victim(victim, lost)).sum()
    }

    pub(super) fn cr3_written(
        &mut self,
        pcid: Pcid,
        written: Cr3Write,
        lost: Lost<'_, P>,
    ) -> usize {
        let tlbs = self.tlbs.iter_mut();
        tlbs.map(|tlb| tlb.cr3_written(pcid, written, lost)).sum()
    }

    pub(super) fn invalidate(&mut self, scope: Scope, lost: Lost<'_, P>) -> usize {
        let tlbs = self.tlbs.iter_mut();
        tlbs.map(|tlb| tlb.invalidate(scope, lost)).sum()
    }
}

/// The largest of the sizes that is no larger than the page.
fn largest_held(holds: PageSizes, page: PageSize) -> Option<PageSize> {
    let sizes = PageSize::ALL.into_iter().rev();
    sizes
        .filter(|&size| size <= page)
        .find(|&size| holds.contains(size.into()))
}
