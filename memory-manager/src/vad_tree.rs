use crate::vad::{GRANULARITY, USER_START, Vad};

/// The most regions of a leaf.
const LEAF: usize = 64;

/// How many addresses lie in one of the host's cache lines.
const LINE: usize = 8;

/// How many leaves are looked at together.
const STRIDE: usize = 32;

/// The regions of a process, ordered by address: a tree of height two, whose root knows the
/// widest gap of each leaf.
///
/// A gap is what is free in front of a region, from the next multiple of the granularity on.
#[derive(Clone, Debug, Default)]
pub(crate) struct VadTree {
    /// None is empty.
    leaves: Vec<Box<Leaf>>,
    /// For each leaf, where its first region starts.
    firsts: Vec<u64>,
    /// For each leaf, the widest gap in front of one of its regions.
    widest: Vec<Granules>,
}

/// A length, rounded up to multiples of the granularity: small, so that many are compared at
/// once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Granules(i32);

impl Granules {
    fn of(bytes: u64) -> Self {
        Self(i32::try_from(bytes.div_ceil(GRANULARITY)).unwrap_or(i32::MAX))
    }
}

/// Some regions that are neighbours.
#[derive(Clone, Debug)]
struct Leaf {
    starts: Addresses,
    ends: Addresses,
    /// None behind the last one.
    vads: [Option<Vad>; LEAF],
    count: usize,
}

/// Addresses in order, with all ones behind the last. A search takes the first of each of the
/// host's cache lines, all at a time, and then one line.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Addresses([u64; LEAF]);

impl Addresses {
    /// How many are not above an address.
    fn up_to(&self, address: u64) -> usize {
        let (lines, _) = self.0.as_chunks::<LINE>();
        let count = |count: usize, &known: &u64| count + usize::from(known <= address);
        let before = lines[1..].iter().map(|line| &line[0]).fold(0, count);
        before * LINE + lines[before].iter().fold(0, count)
    }

    fn insert(&mut self, index: usize, address: u64) {
        self.0.copy_within(index..LEAF - 1, index + 1);
        self.0[index] = address;
    }

    fn remove(&mut self, index: usize) {
        self.0.copy_within(index + 1.., index);
        self.0[LEAF - 1] = u64::MAX;
    }
}

impl Leaf {
    fn new() -> Self {
        Self {
            starts: Addresses([u64::MAX; LEAF]),
            ends: Addresses([u64::MAX; LEAF]),
            vads: [const { None }; LEAF],
            count: 0,
        }
    }

    fn start(&self, index: usize) -> u64 {
        self.starts.0[index]
    }

    fn end(&self, index: usize) -> u64 {
        self.ends.0[index]
    }

    /// Where its last region ends.
    fn last_end(&self) -> u64 {
        self.end(self.count - 1)
    }

    /// Adds a region; there must be room.
    fn insert(&mut self, index: usize, vad: Vad) {
        self.starts.insert(index, vad.start);
        self.ends.insert(index, vad.end);
        self.vads[index..=self.count].rotate_right(1);
        self.vads[index] = Some(vad);
        self.count += 1;
    }

    fn remove(&mut self, index: usize) -> Option<Vad> {
        let vad = self.vads[index].take();
        self.starts.remove(index);
        self.ends.remove(index);
        self.vads[index..self.count].rotate_left(1);
        self.count -= 1;
        vad
    }

    /// The regions from a place on, as a leaf of their own.
    fn split_off(&mut self, at: usize) -> Box<Self> {
        let mut upper = Box::new(Self::new());
        for (index, vad) in self.vads[at..]
            .iter_mut()
            .filter_map(Option::take)
            .enumerate()
        {
            upper.insert(index, vad);
        }
        self.starts.0[at..].fill(u64::MAX);
        self.ends.0[at..].fill(u64::MAX);
        self.count = at;
        upper
    }
}

/// Where in the address space a gap is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    BottomUp,
    TopDown,
}

/// What is asked of a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GapRequest {
    /// In bytes.
    pub(crate) size: u64,
    /// A power of two, at least the granularity.
    pub(crate) alignment: u64,
    /// The lowest address, and the first above the highest.
    pub(crate) within: (u64, u64),
    pub(crate) direction: Direction,
}

