//! TLB shootdown: how the processors that share page tables come to forget a translation,
//! before what it led to is used for something else.
//!
//! # The protocol
//! Whoever takes a translation away is the *initiator*; it may be one of the processors.
//!
//! 1. **Change** the entry, by an atomic write of the table in memory.
//! 2. **Forget** what the initiator itself has cached, if it is a processor; nobody does that
//!    for it.
//! 3. [`Batch::issue`] the invalidation, any number of times, and [`Batch::keep`] the frames
//!    that the translations led to, page tables among them.
//!    - *Promises*: the processors that run the space now are noted, and those that run
//!      something else drop all of the space before they enter it again.
//!    - *Does not promise* that anybody has heard of it: every other processor still uses what
//!      it has cached.
//! 4. [`Shootdowns::dispatch`] the batch: it is put into the inboxes of the processors that
//!    were noted, and the [`Ticket`] says which of them have to be interrupted. More than
//!    [`CEILING`] invalidations become one, of everything.
//!    - *Promises*: no target accesses anything after it has looked into its inbox next; an
//!      idle one looks there before it runs anything.
//!    - *Does not promise* when that is. The old frames are in use.
//! 5. **Interrupt** the targets: make each of them call [`Inbox::handle`] between two of its
//!    accesses. One that asks [`Inbox::is_pending`] before each access needs no interrupt.
//! 6. [`Shootdowns::sync`] the ticket: it comes back once every target has acknowledged, and
//!    handles the inbox of an initiator that is a processor meanwhile, so that two that wait
//!    for each other both go on.
//!    - *Promises*: no processor uses any of the translations any more, and every access that
//!      was made through one has ended. [`Synced`] is the proof; the kept frames are in it, and
//!      come out of nothing else.
//!    - *Does not promise* that nobody has cached the new state of the entry since.
//!
//! # Processors that are not running the space
//! A processor calls [`Presence::enter`] before it loads CR3 for a space, and
//! [`Presence::leave`] as soon as it makes no more accesses to it. What it has cached of the
//! space under its PCID survives that ([`Entered::Keeping`]), until somebody issues an
//! invalidation while it is elsewhere. Then it is not interrupted: it loads CR3 without keeping
//! anything when it comes back ([`Entered::Dropping`]). A space that ends needs no shootdown
//! beyond that its processors leave it, and its PCID can be another space's at once: nobody
//! keeps anything for that one yet.
//!
//! # Idle processors
//! A processor between [`Inbox::rest`] and [`Inbox::wake`] makes no access; it keeps the space
//! that it ran. Nobody waits for it: what comes meanwhile, or was not handled yet, counts as
//! acknowledged, is kept in its inbox, and is handled by `wake`, before anything else runs. That
//! is sound for a processor that walks tables for accesses only, as the MMUs here do. One that
//! walks ahead would have to leave the space to rest.
//!
//! # What needs no shootdown
//! A change that only adds rights, or an entry where there was none: who has the old one cached
//! faults, or walks again, and finds the new one.
//!
//! # A processor's thread
//! ```
//! use std::thread;
//!
//! use memory_manager::shootdown::{Batch, Presence, Shootdowns};
//! use mmu_core::{
//!     AccessKind, CpuFeatures, Entry, Fault, FunctionalMmu, Invalidation, Pcid, PhysAddr,
//!     PhysMem, PrivilegeMode, ProcessorId, Ram, Registers, VirtAddr,
//! };
//!
//! // One page table after the other; the first entry of each, and in the end a page.
//! let ram = Ram::new(0x10000)?;
//! let open = Entry::PRESENT | Entry::WRITABLE | Entry::USER;
//! for table in 1..5 {
//!     ram.write_u64(PhysAddr::new(table << 12), (table + 1) << 12 | open.bits())?;
//! }
//! let shootdowns = Shootdowns::new(1);
//! let space = Presence::new(Pcid::ZERO);
//! let inbox = shootdowns.inbox(ProcessorId::FIRST).expect("there is one");
//! thread::scope(|threads| {
//!     threads.spawn(|| {
//!         let registers = Registers::four_level(PhysAddr::new(0x1000));
//!         let features = CpuFeatures::default();
//!         let mut mmu = FunctionalMmu::functional(features, registers).expect("can page");
//!         // Nothing is cached of it yet.
//!         let _ = space.enter(inbox);
//!         loop {
//!             if inbox.is_pending() {
//!                 inbox.handle(|stale| {
//!                     let _ = mmu.invalidate(stale).expect("is allowed");
//!                 });
//!             }
//!             let (kind, mode) = (AccessKind::Read, PrivilegeMode::User);
//!             match mmu.translate(&ram, VirtAddr::new(0), kind, mode) {
//!                 Ok(found) => assert_eq!(ram.read_u64(found.address), Ok(0)),
//!                 Err(Fault::Page(_)) => break,
//!                 Err(fault) => panic!("{fault}"),
//!             }
//!         }
//!         // It waits for no request any more.
//!         inbox.rest();
//!     });
//!     ram.write_u64(PhysAddr::new(0x4000), 0).expect("is memory");
//!     let mut batch = Batch::default();
//!     batch.issue(&space, Invalidation::Invlpg(VirtAddr::new(0)), None);
//!     batch.keep(PhysAddr::new(0x5000));
//!     let ticket = shootdowns.dispatch(&mut batch);
//!     let synced = shootdowns.sync(ticket, None, |_| ());
//!     for frame in synced.into_kept() {
//!         ram.write_u64(frame, 0x1337).expect("is memory");
//!     }
//! });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Sources
//! The ceiling of 33, and that a processor which idles is told late, are known of Windows from
//! literature only (`KeFlushMultipleTb`); the order of change, flush and reuse is the Intel
//! SDM's (vol. 3, 4.10.4 and 4.10.5).

mod batch;
mod inbox;
mod pending;
mod presence;
mod processor_set;
mod sync;
mod ticket;

pub use batch::Batch;
pub use inbox::Inbox;
pub use pending::CEILING;
pub(crate) use pending::EVERYTHING;
pub use presence::{Entered, Presence};
pub use processor_set::ProcessorSet;
pub use ticket::{Shootdowns, Synced, Ticket};
