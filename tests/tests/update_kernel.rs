//! Every order in which processors can set the flags of an entry while software changes it,
//! as far as the memory model of atomics lets there be any (loom): the same rules as in
//! `shared_tables.rs`, without luck.

use loom::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};
use mmu_core::{
    AccessKind, BusError, Cause, CpuFeatures, Cr0, Entry, Fault, Flushed, Ledger, Mmu, NoCost,
    NoObserver, Pcid, PhysAddr, PhysMem, PrivilegeMode, Registers, Scope, Translated, Translation,
    TranslationCache, VirtAddr,
};

const OPEN: u64 = Entry::PRESENT.bits() | Entry::WRITABLE.bits() | Entry::USER.bits();
const ACCESSED: u64 = Entry::ACCESSED.bits();
const DIRTY: u64 = Entry::DIRTY.bits();
const USED: u64 = OPEN | ACCESSED;
const OLD: u64 = 0x8000 | OPEN;
const NEW: u64 = 0x9000 | OPEN;

/// Remembers nothing: every access walks.
struct Nothing;

impl TranslationCache for Nothing {
    fn lookup<L: Ledger>(
        &mut self,
        _: VirtAddr,
        _: Pcid,
        _: AccessKind,
        _: &mut L,
    ) -> Option<Translated> {
        None
    }

    fn fill(&mut self, _: VirtAddr, _: Pcid, _: AccessKind, _: Translation) {}

    fn forget_translation(&mut self, _: VirtAddr, _: Pcid) -> usize {
        0
    }

    fn invalidate(&mut self, _: Scope) -> Flushed {
        Flushed::default()
    }
}

/// Tables whose last one has one word; the entries above are used already, and do not change.
struct Tables {
    above: &'static [(u64, u64)],
    last: AtomicU64,
    registers: Registers,
}

const PAGE_TABLE: u64 = 0x5000;

impl Tables {
    fn wide(entry: u64) -> Arc<Self> {
        Arc::new(Self {
            above: &[
                (0x2000, 0x3000 | USED),
                (0x3000, 0x4000 | USED),
                (0x4000, 0x5000 | USED),
            ],
            last: AtomicU64::new(entry),
            registers: Registers::four_level(PhysAddr::new(0x2000)),
        })
    }

    /// The word is two entries.
    fn narrow(entries: u64) -> Arc<Self> {
        Arc::new(Self {
            above: &[(0x4000, 0x5000 | USED)],
            last: AtomicU64::new(entries),
            registers: Registers {
                cr0: Cr0::PROTECTION_ENABLE | Cr0::PAGING | Cr0::WRITE_PROTECT,
                cr3: 0x4000,
                ..Registers::default()
            },
        })
    }

    /// What software does: a loop around a compare-exchange. Says what was there before.
    fn update(&self, new: impl Fn(u64) -> u64) -> u64 {
        let mut old = self.last.load(Ordering::Acquire);
        loop {
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            let done = self.last.compare_exchange(old, new(old), success, failure);
            match done {
                Ok(old) => return old,
                Err(found) => old = found,
            }
        }
    }
}

impl PhysMem for Tables {
    fn read_u64(&self, at: PhysAddr) -> Result<u64, BusError> {
        let at = at.as_u64();
        if at == PAGE_TABLE {
            return Ok(self.last.load(Ordering::Acquire));
        }
        let above = self.above.iter().find(|(place, _)| *place == at);
        above
            .map(|entry| entry.1)
            .ok_or(BusError(PhysAddr::new(at)))
    }

    fn compare_exchange_u64(
        &self,
        at: PhysAddr,
        current: u64,
        new: u64,
    ) -> Result<Result<(), u64>, BusError> {
        if at.as_u64() != PAGE_TABLE {
            return Err(BusError(at));
        }
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let done = self.last.compare_exchange(current, new, success, failure);
        Ok(done.map(|_| ()))
    }
}

type Answer = Result<u64, Cause>;

/// A processor that makes one access: where to, or why not.
fn access(tables: &Arc<Tables>, address: u64, kind: AccessKind) -> JoinHandle<Answer> {
    let tables = Arc::clone(tables);
    thread::spawn(move || {
        let features = CpuFeatures::default();
        let mut mmu = Mmu::new(features, tables.registers, Nothing, NoCost, NoObserver).unwrap();
        let address = VirtAddr::new(address);
        match mmu.translate(&*tables, address, kind, PrivilegeMode::User) {
            Ok(translated) => Ok(translated.address.as_u64()),
            Err(Fault::Page(fault)) => Err(fault.cause),
            Err(fault) => panic!("{fault}"),
        }
    })
}