impl VadTree {
    /// The region that holds an address.
    pub(crate) fn find(&self, address: u64) -> Option<&Vad> {
        let (leaf, index) = self.place_below(address)?;
        let vad = self.leaves[leaf].vads[index].as_ref();
        vad.filter(|vad| address < vad.end)
    }

    /// As [`VadTree::find`]. Its start and end must be left as they are.
    pub(crate) fn find_mut(&mut self, address: u64) -> Option<&mut Vad> {
        let (leaf, index) = self.place_below(address)?;
        let vad = self.leaves[leaf].vads[index].as_mut();
        vad.filter(|vad| address < vad.end)
    }

    /// The start of the first region above an address.
    pub(crate) fn next_start(&self, address: u64) -> Option<u64> {
        let leaf = self.leaf_of(address)?;
        let index = self.leaves[leaf].starts.up_to(address);
        if index < self.leaves[leaf].count {
            Some(self.leaves[leaf].start(index))
        } else {
            self.firsts.get(leaf + 1).copied()
        }
    }

    /// Whether a part of the range is in a region.
    pub(crate) fn is_taken(&self, start: u64, end: u64) -> bool {
        self.last_start(start, end).is_some()
    }

    /// Where the last region starts that a part of the range is in.
    pub(crate) fn last_start(&self, start: u64, end: u64) -> Option<u64> {
        let (leaf, index) = self.place_below(end.checked_sub(1)?)?;
        let leaf = &self.leaves[leaf];
        (end > start && leaf.end(index) > start).then_some(leaf.start(index))
    }

