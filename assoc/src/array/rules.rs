use super::{
    Tag,
    narrow::{Forgotten, NarrowHead, RecentWay},
    prints::Print,
    wide::WideHeads,
};
use crate::{
    Geometry, Replacement,
    policy::{FirstEmpty, IdleAfter, Policy, Replace},
};

/// What all sets of an array have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) ways: usize,
    policy: Policy,
    choices: Choices,
}

/// What a policy leaves to the array.
#[derive(Clone, Copy, Debug)]
struct Choices {
    first_empty: FirstEmpty,
    /// Where a hit on the same entry again may change something.
    after_hit: Forgotten,
    after_insertion: Forgotten,
}

/// The way that a new entry goes into.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room {
    Empty(usize),
    /// In place of another.
    Given(usize),
}

impl Rules {
    pub(super) fn new(replacement: Replacement, geometry: Geometry, policy: Policy) -> Self {
        let (after_hit, after_insertion) = match IdleAfter::of(replacement) {
            IdleAfter::HitOrInsertion => (Forgotten::No, Forgotten::No),
            IdleAfter::Hit => (Forgotten::No, Forgotten::Yes),
            IdleAfter::Nothing => (Forgotten::Yes, Forgotten::Yes),
        };
        Self {
            ways: geometry.ways() as usize,
            choices: Choices {
                first_empty: policy.first_empty(),
                after_hit,
                after_insertion,
            },
            policy,
        }
    }

    /// A way of a narrow set holds this tag, and is used now.
    #[inline]
    pub(super) fn used(&mut self, head: &mut NarrowHead, set: usize, way: usize, tag: Tag) {
        head.recent = RecentWay::new(tag, way).unless(self.choices.after_hit);
        self.policy.hit(set, &mut head.policy, way);
    }

    /// The same in a wide set.
    pub(super) fn used_in_wide(&mut self, heads: &mut WideHeads, set: usize, way: usize, tag: Tag) {
        match self.choices.after_hit {
            Forgotten::No => heads.set_recent(set, tag, set * self.ways + way),
            Forgotten::Yes => {}
        }
        self.policy.hit(set, heads.policy(set), way);
    }

    /// Finds room for a new entry with this tag in a narrow set, where it is from now on.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is no longer than a call")]
    pub(super) fn make_room(&mut self, head: &mut NarrowHead, set: usize, tag: Tag) -> Room {
        let choices = &self.choices;
        match &mut self.policy {
            Policy::TrueLru(policy) => make_room(policy, head, set, tag, choices),
            Policy::Fifo(policy) => make_room(policy, head, set, tag, choices),
            Policy::WideTrueLru(policy) => make_room(policy, head, set, tag, choices),
            Policy::WideFifo(policy) => make_room(policy, head, set, tag, choices),
            Policy::Random(policy) => make_room(policy, head, set, tag, choices),
            Policy::TreePlru(policy) => make_room(policy, head, set, tag, choices),
            Policy::ThreeTrees(policy) => make_room(policy, head, set, tag, choices),
            Policy::Qlru(policy) => make_room(policy, head, set, tag, choices),
            Policy::Srrip(policy) => make_room(policy, head, set, tag, choices),
        }
    }

    /// The same in a wide set.
    pub(super) fn make_room_in_wide(
        &mut self,
        heads: &mut WideHeads,
        set: usize,
        tag: Tag,
    ) -> Room {
        let empty = heads.empty_way(set, self.choices.first_empty);
        let way = self.policy.insert(set, heads.policy(set), empty);
        heads.fill(set, way, tag);
        match self.choices.after_insertion {
            Forgotten::No => heads.set_recent(set, tag, set * self.ways + way),
            Forgotten::Yes => heads.forget_recent(set),
        }
        match empty {
            Some(_) => Room::Empty(way),
            None => Room::Given(way),
        }
    }
}

/// A function for each policy: all of it is a few dozen instructions.
#[inline(never)]
fn make_room(
    policy: &mut impl Replace,
    head: &mut NarrowHead,
    set: usize,
    tag: Tag,
    choices: &Choices,
) -> Room {
    if !head.prints.are_full() {
        return take_empty_way(policy, head, set, tag, choices);
    }
    let way = policy.insert(set, &mut head.policy, None);
    choices.fill(head, way, tag);
    Room::Given(way)
}

#[cold]
#[inline(never)]
fn take_empty_way(
    policy: &mut impl Replace,
    head: &mut NarrowHead,
    set: usize,
    tag: Tag,
    choices: &Choices,
) -> Room {
    let empty = head.prints.empty_way(choices.first_empty);
    let way = policy.insert(set, &mut head.policy, empty);
    choices.fill(head, way, tag);
    Room::Empty(way)
}

impl Choices {
    #[inline]
    fn fill(&self, head: &mut NarrowHead, way: usize, tag: Tag) {
        head.prints.fill(way, Print::of(tag));
        head.recent = RecentWay::new(tag, way).unless(self.after_insertion);
    }
}
