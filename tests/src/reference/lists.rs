use super::Policy;
use crate::Random;

/// True LRU: the ways in order of use, that used last at the end.
#[derive(Clone, Debug)]
pub struct LeastRecent(Vec<usize>);

impl LeastRecent {
    /// No way was used.
    pub fn new(ways: usize) -> Self {
        Self((0..ways).collect())
    }
}

impl Policy for LeastRecent {
    fn hit(&mut self, way: usize) {
        self.0.retain(|&other| other != way);
        self.0.push(way);
    }

    fn victim(&mut self, _: &mut Random) -> usize {
        self.0[0]
    }

    fn inserted(&mut self, way: usize) {
        self.hit(way);
    }
}

/// FIFO: when each way got its entry.
#[derive(Clone, Debug)]
pub struct FirstIn {
    filled: Vec<u64>,
    now: u64,
}

impl FirstIn {
    /// No way was filled.
    pub fn new(ways: usize) -> Self {
        Self {
            filled: vec![0; ways],
            now: 0,
        }
    }
}

impl Policy for FirstIn {
    fn hit(&mut self, _: usize) {}

    fn victim(&mut self, _: &mut Random) -> usize {
        let ways = 0..self.filled.len();
        ways.min_by_key(|&way| self.filled[way])
            .expect("there are ways")
    }

    fn inserted(&mut self, way: usize) {
        self.now += 1;
        self.filled[way] = self.now;
    }
}

/// Random replacement: nothing but how many ways there are.
#[derive(Clone, Debug)]
pub struct AnyWay(u64);

impl AnyWay {
    /// So many ways.
    pub fn new(ways: usize) -> Self {
        Self(ways as u64)
    }
}

impl Policy for AnyWay {
    fn hit(&mut self, _: usize) {}

    fn victim(&mut self, random: &mut Random) -> usize {
        usize::try_from(random.below(self.0)).expect("ways are few")
    }

    fn inserted(&mut self, _: usize) {}
}
