use assoc::QlruUpdate;

use super::Policy;
use crate::Random;

/// QLRU, by the definitions of nanoBench (Abel and Reineke, ISPASS 2020).
#[derive(Clone, Debug)]
pub struct Qlru {
    rules: assoc::Qlru,
    ages: Vec<u8>,
}

impl Qlru {
    /// A set of so many ways, all of age 3.
    pub fn new(rules: assoc::Qlru, ways: usize) -> Self {
        Self {
            rules,
            ages: vec![3; ways],
        }
    }

    /// The ages.
    pub fn ages(&self) -> &[u8] {
        &self.ages
    }

    fn age(&mut self, accessed: Option<usize>) {
        let spared = match self.rules.update {
            1 | 3 => accessed,
            _ => None,
        };
        let mut by = 0;
        if self.rules.update < 2 {
            let mut oldest = 0;
            for (way, &age) in self.ages.iter().enumerate() {
                if Some(way) != spared {
                    oldest = oldest.max(age);
                }
            }
            by += 3 - oldest;
        } else if !self.ages.contains(&3) {
            by += 1;
        }
        for (way, age) in self.ages.iter_mut().enumerate() {
            if Some(way) != spared {
                *age += by;
            }
        }
    }

    fn accessed(&mut self, way: usize) {
        if self.rules.update_on == QlruUpdate::EveryAccess {
            self.age(Some(way));
        }
    }
}

impl Policy for Qlru {
    fn hit(&mut self, way: usize) {
        self.ages[way] = match self.ages[way] {
            3 => self.rules.hit_at_3,
            2 => self.rules.hit_at_2,
            _ => 0,
        };
        self.accessed(way);
    }

    fn before_insertion(&mut self) {
        if self.rules.update_on == QlruUpdate::MissesOnly {
            self.age(None);
        }
    }

    fn choose_empty(&self, empty: &[usize]) -> usize {
        match self.rules.replace {
            2 => empty[empty.len() - 1],
            _ => empty[0],
        }
    }

    fn victim(&mut self, _: &mut Random) -> usize {
        match self.ages.iter().position(|&age| age == 3) {
            Some(way) => way,
            None if self.rules.replace == 1 || self.ages.len() == 1 => 0,
            None => panic!("{:?} has no victim in {:?}", self.rules, self.ages),
        }
    }

    fn inserted(&mut self, way: usize) {
        self.ages[way] = self.rules.insert;
        self.accessed(way);
    }
}

/// SRRIP with hit priority, by figure 4 of Jaleel et al., ISCA 2010.
#[derive(Clone, Debug)]
pub struct Srrip {
    distant: u32,
    intervals: Vec<u32>,
}

impl Srrip {
    /// A set of so many ways, all of the most distant interval.
    pub fn new(bits: u8, ways: usize) -> Self {
        let distant = 2_u32.pow(bits.into()) - 1;
        Self {
            distant,
            intervals: vec![distant; ways],
        }
    }
}

impl Policy for Srrip {
    fn hit(&mut self, way: usize) {
        self.intervals[way] = 0;
    }

    fn victim(&mut self, _: &mut Random) -> usize {
        loop {
            for (way, &interval) in self.intervals.iter().enumerate() {
                if interval == self.distant {
                    return way;
                }
            }
            for interval in &mut self.intervals {
                *interval += 1;
            }
        }
    }

    fn inserted(&mut self, way: usize) {
        self.intervals[way] = self.distant - 1;
    }
}
