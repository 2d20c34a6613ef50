//! Software that changes page tables as the manual asks it to (SDM vol. 3, 4.10.4.2): each
//! store is followed by an invalidation that suffices, or by none where none is needed.
//!
//! Three address spaces, each with tables and a PCID of its own, and a kernel in the upper half
//! that all share; only the kernel's pages are global.

use mmu_core::{AccessKind, Cr0, Cr4, Entry, PrivilegeMode, VirtAddr};

/// How many address spaces there are.
pub const SPACES: usize = 3;
/// Frames of the tables; there is no memory beyond them.
pub const FRAMES: u64 = 24;

/// Each space has so many tables, and the kernel has as many but for the first.
const TABLES: u64 = 6;
const SLOTS: [u64; 3] = [0, 1, 511];
const DIRECTORIES: [u64; 2] = [0, 1];
const KERNEL: u64 = 0xffff_8000_0000_0000;
const KEEP: u64 = 1 << 63;

/// Whose tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An address space's.
    Space(usize),
    /// Every address space's upper half.
    Kernel,
}

/// An entry that the software changes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whose tables it is in.
    pub owner: Owner,
    /// Which.
    pub entry: Which,
}

/// An entry on the way to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The PML4E.
    Pml4e,
    /// The PDPTE.
    Pdpte,
    /// A PDE.
    Pde(usize),
    /// A PTE of one of the page tables, of which there is one more than PDEs.
    Pte(usize, usize),
}

impl Place {
    /// Every place that is changed. The kernel's PML4Es are not: all spaces would have to
    /// agree on them.
    pub fn all() -> Vec<Self> {
        let owners = (0..SPACES).map(Owner::Space).chain([Owner::Kernel]);
        let mut places = Vec::new();
        for owner in owners {
            let mut entries = vec![Which::Pdpte];
            if owner != Owner::Kernel {
                entries.push(Which::Pml4e);
            }
            entries.extend((0..DIRECTORIES.len()).map(Which::Pde));
            let tables = 0..=DIRECTORIES.len();
            entries.extend(tables.flat_map(|table| {
                let slots = 0..SLOTS.len();
                slots.map(move |slot| Which::Pte(table, slot))
            }));
            places.extend(entries.into_iter().map(|entry| Self { owner, entry }));
        }
        places
    }

    /// Where it lies.
    pub fn at(self) -> u64 {
        match self.entry {
            Which::Pml4e => table(self.owner, 0),
            Which::Pdpte => table(self.owner, 1),
            Which::Pde(directory) => table(self.owner, 2) + 8 * DIRECTORIES[directory],
            Which::Pte(page_table, slot) => {
                table(self.owner, 3 + page_table as u64) + 8 * SLOTS[slot]
            }
        }
    }

    /// The pages whose translations may use it: any page table may be used by any PDE.
    fn pages(self) -> Vec<VirtAddr> {
        let all = pages(self.owner);
        let slots = SLOTS.len();
        match self.entry {
            Which::Pml4e | Which::Pdpte => all,
            Which::Pde(directory) => all[directory * slots..][..slots].to_vec(),
            Which::Pte(_, slot) => all.into_iter().skip(slot).step_by(slots).collect(),
        }
    }
}

/// The page that an owner's address of this number lies in: one for each place in the last
/// level of tables.
fn pages(owner: Owner) -> Vec<VirtAddr> {
    let base = match owner {
        Owner::Space(_) => 0,
        Owner::Kernel => KERNEL,
    };
    let page = |directory: u64, slot: u64| VirtAddr::new(base | directory << 21 | slot << 12);
    let directories = DIRECTORIES.into_iter();
    directories
        .flat_map(|directory| SLOTS.map(|slot| page(directory, slot)))
        .collect()
}

/// Every page that is accessed.
pub fn all_pages() -> Vec<VirtAddr> {
    [pages(Owner::Space(0)), pages(Owner::Kernel)].concat()
}

