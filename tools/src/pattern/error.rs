use crate::byte_size::{ByteSize, ByteSizeError};

use super::spec::{LOAD_BYTES, SHUFFLED_MAX, SIZE_MAX};

/// A text is not an access pattern.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatternError {
    /// It does not begin as one does.
    #[error(
        "`{0}` is not an access pattern; known: chase:SIZE[:STRIDE], seq:SIZE[:STRIDE], \
         random:SIZE, zipf:SIZE[:EXPONENT], each also with FROM..TO for its size"
    )]
    Unknown(String),
    /// There is no size.
    #[error("{shape} needs the size of the memory: {shape}:SIZE")]
    NoSize {
        /// The shape of the pattern.
        shape: &'static str,
    },
    /// A range of sizes has none in it.
    #[error("there is no size from {from} to {to}")]
    EmptyRange {
        /// The smallest.
        from: ByteSize,
        /// The largest.
        to: ByteSize,
    },
    /// There is more than the pattern has.
    #[error("`{0}` has more parts than such a pattern")]
    TooManyParts(String),
    /// A size or a stride is no number of bytes.
    #[error(transparent)]
    Size(#[from] ByteSizeError),
    /// There is not room for a single load.
    #[error("{size} of memory are less than the {LOAD_BYTES} bytes of a load")]
    TooSmall {
        /// The size.
        size: ByteSize,
    },
    /// The addresses would leave the lower half.
    #[error(
        "{size} of memory are more than {}, the most for a pattern",
        ByteSize(SIZE_MAX)
    )]
    TooLarge {
        /// The size.
        size: ByteSize,
    },
    /// Too many places for a table of their order.
    #[error(
        "{places} places are more than {SHUFFLED_MAX}, the most that are shuffled: choose less \
         memory or a longer stride"
    )]
    TooManyPlaces {
        /// How many there are.
        places: u64,
    },
    /// The pattern would not move.
    #[error("a stride of 0 bytes leads nowhere")]
    ZeroStride,
    /// The pattern would leave its memory at once.
    #[error("a stride of {stride} is longer than the memory of {size}")]
    LongStride {
        /// The stride.
        stride: ByteSize,
        /// The size.
        size: ByteSize,
    },
    /// The exponent is no number that a distribution can have.
    #[error("`{0}` is not an exponent: expected a number from 0 to 10, as 0.99")]
    Exponent(String),
}
