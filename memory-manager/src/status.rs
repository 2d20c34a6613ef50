use std::fmt;

/// How a call or an access failed: an NTSTATUS (Microsoft, [MS-ERREF] 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// `STATUS_GUARD_PAGE_VIOLATION`: a guard page was touched, and is none any more.
    GuardPageViolation,
    /// `STATUS_PARTIAL_COPY`: only a part could be copied.
    PartialCopy,
    /// `STATUS_DEVICE_BUSY`: what memory held that was reset is gone.
    DeviceBusy,
    /// `STATUS_INFO_LENGTH_MISMATCH`: the buffer is too short for what was asked.
    InfoLengthMismatch,
    /// `STATUS_ACCESS_VIOLATION`: the memory may not be accessed so.
    AccessViolation,
    /// `STATUS_IN_PAGE_ERROR`: what backs the page could not be read.
    InPageError,
    /// `STATUS_INVALID_HANDLE`: no object has this handle.
    InvalidHandle,
    /// `STATUS_INVALID_CID`: no process has this identifier.
    InvalidCid,
    /// `STATUS_INVALID_PARAMETER`: an argument is wrong.
    InvalidParameter,
    /// `STATUS_END_OF_FILE`: the file ends before what is to be read.
    EndOfFile,
    /// `STATUS_NO_MEMORY`: no free range of addresses is large enough, or no frame is free.
    NoMemory,
    /// `STATUS_CONFLICTING_ADDRESSES`: the range overlaps another region, or is not inside one.
    ConflictingAddresses,
    /// `STATUS_NOT_MAPPED_VIEW`: no view of a section is there.
    NotMappedView,
    /// `STATUS_UNABLE_TO_FREE_VM`: the range is not inside one region.
    UnableToFreeVm,
    /// `STATUS_UNABLE_TO_DELETE_SECTION`: a view is not freed, but unmapped.
    UnableToDeleteSection,
    /// `STATUS_INVALID_VIEW_SIZE`: the view would reach past its section.
    InvalidViewSize,
    /// `STATUS_INVALID_FILE_FOR_SECTION`: the file cannot back such a section.
    InvalidFileForSection,
    /// `STATUS_INVALID_PARAMETER_MIX`: arguments do not go together.
    InvalidParameterMix,
    /// `STATUS_CRC_ERROR`: what is on the disk is not what was written to it.
    CrcError,
    /// `STATUS_ALREADY_COMMITTED`: pages of a file are always committed.
    AlreadyCommitted,
    /// `STATUS_ACCESS_DENIED`: the object was not opened for this.
    AccessDenied,
    /// `STATUS_NOT_LOCKED`: the pages are not locked.
    NotLocked,
    /// `STATUS_NOT_COMMITTED`: a page of the range is not committed.
    NotCommitted,
    /// `STATUS_OBJECT_NAME_NOT_FOUND`: nothing has this name.
    ObjectNameNotFound,
    /// `STATUS_OBJECT_PATH_NOT_FOUND`: there is no such directory of names.
    ObjectPathNotFound,
    /// `STATUS_SECTION_TOO_BIG`: the section would be larger than its file, or than any can be.
    SectionTooBig,
    /// `STATUS_SECTION_NOT_IMAGE`: the section is no image.
    SectionNotImage,
    /// `STATUS_INVALID_PAGE_PROTECTION`: no page can be protected so.
    InvalidPageProtection,
    /// `STATUS_SECTION_PROTECTION`: the section or the view does not permit this protection.
    SectionProtection,
    /// `STATUS_PRIVILEGE_NOT_HELD`: the call needs a privilege.
    PrivilegeNotHeld,
    /// `STATUS_INVALID_IMAGE_FORMAT`: the headers of an image are wrong, or not for this
    /// processor.
    InvalidImageFormat,
    /// `STATUS_DISK_FULL`: the disk is full.
    DiskFull,
    /// `STATUS_SECTION_NOT_EXTENDED`: the section cannot be made larger.
    SectionNotExtended,
    /// `STATUS_NOT_MAPPED_DATA`: the memory is no file's.
    NotMappedData,
    /// `STATUS_TOO_MANY_PAGING_FILES`: there are as many page files as there can be.
    TooManyPagingFiles,
    /// `STATUS_FILE_INVALID`: the file was made shorter by others, and ends before the page.
    FileInvalid,
    /// `STATUS_INSUFFICIENT_RESOURCES`: the system has too little memory of its own for this.
    InsufficientResources,
    /// `STATUS_FREE_VM_NOT_AT_BASE`: only at its first page can a whole region be freed.
    FreeVmNotAtBase,
    /// `STATUS_MEMORY_NOT_ALLOCATED`: no region is there.
    MemoryNotAllocated,
    /// `STATUS_MEDIA_WRITE_PROTECTED`: the file system cannot be written.
    MediaWriteProtected,
    /// `STATUS_WORKING_SET_QUOTA`: the working set is too small.
    WorkingSetQuota,
    /// `STATUS_NOT_SUPPORTED`: the request is not supported.
    NotSupported,
    /// `STATUS_INTERNAL_ERROR`: the memory manager's own structures do not lie in memory.
    InternalError,
    /// `STATUS_INVALID_PARAMETER_1`: argument 1 of the native call is wrong.
    InvalidParameter1,
    /// `STATUS_INVALID_PARAMETER_2`: argument 2 of the native call is wrong.
    InvalidParameter2,
    /// `STATUS_INVALID_PARAMETER_3`: argument 3 of the native call is wrong.
    InvalidParameter3,
    /// `STATUS_INVALID_PARAMETER_4`: argument 4 of the native call is wrong.
    InvalidParameter4,
    /// `STATUS_INVALID_PARAMETER_5`: argument 5 of the native call is wrong.
    InvalidParameter5,
    /// `STATUS_INVALID_PARAMETER_6`: argument 6 of the native call is wrong.
    InvalidParameter6,
    /// `STATUS_INVALID_PARAMETER_7`: argument 7 of the native call is wrong.
    InvalidParameter7,
    /// `STATUS_INVALID_PARAMETER_8`: argument 8 of the native call is wrong.
    InvalidParameter8,
    /// `STATUS_INVALID_PARAMETER_9`: argument 9 of the native call is wrong.
    InvalidParameter9,
    /// `STATUS_INVALID_PARAMETER_10`: argument 10 of the native call is wrong.
    InvalidParameter10,
    /// `STATUS_INVALID_PARAMETER_11`: argument 11 of the native call is wrong.
    InvalidParameter11,
    /// `STATUS_INVALID_PARAMETER_12`: argument 12 of the native call is wrong.
    InvalidParameter12,
    /// `STATUS_STACK_OVERFLOW`: the stack has no room for another guard page.
    StackOverflow,
    /// `STATUS_PROCESS_IS_TERMINATING`: the process is going.
    ProcessIsTerminating,
    /// `STATUS_INVALID_IMAGE_NE_FORMAT`: it is a program for OS/2 or another old system.
    InvalidImageNeFormat,
    /// `STATUS_MAPPED_FILE_SIZE_ZERO`: an empty file cannot be mapped.
    MappedFileSizeZero,
    /// `STATUS_COMMITMENT_LIMIT`: so much memory cannot be promised.
    CommitmentLimit,
    /// `STATUS_INVALID_IMAGE_NOT_MZ`: the file is no program.
    InvalidImageNotMz,
    /// `STATUS_INVALID_IMAGE_PROTECT`: it is a program that Windows cannot run.
    InvalidImageProtect,
    /// `STATUS_INVALID_IMAGE_WIN_16`: it is a program for 16-bit Windows.
    InvalidImageWin16,
    /// `STATUS_INVALID_ADDRESS`: no region is at this address.
    InvalidAddress,
    /// `STATUS_IO_DEVICE_ERROR`: the device failed.
    IoDeviceError,
    /// `STATUS_MAPPED_ALIGNMENT`: a view's address and offset are multiples of 64 KiB.
    MappedAlignment,
    /// `STATUS_USER_MAPPED_FILE`: a file with views cannot be made shorter.
    UserMappedFile,
}

