use alloc::boxed::Box;

use units::{Cycles, PageSize, Pcid, VirtAddr};

use super::{
    Inclusion, LevelConfig,
    routes::{Home, Page, Route},
};
use crate::{
    Cacheable, ConfigError, Cr3Write, PcidCapacity, Scope, Stream, Streams, Tlb,
    array::{Entry, Key},
    asked::Asked,
    coalescing::Held,
    probe::Kind,
    unit::{Novelty, Order},
    victim::{Lost, Victim},
};

/// The TLBs of one level.
#[derive(Clone, Debug)]
pub(super) struct Level<P> {
    pub(super) penalty: Cycles,
    /// Which of the TLBs answered each stream last; beyond all of them for one that is not served.
    last: [usize; Stream::COUNT],
    pub(super) tlbs: Box<[Tlb<P>]>,
    /// Where each stream is looked for.
    routes: [Route; Stream::COUNT],
    /// For each stream and page size, where such a page goes.
    homes: [[Home; PageSize::ALL.len()]; Stream::COUNT],
    /// Whose turn it is among several full TLBs.
    turn: usize,
    /// Whether one of the TLBs cannot keep entries of every PCID.
    pub(super) limits_pcids: bool,
    pub(super) takes_what_walks_find: bool,
    promotes: bool,
    pub(super) inclusion: Inclusion,
}

impl<P: Cacheable> Level<P> {
    pub(super) fn new(config: &LevelConfig) -> Result<Self, ConfigError> {
        let tlbs = &config.tlbs;
        let routes = Stream::ALL.map(|stream| Route::new(config, stream));
        let built = tlbs.iter().enumerate().map(|(place, tlb)| {
            let mut all = Stream::ALL.into_iter().zip(&routes);
            let is_asked_first = all.all(|(stream, route)| {
                let is_served = tlb.serves.contains(Streams::from(stream));
                !is_served || route.serving().first() == Some(&place)
            });
            let order = if is_asked_first {
                Order::First
            } else {
                Order::Later
            };
            Tlb::new(tlb, order)
        });
        let last = routes.each_ref().map(|route| route.serving().first());
        Ok(Self {
            penalty: config.penalty,
            last: last.map(|first| first.copied().unwrap_or(usize::MAX)),
            tlbs: built.collect::<Result<_, _>>()?,
            routes,
            homes: Stream::ALL
                .map(|stream| PageSize::ALL.map(|size| Home::new(config, stream, size))),
            turn: 0,
            limits_pcids: tlbs.iter().any(|tlb| tlb.pcids != PcidCapacity::Unlimited),
            takes_what_walks_find: config.takes_what_walks_find(),
            promotes: config.promotes(),
            inclusion: config.inclusion,
        })
    }

    pub(super) fn serves(&self, stream: Stream) -> bool {
        !self.routes[stream.index()].serving().is_empty()
    }

    /// What was found last for the stream, if that is asked for once more.
    #[inline]
    pub(super) fn again(&self, address: VirtAddr, pcid: Pcid, stream: Stream) -> Option<P> {
        let tlb = self.tlbs.get(self.last[stream.index()])?;
        tlb.again(address, pcid)
    }

    /// The TLB that answered the stream last found so often what it had found before.
    pub(super) fn found_again(&mut self, stream: Stream, times: u64) {
        if let Some(tlb) = self.tlbs.get_mut(self.last[stream.index()]) {
            tlb.found_again(stream, times);
        }
    }

