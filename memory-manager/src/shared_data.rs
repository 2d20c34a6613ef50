//! The page of the system that every process can read.

use mmu_core::PageSize;

use crate::{
    DepPolicy, LARGE_PAGE_MINIMUM, Machine, PageProtection, Status,
    kernel::Kernel,
    protection::Protection,
    section::{PageOrigin, Segment, SegmentId},
    user_space::UserSpace,
    vad::{PAGE, Placeholder},
};

/// Where `KUSER_SHARED_DATA` is in every process (Wine's tests, ntdll `test_user_shared_data`).
pub const SHARED_DATA: u64 = 0x7ffe_0000;

/// What the memory manager says there of the machine, by its offset (Microsoft, `ntddk.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    LargePageMinimum = 0x244,
    NxSupportPolicy = 0x2d5,
    NumberOfPhysicalPages = 0x2e8,
}

impl Field {
    fn bytes(self) -> usize {
        match self {
            Self::NxSupportPolicy => 1,
            Self::LargePageMinimum | Self::NumberOfPhysicalPages => 4,
        }
    }
}

impl Machine {
    /// Writes to the page at [`SHARED_DATA`], as the system does: all processes see it. The
    /// page goes with the last process.
    ///
    /// # Errors
    /// - [`Status::InvalidParameter`]: the bytes reach out of the page.
    /// - [`Status::InvalidHandle`]: there is no process to see it.
    pub fn write_shared_data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Status> {
        let end = offset.checked_add(bytes.len() as u64);
        end.filter(|&end| end <= PAGE)
            .ok_or(Status::InvalidParameter)?;
        let segment = self.kernel.known_shared_data();
        let segment = segment.ok_or(Status::InvalidHandle)?;
        self.kernel.write_shared_data(segment, offset, bytes)
    }
}

impl UserSpace {
    /// Maps the page into a new process.
    pub(crate) fn show_shared_data(
        &mut self,
        kernel: &mut Kernel,
        policy: DepPolicy,
    ) -> Result<(), Status> {
        let segment = match kernel.known_shared_data() {
            Some(segment) => segment,
            None => kernel.make_shared_data(policy)?,
        };
        let read_only = Protection::new(PageProtection::READONLY)?;
        let addresses = (SHARED_DATA, SHARED_DATA + PAGE);
        let usual = (PageSize::Size4KiB, Placeholder::No);
        self.add_view(kernel, addresses, read_only, (segment, 0), usual)
    }
}

impl Kernel {
    fn known_shared_data(&self) -> Option<SegmentId> {
        self.shared_data
            .filter(|&segment| self.segments.get(segment).is_some())
    }

    fn make_shared_data(&mut self, policy: DepPolicy) -> Result<SegmentId, Status> {
        self.charge(1)?;
        let mut segment = Segment::new(PageOrigin::Committed, 1);
        segment.charge = 1;
        let segment = self.segments.add(segment);
        if let Err(status) = self.fill_shared_data(segment, policy) {
            self.retire(segment)?;
            return Err(status);
        }
        self.shared_data = Some(segment);
        Ok(segment)
    }

    fn fill_shared_data(&mut self, segment: SegmentId, policy: DepPolicy) -> Result<(), Status> {
        let pages = self.physical.frames().frames().min(u32::MAX.into());
        for (field, value) in [
            (Field::LargePageMinimum, LARGE_PAGE_MINIMUM),
            (Field::NxSupportPolicy, policy.value().into()),
            (Field::NumberOfPhysicalPages, pages),
        ] {
            let bytes = &value.to_le_bytes()[..field.bytes()];
            self.write_shared_data(segment, field as u64, bytes)?;
        }
        Ok(())
    }

    fn write_shared_data(
        &mut self,
        segment: SegmentId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Status> {
        let frame = self.shared_frame(segment, 0)?;
        let at = frame.wrapping_add(offset);
        let written = self.physical.ram().write(at, bytes);
        self.physical.note_written(frame);
        self.physical.release(frame);
        written.map_err(|_| Status::InternalError)
    }
}