/// Where a table lies: 0 is the PML4, 1 the PDPT, 2 the page directory, then page tables.
fn table(owner: Owner, number: u64) -> u64 {
    let first = match owner {
        Owner::Space(space) => space as u64 * TABLES,
        Owner::Kernel => SPACES as u64 * TABLES - 1,
    };
    (1 + first + number) << 12
}

/// What an entry is to become.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// What it leads to.
    pub leads_to: LeadsTo,
    /// Flags: R/W, U/S, XD, A, D, and G, which only a kernel's page gets.
    pub flags: Entry,
    /// The frame of a page, or the page table that a PDE points to.
    pub target: u64,
    /// The protection key of a page.
    pub key: u64,
}

/// What an entry leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadsTo {
    /// Nothing.
    Nothing,
    /// The next table, or at the last level a page.
    Next,
    /// A large page, if its level has any.
    LargePage,
}

impl Place {
    /// The value with this content.
    pub fn value(self, content: Content) -> u64 {
        let large = content.leads_to == LeadsTo::LargePage;
        let (address, page) = match self.entry {
            Which::Pml4e => (table(self.owner, 1), false),
            Which::Pdpte if large => ((content.target % 512) << 30 | Entry::LARGE.bits(), true),
            Which::Pdpte => (table(self.owner, 2), false),
            Which::Pde(_) if large => (
                (content.target % 0x1_0000) << 21 | Entry::LARGE.bits(),
                true,
            ),
            Which::Pde(_) => {
                let page_table = content.target % (DIRECTORIES.len() as u64 + 1);
                (table(self.owner, 3 + page_table), false)
            }
            Which::Pte(..) => (content.target << 12, true),
        };
        let mut entry = content.flags;
        entry.set(Entry::PRESENT, content.leads_to != LeadsTo::Nothing);
        if page && self.owner != Owner::Kernel {
            entry -= Entry::GLOBAL;
        }
        if !page {
            entry -= Entry::DIRTY;
        }
        address | entry.bits() | content.key << 59
    }
}

/// How what is cached of a changed entry is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// INVLPG, or INVPCID of an address where the PCID is not in use, for every page.
    EveryPage,
    /// MOV to CR3, or INVPCID of a PCID.
    Pcid,
    /// INVPCID of everything but global pages.
    NonGlobal,
    /// INVPCID of everything.
    All,
    /// CR4.PGE is changed and changed back.
    PageGlobalEnable,
    /// Nothing now; the PCID is dropped before it is used again.
    Later,
    /// Nothing if nothing was there: no entry that is not present is cached (4.10.4.3).
    IfNeeded,
}

/// A step of a program.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An access.
    Access(VirtAddr, AccessKind, PrivilegeMode),
    /// An entry is stored, and what is cached of it dropped.
    Store(usize, Content, Method),
    /// R/W is set or XD cleared in an entry. Nothing need be dropped (4.10.4.3).
    Grant(usize, Entry),
    /// A or D is cleared and nothing dropped: the bit may or may not be set again (4.8).
    ClearFlag(usize, Entry),
    /// Another address space, with or without bit 63 of CR3.
    Switch(usize, Keep),
    /// Two address spaces exchange their PCIDs.
    ExchangePcids(usize, usize),
    /// Bits of CR4 are turned round.
    Cr4(Cr4),
    /// CR0.WP is turned round.
    WriteProtect,
    /// EFLAGS.AC is turned round.
    AlignmentCheck,
    /// PKRU.
    Pkru(u32),
    /// `IA32_PKRS`.
    Pkrs(u32),
}

/// Whether what is cached of a PCID is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Yes, if it is right still.
    IfItCan,
    /// No.
    No,
}

/// What the processor is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Makes an access.
    Access(VirtAddr, AccessKind, PrivilegeMode),
    /// Stores eight bytes.
    Store(u64, u64),
    /// Sets and clears bits of eight bytes, as one locked instruction.
    Change {
        /// Where.
        at: u64,
        /// The bits to set.
        set: u64,
        /// The bits to clear.
        clear: u64,
    },
    /// INVLPG.
    Invlpg(VirtAddr),
    /// INVPCID: the type and the operand.
    Invpcid(u64, u128),
    /// MOV to CR0.
    Cr0(u64),
    /// MOV to CR3.
    Cr3(u64),
    /// MOV to CR4.
    Cr4(u64),
    /// STAC or CLAC.
    AlignmentCheck,
    /// WRPKRU.
    Pkru(u32),
    /// WRMSR to `IA32_PKRS`.
    Pkrs(u32),
}

