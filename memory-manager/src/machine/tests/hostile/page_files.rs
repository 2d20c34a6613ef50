//! Page files of any size.

use super::*;
use crate::PageFileSize;

/// A page file is refused, or can be used.
#[test]
fn no_size_of_a_page_file_breaks_a_machine() {
    let most = (16 << 40) - PAGE;
    let sizes = NUMBERS.into_iter().chain([most, most + 1]);
    for minimum in sizes.clone() {
        for maximum in sizes.clone() {
            let mut bench = Bench::with_ram(1 << 20);
            let machine = &mut bench.machine;
            let size = PageFileSize { minimum, maximum };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("pagefile.sys");
            let added = machine.create_page_file(&path, size);
            let _ = machine.create_page_file(&path, size);
            let _ = machine.add_page_file(Box::new(tempfile::tempfile().unwrap()), size);
            let promised = machine.page_files().map(|file| file.pages).sum::<u64>();
            assert_eq!(machine.commit_limit(), 0x100 + promised);
            // None was to grow.
            assert_eq!(machine.page_file_refusal(), None);
            if added.is_ok() {
                bench.alloc(BASE, PAGE, BOTH, READWRITE).unwrap();
                bench.write(BASE, 7).unwrap();
                bench.machine.page_out().unwrap();
                assert_eq!(bench.read(BASE), Ok(7));
            }
        }
    }
}
