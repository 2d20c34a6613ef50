use memory_manager::shootdown::{Batch, Presence, Shootdowns};
use mmu_core::{
    AccessKind, CpuFeatures, Cr4, FunctionalMmu, Invalidation, PageSize, Pcid, PhysAddr,
    PrivilegeMode, ProcessorId, Registers, VirtAddr,
};

use crate::{OPERATIONS, PageTables};

const PAGE: u64 = PageSize::Size4KiB.bytes();
const BASE: VirtAddr = VirtAddr::new(0x5555_0000_0000);
const FRAMES: PhysAddr = PhysAddr::new(0x1000_0000);
const PAGES: u64 = 64;
/// How far the frames lie that an audit maps instead.
const ELSEWHERE: u64 = 0x100_0000;

const TARGETS: u32 = 8;

/// A processor that makes eight others forget a page, from the invalidation that is issued to the
/// proof that nobody uses the page's frame. The handlers of the interrupts run in turn.
#[derive(Debug)]
pub struct ShootdownWorld {
    tables: PageTables,
    shootdowns: Shootdowns,
    space: Presence,
    mmus: Vec<FunctionalMmu>,
    /// What was issued, and is nothing between rounds.
    batch: Batch<PhysAddr>,
}

impl ShootdownWorld {
    /// All processors run one address space, and have its pages cached.
    ///
    /// # Panics
    /// If they cannot.
    pub fn new() -> Self {
        let pcid = Pcid::new(1).expect("there is one");
        let mut tables = PageTables::new();
        for page in 0..PAGES {
            tables.map(address(page), frame(page));
        }
        let mut registers: Registers = tables.registers();
        registers.cr4.set(Cr4::PCID_ENABLE, true);
        registers.cr3 |= pcid.as_u64();
        let (shootdowns, space) = (Shootdowns::new(TARGETS + 1), Presence::new(pcid));
        let mmu = |processor| {
            let inbox = shootdowns.inbox(processor).expect("there is one");
            let _ = space.enter(inbox);
            FunctionalMmu::functional(CpuFeatures::default(), registers).expect("can page")
        };
        let mmus = ProcessorId::first(TARGETS + 1).map(mmu).collect();
        let mut world = Self {
            tables,
            shootdowns,
            space,
            mmus,
            batch: Batch::default(),
        };
        world.check_all(0);
        world
    }

    /// One page after the other is shot down.
    ///
    /// # Panics
    /// If a frame does not come back.
    #[inline]
    pub fn round(&mut self) {
        let initiator = ProcessorId::FIRST;
        for operation in 0..OPERATIONS {
            let page = operation % PAGES;
            let address = u128::from(address(page).as_u64()) << 64;
            let stale = Invalidation::Invpcid {
                operation: 0,
                descriptor: address | u128::from(self.space.pcid().as_u64()),
            };
            let _ = self.mmus[initiator.index()].invalidate(stale);
            self.batch.issue(&self.space, stale, Some(initiator));
            self.batch.keep(frame(page));
            let ticket = self.shootdowns.dispatch(&mut self.batch);
            assert_eq!(ticket.targets().len(), TARGETS as usize);
            for target in ticket.targets() {
                let inbox = self.shootdowns.inbox(target).expect("it is there");
                let mmu = &mut self.mmus[target.index()];
                inbox.handle(|stale| {
                    let _ = mmu.invalidate(stale);
                });
            }
            let synced = self.shootdowns.sync(ticket, Some(initiator), |_| ());
            assert_eq!(synced.into_kept(), [frame(page)]);
        }
    }

    /// Looks whether a round makes every processor forget every page.
    ///
    /// # Panics
    /// If it does not.
    pub fn audit(&mut self) {
        self.check_all(0);
        for page in 0..PAGES {
            let other = frame(page).wrapping_add(ELSEWHERE);
            self.tables.map(address(page), other);
        }
        self.check_all(0);
        self.round();
        self.check_all(ELSEWHERE);
        for page in 0..PAGES {
            self.tables.map(address(page), frame(page));
        }
        self.round();
    }

    /// Every processor finds each page's frame, so far from where it was at first.
    fn check_all(&mut self, distance: u64) {
        for mmu in &mut self.mmus {
            for page in 0..PAGES {
                let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
                let found = mmu.translate(self.tables.memory(), address(page), kind, mode);
                let found = found.expect("it is mapped").address;
                assert_eq!(found, frame(page).wrapping_add(distance));
            }
        }
    }
}

impl Default for ShootdownWorld {
    fn default() -> Self {
        Self::new()
    }
}

fn address(page: u64) -> VirtAddr {
    BASE.wrapping_add(page * PAGE)
}

fn frame(page: u64) -> PhysAddr {
    FRAMES.wrapping_add(page * PAGE)
}