/// The operating system: what it knows of the processor.
#[derive(Clone, Debug)]
pub struct Software {
    places: Vec<Place>,
    /// What was last stored at each of them.
    values: Vec<u64>,
    current: usize,
    /// The PCID of each space; None while CR4.PCIDE is 0.
    pcids: Option<[u64; SPACES]>,
    /// Whether what is cached of a space's PCID has to be dropped before it is used.
    stale: [bool; SPACES],
    cr0: Cr0,
    cr4: Cr4,
    ops: Vec<Op>,
}

impl Software {
    /// What runs with these registers, in the first space.
    pub fn new(cr0: Cr0, cr4: Cr4) -> Self {
        let pcids = cr4.contains(Cr4::PCID_ENABLE);
        let places = Place::all();
        let stores = Self::first_stores();
        let first = |place: &Place| stores.iter().find(|(at, _)| *at == place.at());
        let values = places.iter().map(|place| first(place).map_or(0, |at| at.1));
        Self {
            values: values.collect(),
            places,
            current: 0,
            pcids: pcids.then_some([0, 7, 0xfff]),
            stale: [true; SPACES],
            cr0,
            cr4,
            ops: Vec::new(),
        }
    }

    /// The tables as they are at first: all of them linked, and every page mapped.
    pub fn first_stores() -> Vec<(u64, u64)> {
        let open = Content {
            leads_to: LeadsTo::Next,
            flags: Entry::WRITABLE | Entry::USER,
            target: 0,
            key: 0,
        };
        let mut stores = Vec::new();
        for place in Place::all() {
            let target = match place.entry {
                Which::Pde(directory) => directory as u64,
                _ => place.at() >> 3,
            };
            stores.push((place.at(), place.value(Content { target, ..open })));
        }
        let kernel = Entry::PRESENT | Entry::WRITABLE;
        let kernel = table(Owner::Kernel, 1) | kernel.bits();
        stores.extend((0..SPACES).map(|space| (table(Owner::Space(space), 0) + 8 * 256, kernel)));
        stores
    }

    /// CR3 of the first space.
    pub fn first_cr3() -> u64 {
        table(Owner::Space(0), 0)
    }

    /// What the processor is told, for a step.
    pub fn run(&mut self, step: Step) -> Vec<Op> {
        match step {
            Step::Access(address, kind, mode) => self.ops.push(Op::Access(address, kind, mode)),
            Step::Store(place, content, method) => {
                let index = place % self.places.len();
                let place = self.places[index];
                let value = place.value(content);
                let old = std::mem::replace(&mut self.values[index], value);
                self.ops.push(Op::Store(place.at(), value));
                let was_present = old & Entry::PRESENT.bits() != 0;
                if was_present || method != Method::IfNeeded {
                    self.drop_cached(place, Entry::from_bits_retain(old), method);
                }
            }
            Step::Grant(place, flag) => self.ops.push(Op::Change {
                at: self.places[place % self.places.len()].at(),
                set: (flag & Entry::WRITABLE).bits(),
                clear: (flag & Entry::NO_EXECUTE).bits(),
            }),
            Step::ClearFlag(place, flag) => self.ops.push(Op::Change {
                at: self.places[place % self.places.len()].at(),
                set: 0,
                clear: (flag & (Entry::ACCESSED | Entry::DIRTY)).bits(),
            }),
            Step::Switch(space, keep) => self.switch(space % SPACES, keep),
            Step::ExchangePcids(one, other) => self.exchange(one % SPACES, other % SPACES),
            Step::Cr4(bits) => {
                self.cr4 ^= bits;
                self.ops.push(Op::Cr4(self.cr4.bits()));
            }
            Step::WriteProtect => {
                self.cr0 ^= Cr0::WRITE_PROTECT;
                self.ops.push(Op::Cr0(self.cr0.bits()));
            }
            Step::AlignmentCheck => self.ops.push(Op::AlignmentCheck),
            Step::Pkru(value) => self.ops.push(Op::Pkru(value)),
            Step::Pkrs(value) => self.ops.push(Op::Pkrs(value)),
        }
        std::mem::take(&mut self.ops)
    }

