use core::ops::{Deref, DerefMut};

use crate::{Regime, WalkCost};

/// What decides how an access goes, beside the memory.
#[derive(Clone, Debug)]
pub(crate) struct State<T, C> {
    pub(crate) regime: Regime,
    pub(crate) cache: T,
    pub(crate) cost: C,
}

/// A state that is only changed by those who take it to change it: what is known of accesses that
/// would go as they went before is no longer known then ([`WalkCost::may_change`]). Nobody has to
/// think of that, and nobody can forget it.
#[derive(Clone, Debug)]
pub(crate) struct Settled<T, C>(State<T, C>);

impl<T, C> Settled<T, C> {
    pub(crate) fn new(state: State<T, C>) -> Self {
        Self(state)
    }

    /// For what no access depends on: to count, and to note how an access went.
    #[inline]
    pub(crate) fn aside(&mut self) -> &mut State<T, C> {
        &mut self.0
    }
}

impl<T, C> Deref for Settled<T, C> {
    type Target = State<T, C>;

    #[inline]
    fn deref(&self) -> &State<T, C> {
        &self.0
    }
}

impl<T, C: WalkCost> DerefMut for Settled<T, C> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State<T, C> {
        self.0.cost.may_change();
        &mut self.0
    }
}