/// Writes down what belongs to each status once, so that none is missing among all of them.
macro_rules! rows {
    (match self { $(Self::$status:ident => $row:expr,)* }) => {
        /// Every status.
        pub const ALL: &[Self] = &[$(Self::$status),*];

        /// The NTSTATUS, its name, and what `RtlNtStatusToDosError` makes of it.
        const fn row(self) -> (u32, &'static str, u32) {
            match self {
                $(Self::$status => $row,)*
            }
        }
    };
}

impl Status {
    rows! {
        match self {
            Self::GuardPageViolation => (0x8000_0001, "STATUS_GUARD_PAGE_VIOLATION", 0x8000_0001),
            Self::PartialCopy => (0x8000_000d, "STATUS_PARTIAL_COPY", 299),
            Self::DeviceBusy => (0x8000_0011, "STATUS_DEVICE_BUSY", 170),
            Self::InfoLengthMismatch => (0xc000_0004, "STATUS_INFO_LENGTH_MISMATCH", 24),
            Self::AccessViolation => (0xc000_0005, "STATUS_ACCESS_VIOLATION", 998),
            Self::InPageError => (0xc000_0006, "STATUS_IN_PAGE_ERROR", 999),
            Self::InvalidHandle => (0xc000_0008, "STATUS_INVALID_HANDLE", 6),
            Self::InvalidCid => (0xc000_000b, "STATUS_INVALID_CID", 87),
            Self::InvalidParameter => (0xc000_000d, "STATUS_INVALID_PARAMETER", 87),
            Self::EndOfFile => (0xc000_0011, "STATUS_END_OF_FILE", 38),
            Self::NoMemory => (0xc000_0017, "STATUS_NO_MEMORY", 8),
            Self::ConflictingAddresses => (0xc000_0018, "STATUS_CONFLICTING_ADDRESSES", 487),
            Self::NotMappedView => (0xc000_0019, "STATUS_NOT_MAPPED_VIEW", 487),
            Self::UnableToFreeVm => (0xc000_001a, "STATUS_UNABLE_TO_FREE_VM", 87),
            Self::UnableToDeleteSection => (0xc000_001b, "STATUS_UNABLE_TO_DELETE_SECTION", 87),
            Self::InvalidViewSize => (0xc000_001f, "STATUS_INVALID_VIEW_SIZE", 5),
            Self::InvalidFileForSection => (0xc000_0020, "STATUS_INVALID_FILE_FOR_SECTION", 193),
            Self::AlreadyCommitted => (0xc000_0021, "STATUS_ALREADY_COMMITTED", 5),
            Self::AccessDenied => (0xc000_0022, "STATUS_ACCESS_DENIED", 5),
            Self::NotLocked => (0xc000_002a, "STATUS_NOT_LOCKED", 158),
            Self::NotCommitted => (0xc000_002d, "STATUS_NOT_COMMITTED", 487),
            Self::InvalidParameterMix => (0xc000_0030, "STATUS_INVALID_PARAMETER_MIX", 87),
            Self::ObjectNameNotFound => (0xc000_0034, "STATUS_OBJECT_NAME_NOT_FOUND", 2),
            Self::ObjectPathNotFound => (0xc000_003a, "STATUS_OBJECT_PATH_NOT_FOUND", 3),
            Self::CrcError => (0xc000_003f, "STATUS_CRC_ERROR", 23),
            Self::SectionTooBig => (0xc000_0040, "STATUS_SECTION_TOO_BIG", 8),
            Self::SectionNotImage => (0xc000_0049, "STATUS_SECTION_NOT_IMAGE", 87),
            Self::InvalidPageProtection => (0xc000_0045, "STATUS_INVALID_PAGE_PROTECTION", 87),
            Self::SectionProtection => (0xc000_004e, "STATUS_SECTION_PROTECTION", 87),
            Self::PrivilegeNotHeld => (0xc000_0061, "STATUS_PRIVILEGE_NOT_HELD", 1314),
            Self::InvalidImageFormat => (0xc000_007b, "STATUS_INVALID_IMAGE_FORMAT", 193),
            Self::DiskFull => (0xc000_007f, "STATUS_DISK_FULL", 112),
            Self::SectionNotExtended => (0xc000_0087, "STATUS_SECTION_NOT_EXTENDED", 14),
            Self::NotMappedData => (0xc000_0088, "STATUS_NOT_MAPPED_DATA", 487),
            Self::TooManyPagingFiles => (0xc000_0097, "STATUS_TOO_MANY_PAGING_FILES", 8),
            Self::FileInvalid => (0xc000_0098, "STATUS_FILE_INVALID", 1006),
            Self::InsufficientResources => (0xc000_009a, "STATUS_INSUFFICIENT_RESOURCES", 1450),
            Self::FreeVmNotAtBase => (0xc000_009f, "STATUS_FREE_VM_NOT_AT_BASE", 487),
            Self::MemoryNotAllocated => (0xc000_00a0, "STATUS_MEMORY_NOT_ALLOCATED", 487),
            Self::MediaWriteProtected => (0xc000_00a2, "STATUS_MEDIA_WRITE_PROTECTED", 19),
            Self::WorkingSetQuota => (0xc000_00a1, "STATUS_WORKING_SET_QUOTA", 1453),
            Self::NotSupported => (0xc000_00bb, "STATUS_NOT_SUPPORTED", 50),
            Self::InternalError => (0xc000_00e5, "STATUS_INTERNAL_ERROR", 1359),
            Self::InvalidParameter1 => (0xc000_00ef, "STATUS_INVALID_PARAMETER_1", 87),
            Self::InvalidParameter2 => (0xc000_00f0, "STATUS_INVALID_PARAMETER_2", 87),
            Self::InvalidParameter3 => (0xc000_00f1, "STATUS_INVALID_PARAMETER_3", 87),
            Self::InvalidParameter4 => (0xc000_00f2, "STATUS_INVALID_PARAMETER_4", 87),
            Self::InvalidParameter5 => (0xc000_00f3, "STATUS_INVALID_PARAMETER_5", 87),
            Self::InvalidParameter6 => (0xc000_00f4, "STATUS_INVALID_PARAMETER_6", 87),
            Self::InvalidParameter7 => (0xc000_00f5, "STATUS_INVALID_PARAMETER_7", 87),
            Self::InvalidParameter8 => (0xc000_00f6, "STATUS_INVALID_PARAMETER_8", 87),
            Self::InvalidParameter9 => (0xc000_00f7, "STATUS_INVALID_PARAMETER_9", 87),
            Self::InvalidParameter10 => (0xc000_00f8, "STATUS_INVALID_PARAMETER_10", 87),
            Self::InvalidParameter11 => (0xc000_00f9, "STATUS_INVALID_PARAMETER_11", 87),
            Self::InvalidParameter12 => (0xc000_00fa, "STATUS_INVALID_PARAMETER_12", 87),
            Self::StackOverflow => (0xc000_00fd, "STATUS_STACK_OVERFLOW", 1001),
            Self::ProcessIsTerminating => (0xc000_010a, "STATUS_PROCESS_IS_TERMINATING", 5),
            Self::InvalidImageNeFormat => (0xc000_011b, "STATUS_INVALID_IMAGE_NE_FORMAT", 193),
            Self::MappedFileSizeZero => (0xc000_011e, "STATUS_MAPPED_FILE_SIZE_ZERO", 1006),
            Self::CommitmentLimit => (0xc000_012d, "STATUS_COMMITMENT_LIMIT", 1455),
            Self::InvalidImageNotMz => (0xc000_012f, "STATUS_INVALID_IMAGE_NOT_MZ", 193),
            Self::InvalidImageProtect => (0xc000_0130, "STATUS_INVALID_IMAGE_PROTECT", 193),
            Self::InvalidImageWin16 => (0xc000_0131, "STATUS_INVALID_IMAGE_WIN_16", 193),
            Self::InvalidAddress => (0xc000_0141, "STATUS_INVALID_ADDRESS", 59),
            Self::IoDeviceError => (0xc000_0185, "STATUS_IO_DEVICE_ERROR", 1117),
            Self::MappedAlignment => (0xc000_0220, "STATUS_MAPPED_ALIGNMENT", 1132),
            Self::UserMappedFile => (0xc000_0243, "STATUS_USER_MAPPED_FILE", 1224),
        }
    }