    /// Of counts by stream those of the streams that a TLB answered last.
    pub(super) fn found_by(&self, place: usize, again: &[u64; Stream::COUNT]) -> u64 {
        let streams = self.last.iter().zip(again);
        let found = streams.filter(|&(&last, _)| last == place);
        found.map(|(_, again)| again).sum()
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a look-up is little else")]
    pub(super) fn lookup(&mut self, asked: Asked, usual: Key) -> Option<P> {
        for stop in self.routes[asked.stream.index()].stops() {
            let found = self.tlbs[stop.tlb].lookup(&stop.probe, asked, usual);
            if found.is_some() {
                self.last[asked.stream.index()] = stop.tlb;
                return found;
            }
        }
        None
    }

    pub(super) fn holds(&self, asked: Asked) -> bool {
        let mut serving = self.routes[asked.stream.index()].serving().iter();
        serving.any(|&tlb| self.tlbs[tlb].holds(asked.address, asked.pcid))
    }

    /// Whether it takes what lower levels answer, and such a page.
    pub(super) fn takes_from_below(&self, stream: Stream, page: Page<P>) -> bool {
        self.promotes && !self.homes[stream.index()][page.size()].tlbs.is_empty()
    }

    /// The TLB that takes a page, and as what.
    #[inline]
    pub(super) fn choose(
        &mut self,
        asked: Asked,
        page: Page<P>,
        novelty: Novelty,
    ) -> Option<(usize, Kind)> {
        let home = &self.homes[asked.stream.index()][page.size()];
        let kind = home.kinds[page.ownership()];
        let tlb = match *home.tlbs {
            [] => return None,
            [only] => only,
            [..] => self.choose_among_several(asked, page, novelty)?,
        };
        Some((tlb, kind))
    }

    /// The one that has it already, or neighbours that it can share an entry with, or has room,
    /// or whose turn it is.
    #[inline(never)]
    fn choose_among_several(
        &mut self,
        asked: Asked,
        page: Page<P>,
        novelty: Novelty,
    ) -> Option<usize> {
        let home = &self.homes[asked.stream.index()][page.size()];
        let kind = home.kinds[page.ownership()];
        if novelty == Novelty::Unknown || home.has_groups {
            let first = |is_such: &dyn Fn(&Tlb<P>) -> bool| {
                let mut tlbs = home.tlbs.iter().copied();
                tlbs.find(|&place| is_such(&self.tlbs[place]))
            };
            let holds = |tlb: &Tlb<P>| tlb.holds(asked.address, asked.pcid);
            let held = match novelty {
                Novelty::New => None,
                Novelty::Unknown => first(&holds),
            };
            let with_it =
                held.or_else(|| first(&|tlb| tlb.has_group_of(asked, kind, page.payload)));
            if with_it.is_some() {
                return with_it;
            }
        }
        Some(self.choose_with_room(asked, page, kind))
    }

    /// The TLB whose turn it is among several for a page.
    #[inline]
    fn take_turn(&mut self, stream: Stream, page: Page<P>) -> usize {
        let tlbs = &*self.homes[stream.index()][page.size()].tlbs;
        let count = tlbs.len();
        // Those whose turn it was may have been more.
        let turn = match self.turn {
            turn if turn < count => turn,
            turn if turn == count => 0,
            turn => turn % count.max(1),
        };
        self.turn = turn + 1;
        tlbs.get(turn).copied().unwrap_or_default()
    }

    /// Whether an entry that is put in changes nothing but its own TLB, as long as no other
    /// level minds.
    pub(super) fn is_plain(&self) -> bool {
        let mut homes = self.homes.iter().flatten();
        !self.limits_pcids && homes.all(|home| !home.has_groups)
    }

    /// Puts a page in that a look-up has just missed, where [`Level::is_plain`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a fill is one function")]
    pub(super) fn fill_new(&mut self, asked: Asked, page: Page<P>, usual: Key) {
        let home = &self.homes[asked.stream.index()][page.size()];
        let kind = home.kinds[page.ownership()];
        let place = if !home.is_settled[page.ownership()] {
            match self.settle(asked, page.payload) {
                Some(place) => place,
                None => return,
            }
        } else if let [only] = *home.tlbs {
            only
        } else {
            self.take_turn(asked.stream, page)
        };
        self.tlbs[place].fill_new(asked, kind, page.payload, usual);
    }

    /// The TLB that takes a page, and whether the next such page will need no more than a turn.
    #[inline(never)]
    fn settle(&mut self, asked: Asked, payload: P) -> Option<usize> {
        let page = Page::new(payload);
        let (place, kind) = self.choose(asked, page, Novelty::New)?;
        if !self.tlbs[place].expects(kind) {
            self.expect(place, kind);
        }
        let home = &mut self.homes[asked.stream.index()][page.size()];
        let is_only = home.tlbs.len() == 1;
        home.is_settled[page.ownership()] = home.tlbs.iter().all(|&place| {
            let tlb = &self.tlbs[place];
            tlb.expects(kind) && (is_only || tlb.is_quite_full())
        });
        Some(place)
    }

    /// The first TLB that has room for a page, else that whose turn it is.
    fn choose_with_room(&mut self, asked: Asked, page: Page<P>, kind: Kind) -> usize {
        let home = &self.homes[asked.stream.index()][page.size()];
        let mut places = home.tlbs.iter().copied();
        let with_room = places.find(|&place| self.tlbs[place].has_room(asked.address, kind));
        with_room.unwrap_or_else(|| self.take_turn(asked.stream, page))
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what comes out need not go through memory"
    )]
    pub(super) fn fill(
        &mut self,
        place: usize,
        kind: Kind,
        asked: Asked,
        payload: P,
        novelty: Novelty,
    ) -> Option<Entry<Held<P>>> {
        if !self.tlbs[place].expects(kind) {
            self.expect(place, kind);
        }
        self.tlbs[place].fill(asked, kind, payload, novelty)
    }

