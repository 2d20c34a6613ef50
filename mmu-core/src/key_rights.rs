/// PKRU or `IA32_PKRS`: two bits for each of the 16 protection keys (SDM vol. 3, 4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct KeyRights(u32);

impl KeyRights {
    /// Every key permits everything.
    pub const ALL: Self = Self(0);

    /// The register with this value.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The value of the register.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// AD of the key: no data may be read or written. A key is 0 to 15.
    pub const fn access_disabled(self, key: u8) -> bool {
        self.0 >> (2 * (key & 15)) & 0b01 != 0
    }

    /// WD of the key: no data may be written. A key is 0 to 15.
    pub const fn write_disabled(self, key: u8) -> bool {
        self.0 >> (2 * (key & 15)) & 0b10 != 0
    }
}
