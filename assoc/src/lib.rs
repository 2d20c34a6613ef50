//! Set-associative arrays: what a TLB, a paging-structure cache and a data cache have in
//! common. They know tags, sets and ways, and nothing of paging.
//!
//! ```
//! use assoc::{Geometry, IndexFunction, Replacement, SetAssociative, Tag};
//!
//! let geometry = Geometry::new(16, 6)?; // 16 sets of 6 ways
//! let mut array =
//!     SetAssociative::<u32>::new(geometry, IndexFunction::Linear, Replacement::TrueLru)?;
//! assert!(array.get(0x1234, Tag::new(0x1234)).is_none());
//! array.insert(0x1234, Tag::new(0x1234), 7);
//! assert_eq!(array.get(0x1234, Tag::new(0x1234)), Some(&mut 7));
//! # Ok::<(), assoc::GeometryError>(())
//! ```
//!
//! Nothing allocates after construction.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod array;
mod geometry;
mod index;
mod policy;
mod replacement;
mod replacer;
mod tags;

pub use array::{Evicted, SetAssociative, Tag};
pub use geometry::{Geometry, GeometryError};
pub use index::{IndexFunction, SetSelector};
pub use policy::FirstEmpty;
pub use replacement::{
    ParseReplacementError, Qlru, QlruField, QlruUpdate, Replacement, ReplacementError,
};
pub use replacer::Replacer;
pub use tags::{Marks, Place, Remark, Sought, TagArray};
