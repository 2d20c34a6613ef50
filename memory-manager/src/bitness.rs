/// What programs a process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Bitness {
    /// Programs of 64 bits.
    #[default]
    Bits64,
    /// Programs of 32 bits.
    Bits32,
}
