use crate::{
    AllocationType, Status,
    kernel::Kernel,
    placement::Placement,
    protection::Protection,
    user_space::UserSpace,
    vad::{
        Entries, GRANULARITY, PAGE, Placeholder, Private, PrivateMemory, USER_START, Untouched,
        Vad, VadKind, WriteWatch,
    },
    vad_tree::Direction,
};

impl UserSpace {
    /// The addresses of what is to be reserved.
    pub(super) fn place(
        &self,
        base: Option<u64>,
        size: u64,
        kind: AllocationType,
        placement: Placement,
    ) -> Result<(u64, u64), Status> {
        let replaces = kind.contains(AllocationType::REPLACE_PLACEHOLDER);
        let Some(base) = base.or(replaces.then_some(0)) else {
            let size = size.next_multiple_of(PAGE);
            let direction = if kind.contains(AllocationType::TOP_DOWN) {
                Direction::TopDown
            } else {
                Direction::BottomUp
            };
            let start = self.room(size, placement, direction)?;
            return Ok((start, start + size));
        };
        let end = (base + size).next_multiple_of(PAGE);
        if replaces {
            let start = base & !(PAGE - 1);
            self.check_replaceable(start, end)?;
            return Ok((start, end));
        }
        let start = base & !(GRANULARITY - 1);
        if start < USER_START {
            return Err(Status::InvalidParameter2);
        }
        if self.vads.is_taken(start, end) {
            return Err(Status::ConflictingAddresses);
        }
        Ok((start, end))
    }

    pub(crate) fn reserve(
        &mut self,
        kernel: &mut Kernel,
        (start, end): (u64, u64),
        kind: AllocationType,
        protection: Protection,
    ) -> Result<(), Status> {
        if kind.contains(AllocationType::RESERVE_PLACEHOLDER) {
            self.vads.insert(Vad::placeholder(start, end));
            return Ok(());
        }
        let (untouched, charge) = if kind.contains(AllocationType::COMMIT) {
            (Untouched::Committed, (end - start) / PAGE)
        } else {
            (Untouched::Reserved, 0)
        };
        kernel.charge(charge)?;
        let memory = if kind.contains(AllocationType::PHYSICAL) {
            PrivateMemory::Window
        } else {
            PrivateMemory::Pages
        };
        let watch = if kind.contains(AllocationType::WRITE_WATCH) {
            WriteWatch::On(Box::default())
        } else {
            WriteWatch::Off
        };
        let placeholder = if kind.contains(AllocationType::REPLACE_PLACEHOLDER) {
            Placeholder::Replaced
        } else {
            Placeholder::No
        };
        self.add(Vad {
            start,
            end,
            protection,
            charge,
            placeholder,
            entries: Entries::None,
            kind: VadKind::Private(Private {
                untouched,
                caching: protection.caching(),
                memory,
                watch,
            }),
        });
        Ok(())
    }
}
