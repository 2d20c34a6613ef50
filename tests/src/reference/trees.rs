use super::Policy;
use crate::Random;

/// Tree-PLRU: a node with two halves, or a single way.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A way.
    Leaf,
    /// Two halves.
    Node {
        /// Whether the victim is in the second.
        second_is_next: bool,
        /// How many ways each has.
        half: usize,
        /// Both.
        halves: Box<[Tree; 2]>,
    },
}

impl Tree {
    /// A tree of a power of two of ways, whose nodes all point to the first half.
    pub fn new(ways: usize) -> Self {
        if ways == 1 {
            return Self::Leaf;
        }
        Self::Node {
            second_is_next: false,
            half: ways / 2,
            halves: Box::new([Self::new(ways / 2), Self::new(ways / 2)]),
        }
    }

    fn touch(&mut self, way: usize) {
        if let Self::Node {
            second_is_next,
            half,
            halves,
        } = self
        {
            *second_is_next = way < *half;
            halves[way / *half].touch(way % *half);
        }
    }

    fn next(&self) -> usize {
        match self {
            Self::Leaf => 0,
            Self::Node {
                second_is_next: true,
                half,
                halves,
            } => half + halves[1].next(),
            Self::Node { halves, .. } => halves[0].next(),
        }
    }
}

impl Policy for Tree {
    fn hit(&mut self, way: usize) {
        self.touch(way);
    }

    fn victim(&mut self, _: &mut Random) -> usize {
        self.next()
    }

    fn inserted(&mut self, way: usize) {
        self.touch(way);
    }
}

/// Which of three trees makes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VictimTree {
    /// The one after that used last, the first after the third.
    NextToMostRecent,
    /// The one not used for longest.
    LeastRecent,
}

/// Three trees of four ways.
#[derive(Clone, Debug)]
pub struct ThreeTrees {
    trees: [Tree; 3],
    /// When each was used.
    used: [u64; 3],
    now: u64,
    victim: VictimTree,
}

impl ThreeTrees {
    /// Trees that were not used.
    pub fn new(victim: VictimTree) -> Self {
        Self {
            trees: [Tree::new(4), Tree::new(4), Tree::new(4)],
            used: [0; 3],
            now: 0,
            victim,
        }
    }
}

impl Policy for ThreeTrees {
    fn hit(&mut self, way: usize) {
        self.now += 1;
        self.used[way / 4] = self.now;
        self.trees[way / 4].touch(way % 4);
    }

    fn victim(&mut self, _: &mut Random) -> usize {
        let by_use = |&tree: &usize| self.used[tree];
        let tree = match self.victim {
            VictimTree::NextToMostRecent => match (0..3).max_by_key(by_use) {
                Some(0) => 1,
                Some(1) => 2,
                _ => 0,
            },
            VictimTree::LeastRecent => (0..3).min_by_key(by_use).expect("there are three"),
        };
        4 * tree + self.trees[tree].next()
    }

    fn inserted(&mut self, way: usize) {
        self.hit(way);
    }
}
