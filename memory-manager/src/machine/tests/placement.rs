use super::*;
use crate::{
    AddressRequirements, AllocationRequest, SectionAttributes, ViewRequest, ZeroBits,
    vad::USER_LIMIT,
};

const TOP_DOWN: AllocationType = AllocationType::TOP_DOWN;

fn request(base: u64, size: u64, kind: AllocationType) -> AllocationRequest {
    AllocationRequest {
        base: Some(VirtAddr::new(base)),
        size,
        kind,
        protection: READWRITE,
    }
}

fn requirements(lowest: u64, highest: u64, alignment: u64) -> AddressRequirements {
    AddressRequirements {
        lowest: Some(VirtAddr::new(lowest)),
        highest: Some(VirtAddr::new(highest)),
        alignment,
    }
}

impl Bench {
    fn alloc_below(
        &mut self,
        base: u64,
        kind: AllocationType,
        zero_bits: u64,
    ) -> Result<u64, Status> {
        let (request, zero_bits) = (request(base, 0x1000, kind), ZeroBits(zero_bits));
        let (machine, process) = (&mut self.machine, self.process);
        let done = machine.virtual_alloc_below(process, &request, zero_bits);
        done.map(|range| range.base.as_u64())
    }

    fn alloc_within(
        &mut self,
        request: &AllocationRequest,
        requirements: &AddressRequirements,
    ) -> Result<u64, Status> {
        let (machine, process) = (&mut self.machine, self.process);
        let done = machine.virtual_alloc_ex(process, request, requirements);
        done.map(|range| range.base.as_u64())
    }
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemory`.
#[test]
fn so_many_bits_of_the_lower_half_are_zero_as_are_asked() {
    let mut bench = Bench::new();
    for zero_bits in 1..=15 {
        let base = bench.alloc_below(0, BOTH | TOP_DOWN, zero_bits).unwrap();
        assert_eq!(base >> (32 - zero_bits), 0, "{zero_bits}");
        // The highest one, since it comes from the top down.
        assert_eq!(base, (1 << (32 - zero_bits)) - 0x1_0000, "{zero_bits}");
        bench.free(base, 0, RELEASE).unwrap();
    }
    for zero_bits in 16..=21 {
        let refused = bench.alloc_below(0, BOTH, zero_bits);
        assert_eq!(refused, Err(Status::NoMemory), "{zero_bits}");
    }
    for zero_bits in 22..=31 {
        for kind in [BOTH, AllocationType::empty()] {
            let refused = bench.alloc_below(BASE, kind, zero_bits);
            assert_eq!(refused, Err(Status::InvalidParameter3), "{zero_bits}");
        }
    }
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemory`.
#[test]
fn zero_bits_above_31_are_a_mask_of_which_the_leading_zeros_matter() {
    let mut bench = Bench::new();
    for (mask, base) in [
        (0x1aaa_aaaa, 0x1fff_0000),
        (0x1_2345_6789, 0x1_ffff_0000),
        (0x3_ffff, 0x3_0000),
    ] {
        let done = bench.alloc_below(0, BOTH | TOP_DOWN, mask);
        assert_eq!(done, Ok(base), "{mask:#x}");
    }
    let all = bench.alloc_below(0, BOTH, u64::MAX);
    assert_eq!(
        all,
        bench.alloc_below(0, BOTH, 0).map(|next| next - 0x1_0000)
    );
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemory`.
#[test]
fn zero_bits_do_not_matter_where_a_base_is_given() {
    let mut bench = Bench::new();
    assert_eq!(bench.alloc_below(BASE, BOTH, 12), Ok(BASE));
    let taken = bench.alloc_below(BASE + 0x1000, BOTH, 12);
    assert_eq!(taken, Err(Status::ConflictingAddresses));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx_address_requirements`; Microsoft,
/// `MEM_ADDRESS_REQUIREMENTS`, for the lowest address.
#[test]
fn address_requirements_that_make_no_sense_are_refused() {
    let mut bench = Bench::new();
    let reserve = request(0, 0x1_0000, RESERVE);
    for (lowest, highest, alignment) in [
        (0, 0x2000_1000 + 1, 0),
        (0, 0x2000_1000 - 2, 0),
        (0, 0x2000_0800 - 1, 0),
        (0, 0x2000_0000, 0),
        (0, USER_LIMIT - 1 + 0x1000, 0),
        (0, u64::MAX, 0),
        (0, 0, 0x8000),
        (0, 0, 0x3_0000),
        (0x1000, 0, 0),
        (USER_LIMIT, 0, 0),
        (0x2000_0000, 0x1fff_ffff, 0),
    ] {
        let asked = requirements(lowest, highest, alignment);
        let refused = bench.alloc_within(&reserve, &asked);
        assert_eq!(refused, Err(Status::InvalidParameter), "{asked:x?}");
    }
    for asked in [
        AddressRequirements::default(),
        requirements(0, 0, 0),
        requirements(0, USER_LIMIT - 1, 0),
    ] {
        assert!(bench.alloc_within(&reserve, &asked).is_ok(), "{asked:x?}");
    }
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx_address_requirements`.
#[test]
fn an_address_is_found_within_its_requirements_or_there_is_no_memory() {
    let mut bench = Bench::new();
    for (size, lowest, highest, alignment, base) in [
        (0x4_0000, 0, 0x2000_0fff, 0, Ok(0x1_0000)),
        (0x1000, 0, 0x2000_0fff, 0x1_0000, Ok(0x5_0000)),
        (0x1000, 0, 0, 0x4_0000, Ok(0x8_0000)),
        (0x1000, 0x1234_0000, 0, 0, Ok(0x1234_0000)),
        (0x1000, 0x1234_0000, 0x4000_0fff, 1 << 30, Ok(0x4000_0000)),
        (0x2000, 0, 0x2000_0fff, 0x2000_0000, Err(Status::NoMemory)),
        (0x2_0000, 0x1234_0000, 0x1235_ffff, 0, Err(Status::NoMemory)),
        (0x1_0000, 0x1234_0000, 0x1235_ffff, 0, Ok(0x1235_0000)),
        (0x1000, 1 << 46, 0, 1 << 46, Ok(1 << 46)),
        (0x1000, 1 << 46, 0, 1 << 46, Err(Status::NoMemory)),
    ] {
        let asked = requirements(lowest, highest, alignment);
        let done = bench.alloc_within(&request(0, size, RESERVE), &asked);
        assert_eq!(done, base, "{asked:x?}");
    }
    let high = requirements(0, 0x3fff_ffff, 0x10_0000);
    let done = bench.alloc_within(&request(0, 0x1000, RESERVE | TOP_DOWN), &high);
    assert_eq!(done, Ok(0x3ff0_0000));
}

/// Wine's tests, ntdll `test_NtAllocateVirtualMemoryEx_address_requirements`.
#[test]
fn nothing_is_required_of_an_address_that_is_given() {
    let mut bench = Bench::new();
    for asked in [
        requirements(0, 0x2000_0fff, 0),
        requirements(0x1_0000, 0, 0),
        requirements(0, 0, 0x4_0000),
    ] {
        for kind in [RESERVE, COMMIT] {
            let refused = bench.alloc_within(&request(BASE, 0x1000, kind), &asked);
            assert_eq!(refused, Err(Status::InvalidParameter), "{asked:x?}");
        }
    }
    let nothing = requirements(0, 0, 0);
    let given = bench.alloc_within(&request(BASE, 0x1000, RESERVE), &nothing);
    assert_eq!(given, Ok(BASE));
}

/// Wine's `NtAllocateVirtualMemoryEx`, whose statuses for types are those of Wine's tests.
#[test]
fn the_extended_call_does_not_name_the_wrong_argument() {
    let mut bench = Bench::new();
    let anywhere = AddressRequirements::default();
    for (base, size, kind) in [
        (BASE, 0, RESERVE),
        (BASE, u64::MAX, RESERVE),
        (USER_LIMIT, 0x1000, RESERVE),
        (0xf000, 0x1000, RESERVE),
        (BASE, 0x1000, AllocationType::empty()),
        (BASE, 0x1000, TOP_DOWN),
    ] {
        let refused = bench.alloc_within(&request(base, size, kind), &anywhere);
        assert_eq!(refused, Err(Status::InvalidParameter), "{base:#x} {kind:?}");
    }
}

/// ReactOS's tests, `NtMapViewOfSection` and `ZwMapViewOfSection`.
#[test]
fn views_of_memory_are_neither_reserved_nor_committed_as_they_are_mapped() {
    let mut bench = Bench::new();
    for attributes in [SectionAttributes::COMMIT, SectionAttributes::RESERVE] {
        let section = bench.section(READWRITE, attributes, 0x2_0000).unwrap();
        let request = ViewRequest {
            base: None,
            offset: 0,
            size: 0x1000,
            commit: 0,
            protection: READWRITE,
        };
        let anywhere = AddressRequirements::default();
        let (machine, process) = (&mut bench.machine, bench.process);
        for kind in [COMMIT, RESERVE, BOTH] {
            let refused = machine.map_view_ex(process, section, &request, kind, &anywhere);
            assert_eq!(refused, Err(Status::InvalidParameter), "{kind:?}");
        }
    }
}

/// Wine's tests, ntdll `test_NtMapViewOfSectionEx`.
#[test]
fn views_are_mapped_within_requirements_but_for_an_alignment() {
    let mut bench = Bench::new();
    let section = bench.section(READWRITE, SectionAttributes::COMMIT, 0x4_0000);
    let section = section.unwrap();
    let mut map = |base: u64, kind, asked| {
        let request = ViewRequest {
            base: Some(VirtAddr::new(base)),
            offset: 0,
            size: 0,
            commit: 0,
            protection: READWRITE,
        };
        let (machine, process) = (&mut bench.machine, bench.process);
        let done = machine.map_view_ex(process, section, &request, kind, &asked);
        done.map(|view| view.range.base.as_u64())
    };
    let none = AllocationType::empty();
    let below = requirements(0, 0x2000_0fff, 0);
    assert_eq!(map(0, none, below), Ok(0x1_0000));
    assert_eq!(map(0, TOP_DOWN, below), Ok(0x1ffc_0000));
    for shift in 0..64 {
        let aligned = map(0, none, requirements(0, 0, 1 << shift));
        assert_eq!(aligned, Err(Status::InvalidParameter));
    }
    for highest in [0x2000_1001, 0x2000_0ffe, 0x2000_07ff, USER_LIMIT + 0xfff] {
        let wrong = map(0, none, requirements(0, highest, 0));
        assert_eq!(wrong, Err(Status::InvalidParameter), "{highest:#x}");
    }
    assert_eq!(map(BASE, none, below), Err(Status::InvalidParameter));
    assert_eq!(
        map(BASE, COMMIT, requirements(0, 0, 0)),
        Err(Status::InvalidParameter)
    );
    assert_eq!(
        map(BASE + 0x1000, none, requirements(0, 0, 0)),
        Err(Status::MappedAlignment)
    );
    assert_eq!(map(BASE, none, requirements(0, 0, 0)), Ok(BASE));
}
