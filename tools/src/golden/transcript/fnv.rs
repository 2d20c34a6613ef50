/// A hash of bytes: FNV-1a of 64 bits (Fowler, Noll and Vo; RFC 9923).
#[derive(Clone, Copy, Debug)]
pub(super) struct Fnv1a(u64);

impl Fnv1a {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x100_0000_01b3;

    /// Of no bytes.
    pub(super) fn new() -> Self {
        Self(Self::OFFSET_BASIS)
    }

    /// Of more bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of its authors.
    #[test]
    fn hashes_are_those_of_fnv_1a() {
        for (bytes, hash) in [
            (&b""[..], 0xcbf2_9ce4_8422_2325),
            (b"a", 0xaf63_dc4c_8601_ec8c),
            (b"foobar", 0x8594_4171_f739_67e8),
        ] {
            let mut fnv = Fnv1a::new();
            fnv.add(bytes);
            assert_eq!(fnv.value(), hash);
        }
    }
}
