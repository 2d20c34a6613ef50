use crate::{
    FirstEmpty, Geometry, GeometryError, Replacement,
    policy::{Policy, Replace},
};

/// How the sets make room of an array that is kept by its owner: who knows what the ways hold
/// keeps a few words for each set besides, and hands them in.
#[derive(Clone, Debug)]
pub struct Replacer {
    policy: Policy,
}

impl Replacer {
    /// For sets whose words are all [`Replacer::first_word`] still.
    ///
    /// # Errors
    /// [`GeometryError::PolicyWays`] if the policy does not fit the geometry, and
    /// [`GeometryError::Policy`] if there is no such policy.
    pub fn new(replacement: Replacement, geometry: Geometry) -> Result<Self, GeometryError> {
        replacement.check(geometry)?;
        let policy = Policy::new(replacement, geometry);
        Ok(Self { policy })
    }

    /// How many words a set needs.
    pub fn words(&self) -> usize {
        self.policy.words()
    }

    /// What they are at first.
    pub fn first_word(&self) -> u64 {
        self.policy.first_word()
    }

    /// The end of a set from which empty ways are filled.
    pub fn first_empty(&self) -> FirstEmpty {
        self.policy.first_empty()
    }

    /// Notes a hit.
    #[inline]
    pub fn hit(&mut self, set: usize, words: &mut [u64], way: usize) {
        match &mut self.policy {
            Policy::TrueLru(policy) => hit(policy, set, words, way),
            Policy::Fifo(policy) => hit(policy, set, words, way),
            Policy::WideTrueLru(policy) => hit(policy, set, words, way),
            Policy::WideFifo(policy) => hit(policy, set, words, way),
            Policy::Random(policy) => hit(policy, set, words, way),
            Policy::TreePlru(policy) => hit(policy, set, words, way),
            Policy::ThreeTrees(policy) => hit(policy, set, words, way),
            Policy::Qlru(policy) => hit(policy, set, words, way),
            Policy::Srrip(policy) => hit(policy, set, words, way),
        }
    }

    /// Notes that a new entry goes into this empty way or, if there is none, into the one that
    /// the policy gives up; says which.
    #[inline]
    pub fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        match &mut self.policy {
            Policy::TrueLru(policy) => insert(policy, set, words, empty),
            Policy::Fifo(policy) => insert(policy, set, words, empty),
            Policy::WideTrueLru(policy) => insert(policy, set, words, empty),
            Policy::WideFifo(policy) => insert(policy, set, words, empty),
            Policy::Random(policy) => insert(policy, set, words, empty),
            Policy::TreePlru(policy) => insert(policy, set, words, empty),
            Policy::ThreeTrees(policy) => insert(policy, set, words, empty),
            Policy::Qlru(policy) => insert(policy, set, words, empty),
            Policy::Srrip(policy) => insert(policy, set, words, empty),
        }
    }
}

/// A function for each policy: the short ones need not pay for the long ones.
#[inline(never)]
fn hit(policy: &mut impl Replace, set: usize, words: &mut [u64], way: usize) {
    policy.hit(set, words, way);
}

#[inline(never)]
fn insert(policy: &mut impl Replace, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
    policy.insert(set, words, empty)
}
