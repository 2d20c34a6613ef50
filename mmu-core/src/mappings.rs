use units::{Level, VirtAddr};

use crate::{Fault, Leaf, PagingMode, PhysMem, Regime};

/// Every page that an address space maps, by address, as walks find them; the holes between
/// are skipped as far as one look at an entry settles.
///
/// A part of the tables that lies where no memory answers, or that has reserved bits set, is
/// yielded as the fault, once for the whole extent of the entry.
#[derive(Clone, Debug)]
pub struct Mappings<'a, M: ?Sized> {
    regime: &'a Regime,
    memory: &'a M,
    next: Option<VirtAddr>,
}

impl<'a, M: PhysMem + ?Sized> Mappings<'a, M> {
    /// The pages of the address space that the regime's root describes; none, if paging is
    /// off.
    pub fn new(regime: &'a Regime, memory: &'a M) -> Self {
        Self {
            regime,
            memory,
            next: (regime.mode() != PagingMode::Off).then_some(VirtAddr::new(0)),
        }
    }

    /// Goes on behind the aligned block of so many bytes that holds the address.
    fn skip(&mut self, address: VirtAddr, bytes: u64) {
        let block = VirtAddr::new(address.as_u64() & !(bytes - 1));
        let linear = &self.regime.linear;
        self.next = block.checked_add(bytes).and_then(|next| {
            let was_lower = block.as_u64() < linear.lower_end();
            if was_lower && next.as_u64() >= linear.lower_end() {
                linear.upper_half()
            } else {
                Some(next)
            }
        });
    }
}

impl<M: PhysMem + ?Sized> Iterator for Mappings<'_, M> {
    type Item = Result<Leaf, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let address = self.next?;
            match self.regime.inspect(self.memory, address) {
                Ok(leaf) => {
                    self.skip(address, leaf.translation.size().bytes());
                    return Some(Ok(leaf));
                }
                Err(fault) => {
                    let (extent, skipped_in_silence) = match fault {
                        Fault::Page(fault) => {
                            (fault.extent, fault.cause == crate::Cause::NotPresent)
                        }
                        // What could not be read is a whole table.
                        Fault::NoMemory { level, .. } => (self.regime.table_covers(level), false),
                        Fault::Contended { level, .. } => (level.covers(), false),
                        Fault::NonCanonical(_) | Fault::AddressSpace(_) | Fault::TooLong { .. } => {
                            (Level::Pte.covers(), true)
                        }
                    };
                    self.skip(address, extent);
                    if !skipped_in_silence {
                        return Some(Err(fault));
                    }
                }
            }
        }
    }
}
