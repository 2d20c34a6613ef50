use crate::vad::{GRANULARITY, USER_START, Vad};

/// The most regions of a leaf.
const LEAF: usize = 128;

/// The regions of a process, ordered by address: a tree of height two, whose root knows the
/// widest gap of each leaf.
///
/// A gap is what is free in front of a region, from the next multiple of the granularity on.
#[derive(Clone, Debug, Default)]
pub(crate) struct VadTree {
    /// None is empty.
    leaves: Vec<Vec<Node>>,
    /// For each leaf, where its regions start: side by side, so that a search needs few of the
    /// host's cache lines.
    starts: Vec<Vec<u64>>,
    /// For each leaf, where its first region starts.
    firsts: Vec<u64>,
    /// For each leaf, the widest gap in front of one of its regions.
    widest: Vec<u64>,
    vads: Vec<Option<Vad>>,
    unused: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    start: u64,
    end: u64,
    /// The place in `vads`.
    place: usize,
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
        let node = self.node_below(address)?;
        if address < node.end {
            self.vads[node.place].as_ref()
        } else {
            None
        }
    }

    /// As [`VadTree::find`]. Its start and end must be left as they are.
    pub(crate) fn find_mut(&mut self, address: u64) -> Option<&mut Vad> {
        let node = self.node_below(address)?;
        if address < node.end {
            self.vads[node.place].as_mut()
        } else {
            None
        }
    }

    /// The start of the first region above an address.
    pub(crate) fn next_start(&self, address: u64) -> Option<u64> {
        let leaf = self.leaf_of(address)?;
        let starts = &self.starts[leaf];
        let index = starts.partition_point(|&start| start <= address);
        let start = starts.get(index);
        start.or_else(|| self.firsts.get(leaf + 1)).copied()
    }

    /// Whether a part of the range is in a region.
    pub(crate) fn is_taken(&self, start: u64, end: u64) -> bool {
        self.last_start(start, end).is_some()
    }

    /// Where the last region starts that a part of the range is in.
    pub(crate) fn last_start(&self, start: u64, end: u64) -> Option<u64> {
        let last = self.node_below(end.checked_sub(1)?)?;
        (end > start && last.end > start).then_some(last.start)
    }

    /// The regions, by address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Vad> {
        let nodes = self.leaves.iter().flatten();
        nodes.filter_map(|node| self.vads[node.place].as_ref())
    }

    /// Adds a region, which must overlap no other.
    pub(crate) fn insert(&mut self, vad: Vad) {
        let mut node = Node {
            start: vad.start,
            end: vad.end,
            place: 0,
        };
        if let Some(place) = self.unused.pop() {
            node.place = place;
            self.vads[place] = Some(vad);
        } else {
            node.place = self.vads.len();
            self.vads.push(Some(vad));
        }
        let Some(leaf) = self.leaf_of(node.start) else {
            self.leaves.push(vec![node]);
            self.starts.push(vec![node.start]);
            self.firsts.push(node.start);
            self.widest.push(0);
            self.measure(0);
            return;
        };
        let (nodes, starts) = (&mut self.leaves[leaf], &mut self.starts[leaf]);
        let index = starts.partition_point(|&start| start < node.start);
        nodes.insert(index, node);
        starts.insert(index, node.start);
        self.firsts[leaf] = starts[0];
        if nodes.len() > LEAF {
            // Who adds at the end goes on there.
            let kept = if index == LEAF { LEAF } else { LEAF / 2 };
            let (upper, upper_starts) = (nodes.split_off(kept), starts.split_off(kept));
            self.firsts.insert(leaf + 1, upper_starts[0]);
            self.leaves.insert(leaf + 1, upper);
            self.starts.insert(leaf + 1, upper_starts);
            self.widest.insert(leaf + 1, 0);
            self.measure(leaf);
            self.measure(leaf + 1);
            self.measure(leaf + 2);
        } else {
            self.remeasure(leaf, index);
        }
    }

    /// Takes the region out that holds an address.
    pub(crate) fn remove(&mut self, address: u64) -> Option<Vad> {
        let leaf = self.leaf_of(address)?;
        let (nodes, starts) = (&mut self.leaves[leaf], &mut self.starts[leaf]);
        let index = starts
            .partition_point(|&start| start <= address)
            .checked_sub(1)?;
        if address >= nodes[index].end {
            return None;
        }
        let node = nodes.remove(index);
        starts.remove(index);
        if nodes.is_empty() {
            self.leaves.remove(leaf);
            self.starts.remove(leaf);
            self.firsts.remove(leaf);
            self.widest.remove(leaf);
            self.measure(leaf);
        } else {
            self.firsts[leaf] = starts[0];
            self.remeasure(leaf, index);
        }
        self.unused.push(node.place);
        self.vads[node.place].take()
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
        let mut low = request.within.0;
        loop {
            let start = low.checked_next_multiple_of(request.alignment)?;
            let end = start.checked_add(request.size)?;
            if end > request.within.1 {
                return None;
            }
            let below = self.place_below(end - 1);
            let Some((leaf, index)) = below.filter(|&place| self.node(place).end > start) else {
                return Some(start);
            };
            let narrow = self.widest[leaf..].iter();
            let narrow = narrow.take_while(|&&widest| widest < request.size).count();
            low = match narrow {
                0 => self.node((leaf, index)).end,
                _ => self.leaves[leaf + narrow - 1].last()?.end,
            };
        }
    }

    fn highest_gap(&self, request: &GapRequest) -> Option<u64> {
        let mut high = request.within.1;
        loop {
            let start = high.checked_sub(request.size)? & !(request.alignment - 1);
            if start < request.within.0 {
                return None;
            }
            let above = self.place_above(start);
            let Some((leaf, index)) =
                above.filter(|&place| self.node(place).start < start + request.size)
            else {
                return Some(start);
            };
            let narrow = self.widest[..=leaf].iter().rev();
            let narrow = narrow.take_while(|&&widest| widest < request.size).count();
            high = match narrow {
                0 => self.node((leaf, index)).start,
                _ => self.end_before(leaf + 1 - narrow, 0),
            };
        }
    }

    /// Where the region in front of one ends.
    fn end_before(&self, leaf: usize, index: usize) -> u64 {
        let before = match (leaf, index) {
            (0, 0) => None,
            (_, 0) => self.leaves[leaf - 1].last(),
            _ => self.leaves[leaf].get(index - 1),
        };
        before.map_or(USER_START, |node| node.end)
    }

    /// Measures what changed when a region came or went at this place.
    fn remeasure(&mut self, leaf: usize, index: usize) {
        self.measure(leaf);
        if index + 1 >= self.leaves[leaf].len() {
            self.measure(leaf + 1);
        }
    }

    fn measure(&mut self, leaf: usize) {
        let Some(nodes) = self.leaves.get(leaf) else {
            return;
        };
        let mut before = self.end_before(leaf, 0);
        let mut widest = 0;
        for node in nodes {
            let gap = node
                .start
                .saturating_sub(before.next_multiple_of(GRANULARITY));
            widest = widest.max(gap);
            before = node.end;
        }
        self.widest[leaf] = widest;
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

    fn node(&self, (leaf, index): (usize, usize)) -> Node {
        self.leaves[leaf][index]
    }

    fn node_below(&self, address: u64) -> Option<Node> {
        self.place_below(address).map(|place| self.node(place))
    }

    /// Where the last region is that starts at or below an address.
    fn place_below(&self, address: u64) -> Option<(usize, usize)> {
        let leaf = self.leaf_of(address)?;
        let after = self.starts[leaf].partition_point(|&start| start <= address);
        Some((leaf, after.checked_sub(1)?))
    }

    /// Where the first region is that ends above an address.
    fn place_above(&self, address: u64) -> Option<(usize, usize)> {
        let leaf = self.leaf_of(address)?;
        let index = self.leaves[leaf].partition_point(|node| node.end <= address);
        if index < self.leaves[leaf].len() {
            Some((leaf, index))
        } else {
            (leaf + 1 < self.leaves.len()).then_some((leaf + 1, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        protection::Protection,
        section::SegmentId,
        vad::{PAGE, Placeholder, VAD_LIMIT, VadKind, View},
    };

    fn vad(start: u64, pages: u64) -> Vad {
        Vad {
            start,
            end: start + pages * PAGE,
            protection: Protection::NO_ACCESS,
            charge: 0,
            placeholder: Placeholder::No,
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
