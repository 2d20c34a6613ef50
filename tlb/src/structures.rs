use alloc::boxed::Box;

use assoc::{Geometry, IndexFunction, Replacement};
use units::{Cycles, Level, Pcid, VirtAddr};

use crate::{
    ConfigError, Scope,
    array::{Array, Entry, Key, Likely},
    tag::{LINEAR_BITS, Tag, linear},
};

/// The shape of one paging-structure cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructureCacheConfig {
    /// Its sets and ways.
    pub geometry: Geometry,
    /// How a full set makes room.
    pub replacement: Replacement,
}

/// The shape of the paging-structure caches; a level without one is None.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StructureCachesConfig {
    /// The cache of PML5 entries.
    pub pml5e: Option<StructureCacheConfig>,
    /// The cache of PML4 entries.
    pub pml4e: Option<StructureCacheConfig>,
    /// The cache of page-directory-pointer-table entries.
    pub pdpte: Option<StructureCacheConfig>,
    /// The cache of page-directory entries.
    pub pde: Option<StructureCacheConfig>,
    /// What a look-up in all of them, side by side, adds to a walk.
    pub penalty: Cycles,
}

/// What happened to the cache of one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StructureCounters {
    /// Walks that went on from an entry of this cache.
    pub hits: u64,
    /// Entries put in.
    pub fills: u64,
}

/// The paging-structure caches of one processor (SDM vol. 3, 4.10.3): for each level above
/// the last, where the table that an entry points to lies and what the path to it grants.
#[derive(Clone, Debug)]
pub struct PagingStructureCaches<E> {
    /// From the page directory up, so that the first hit is the deepest.
    caches: Box<[Cache<E>]>,
    penalty: Cycles,
    lookups: u64,
}

#[derive(Clone, Debug)]
struct Cache<E> {
    level: Level,
    /// The entry found last, if finding it again changes nothing but a count.
    last: Entry<E>,
    /// What was asked for last and was not there, if it was not put in since.
    missed: Tag,
    counters: StructureCounters,
    array: Array<E>,
    remembers_last: bool,
}

const PCID_SHIFT: u32 = LINEAR_BITS - Level::Pde.shift();

impl<E: Copy + Default> Cache<E> {
    fn new(level: Level, config: StructureCacheConfig) -> Result<Self, ConfigError> {
        let StructureCacheConfig {
            geometry,
            replacement,
        } = config;
        let array = Array::new(geometry, IndexFunction::Linear, replacement);
        Ok(Self {
            level,
            last: Entry::none(),
            missed: Tag::NONE,
            counters: StructureCounters::default(),
            array: array.map_err(|source| ConfigError::StructureCache { level, source })?,
            remembers_last: replacement.is_idle_on_repeat(),
        })
    }

    #[inline]
    fn key(&self, address: VirtAddr, pcid: Pcid) -> Key {
        let number = linear(address) >> self.level.shift();
        Key::new(number, Tag::new(number | pcid.as_u64() << PCID_SHIFT))
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "mostly it is the entry found last, or there is none"
    )]
    fn find(&mut self, address: VirtAddr, pcid: Pcid) -> Option<E> {
        let key = self.key(address, pcid);
        if self.last.tag == key.tag {
            return Some(self.last.value);
        }
        let Some(likely) = self.array.likely(key) else {
            self.missed = key.tag;
            return None;
        };
        self.find_likely(likely, key.tag)
    }

    #[inline(never)]
    fn find_likely(&mut self, likely: Likely, tag: Tag) -> Option<E> {
        let Some(&mut value) = self.array.get_likely(likely) else {
            self.missed = tag;
            return None;
        };
        if self.remembers_last {
            self.last = Entry { tag, value };
        }
        Some(value)
    }

    #[inline]
    fn fill(&mut self, key: Key, entry: E) {
        self.last.tag = Tag::NONE;
        if self.missed == key.tag {
            self.missed = Tag::NONE;
            self.array.insert_new(key, entry);
        } else {
            self.array.insert(key, entry);
        }
        self.counters.fills += 1;
    }
}

impl<E: Copy + Default> PagingStructureCaches<E> {
    /// Empty caches.
    ///
    /// # Errors
    /// [`ConfigError::StructureCache`] if one cannot be built.
    pub fn new(config: &StructureCachesConfig) -> Result<Self, ConfigError> {
        let levels = [
            (Level::Pde, config.pde),
            (Level::Pdpte, config.pdpte),
            (Level::Pml4e, config.pml4e),
            (Level::Pml5e, config.pml5e),
        ];
        let built = levels
            .into_iter()
            .filter_map(|(level, shape)| Some(Cache::new(level, shape?)));
        Ok(Self {
            caches: built.collect::<Result<_, _>>()?,
            penalty: config.penalty,
            lookups: 0,
        })
    }

    /// What a look-up adds to a walk.
    pub fn penalty(&self) -> Cycles {
        self.penalty
    }

