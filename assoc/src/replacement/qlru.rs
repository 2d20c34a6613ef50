use core::fmt;

use crate::ReplacementError;

/// A variant of QLRU, in nanoBench's notation `QLRU_Hxy_Mz_Rr_Uu[_UMO]`.
///
/// Every way has an age of 0 to 3, at first 3. A hit on an entry of age 1 or 0 makes it 0.
/// What has to be aged is aged after each access, or, with `UMO`, before each new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Qlru {
    /// `x`: the age that a hit gives to an entry of age 3; 0 to 2.
    pub hit_at_3: u8,
    /// `y`: the age that a hit gives to an entry of age 2; 0 or 1.
    pub hit_at_2: u8,
    /// `z`: the age of a new entry; 0 to 3.
    pub insert: u8,
    /// `r`: where a new entry goes. 0: into the leftmost empty way, else in place of the
    /// leftmost entry of age 3. 1: the same, but into way 0 if no entry has age 3. 2: into
    /// the rightmost empty way, else in place of the leftmost entry of age 3.
    pub replace: u8,
    /// `u`: how ways age. 0: all by as much as makes the oldest 3. 1: the same for all but
    /// the way that was accessed. 2: all by one if none is 3. 3: the same for all but the
    /// way that was accessed. Not all of 2 and 3 can be had with all of `r`: with 0 and 2 a
    /// full set needs an entry of age 3.
    pub update: u8,
    /// `UMO`: they age on misses only.
    pub update_on: QlruUpdate,
}

/// When the entries of a QLRU set age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QlruUpdate {
    /// At every access.
    EveryAccess,
    /// On misses only (`UMO`).
    MissesOnly,
}

/// A number in the name of a QLRU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QlruField {
    /// `x` of `Hxy`.
    HitAt3,
    /// `y` of `Hxy`.
    HitAt2,
    /// `z` of `Mz`.
    Insert,
    /// `r` of `Rr`.
    Replace,
    /// `u` of `Uu`.
    Update,
}

impl QlruField {
    /// The largest value it may have.
    pub const fn most(self) -> u8 {
        match self {
            Self::HitAt2 => 1,
            Self::HitAt3 | Self::Replace => 2,
            Self::Insert | Self::Update => 3,
        }
    }
}

impl fmt::Display for QlruField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HitAt3 => "x of Hxy",
            Self::HitAt2 => "y of Hxy",
            Self::Insert => "z of Mz",
            Self::Replace => "r of Rr",
            Self::Update => "u of Uu",
        })
    }
}

impl Qlru {
    pub(crate) const fn is_idle_on_repeat(self) -> bool {
        // U1 leaves an entry of age 3 among the others: a second hit finds nothing to age.
        let others_stay = matches!(self.update_on, QlruUpdate::MissesOnly) || self.update == 1;
        self.hit_at_3 == 0 && self.hit_at_2 == 0 && others_stay
    }

    pub(crate) const fn validate(self) -> Result<(), ReplacementError> {
        let fields = [
            (QlruField::HitAt3, self.hit_at_3),
            (QlruField::HitAt2, self.hit_at_2),
            (QlruField::Insert, self.insert),
            (QlruField::Replace, self.replace),
            (QlruField::Update, self.update),
        ];
        let mut next = 0;
        while next < fields.len() {
            let (field, value) = fields[next];
            if value > field.most() {
                return Err(ReplacementError::QlruField { field, value });
            }
            next += 1;
        }
        if self.replace != 1 && self.update >= 2 {
            return Err(ReplacementError::QlruWithoutVictim {
                replace: self.replace,
                update: self.update,
            });
        }
        Ok(())
    }
}