    /// The regions, by address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Vad> {
        let leaves = self.leaves.iter();
        leaves.flat_map(|leaf| leaf.vads[..leaf.count].iter().flatten())
    }

    /// Adds a region, which must overlap no other.
    pub(crate) fn insert(&mut self, vad: Vad) {
        let Some(mut leaf) = self.leaf_of(vad.start) else {
            self.add_leaf(0, Box::new(Leaf::new()), vad.start);
            self.insert_at((0, 0), vad);
            return;
        };
        let mut index = self.leaves[leaf].starts.up_to(vad.start);
        if self.leaves[leaf].count == LEAF {
            // Who adds at the end goes on there.
            let kept = if index == LEAF { LEAF } else { LEAF / 2 };
            let upper = self.leaves[leaf].split_off(kept);
            let first = if index == LEAF {
                vad.start
            } else {
                upper.start(0)
            };
            self.add_leaf(leaf + 1, upper, first);
            self.measure(leaf);
            self.measure(leaf + 1);
            if index >= kept {
                (leaf, index) = (leaf + 1, index - kept);
            }
        }
        self.insert_at((leaf, index), vad);
    }

    fn add_leaf(&mut self, at: usize, leaf: Box<Leaf>, first: u64) {
        self.leaves.insert(at, leaf);
        self.firsts.insert(at, first);
        self.widest.insert(at, Granules::default());
    }

    fn insert_at(&mut self, (leaf, index): (usize, usize), vad: Vad) {
        self.leaves[leaf].insert(index, vad);
        self.firsts[leaf] = self.leaves[leaf].start(0);
        self.remeasure(leaf, index);
    }

    /// Takes the region out that holds an address.
    pub(crate) fn remove(&mut self, address: u64) -> Option<Vad> {
        let (leaf, index) = self.place_below(address)?;
        let regions = &mut self.leaves[leaf];
        if address >= regions.end(index) {
            return None;
        }
        let vad = regions.remove(index);
        if regions.count == 0 {
            self.leaves.remove(leaf);
            self.firsts.remove(leaf);
            self.widest.remove(leaf);
            self.measure(leaf);
        } else {
            self.firsts[leaf] = regions.start(0);
            self.remeasure(leaf, index);
        }
        vad
    }

    /// Where so much room is. What lies outside the asked range, leaves without such a gap, and
    /// regions between two aligned addresses are not looked at.
    pub(crate) fn gap(&self, request: &GapRequest) -> Option<u64> {
        match request.direction {
            Direction::BottomUp => self.lowest_gap(request),
            Direction::TopDown => self.highest_gap(request),
        }
    }

    fn lowest_gap(&self, request: &GapRequest) -> Option<u64> {
        let wanted = Granules::of(request.size);
        let mut low = request.within.0;
        loop {
            let start = low.checked_next_multiple_of(request.alignment)?;
            let end = start.checked_add(request.size)?;
            if end > request.within.1 {
                return None;
            }
            let below = self.place_below(end - 1);
            let Some((leaf, index)) = below.filter(|&place| self.end(place) > start) else {
                return Some(start);
            };
            let rest = &self.widest[leaf..];
            let far = all_narrow(rest.chunks(STRIDE), wanted);
            let narrow = rest[far..].iter().take_while(|&&widest| widest < wanted);
            low = match far + narrow.count() {
                0 => self.end((leaf, index)),
                narrow => self.leaves[leaf + narrow - 1].last_end(),
            };
        }
    }

    fn highest_gap(&self, request: &GapRequest) -> Option<u64> {
        let wanted = Granules::of(request.size);
        let mut high = request.within.1;
        loop {
            let start = high.checked_sub(request.size)? & !(request.alignment - 1);
            if start < request.within.0 {
                return None;
            }
            let above = self.place_above(start);
            let Some((leaf, index)) =
                above.filter(|&place| self.start(place) < start + request.size)
            else {
                return Some(start);
            };
            let rest = &self.widest[..=leaf];
            let far = all_narrow(rest.rchunks(STRIDE), wanted);
            let near = rest[..rest.len() - far].iter().rev();
            let narrow = near.take_while(|&&widest| widest < wanted);
            high = match far + narrow.count() {
                0 => self.start((leaf, index)),
                narrow => self.end_before(leaf + 1 - narrow),
            };
        }
    }

    /// Where the region in front of a leaf ends.
    fn end_before(&self, leaf: usize) -> u64 {
        let before = leaf.checked_sub(1).map(|before| &self.leaves[before]);
        before.map_or(USER_START, |before| before.last_end())
    }

    /// Measures what changed when a region came or went at this place.
    fn remeasure(&mut self, leaf: usize, index: usize) {
        self.measure(leaf);
        if index + 1 >= self.leaves[leaf].count {
            self.measure(leaf + 1);
        }
    }

    fn measure(&mut self, leaf: usize) {
        let Some(regions) = self.leaves.get(leaf) else {
            return;
        };
        let mut before = self.end_before(leaf);
        let mut widest = 0;
        let (starts, ends) = (&regions.starts.0, &regions.ends.0);
        for (&start, &end) in starts.iter().zip(ends).take(regions.count) {
            let gap = start.saturating_sub(before.next_multiple_of(GRANULARITY));
            widest = widest.max(gap);
            before = end;
        }
        self.widest[leaf] = Granules::of(widest);
    }

    /// The last leaf that starts at or below an address, or else the first.
    fn leaf_of(&self, address: u64) -> Option<usize> {
        let after = self.firsts.partition_point(|&first| first <= address);
        if self.leaves.is_empty() {
            None
        } else {
            Some(after.saturating_sub(1))
        }
    }

    fn start(&self, (leaf, index): (usize, usize)) -> u64 {
        self.leaves[leaf].start(index)
    }

    fn end(&self, (leaf, index): (usize, usize)) -> u64 {
        self.leaves[leaf].end(index)
    }

    /// Where the last region is that starts at or below an address.
    fn place_below(&self, address: u64) -> Option<(usize, usize)> {
        let leaf = self.leaf_of(address)?;
        let after = self.leaves[leaf].starts.up_to(address);
        Some((leaf, after.checked_sub(1)?))
    }

    /// Where the first region is that ends above an address.
    fn place_above(&self, address: u64) -> Option<(usize, usize)> {
        let leaf = self.leaf_of(address)?;
        let index = self.leaves[leaf].ends.up_to(address);
        if index < self.leaves[leaf].count {
            Some((leaf, index))
        } else {
            (leaf + 1 < self.leaves.len()).then_some((leaf + 1, 0))
        }
    }
}