    /// The entry nearest the page on the way to the address, and its level.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is found need not go through memory"
    )]
    pub fn deepest(&mut self, address: VirtAddr, pcid: Pcid) -> Option<(Level, E)> {
        self.lookups += 1;
        for cache in &mut self.caches {
            if let Some(entry) = cache.find(address, pcid) {
                cache.counters.hits += 1;
                return Some((cache.level, entry));
            }
        }
        None
    }

    /// Whether the cache of this level holds the entry on the way to the address. Nothing
    /// changes.
    pub fn holds(&self, level: Level, address: VirtAddr, pcid: Pcid) -> bool {
        let mut caches = self.caches.iter().filter(|cache| cache.level == level);
        caches.any(|cache| {
            let key = cache.key(address, pcid);
            cache.array.peek(key).is_some()
        })
    }

    /// Remembers the entry at this level on the way to the address.
    #[inline]
    pub fn fill(&mut self, level: Level, address: VirtAddr, pcid: Pcid, entry: E) {
        if let Some(cache) = self.caches.iter_mut().find(|cache| cache.level == level) {
            cache.fill(cache.key(address, pcid), entry);
        }
    }

    /// Drops the entries on the way to the address, and says how many.
    pub fn forget(&mut self, address: VirtAddr, pcid: Pcid) -> usize {
        let dropped = self.caches.iter_mut().filter_map(|cache| {
            cache.last = Entry::none();
            let key = cache.key(address, pcid);
            cache.array.remove(key)
        });
        dropped.count()
    }

    /// Drops the entries in the scope, and says how many. No entry is global.
    pub fn invalidate(&mut self, scope: Scope) -> usize {
        let caches = self.caches.iter_mut();
        let dropped = caches.map(|cache| {
            cache.last = Entry::none();
            cache.array.retain(|entry| match scope {
                Scope::Page { pcid, .. }
                | Scope::PageOfPcid { pcid, .. }
                | Scope::Pcid(pcid)
                | Scope::PcidAndGlobal(pcid) => {
                    Pcid::from_cr3(entry.tag.bits() >> PCID_SHIFT) != pcid
                }
                Scope::NonGlobal | Scope::All => false,
            })
        });
        dropped.sum()
    }

    /// Walks that asked.
    pub fn lookups(&self) -> u64 {
        self.lookups
    }

    /// What happened to the cache of each level that has one, the deepest first.
    pub fn counters(&self) -> impl Iterator<Item = (Level, Geometry, StructureCounters)> {
        let caches = self.caches.iter();
        caches.map(|cache| (cache.level, cache.array.geometry(), cache.counters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P1: Pcid = Pcid::from_cr3(1);
    const P2: Pcid = Pcid::from_cr3(2);

    fn caches() -> PagingStructureCaches<u32> {
        let of = |entries| {
            Some(StructureCacheConfig {
                geometry: Geometry::fully_associative(entries).unwrap(),
                replacement: Replacement::TrueLru,
            })
        };
        PagingStructureCaches::new(&StructureCachesConfig {
            pml5e: None,
            pml4e: of(2),
            pdpte: of(4),
            pde: of(8),
            penalty: Cycles::new(1),
        })
        .unwrap()
    }

    #[test]
    fn the_deepest_entry_on_the_way_is_used() {
        let mut caches = caches();
        let address = VirtAddr::new(0x7f12_3456_7890);
        assert_eq!(caches.deepest(address, P1), None);
        caches.fill(Level::Pml4e, address, P1, 4);
        assert_eq!(caches.deepest(address, P1), Some((Level::Pml4e, 4)));
        caches.fill(Level::Pde, address, P1, 2);
        caches.fill(Level::Pdpte, address, P1, 3);
        assert_eq!(caches.deepest(address, P1), Some((Level::Pde, 2)));
        let next_directory_entry = VirtAddr::new(0x7f12_3476_7890);
        assert_eq!(
            caches.deepest(next_directory_entry, P1),
            Some((Level::Pdpte, 3))
        );
        assert_eq!(caches.deepest(address, P2), None);
        for (level, held) in [(Level::Pml5e, false), (Level::Pml4e, true)] {
            assert_eq!(caches.holds(level, next_directory_entry, P1), held);
            assert!(!caches.holds(level, address, P2));
        }
        assert!(!caches.holds(Level::Pde, next_directory_entry, P1));
    }

    /// SDM vol. 3, 4.10.4.1: INVLPG invalidates all entries of the current PCID in the
    /// paging-structure caches, whatever their address.
    #[test]
    fn invalidating_a_page_drops_all_entries_of_the_pcid() {
        let mut caches = caches();
        let (here, elsewhere) = (VirtAddr::new(0x1000), VirtAddr::new(0x7f00_0000_0000));
        caches.fill(Level::Pde, here, P1, 1);
        caches.fill(Level::Pml4e, elsewhere, P1, 2);
        caches.fill(Level::Pde, elsewhere, P2, 3);
        let scope = Scope::Page {
            address: here,
            pcid: P1,
        };
        assert_eq!(caches.invalidate(scope), 2);
        assert_eq!(caches.deepest(elsewhere, P1), None);
        assert_eq!(caches.deepest(elsewhere, P2), Some((Level::Pde, 3)));
    }

    #[test]
    fn forgetting_an_address_spares_the_others() {
        let mut caches = caches();
        caches.fill(Level::Pml4e, VirtAddr::new(0x1000), P1, 1);
        caches.fill(Level::Pde, VirtAddr::new(0x1000), P1, 2);
        caches.fill(Level::Pde, VirtAddr::new(0x20_0000), P1, 3);
        assert_eq!(caches.forget(VirtAddr::new(0x1fff), P1), 2);
        assert_eq!(
            caches.deepest(VirtAddr::new(0x20_0000), P1),
            Some((Level::Pde, 3))
        );
    }

    #[test]
    fn a_level_without_a_cache_remembers_nothing() {
        let mut caches =
            PagingStructureCaches::<u32>::new(&StructureCachesConfig::default()).unwrap();
        caches.fill(Level::Pde, VirtAddr::new(0x1000), P1, 1);
        assert_eq!(caches.deepest(VirtAddr::new(0x1000), P1), None);
    }
}