    /// A TLB may hold pages of this kind from now on.
    #[cold]
    #[inline(never)]
    fn expect(&mut self, place: usize, kind: Kind) {
        self.tlbs[place].expect(kind);
        self.find_routes();
    }

    fn find_routes(&mut self) {
        for route in &mut self.routes {
            route.find_again(&self.tlbs);
        }
    }

    /// TLBs have lost entries.
    fn room_was_made(&mut self) {
        for home in self.homes.as_flattened_mut() {
            home.is_settled = [false; 2];
        }
    }

    pub(super) fn give_up(&mut self, address: VirtAddr, pcid: Pcid) {
        for tlb in &mut self.tlbs {
            tlb.give_up(address, pcid);
        }
        self.room_was_made();
    }

    pub(super) fn forget(&mut self, address: VirtAddr, pcid: Pcid, lost: Lost<'_, P>) -> usize {
        self.drop_from_each(|tlb| tlb.forget(address, pcid, lost))
    }

    pub(super) fn forget_victim(&mut self, victim: &Victim<P>, lost: Lost<'_, P>) -> usize {
        self.drop_from_each(|tlb| tlb.forget_victim(victim, lost))
    }

    pub(super) fn pcid_used(&mut self, place: usize, pcid: Pcid, lost: Lost<'_, P>) -> usize {
        let dropped = self.tlbs[place].pcid_used(pcid, lost);
        if dropped != 0 {
            self.find_routes();
            self.room_was_made();
        }
        dropped
    }

    pub(super) fn cr3_written(
        &mut self,
        pcid: Pcid,
        written: Cr3Write,
        lost: Lost<'_, P>,
    ) -> usize {
        self.drop_from_each(|tlb| tlb.cr3_written(pcid, written, lost))
    }

    pub(super) fn invalidate(&mut self, scope: Scope, lost: Lost<'_, P>) -> usize {
        self.drop_from_each(|tlb| tlb.invalidate(scope, lost))
    }

    fn drop_from_each(&mut self, act: impl FnMut(&mut Tlb<P>) -> usize) -> usize {
        let dropped = self.tlbs.iter_mut().map(act).sum();
        if dropped != 0 {
            self.find_routes();
            self.room_was_made();
        }
        dropped
    }
}