    fn pcid(&self, space: usize) -> u64 {
        self.pcids.map_or(0, |pcids| pcids[space])
    }

    /// MOV to CR3 drops what is cached of the PCID it loads unless bit 63 is set.
    fn switch(&mut self, space: usize, keep: Keep) {
        let keeps = keep == Keep::IfItCan && self.pcids.is_some() && !self.stale[space];
        let keep = if keeps { KEEP } else { 0 };
        let root = table(Owner::Space(space), 0);
        self.ops.push(Op::Cr3(root | self.pcid(space) | keep));
        if self.pcids.is_none() {
            self.stale = [true; SPACES];
        }
        self.stale[space] = false;
        self.current = space;
    }

    fn exchange(&mut self, one: usize, other: usize) {
        if let Some(pcids) = &mut self.pcids {
            pcids.swap(one, other);
            (self.stale[one], self.stale[other]) = (true, true);
            if [one, other].contains(&self.current) {
                self.switch(self.current, Keep::No);
            }
        }
    }

    /// 4.10.4.2. Of a kernel's entry global translations may be cached, which only some
    /// methods drop, and other PCIDs may have cached it too.
    fn drop_cached(&mut self, place: Place, old: Entry, method: Method) {
        let mut pages = place.pages();
        if old.contains(Entry::PRESENT | Entry::LARGE) && !matches!(place.entry, Which::Pte(..)) {
            // Any address of a large page is as good as every one (4.10.4.1).
            pages.truncate(1);
        }
        match (place.owner, method) {
            (_, Method::PageGlobalEnable) => {
                for _ in 0..2 {
                    self.cr4 ^= Cr4::PAGE_GLOBAL_ENABLE;
                    self.ops.push(Op::Cr4(self.cr4.bits()));
                }
            }
            (_, Method::All) => self.ops.push(Op::Invpcid(2, 0)),
            (Owner::Space(_), Method::NonGlobal) => self.ops.push(Op::Invpcid(3, 0)),
            (Owner::Space(space), method) if space == self.current => match method {
                Method::Pcid => self.switch(space, Keep::No),
                _ => self.every_page(&pages),
            },
            (Owner::Space(space), Method::Later) => self.stale[space] = true,
            // Without PCIDs the switch to the space drops it.
            (Owner::Space(_), _) if self.pcids.is_none() => {}
            (Owner::Space(space), Method::Pcid) => {
                self.ops.push(Op::Invpcid(1, self.pcid(space).into()));
            }
            (Owner::Space(space), _) => self.every_page_of_pcid(&pages, space),
            (Owner::Kernel, method) => {
                self.every_page(&pages);
                let current = self.current;
                for space in (0..SPACES).filter(|&space| space != current) {
                    match (method, self.pcids) {
                        (_, None) => {}
                        (Method::EveryPage, _) => self.every_page_of_pcid(&pages, space),
                        (Method::Pcid, _) => {
                            self.ops.push(Op::Invpcid(1, self.pcid(space).into()));
                        }
                        _ => self.stale[space] = true,
                    }
                }
            }
        }
    }

    fn every_page(&mut self, pages: &[VirtAddr]) {
        self.ops.extend(pages.iter().copied().map(Op::Invlpg));
    }

    fn every_page_of_pcid(&mut self, pages: &[VirtAddr], space: usize) {
        let pcid = u128::from(self.pcid(space));
        let descriptor = |page: &VirtAddr| u128::from(page.as_u64()) << 64 | pcid;
        let ops = pages.iter().map(|page| Op::Invpcid(0, descriptor(page)));
        self.ops.extend(ops);
    }
}
