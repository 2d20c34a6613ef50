use units::{Pcid, VirtAddr};

/// Which cached translations to drop (SDM vol. 3, 4.10.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The page that holds the address: its entries of this PCID and its global ones; every
    /// fragment, if the TLBs hold it broken up. Of the paging-structure caches, all entries
    /// of the PCID whatever their address.
    Page {
        /// Any address of the page.
        address: VirtAddr,
        /// The PCID in use.
        pcid: Pcid,
    },
    /// The same without the global ones.
    PageOfPcid {
        /// Any address of the page.
        address: VirtAddr,
        /// The PCID.
        pcid: Pcid,
    },
    /// Every entry of the PCID that is not global.
    Pcid(Pcid),
    /// Every entry of the PCID, and every global one.
    PcidAndGlobal(Pcid),
    /// Every entry that is not global.
    NonGlobal,
    /// Every entry.
    All,
}