/// How many leaves there are before the first group that has one with such a gap.
fn all_narrow<'a>(groups: impl Iterator<Item = &'a [Granules]>, wanted: Granules) -> usize {
    let is_wide = |&widest: &Granules| i32::from(widest >= wanted);
    let is_narrow = |group: &&[Granules]| group.iter().map(is_wide).sum::<i32>() == 0;
    groups.take_while(is_narrow).map(<[_]>::len).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        protection::Protection,
        section::SegmentId,
        vad::{Entries, PAGE, Placeholder, VAD_LIMIT, VadKind, View},
    };

    fn vad(start: u64, pages: u64) -> Vad {
        Vad {
            start,
            end: start + pages * PAGE,
            protection: Protection::NO_ACCESS,
            charge: 0,
            placeholder: Placeholder::No,
            entries: Entries::None,
            kind: VadKind::View(View {
                segment: SegmentId(0),
                first: 0,
                page: mmu_core::PageSize::Size4KiB,
            }),
        }
    }

    /// A generator that gives the same numbers each time.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) % end
        }
    }

    /// Where it fits between two addresses.
    fn fit(request: &GapRequest, low: u64, high: u64) -> Option<u64> {
        let low = low.max(request.within.0);
        let high = high.min(request.within.1);
        let lowest = low.checked_next_multiple_of(request.alignment)?;
        let highest = high.checked_sub(request.size)? & !(request.alignment - 1);
        (lowest <= highest).then_some(match request.direction {
            Direction::BottomUp => lowest,
            Direction::TopDown => highest,
        })
    }

    /// What the tree says, found by looking at every region.
    fn slow_gap(all: &BTreeMap<u64, u64>, request: &GapRequest) -> Option<u64> {
        let mut low = USER_START;
        let mut found = Vec::new();
        for (&start, &end) in all {
            found.extend(fit(request, low, start));
            low = end;
        }
        found.extend(fit(request, low, VAD_LIMIT));
        match request.direction {
            Direction::BottomUp => found.first().copied(),
            Direction::TopDown => found.last().copied(),
        }
    }

    #[test]
    fn the_tree_answers_as_a_look_at_every_region_does() {
        let (mut tree, mut all) = (VadTree::default(), BTreeMap::new());
        let mut numbers = Numbers(7);
        for step in 0..6000 {
            let size = (1 + numbers.below(40)) * PAGE;
            let mut request = GapRequest {
                size,
                alignment: GRANULARITY,
                within: (USER_START, VAD_LIMIT),
                direction: Direction::BottomUp,
            };
            if numbers.below(4) == 0 {
                request.direction = Direction::TopDown;
            }
            if numbers.below(8) == 0 {
                request.alignment = 1 << (16 + numbers.below(6));
                let low = (numbers.below(1 << 12) + 16) * PAGE;
                request.within = (low, low + (1 << (14 + numbers.below(13))));
            }
            let found = tree.gap(&request);
            assert_eq!(found, slow_gap(&all, &request), "step {step}: {request:?}");
            if let Some(start) = found {
                assert!(!tree.is_taken(start, start + size));
                tree.insert(vad(start, size / PAGE));
                all.insert(start, start + size);
            }
            // Mostly growing, then mostly shrinking.
            if numbers.below(10) < if step < 3000 { 3 } else { 12 } {
                let place = usize::try_from(numbers.below(all.len() as u64)).unwrap();
                let (start, end) = all.iter().nth(place).map(|(&s, &e)| (s, e)).unwrap();
                let inside = start + numbers.below(end - start);
                assert_eq!(tree.remove(inside).unwrap().start, start);
                all.remove(&start);
            }
            let probe = numbers.below(1 << 14) * PAGE;
            let below = all.range(..=probe).next_back();
            let holder = below
                .filter(|&(_, &end)| probe < end)
                .map(|(&start, _)| start);
            assert_eq!(tree.find(probe).map(|vad| vad.start), holder);
            let above = all.range(probe + 1..).next().map(|(&start, _)| start);
            assert_eq!(tree.next_start(probe), above);
        }
        let starts: Vec<_> = tree.iter().map(|vad| vad.start).collect();
        assert!(starts.iter().eq(all.keys()));
    }
}
