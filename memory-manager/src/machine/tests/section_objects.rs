use super::*;
use crate::{
    Backing, SectionAttributes, SectionHandle, SectionInformation, SectionOpening, ViewAccess,
    ViewRequest,
};

const ALL: SectionAttributes = SectionAttributes::COMMIT;

impl Bench {
    /// A section of the page file by its Win32 name, and the error that is kept then.
    fn named(&mut self, name: &str, size: u64) -> (Result<SectionHandle, Status>, u32) {
        let mut win32 = self.win32();
        win32.set_last_error(0xdead_beef);
        let backing = Backing::PageFile;
        let made = win32.create_file_mapping(backing, READWRITE, ALL, size, Some(name));
        (made, win32.last_error())
    }

    fn find(&mut self, access: ViewAccess, name: &str) -> Result<SectionHandle, u32> {
        let opened = self.win32().open_file_mapping(access, Some(name));
        opened.map_err(Status::win32)
    }

    fn view(&mut self, section: SectionHandle, access: ViewAccess) -> Result<(u64, u64), u32> {
        let mapped = self.win32().map_view_of_file(section, access, 0, 0);
        mapped.map(plain).map_err(Status::win32)
    }

    fn information(&self, section: SectionHandle) -> Result<SectionInformation, Status> {
        self.machine
            .query_section(section, SectionInformation::BYTES)
    }

    fn based(&mut self, size: u64) -> (SectionHandle, u64) {
        let attributes = ALL | SectionAttributes::BASED;
        let section = self.section(READWRITE, attributes, size).unwrap();
        let information = self.information(section).unwrap();
        assert_eq!(information.attributes, attributes);
        (section, information.base.unwrap().as_u64())
    }

    /// A view of all of a section, wherever the system likes.
    fn map_anywhere(&mut self, section: SectionHandle) -> Result<u64, Status> {
        let request = ViewRequest {
            base: None,
            offset: 0,
            size: 0,
            commit: 0,
            protection: READWRITE,
        };
        let mapped = self.machine.map_view(self.process, section, &request);
        mapped.map(|view| view.range.base.as_u64())
    }
}

/// Microsoft, `CreateFileMapping`; Wine's tests, kernel32 `test_MapViewOfFile`.
#[test]
fn a_second_section_of_a_name_is_the_first() {
    let mut bench = Bench::new();
    let (first, error) = bench.named("Foo", 0x3000);
    assert_eq!(error, 0);
    let charge = bench.machine.commit_charge();
    let (second, error) = bench.named("Foo", 0x1000);
    assert_eq!(error, 183);
    assert_eq!(bench.machine.commit_charge(), charge);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first, second);
    assert_eq!(bench.information(second).unwrap().size, 0x3000);
    let (one, _) = bench.view(first, ViewAccess::WRITE).unwrap();
    let (other, size) = bench.view(second, ViewAccess::READ).unwrap();
    bench.write(one, 7).unwrap();
    assert_eq!((bench.read(other), size), (Ok(7), 0x3000));
    let wrong = bench.named("Foo", 0);
    assert_eq!(wrong.0.map_err(Status::win32), Err(87));
}

/// Wine's tests, kernel32 `test_event` and others: names of objects are case-sensitive;
/// Microsoft, "Kernel object namespaces".
#[test]
fn names_differ_by_case_and_not_by_the_directory_of_the_session() {
    let mut bench = Bench::new();
    bench.named("Local\\Foo", 0x1000).0.unwrap();
    assert_eq!(bench.find(ViewAccess::READ, "foo"), Err(2));
    for name in ["Foo", "Local\\Foo", "Global\\Foo"] {
        assert!(bench.find(ViewAccess::READ, name).is_ok());
    }
    assert_eq!(bench.named("foo", 0x1000).1, 0);
    assert_eq!(bench.find(ViewAccess::READ, "Other\\Foo"), Err(3));
    // An empty name is none.
    for _ in 0..2 {
        assert_eq!(bench.named("", 0x1000).1, 0);
    }
    let nameless = bench.win32().open_file_mapping(ViewAccess::READ, None);
    assert_eq!(nameless.map_err(Status::win32), Err(87));
}

/// Wine's tests, kernel32 `test_MapViewOfFile`: "close named mapping handle without unmapping".
#[test]
fn a_name_goes_with_the_last_handle_and_the_views_stay() {
    let mut bench = Bench::new();
    let first = bench.named("Foo", 0x1000).0.unwrap();
    let (view, _) = bench.view(first, ViewAccess::WRITE).unwrap();
    let second = bench.find(ViewAccess::READ, "Foo").unwrap();
    bench.machine.close_section(first).unwrap();
    let third = bench.find(ViewAccess::READ, "Foo").unwrap();
    bench.machine.close_section(second).unwrap();
    bench.machine.close_section(third).unwrap();
    assert_eq!(bench.find(ViewAccess::READ, "Foo"), Err(2));
    bench.write(view, 5).unwrap();
    assert_eq!(bench.named("Foo", 0x1000).1, 0);
    let fresh = bench.find(ViewAccess::READ, "Foo").unwrap();
    let (other, _) = bench.view(fresh, ViewAccess::READ).unwrap();
    assert_eq!((bench.read(view), bench.read(other)), (Ok(5), Ok(0)));
    let closed = bench.machine.close_section(first);
    assert_eq!(closed, Err(Status::InvalidHandle));
}

