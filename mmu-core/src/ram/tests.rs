use super::*;

#[test]
fn what_was_written_is_read_back_across_words_and_frames() {
    let ram = Ram::new(0x10000).unwrap();
    let text: Vec<u8> = (0..=255).collect();
    for at in [0x0, 0x3, 0xff9, 0x1f81] {
        ram.write(PhysAddr::new(at), &text).unwrap();
        let mut back = [0; 256];
        ram.read(PhysAddr::new(at), &mut back).unwrap();
        assert_eq!(back[..], text);
    }
}

#[test]
fn a_hole_is_an_error_and_not_zeros() {
    let low = (PhysAddr::new(0), 0x2000);
    let high = (PhysAddr::new(0x1_0000_0000), 0x1000);
    let ram = Ram::from_ranges([high, low]).unwrap();
    assert_eq!(ram.ranges().collect::<Vec<_>>(), [low, high]);
    for hole in [0x2000, 0xffff_fff8, 0x1_0000_1000, !7] {
        let hole = PhysAddr::new(hole);
        assert_eq!(ram.read_u64(hole), Err(BusError(hole)));
        assert_eq!(ram.compare_exchange_u64(hole, 0, 1), Err(BusError(hole)));
    }
    assert_eq!(
        ram.write(PhysAddr::new(0x1ffc), &[1; 8]),
        Err(BusError(PhysAddr::new(0x2000)))
    );
    assert_eq!(ram.read_u64(PhysAddr::new(0x1ff8)), Ok(0));
}

#[test]
fn overlapping_ranges_are_one() {
    let ranges = [(0x1000, 0x3000), (0x0, 0x2000), (0x4000, 0x1000)];
    let ram = Ram::from_ranges(ranges.map(|(at, length)| (PhysAddr::new(at), length))).unwrap();
    assert_eq!(
        ram.ranges().collect::<Vec<_>>(),
        [(PhysAddr::new(0), 0x5000)]
    );
}

#[test]
fn memory_costs_only_what_was_written() {
    let mut ram = Ram::new(1 << 40).unwrap();
    assert_eq!(ram.read_u64(PhysAddr::new(1 << 39)), Ok(0));
    ram.write(PhysAddr::new(1 << 38), &[0; 64]).unwrap();
    assert_eq!(ram.resident_bytes(), 0);
    ram.write(PhysAddr::new(1 << 39), &[1]).unwrap();
    assert_eq!(ram.resident_bytes(), 0x1000);
    ram.zero_frame(PhysAddr::new((1 << 39) + 0xfff)).unwrap();
    assert_eq!(ram.read_u64(PhysAddr::new(1 << 39)), Ok(0));
}

#[test]
fn a_copied_frame_is_in_both_places() {
    let (low, high) = (PhysAddr::new(0x1000), PhysAddr::new(0x10_0000_2000));
    let mut ram = Ram::from_ranges([(low, 0x1000), (high, 0x2000)]).unwrap();
    let text: [u8; 4096] = core::array::from_fn(|at| at.to_le_bytes()[at % 2]);
    let held = |ram: &Ram, at| {
        let mut bytes = [1; 4096];
        ram.read(at, &mut bytes).unwrap();
        bytes
    };
    ram.write(low, &text).unwrap();
    for (from, to) in [(low, high), (high, low), (low, low)] {
        ram.copy_frame(from, to.wrapping_add(0xfff)).unwrap();
        assert_eq!(held(&ram, low), text);
        assert_eq!(held(&ram, high), text);
    }
    let hole = PhysAddr::new(0x2000);
    assert_eq!(ram.copy_frame(hole, low), Err(BusError(hole)));
    assert_eq!(ram.copy_frame(low, hole), Err(BusError(hole)));
    assert_eq!(held(&ram, low), text);
    ram.copy_frame(high.wrapping_add(0x1000), low).unwrap();
    assert_eq!(
        held(&ram, low),
        [0; 4096],
        "what was never written is zeros"
    );
}

#[test]
fn alike_words_are_counted_to_the_end_of_the_frame() {
    let ram = Ram::new(0x2000).unwrap();
    let alike = |at, most, value| ram.count_alike(PhysAddr::new(at), most, value, 0xff);
    assert_eq!(alike(0x1000, 1000, 0x100), Ok(512), "never written");
    assert_eq!(alike(0x1000, 1000, 1), Ok(0));
    let write = |slot: u16, value| {
        let at = PhysAddr::new(8 * u64::from(slot));
        ram.write_u64(at, 0x100 * u64::from(slot) + value).unwrap();
    };
    for slot in 3..512 {
        write(slot, 5);
    }
    for other in 3..512 {
        assert_eq!(alike(0x18, 1000, 5), Ok(509));
        assert_eq!(alike(0x18, 20, 5), Ok(20));
        write(other, 6);
        assert_eq!(alike(0x18, 1000, 5), Ok(usize::from(other) - 3));
        write(other, 5);
    }
    assert_eq!(alike(0, 1000, 0), Ok(3));
    let hole = PhysAddr::new(0x2000);
    assert_eq!(ram.count_alike(hole, 1, 0, 0), Err(BusError(hole)));
}

#[test]
fn a_word_is_written_whole() {
    let ram = Ram::new(0x1000).unwrap();
    ram.write_u64(PhysAddr::new(0xff8), !5).unwrap();
    assert_eq!(ram.read_u64(PhysAddr::new(0xff8)), Ok(!5));
    let hole = PhysAddr::new(0x1000);
    assert_eq!(ram.write_u64(hole, 1), Err(BusError(hole)));
}

#[test]
fn many_small_ranges_cost_no_more_than_their_frames() {
    let ranges = (0..10_000).map(|number| (PhysAddr::new(number << 31 | 0xff8), 0x10));
    let ram = Ram::from_ranges(ranges).unwrap();
    for number in 0..10_000 {
        let at = PhysAddr::new(number << 31 | 0xffc);
        ram.write(at, &[1; 8]).unwrap();
        assert!(ram.write(at, &[1; 16]).is_err());
    }
    let slots = ram.ranges.iter().flat_map(|range| &range.chunks);
    let slots: usize = slots
        .map(|chunk| chunk.get().map_or(0, |chunk| chunk.len()))
        .sum();
    assert_eq!(slots, 20_000, "two frames each");
}

#[test]
fn compare_exchange_returns_what_stands_there() {
    let ram = Ram::new(0x1000).unwrap();
    let at = PhysAddr::new(0x18);
    assert_eq!(ram.compare_exchange_u64(at, 0, 5), Ok(Ok(())));
    assert_eq!(ram.compare_exchange_u64(at, 0, 6), Ok(Err(5)));
    assert_eq!(ram.read_u64(at), Ok(5));
}

#[test]
fn memory_past_the_physical_address_space_is_refused() {
    assert!(Ram::new((1 << 52) + 1).is_err());
    assert!(Ram::from_ranges([(PhysAddr::new(u64::MAX), 2)]).is_err());
}