    /// The same, from a call that does not say which argument is wrong.
    pub(crate) fn unnumbered(self) -> Self {
        match self {
            Self::InvalidParameter1
            | Self::InvalidParameter2
            | Self::InvalidParameter3
            | Self::InvalidParameter4
            | Self::InvalidParameter5
            | Self::InvalidParameter6
            | Self::InvalidParameter7
            | Self::InvalidParameter8
            | Self::InvalidParameter9
            | Self::InvalidParameter10
            | Self::InvalidParameter11
            | Self::InvalidParameter12 => Self::InvalidParameter,
            other => other,
        }
    }

    /// The value of the NTSTATUS.
    pub const fn ntstatus(self) -> u32 {
        self.row().0
    }

    /// Its name, as Microsoft's headers have it.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The error of the Win32 API, as `RtlNtStatusToDosError` gives it.
    pub const fn win32(self) -> u32 {
        self.row().2
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#010x})", self.name(), self.ntstatus())
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `RtlNtStatusToDosError` gives (ReactOS's and Wine's tables; asked of Wine 8.0).
    #[test]
    fn each_status_has_the_error_that_windows_makes_of_it() {
        use Status::*;
        for (statuses, error) in [
            (
                &[
                    ConflictingAddresses,
                    NotMappedView,
                    NotCommitted,
                    FreeVmNotAtBase,
                    MemoryNotAllocated,
                    NotMappedData,
                ][..],
                487,
            ),
            (
                &[
                    UnableToFreeVm,
                    UnableToDeleteSection,
                    InvalidPageProtection,
                    SectionProtection,
                    InvalidParameter,
                    InvalidParameter1,
                    InvalidParameter2,
                    InvalidParameter3,
                    InvalidParameter4,
                    InvalidParameter5,
                    InvalidParameter6,
                    InvalidParameter7,
                    InvalidParameter8,
                    InvalidParameter9,
                    InvalidParameter10,
                    InvalidParameter11,
                    InvalidParameter12,
                    InvalidParameterMix,
                ],
                87,
            ),
            (&[InvalidViewSize, AlreadyCommitted, AccessDenied], 5),
            (&[SectionTooBig, NoMemory, TooManyPagingFiles], 8),
            (&[EndOfFile], 38),
            (&[CrcError], 23),
            (&[MediaWriteProtected], 19),
            (&[MappedAlignment], 1132),
            (&[SectionNotExtended], 14),
            (&[MappedFileSizeZero, FileInvalid], 1006),
            (&[CommitmentLimit], 1455),
            (&[PrivilegeNotHeld], 1314),
            (&[AccessViolation], 998),
            (&[WorkingSetQuota], 1453),
            (&[UserMappedFile], 1224),
            (&[NotLocked], 158),
            (&[InfoLengthMismatch], 24),
            (&[ObjectNameNotFound], 2),
            (&[ObjectPathNotFound], 3),
            (&[NotSupported], 50),
            (&[InvalidAddress], 59),
            (&[InvalidHandle], 6),
            (&[PartialCopy], 299),
            (&[DeviceBusy], 170),
            (&[GuardPageViolation], 0x8000_0001),
        ] {
            for status in statuses {
                assert_eq!(status.win32(), error, "{status}");
            }
        }
    }
}