/// The flags that accesses which used a frame leave in its entry.
fn flags(frame: u64, read: Answer, written: Answer) -> u64 {
    let frame = Ok(frame & !0xfff);
    let mut flags = 0;
    if read == frame {
        flags |= ACCESSED;
    }
    if written == frame {
        flags |= ACCESSED | DIRTY;
    }
    flags
}

#[test]
fn a_new_frame_gets_no_flag_of_the_old_one() {
    loom::model(|| {
        let tables = Tables::wide(OLD);
        let read = access(&tables, 0, AccessKind::Read);
        let written = access(&tables, 0, AccessKind::Write);
        let old = tables.update(|_| NEW);
        let (read, written) = (read.join().unwrap(), written.join().unwrap());
        let new = tables.last.load(Ordering::Acquire);
        assert_eq!(old, OLD | flags(OLD, read, written));
        assert_eq!(new, NEW | flags(NEW, read, written));
    });
}

#[test]
fn a_dirty_flag_is_either_collected_or_set_after_that() {
    loom::model(|| {
        let tables = Tables::wide(OLD | ACCESSED);
        let one = access(&tables, 0, AccessKind::Write);
        let other = access(&tables, 0, AccessKind::ReadModifyWrite);
        let software = Entry::SOFTWARE_9.bits();
        let collected = tables.update(|entry| entry & !DIRTY | software);
        assert!(one.join().unwrap().is_ok() && other.join().unwrap().is_ok());
        let left = tables.last.load(Ordering::Acquire);
        assert_eq!((collected | left) & DIRTY, DIRTY, "a write left no trace");
        assert_eq!(left & !DIRTY, OLD | ACCESSED | software);
    });
}

#[test]
fn an_entry_that_is_not_present_is_not_touched() {
    loom::model(|| {
        let tables = Tables::wide(OLD);
        let read = access(&tables, 0, AccessKind::Read);
        let written = access(&tables, 0, AccessKind::Write);
        let there = tables.update(|entry| entry & !Entry::PRESENT.bits());
        let (read, written) = (read.join().unwrap(), written.join().unwrap());
        let after = tables.last.load(Ordering::Acquire);
        assert_eq!(after, there & !Entry::PRESENT.bits());
        assert_eq!(there, OLD | flags(OLD, read, written));
        for answer in [read, written] {
            assert!(matches!(answer, Ok(0x8000) | Err(Cause::NotPresent)));
        }
    });
}

#[test]
fn a_read_only_page_does_not_become_dirty() {
    loom::model(|| {
        let tables = Tables::wide(OLD | ACCESSED);
        let read = access(&tables, 0, AccessKind::Read);
        let written = access(&tables, 0, AccessKind::Write);
        let there = tables.update(|entry| entry & !Entry::WRITABLE.bits());
        let (read, written) = (read.join().unwrap(), written.join().unwrap());
        let after = tables.last.load(Ordering::Acquire);
        assert_eq!(after, there & !Entry::WRITABLE.bits());
        assert_eq!(read, Ok(0x8000));
        match written {
            Ok(address) => assert_eq!((address, there & DIRTY), (0x8000, DIRTY)),
            Err(cause) => assert_eq!((cause, there & DIRTY), (Cause::Protection, 0)),
        }
    });
}

#[test]
fn two_narrow_entries_of_one_word_keep_both_their_flags() {
    // Each access is made of more steps here: orders with more switches are left out.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let tables = Tables::narrow(NEW << 32 | OLD);
        let low = access(&tables, 0, AccessKind::Write);
        let high = access(&tables, 0x1000, AccessKind::Read);
        let software = Entry::SOFTWARE_9.bits();
        tables.update(|word| word ^ software << 32);
        assert_eq!(low.join().unwrap(), Ok(0x8000));
        assert_eq!(high.join().unwrap(), Ok(0x9000));
        let low = OLD | ACCESSED | DIRTY;
        let high = NEW | ACCESSED | software;
        assert_eq!(tables.last.load(Ordering::Acquire), high << 32 | low);
    });
}
