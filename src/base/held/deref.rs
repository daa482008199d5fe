//! Whatever holds a state, or found it, leads to it.

use std::ops::Deref;

use super::{BehindKey, Call, Found, Held, Home, InLayer, Room};

impl<T> Deref for Room<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.state
    }
}

impl<T> Deref for Home<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Layer(lanes) => lanes,
            Self::Key(found) => found,
        }
    }
}

impl<T> Deref for InLayer<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0
    }
}

impl<T> Deref for BehindKey<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for Call<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for Found<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Layer(found) => found,
            Self::Key(found) => found,
        }
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Layer(held) => held,
            Self::Key(held) => held,
        }
    }
}
