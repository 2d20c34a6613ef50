//! Arrays that cannot be built: each is refused with the field, the reason and the place.

use super::*;

#[test]
fn of_the_shape_of_tlbs() {
    let load = "name = \"dtlb.load.4k\"";
    let stlb = "name = \"stlb.4k.2m\"";
    let pde = "[structure_caches.pde]";
    let cited = |value: &str| format!("{value}, tag = \"assumed\", source = \"no-policy\" }}");
    check([
        (
            within(load, "ways = { value = 6,", "ways = { value = 7,"),
            "tlb_level[0].tlb[2].ways",
            "96 entries do not fill whole sets of 7 ways",
            "{ value = 7",
        ),
        (
            within(load, "ways = { value = 6,", "ways = { value = 0,"),
            "tlb_level[0].tlb[2].ways",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within(load, "entries = { value = 96,", "entries = { value = 0,"),
            "tlb_level[0].tlb[2].entries",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within(load, "ways = { value = 6,", "ways = { value = \"most\","),
            "tlb_level[0].tlb[2].ways",
            "a number of ways or \"full\"",
            "\"most\"",
        ),
        (
            within(stlb, "\"xor-7\"", "\"xor-8\""),
            "tlb_level[1].tlb[0].index",
            "an index of 8 bits does not choose among 128 sets",
            "{ value = \"xor-8\"",
        ),
        (
            within(stlb, "\"xor-7\"", "\"xor-4000000000\""),
            "tlb_level[1].tlb[0].index",
            "an index of 4000000000 bits does not choose among 128 sets",
            "{ value = \"xor-4000000000\"",
        ),
        (
            within(
                load,
                &cited("\"true-lru\"").replace("no-policy", "six-ways"),
                &cited("\"tree-plru\""),
            ),
            "tlb_level[0].tlb[2].replacement",
            "tree-plru does not work with 6 ways: it needs a power of two",
            "{ value = \"tree-plru\"",
        ),
        (
            within(pde, "\"true-lru\"", "\"mru3-plru4\""),
            "structure_caches.pde.replacement",
            "mru3-plru4 does not work with 4 ways: it needs 12",
            "{ value = \"mru3-plru4\"",
        ),
    ]);
}

#[test]
fn of_the_shape_of_caches() {
    check([
        (
            within("[caches.l2]", "qlru-h00-m1-r0-u1", "qlru-h00-m1-r3-u1"),
            "caches.l2.replacement",
            "of QLRU is at most 2: got 3",
            "\"qlru-h00-m1-r3-u1\"",
        ),
        (
            within("[caches.llc]", "value = 12,", "value = 11,"),
            "caches.llc.ways",
            "491520 entries do not fill whole sets of 11 ways",
            "{ value = 11",
        ),
        (
            within("[caches.llc]", "\"30MiB\"", "\"1TiB\""),
            "caches.llc.size",
            "a cache of 1 TiB is too large: it has more than 2^32 lines",
            "{ value = \"1TiB\"",
        ),
        (
            within("[caches.l1d]", "\"48KiB\"", "\"100\""),
            "caches.l1d.size",
            "100 bytes are not whole lines of 64 bytes",
            "{ value = \"100\"",
        ),
        (
            within("[caches.l1d]", "\"48KiB\"", "\"0\""),
            "caches.l1d.size",
            "there must be at least one",
            "{ value = \"0\"",
        ),
        (
            within("[caches.l1d]", "\"48KiB\"", "\"48KB\""),
            "caches.l1d.size",
            "\"48KB\" is not a size",
            "",
        ),
        (
            within("[walkers]", "value = 4,", "value = 0,"),
            "walkers.count",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within("combining_buffers", "value = 4,", "value = 0,"),
            "caches.combining_buffers",
            "there must be at least one",
            "{ value = 0",
        ),
        (
            within("[paging]", "value = 46", "value = 53"),
            "paging.physical_address_bits",
            "physical addresses have 32 to 52 bits, not 53",
            "{ value = 53",
        ),
    ]);
}

#[test]
fn of_tlbs_that_hold_more_than_pages_of_their_own() {
    let with = |field: &str| within("name = \"itlb.4k\"", "\n", &format!("\n{field}\n"));
    check([
        (
            with("coalesce = 3"),
            "tlb_level[0].tlb[0].coalesce",
            "an entry holds 1, 2, 4, 8 or 16 pages, not 3",
            "3",
        ),
        (
            with("coalesce = 0"),
            "tlb_level[0].tlb[0].coalesce",
            "not 0",
            "0",
        ),
        (
            with("pcids = 4097"),
            "tlb_level[0].tlb[0].pcids",
            "integer `4097`, expected a whole number from 0 to 4096",
            "4097",
        ),
        (
            with("pcids_keeping = 4"),
            "tlb_level[0].tlb[0].pcids_keeping",
            "`pcids_keeping` says nothing without `pcids`",
            "4",
        ),
    ]);
}

#[test]
fn of_prefetchers() {
    let with = |fields: &str| {
        within(
            "[caches.l1i]",
            "[caches.l1i]",
            &format!("[caches.prefetch]\n{fields}\n\n[caches.l1i]"),
        )
    };
    check([
        (
            with("stride_lines = 2"),
            "caches.prefetch.stride_lines",
            "`stride_lines` and `stride_pages` go together",
            "2",
        ),
        (
            with("stride_lines = 2\nstride_pages = 0"),
            "caches.prefetch.stride_pages",
            "there must be at least one",
            "0",
        ),
        (
            with("stride_lines = 64\nstride_pages = 1"),
            "caches.prefetch.stride_lines",
            "integer `64`, expected a whole number from 0 to 63",
            "64",
        ),
        (
            with("next_line = \"yes\""),
            "caches.prefetch.next_line",
            "unknown variant `yes`, expected `off` or `on`",
            "\"yes\"",
        ),
    ]);
}
