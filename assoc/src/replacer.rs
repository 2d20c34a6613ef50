use crate::{FirstEmpty, Geometry, GeometryError, Replacement, policy::Policy};

/// How the sets make room of an array that is kept by its owner: who knows what the ways hold
/// keeps a few words for each set besides, and hands them in.
#[derive(Clone, Debug)]
pub struct Replacer {
    policy: Policy,
    words: usize,
    first_word: u64,
    first_empty: FirstEmpty,
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
        Ok(Self {
            words: policy.words(),
            first_word: policy.first_word(),
            first_empty: policy.first_empty(),
            policy,
        })
    }

    /// How many words a set needs: one at most if it has sixteen ways or fewer.
    pub fn words(&self) -> usize {
        self.words
    }

    /// What they are at first.
    pub fn first_word(&self) -> u64 {
        self.first_word
    }

    /// The end of a set from which empty ways are filled.
    pub fn first_empty(&self) -> FirstEmpty {
        self.first_empty
    }

    /// Notes a hit.
    #[inline]
    pub fn hit(&mut self, set: usize, words: &mut [u64], way: usize) {
        self.policy.hit(set, words, way);
    }

    /// Notes that a new entry goes into this empty way or, if there is none, into the one that
    /// the policy gives up; says which.
    #[inline]
    pub fn insert(&mut self, set: usize, words: &mut [u64], empty: Option<usize>) -> usize {
        self.policy.insert(set, words, empty)
    }

    /// As [`Replacer::hit`], of a set that needs one word at most.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it is a few instructions")]
    pub fn hit_one(&mut self, set: usize, word: &mut [u64; 1], way: usize) {
        self.policy.hit_one(set, word, way);
    }

    /// As [`Replacer::insert`], of a full set that needs one word at most.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "mostly it is a few instructions")]
    pub fn replace_one(&mut self, set: usize, word: &mut [u64; 1]) -> usize {
        self.policy.replace_one(set, word)
    }
}
