use mmu_core::{
    AlignmentCheck, CpuFeatures, Feature, FunctionalMmu, KeyRights, Mmu, Msr, Observer, Regime,
    Registers, TranslationCache, Vendor, WalkCost,
};

use super::{hostile_memory::HostileMemory, supply::Supply};

/// Registers are written in any order with any values: what is refused changes nothing, and
/// what is let in is what a new MMU would be built from.
///
/// # Panics
/// If that does not hold.
pub fn registers(bytes: &[u8]) {
    let supply = &mut Supply::new(bytes);
    let features = features(supply);
    let memory = HostileMemory::new(supply);
    let start = Registers::default();
    let mut mmu = FunctionalMmu::functional(features, start).expect("paging is off");
    while !supply.is_empty() {
        let before = *mmu.registers();
        let written = write_one(&mut mmu, &memory, supply);
        let after = *mmu.registers();
        assert!(written || after == before, "{before:?} became {after:?}");
        let regime = Regime::new(&after, features);
        assert_eq!(regime.as_ref(), Ok(mmu.regime()), "{after:?}");
    }
}

/// A processor of any features; all of them, where there is none of these.
pub(super) fn features(supply: &mut Supply<'_>) -> CpuFeatures {
    let vendor = supply.choice(&[Vendor::Intel, Vendor::Amd]);
    let width = 32 + u32::from(supply.byte() % 24);
    // Often all, else some of any.
    let left_out = match supply.byte() {
        0..128 => 0,
        _ => supply.word() & supply.word(),
    };
    let left_out = u32::try_from(left_out & 0x3_ffff).unwrap_or(0);
    let features = Feature::all() - Feature::from_bits_truncate(left_out);
    CpuFeatures::new(vendor, width, features).unwrap_or_default()
}

/// Writes a register, and says whether it was let in.
pub(super) fn write_one<T: TranslationCache, C: WalkCost, O: Observer>(
    mmu: &mut Mmu<T, C, O>,
    memory: &HostileMemory,
    supply: &mut Supply<'_>,
) -> bool {
    let registers = *mmu.registers();
    // Changes of one bit get further than values at random.
    let changed = |value: u64, supply: &mut Supply<'_>| match supply.byte() {
        bit @ 0..64 => value ^ 1 << bit,
        64..128 => supply.word(),
        _ => value ^ supply.word() & 0x8000_0000_09f7_10b1,
    };
    match supply.byte() % 8 {
        0 => {
            let value = changed(registers.cr0.bits(), supply);
            mmu.write_cr0(memory, value).is_ok()
        }
        1 => {
            let value = changed(registers.cr3, supply);
            mmu.write_cr3(memory, value).is_ok()
        }
        2 | 3 => {
            let value = changed(registers.cr4.bits(), supply);
            mmu.write_cr4(memory, value).is_ok()
        }
        4 => {
            let value = changed(registers.efer.bits(), supply);
            mmu.write_msr(Msr::Efer, value).is_ok()
        }
        5 => {
            let index = u32::from(supply.byte()) | 0x200;
            let register = Msr::from_index(index).unwrap_or(Msr::Pkrs);
            let value = changed(mmu.read_msr(register), supply);
            mmu.write_msr(register, value).is_ok()
        }
        6 => {
            let [low, high] = [supply.byte(), supply.byte()].map(u32::from);
            mmu.write_pkru(KeyRights::from_bits(low | high << 24));
            true
        }
        _ => {
            let choices = [AlignmentCheck::Clear, AlignmentCheck::Set];
            mmu.set_alignment_check(supply.choice(&choices));
            true
        }
    }
}
