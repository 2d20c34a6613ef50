use mmu_core::{
    CpuFeatures, Fault, Feature, FeaturesError, Mmu, Observer, PageSize, PhysAddr, PhysMem,
    TranslationCache, Vendor, WalkCost,
};

use super::access::Request;

/// The physical addresses of the processors that the files are from have so many bits.
const PHYSICAL_ADDRESS_BITS: u32 = 40;

/// The processor that the files are from; all that it does not have, no line turns on.
pub(super) fn features() -> Result<CpuFeatures, FeaturesError> {
    CpuFeatures::new(Vendor::Intel, PHYSICAL_ADDRESS_BITS, Feature::all())
}

/// What an access would reach, nothing changed and nothing cached asked.
pub(super) fn probe<T: TranslationCache, C: WalkCost, O: Observer>(
    mmu: &Mmu<T, C, O>,
    memory: &impl PhysMem,
    request: Request,
) -> Result<PhysAddr, Fault> {
    let Request {
        address,
        length,
        kind,
        mode,
    } = request;
    let page = PageSize::Size4KiB;
    let leaf = mmu.probe(memory, address, kind, mode)?;
    let last = address.wrapping_add(u64::from(length) - 1).align_down(page);
    if last != address.align_down(page) {
        mmu.probe(memory, last, kind, mode)?;
    }
    Ok(leaf.translation.physical(address))
}

/// What an access reaches.
pub(super) fn translate<T: TranslationCache, C: WalkCost, O: Observer>(
    mmu: &mut Mmu<T, C, O>,
    memory: &impl PhysMem,
    request: Request,
) -> Result<PhysAddr, Fault> {
    let Request {
        address,
        length,
        kind,
        mode,
    } = request;
    let span = mmu.translate_span(memory, address, length, kind, mode)?;
    Ok(span.first.address)
}
