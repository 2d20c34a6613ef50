//! Windows on physical pages (Address Windowing Extensions). The numbers of the pages stand in
//! the caller's memory, as u64.

use memory_manager::{PhysicalPage, Status};
use mmu_core::VirtAddr;

use super::{
    Call,
    Parameter::{Number, Process},
    done,
};
use crate::vm::run::Run;

pub(super) const CALLS: &[Call] = &[
    Call {
        name: "AllocateUserPhysicalPages",
        parameters: &[Process, Number("count"), Number("array")],
        gives: "how many pages there are; their numbers are written to the array",
        example: "n = AllocateUserPhysicalPages(app, 2, p)",
        run: |run, given| {
            let [count, array] = given.numbers();
            // As NT does it (literature), lest the array's own pages find no frame any more.
            let probed = run.probe(array, count.saturating_mul(ENTRY));
            run.keep(probed)?;
            let target = run.caller().on(given.process);
            let made = run.machine.allocate_user_physical_pages(target, count);
            let told = made.and_then(|pages| {
                let stored = (0..).zip(&pages).try_for_each(|(index, page)| {
                    let place = array.wrapping_add(index * ENTRY);
                    run.store(place, &page.0.to_le_bytes())
                });
                if let Err(status) = stored {
                    // Nobody knows them.
                    let freed = run.machine.free_user_physical_pages(target, &pages);
                    freed.map_err(|stopped| stopped.status)?;
                    return Err(status);
                }
                Ok(pages.len() as u64)
            });
            run.keep(told)
        },
    },
    Call {
        name: "MapUserPhysicalPages",
        parameters: &[Number("address"), Number("count"), Number("array")],
        gives: "1; without an array the window is cleared",
        example: "MapUserPhysicalPages(window, 2, p)",
        run: |run, given| {
            let [address, count, array] = given.numbers();
            let caller = run.caller();
            let window = VirtAddr::new(address);
            let shown = if array == 0 {
                let machine = &mut run.machine;
                machine.unmap_user_physical_pages(caller, window, count)
            } else {
                pages(run, array, count).and_then(|pages| {
                    let machine = &mut run.machine;
                    machine.map_user_physical_pages(caller, window, &pages)
                })
            };
            run.keep(shown).map(done)
        },
    },
    Call {
        name: "MapUserPhysicalPagesScatter",
        parameters: &[Number("addresses"), Number("count"), Number("array")],
        gives: "1; the addresses stand in an array, too",
        example: "MapUserPhysicalPagesScatter(p + 0x100, 2, p)",
        run: |run, given| {
            let [addresses, count, array] = given.numbers();
            let shown = numbers(run, addresses, count).and_then(|addresses| {
                let pages = if array == 0 {
                    vec![None; addresses.len()]
                } else {
                    let pages = pages(run, array, count)?;
                    pages.into_iter().map(Some).collect()
                };
                let addresses = addresses.into_iter().map(VirtAddr::new);
                let shown: Vec<_> = addresses.zip(pages).collect();
                let (caller, machine) = (run.caller(), &mut run.machine);
                machine.map_user_physical_pages_scatter(caller, &shown)
            });
            run.keep(shown).map(done)
        },
    },
    Call {
        name: "FreeUserPhysicalPages",
        parameters: &[Process, Number("count"), Number("array")],
        gives: "how many pages were freed",
        example: "FreeUserPhysicalPages(app, 2, p)",
        run: |run, given| {
            let [count, array] = given.numbers();
            let freed = pages(run, array, count).and_then(|pages| {
                let target = run.caller().on(given.process);
                let freed = run.machine.free_user_physical_pages(target, &pages);
                freed.map_err(|stopped| stopped.status)
            });
            run.keep(freed).map(|()| count)
        },
    },
];

/// The bytes of an entry of an array.
const ENTRY: u64 = 8;

fn pages(run: &mut Run<'_>, array: u64, count: u64) -> Result<Vec<PhysicalPage>, Status> {
    let numbers = numbers(run, array, count)?;
    Ok(numbers.into_iter().map(PhysicalPage).collect())
}

/// The numbers of an array in the caller's memory.
fn numbers(run: &mut Run<'_>, array: u64, count: u64) -> Result<Vec<u64>, Status> {
    let mut numbers = Vec::new();
    for index in 0..count {
        let offset = index.wrapping_mul(ENTRY);
        let mut bytes = [0; 8];
        run.load(array.wrapping_add(offset), &mut bytes)?;
        numbers.push(u64::from_le_bytes(bytes));
    }
    Ok(numbers)
}
