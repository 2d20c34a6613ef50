//! Entries of views that name the prototype entries of their pages.

use mmu_core::PhysAddr;

use super::{images::file, pe::Pe, *};
use crate::{
    Backing, FileAccess, FrameFault, SectionAttributes, protection::Protection, pte::Pte,
    pte::PteState, vad::Vad,
};

impl Bench {
    fn pte(&self, address: u64) -> Pte {
        let (space, kernel) = self.machine.space_ref(self.process).unwrap();
        space.entry(&kernel.physical, address).unwrap()
    }

    /// Where the prototype entry of a page lies, as its region says.
    fn prototype(&self, address: u64) -> PhysAddr {
        let (space, kernel) = self.machine.space_ref(self.process).unwrap();
        let vad = space.vads.find(address).unwrap();
        let (segment, index) = vad.view_index(address).unwrap();
        kernel.segment(segment).unwrap().place(index).unwrap()
    }

    /// Takes the region at an address away, and leaves its entries.
    fn hide_region(&mut self, address: u64) -> Vad {
        let (space, _) = self.machine.space(self.process).unwrap();
        space.vads.remove(address).unwrap()
    }

    fn show_region(&mut self, vad: Vad) {
        let (space, _) = self.machine.space(self.process).unwrap();
        space.vads.insert(vad);
    }

    fn soft_faults(&self) -> u64 {
        self.machine.fault_counters().soft
    }
}

/// A view of so many pages of memory.
fn view(bench: &mut Bench, pages: u64) {
    let commit = SectionAttributes::COMMIT;
    let section = bench.section(READWRITE, commit, pages * PAGE).unwrap();
    bench.map(section, BASE, READWRITE).unwrap();
}

/// Windows Internals: such an entry is what a shared page leaves that is not in the working set
/// any more. Literature only; that the protection is in it, Windows 10's `MMPTE_PROTOTYPE`.
#[test]
fn a_shared_page_that_leaves_the_working_set_leaves_the_address_of_its_prototype_entry() {
    let mut bench = Bench::new();
    view(&mut bench, 3);
    bench.write(BASE + PAGE, 7).unwrap();
    bench.protect(BASE + 2 * PAGE, PAGE, READONLY).unwrap();
    bench.read(BASE + 2 * PAGE).unwrap();
    bench.page_out();
    assert_eq!(bench.pte(BASE), Pte::ZERO);
    for (page, protection) in [(1, Protection::READ_WRITE), (2, Protection::READ_ONLY)] {
        let address = BASE + page * PAGE;
        let prototype = bench.prototype(address);
        let expected = PteState::Prototype(prototype, protection);
        assert_eq!(bench.pte(address).state(), expected);
    }
    let soft = bench.soft_faults();
    assert_eq!(bench.read(BASE + PAGE), Ok(7));
    assert_eq!(
        bench.write(BASE + 2 * PAGE, 1),
        violation(1, BASE + 2 * PAGE)
    );
    assert_eq!(
        bench.run(BASE + 2 * PAGE),
        (MemoryState::Commit, READONLY, PAGE)
    );
    assert_eq!(bench.soft_faults(), soft + 1);
}

/// Windows Internals: the pointer saves the way through the regions. Literature only.
#[test]
fn a_fault_on_the_address_of_a_prototype_entry_asks_no_region() {
    let mut bench = Bench::new();
    view(&mut bench, 1);
    bench.write(BASE, 7).unwrap();
    bench.page_out();
    let hidden = bench.hide_region(BASE);
    assert_eq!(bench.read(BASE), Ok(7));
    bench.show_region(hidden);
}

/// The page is found wherever the prototype entry says that it is.
#[test]
fn a_shared_page_comes_back_from_its_page_file_and_from_its_file_by_its_prototype_entry() {
    let mut bench = Bench::new();
    let disk = tempfile::tempfile().unwrap();
    let size = crate::PageFileSize {
        minimum: 64 * PAGE,
        maximum: 64 * PAGE,
    };
    bench.machine.add_page_file(Box::new(disk), size).unwrap();
    view(&mut bench, 1);
    bench.write(BASE, 7).unwrap();
    let bytes: Vec<_> = (0..3).flat_map(|page| [page; 0x1000]).collect();
    let backing = Backing::File(file(&bytes), FileAccess::READ);
    let commit = SectionAttributes::COMMIT;
    let machine = &mut bench.machine;
    let section = machine.create_section(backing, READONLY, commit, 0);
    let mapped = BASE + 0x1_0000;
    bench.map(section.unwrap(), mapped, READONLY).unwrap();
    bench.read(mapped + 2 * PAGE).unwrap();
    bench.page_out();
    bench.forget_standby();
    let state = |bench: &Bench, page| {
        let prototype = bench.prototype(page);
        let physical = &bench.machine.kernel.physical;
        physical.read_pte(prototype).unwrap()
    };
    let stored = state(&bench, BASE).state();
    assert!(matches!(stored, PteState::PageFile(..)), "{stored:?}");
    assert!(state(&bench, mapped + 2 * PAGE).in_file().is_some());
    let soft = bench.soft_faults();
    assert_eq!(bench.read(BASE), Ok(7));
    assert_eq!(bench.read(mapped + 2 * PAGE), Ok(2));
    assert_eq!(bench.soft_faults(), soft);
}

