//! Which types of allocation there are, and which go together.

use crate::{AllocationType, PageProtection, Status};

/// These are for the extended call alone.
const PLACEHOLDERS: AllocationType =
    AllocationType::RESERVE_PLACEHOLDER.union(AllocationType::REPLACE_PLACEHOLDER);

/// Which types there are, and which go together (Microsoft, `VirtualAlloc`).
pub(super) fn check_type(kind: AllocationType) -> Result<(), Status> {
    type Type = AllocationType;
    const KNOWN: Type = Type::COMMIT
        .union(Type::RESERVE)
        .union(Type::RESET)
        .union(Type::TOP_DOWN)
        .union(Type::WRITE_WATCH)
        .union(Type::PHYSICAL)
        .union(Type::RESET_UNDO)
        .union(Type::LARGE_PAGES);
    const ALONE: [Type; 2] = [Type::RESET, Type::RESET_UNDO];
    if kind.intersects(PLACEHOLDERS) && (KNOWN | PLACEHOLDERS).contains(kind) {
        return Err(Status::InvalidParameter);
    }
    let both = Type::COMMIT | Type::RESERVE;
    let has = |other| kind.contains(other);
    let goes = KNOWN.contains(kind)
        && (kind.intersects(both) || ALONE.contains(&kind))
        && (!kind.intersects(Type::RESET | Type::RESET_UNDO) || ALONE.contains(&kind))
        && (!has(Type::WRITE_WATCH) || has(Type::RESERVE))
        && (!has(Type::PHYSICAL) || (kind - Type::TOP_DOWN) == Type::RESERVE | Type::PHYSICAL)
        && (!has(Type::LARGE_PAGES) || has(both) && !has(Type::WRITE_WATCH));
    if goes {
        Ok(())
    } else {
        Err(Status::InvalidParameter5)
    }
}

/// The same of the extended call (Microsoft, `VirtualAlloc2`): a placeholder is reserved without
/// access, and replaced by private memory that is reserved at least.
pub(super) fn check_extended_type(
    kind: AllocationType,
    protection: PageProtection,
) -> Result<(), Status> {
    type Type = AllocationType;
    let goes = match kind & PLACEHOLDERS {
        none if none.is_empty() => return check_type(kind),
        Type::RESERVE_PLACEHOLDER => {
            kind - PLACEHOLDERS - Type::TOP_DOWN == Type::RESERVE
                && protection == PageProtection::NOACCESS
        }
        Type::REPLACE_PLACEHOLDER => {
            let others = Type::COMMIT | Type::TOP_DOWN | Type::WRITE_WATCH;
            kind - PLACEHOLDERS - others == Type::RESERVE
        }
        _ => false,
    };
    if goes {
        Ok(())
    } else {
        Err(Status::InvalidParameter)
    }
}