/// Wine's tests, kernel32 `test_MapViewOfFile`.
#[test]
fn a_handle_is_good_for_what_it_was_opened_for() {
    let mut bench = Bench::new();
    bench.named("Foo", 0x1000).0.unwrap();
    let reads = bench.find(ViewAccess::READ, "Foo").unwrap();
    assert_eq!(bench.view(reads, ViewAccess::WRITE), Err(5));
    for access in [ViewAccess::READ, ViewAccess::COPY, ViewAccess::empty()] {
        assert!(bench.view(reads, access).is_ok(), "{access:?}");
    }
    assert_eq!(bench.information(reads), Err(Status::AccessDenied));
    let writes = bench.find(ViewAccess::WRITE, "Foo").unwrap();
    for access in [ViewAccess::READ, ViewAccess::COPY, ViewAccess::empty()] {
        assert_eq!(bench.view(writes, access), Err(5), "{access:?}");
    }
    assert!(bench.view(writes, ViewAccess::WRITE).is_ok());
    assert_eq!(bench.information(writes), Err(Status::AccessDenied));
    // The value of the query right; alone it is one to read (ReactOS's kernel32).
    let query = ViewAccess::COPY;
    let both = bench.find(ViewAccess::READ | query, "Foo").unwrap();
    assert!(bench.information(both).is_ok());
    let copies = bench.find(query, "Foo").unwrap();
    assert!(bench.view(copies, ViewAccess::READ).is_ok());
    assert_eq!(bench.information(copies), Err(Status::AccessDenied));
    let executes = bench
        .find(ViewAccess::READ | ViewAccess::EXECUTE, "Foo")
        .unwrap();
    // The section does not permit it.
    let refused = bench.view(executes, ViewAccess::READ | ViewAccess::EXECUTE);
    assert_eq!(refused, Err(87));
}

/// ReactOS's tests, `NtMapViewOfSection`.
#[test]
fn with_all_access_the_sections_protection_decides() {
    let mut bench = Bench::new();
    let section = bench.section(READONLY, ALL, 0x1000).unwrap();
    for protection in [READWRITE, EXECUTE_READ] {
        let refused = bench.map(section, BASE, protection);
        assert_eq!(refused, Err(Status::SectionProtection));
    }
}

/// Wine's tests, kernel32 `test_MapViewOfFile`.
#[test]
fn a_query_tells_how_a_section_was_made() {
    let mut bench = Bench::new();
    let kinds = SectionAttributes::from_bits_retain;
    for bits in [0x400_0000, 0x800_0000, 0x1800_0000] {
        let section = bench.section(READWRITE, kinds(bits), 0x3452).unwrap();
        let told = bench.information(section).unwrap();
        assert_eq!(told.attributes.bits(), bits);
        assert_eq!((told.base, told.size), (None, 0x4000));
        for length in [0, SectionInformation::BYTES - 1] {
            let short = bench.machine.query_section(section, length);
            assert_eq!(short, Err(Status::InfoLengthMismatch));
        }
        let length = SectionInformation::BYTES + 1;
        assert!(bench.machine.query_section(section, length).is_ok());
    }
    let file = tempfile::tempfile().unwrap();
    file.set_len(0x3456).unwrap();
    for (bits, size, told_size) in [(0x800_0000, 36, 36), (0x400_0000, 0, 0x3456)] {
        let backing = Backing::File(file.try_clone().unwrap(), crate::FileAccess::READ);
        let made = bench
            .machine
            .create_section(backing, READONLY, kinds(bits), size);
        let told = bench.information(made.unwrap()).unwrap();
        assert_eq!(told.attributes, SectionAttributes::FILE);
        assert_eq!(told.size, told_size);
    }
}

/// ReactOS's tests, `NtMapViewOfSection`: the test of based sections. Where the first one is,
/// and that an address that is asked for comes first, is ReactOS's `MmCreateSection` and
/// `MiMapViewOfDataSection`.
#[test]
fn based_sections_are_below_each_other_in_all_processes() {
    let mut bench = Bench::new();
    let (first, high) = bench.based(0x1000);
    let (second, low) = bench.based(0x1000);
    assert_eq!(high - low, 0x1_0000);
    assert_eq!(high, 0x7fff_ff7e_0000);
    for _ in 0..2 {
        assert_eq!(bench.map_anywhere(first), Ok(high));
        assert_eq!(bench.map_anywhere(second), Ok(low));
        let again = bench.map_anywhere(first);
        assert_eq!(again, Err(Status::ConflictingAddresses));
        assert_eq!(bench.map(first, BASE, READWRITE), Ok((BASE, 0x1000)));
        bench.process = bench.machine.create_process().unwrap();
    }
    bench.machine.close_section(first).unwrap();
    let (_, wide) = bench.based(0x1_0001);
    assert_eq!(wide, low - 0x2_0000);
    let (_, narrow) = bench.based(1);
    assert_eq!(narrow, high);
}

#[test]
fn a_section_without_room_for_its_address_is_not_made() {
    let mut bench = Bench::new();
    let before = bench.machine.commit_charge();
    let attributes = SectionAttributes::RESERVE | SectionAttributes::BASED;
    // Its prototype entries just fit in the machine's memory.
    let most = (64 << 20) / 8 * 0x1000;
    let opening = SectionOpening {
        name: Some("Foo"),
        ..SectionOpening::default()
    };
    let backing = Backing::PageFile;
    bench.section(READWRITE, attributes, most).unwrap();
    while bench.section(READWRITE, attributes, most).is_ok() {}
    let refused = bench
        .machine
        .create_section_as(opening, backing, READWRITE, attributes, most);
    assert_eq!(refused.unwrap_err(), Status::NoMemory);
    assert_eq!(bench.machine.commit_charge(), before);
    assert_eq!(bench.find(ViewAccess::READ, "Foo"), Err(2));
}