/// Each page of an image comes back with the protection of its part.
#[test]
fn a_page_of_an_image_keeps_its_protection_and_is_copied_when_it_comes_back() {
    let mut bench = Bench::new();
    let bytes = Pe::sample(BASE).bytes();
    let image = bench.image(&file(&bytes)).unwrap();
    let (base, _) = bench.load(image).unwrap();
    let (code, data) = (base + 0x1000, base + 0x4000);
    let original = bench.read(data).unwrap();
    bench.execute(code).unwrap();
    bench.page_out();
    let (code_at, data_at) = (bench.prototype(code), bench.prototype(data));
    let left = PteState::Prototype(code_at, Protection::EXECUTE_READ);
    assert_eq!(bench.pte(code).state(), left);
    let left = PteState::Prototype(data_at, Protection::WRITE_COPY);
    assert_eq!(bench.pte(data).state(), left);
    assert_eq!(bench.write(code, 1), violation(1, code));
    bench.execute(code).unwrap();
    bench.write(data, original ^ 1).unwrap();
    let other = bench.switch();
    let (second, _) = bench.load(image).unwrap();
    assert_eq!(bench.read(second + 0x4000), Ok(original));
    bench.process = other;
    assert_eq!(bench.read(data), Ok(original ^ 1));
}

/// Literature only: the entry says its protection then, and that the region is to be asked.
#[test]
fn a_page_that_is_protected_while_it_is_away_is_looked_up_again() {
    let mut bench = Bench::new();
    view(&mut bench, 2);
    bench.write(BASE, 7).unwrap();
    bench.write(BASE + PAGE, 8).unwrap();
    bench.page_out();
    bench.protect(BASE, PAGE, READONLY).unwrap();
    bench.protect(BASE + PAGE, PAGE, READWRITE).unwrap();
    assert_eq!(
        bench.pte(BASE).state(),
        PteState::Lookup(Protection::READ_ONLY)
    );
    assert_eq!(bench.pte(BASE + PAGE), Pte::ZERO);
    assert_eq!(bench.read(BASE), Ok(7));
    assert_eq!(bench.read(BASE + PAGE), Ok(8));
}

/// Entries that differ in nothing but the address are told as one run.
#[test]
fn pages_of_a_view_are_told_as_one_run_wherever_they_are() {
    let mut bench = Bench::new();
    view(&mut bench, 8);
    for page in [1, 2, 5] {
        bench.write(BASE + page * PAGE, 1).unwrap();
    }
    bench.page_out();
    bench.read(BASE + 2 * PAGE).unwrap();
    assert_eq!(bench.run(BASE), (MemoryState::Commit, READWRITE, 8 * PAGE));
}

#[test]
fn an_entry_that_names_another_pages_prototype_entry_is_found() {
    let mut bench = Bench::new();
    view(&mut bench, 2);
    bench.write(BASE, 7).unwrap();
    bench.page_out();
    let (space, kernel) = bench.machine.space(bench.process).unwrap();
    let at = space.deepest_entry(&kernel.physical, BASE).unwrap().place;
    let right = kernel.physical.read_pte(at).unwrap();
    let PteState::Prototype(prototype, protection) = right.state() else {
        panic!("{right:?}");
    };
    let wrong = Pte::prototype(prototype.wrapping_add(8), protection);
    kernel.physical.write_raw(at, wrong).unwrap();
    let found = bench.machine.verify_frames();
    assert_eq!(found, Err(FrameFault::Pointer(at)));
    let (_, kernel) = bench.machine.space(bench.process).unwrap();
    kernel.physical.write_raw(at, right).unwrap();
}
