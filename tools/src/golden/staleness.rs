use std::collections::BTreeMap;

use mmu_core::{Cr4, Invalidation, PageSize, Pcid, Registers, VirtAddr};

use super::tables::Time;

/// How old what is still cached may be, by the instructions that drop cached translations
/// (SDM vol. 3, 4.10.4.1). Where this is in doubt, it may be older.
#[derive(Debug, Default)]
pub(super) struct Staleness {
    everything: Time,
    not_global: Time,
    pcids: BTreeMap<Pcid, Time>,
    pages: BTreeMap<(Pcid, u64), Time>,
    spaces: Vec<AddressSpace>,
}

/// A value of CR3 that was in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AddressSpace {
    pub(super) cr3: u64,
    until: Time,
}

/// Translations that may be cached: made in these address spaces from entries that were
/// there later than `since`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cached {
    pub(super) spaces: Vec<u64>,
    pub(super) since: Time,
    pub(super) which: Which,
}

/// Which translations of an address space serve an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All.
    All,
    /// Those that are global.
    Global,
}

const BIT_63: u64 = 1 << 63;

impl Staleness {
    /// MOV to CR3, with the registers before it.
    pub(super) fn cr3_written(&mut self, before: &Registers, value: u64, now: Time) {
        self.spaces.push(AddressSpace {
            cr3: before.cr3,
            until: now,
        });
        let pcids = before.cr4.contains(Cr4::PCID_ENABLE);
        if !(pcids && value & BIT_63 != 0) {
            self.pcids.insert(pcid(before.cr4, value), now);
        }
    }

    /// MOV to CR4. What else it may drop is not counted on.
    pub(super) fn cr4_written(&mut self, before: Cr4, value: Cr4, now: Time) {
        let changed = before ^ value;
        let pcids_off = (before & changed).contains(Cr4::PCID_ENABLE);
        if changed.contains(Cr4::PAGE_GLOBAL_ENABLE) || pcids_off {
            self.everything = now;
        }
    }

    /// INVLPG or INVPCID.
    pub(super) fn invalidated(&mut self, registers: &Registers, what: Invalidation, now: Time) {
        match what {
            Invalidation::Invlpg(address) => {
                let pcid = pcid(registers.cr4, registers.cr3);
                self.pages.insert((pcid, page(address)), now);
            }
            Invalidation::Invpcid {
                operation,
                descriptor,
            } => {
                #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
                let (low, address) = (descriptor as u64, (descriptor >> 64) as u64);
                let pcid = Pcid::from_cr3(low);
                match operation {
                    0 => {
                        let page = page(VirtAddr::new(address));
                        self.pages.insert((pcid, page), now);
                    }
                    1 => {
                        self.pcids.insert(pcid, now);
                    }
                    2 => self.everything = now,
                    3 => self.not_global = now,
                    _ => {}
                }
            }
            // Whatever else there may be is not counted on.
            _ => {}
        }
    }

    /// What may serve an access.
    pub(super) fn cached(&self, registers: &Registers, address: VirtAddr) -> [Option<Cached>; 2] {
        let here = pcid(registers.cr4, registers.cr3);
        let time = |time: Option<&Time>| time.copied().unwrap_or_default();
        let of_pcid = [
            self.everything,
            self.not_global,
            time(self.pcids.get(&here)),
            time(self.pages.get(&(here, page(address)))),
        ];
        let since = of_pcid.into_iter().max().unwrap_or_default();
        let all = Cached {
            spaces: self.spaces(registers, since, |cr3| pcid(registers.cr4, cr3) == here),
            since,
            which: Which::All,
        };
        let global = registers.cr4.contains(Cr4::PAGE_GLOBAL_ENABLE).then(|| {
            // Where there are PCIDs, a global translation may have been made from what was
            // cached under another one, which INVLPG leaves alone.
            let since = if registers.cr4.contains(Cr4::PCID_ENABLE) {
                self.everything
            } else {
                self.everything
                    .max(time(self.pages.get(&(here, page(address)))))
            };
            Cached {
                spaces: self.spaces(registers, since, |_| true),
                since,
                which: Which::Global,
            }
        });
        [Some(all), global]
    }

    /// The address spaces in use since then, the present one among them.
    fn spaces(
        &self,
        registers: &Registers,
        since: Time,
        is_meant: impl Fn(u64) -> bool,
    ) -> Vec<u64> {
        let later = self.spaces.iter().filter(|space| space.until > since);
        let later = later.map(|space| space.cr3).filter(|&cr3| is_meant(cr3));
        let mut spaces: Vec<_> = later.chain([registers.cr3]).collect();
        spaces.sort_unstable();
        spaces.dedup();
        spaces
    }
}

fn pcid(cr4: Cr4, cr3: u64) -> Pcid {
    if cr4.contains(Cr4::PCID_ENABLE) {
        Pcid::from_cr3(cr3)
    } else {
        Pcid::ZERO
    }
}

fn page(address: VirtAddr) -> u64 {
    address.page_number(PageSize::Size4KiB)
}
