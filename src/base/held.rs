//! Where a state lives, and how a call holds on to it: one for a whole layer, or one of many behind a key.

use std::ops::Deref;

use super::bell::{self, Listed, place_of};
use super::lanes::{LaneRef, Lanes};
use super::sync::{Arc, AtomicU64, Ordering, fence};
use super::wakers::Wakers;

mod deref;

/// A state that somebody can come back to.
#[derive(Debug)]
pub enum Home<T> {
    /// That of a layer.
    Layer(Lanes<T>),
    /// That of a key.
    Key(BehindKey<T>),
}

/// A state that a call has found, and can hold on to.
///
/// Three kinds, so that a gate knows at compile time which it is: a call through a layer holds one word, and moving it
/// about is free. One that is told apart while running is two words, written apart and moved together, which costs a
/// processor more than all the rest.
pub trait Reach: Deref<Target: Sized> {
    /// What the call holds.
    type Held: Hold<Target = Self::Target>;

    /// Holds on to it.
    fn hold(self) -> Self::Held;

    /// Holds on to it without being a call.
    fn stay(self) -> Home<Self::Target>;
}

/// A state that a call holds until it ends.
pub trait Hold: Deref<Target: Sized> {
    /// Whoever stayed becomes a call.
    fn again(home: &Home<Self::Target>) -> Self;

    /// The lane the call is counted on.
    fn lane(&self) -> usize;

    /// The end of a call: whoever waits for the last one hears of it.
    #[inline]
    fn leave(self)
    where
        Self: Sized,
    {
        let place = place_of(&*self);
        drop(self);
        bell::ring(place);
    }
}

/// Found in the layer.
#[derive(Debug)]
pub struct InLayer<'a, T>(&'a Lanes<T>);

/// Found behind a key.
#[derive(Debug)]
pub struct BehindKey<T>(Arc<Room<T>>);

/// Held behind a key.
#[derive(Debug)]
pub struct Call<T>(Arc<Room<T>>);

/// Found by a handle, in one place or the other.
#[derive(Debug)]
pub(crate) enum Found<'a, T> {
    Layer(InLayer<'a, T>),
    Key(BehindKey<T>),
}

/// Held by the permit of a handle.
#[derive(Debug)]
pub enum Held<T> {
    /// In the layer.
    Layer(LaneRef<T>),
    /// Behind a key.
    Key(Call<T>),
}

/// The state of one key.
#[derive(Debug)]
pub(crate) struct Room<T> {
    /// Of those who hold it: the calls. Others look, or seek it for a call that is then refused.
    calls: AtomicU64,
    state: T,
}

impl<T> Home<T> {
    #[inline]
    pub(crate) fn find(&self) -> Found<'_, T> {
        match self {
            Self::Layer(lanes) => Found::Layer(InLayer(lanes)),
            Self::Key(found) => Found::Key(found.clone()),
        }
    }

    /// How many calls hold it.
    pub(crate) fn in_flight(&self) -> usize {
        match self {
            Self::Layer(lanes) => lanes.holders(),
            Self::Key(BehindKey(room)) => room.calls.load(Ordering::Relaxed) as usize,
        }
    }

    /// Whether no call holds it. If so, all that they did is seen.
    pub(crate) fn is_empty(&self) -> bool {
        let is_empty = self.in_flight() == 0;
        fence(Ordering::Acquire);
        is_empty
    }

    /// While the answer lives, whoever [leaves](Hold::leave) wakes those that are parked.
    pub(crate) fn list(&self, parked: &Arc<Wakers>) -> Listed {
        Listed::new(place_of(&**self), parked)
    }
}

impl<T> Clone for Home<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Layer(lanes) => Self::Layer(lanes.clone()),
            Self::Key(found) => Self::Key(found.clone()),
        }
    }
}

impl<T> Clone for BehindKey<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, T> InLayer<'a, T> {
    pub(crate) const fn of(lanes: &'a Lanes<T>) -> Self {
        Self(lanes)
    }
}

impl<T> BehindKey<T> {
    pub(crate) const fn of(room: Arc<Room<T>>) -> Self {
        Self(room)
    }
}

impl<T> Reach for InLayer<'_, T> {
    type Held = LaneRef<T>;

    #[inline]
    fn hold(self) -> LaneRef<T> {
        self.0.here()
    }

    fn stay(self) -> Home<T> {
        Home::Layer(self.0.clone())
    }
}

impl<T> Reach for BehindKey<T> {
    type Held = Call<T>;

    #[inline]
    fn hold(self) -> Call<T> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        Call(self.0)
    }

    fn stay(self) -> Home<T> {
        Home::Key(self)
    }
}

impl<T> Reach for Found<'_, T> {
    type Held = Held<T>;

    fn hold(self) -> Held<T> {
        match self {
            Self::Layer(found) => Held::Layer(found.hold()),
            Self::Key(found) => Held::Key(found.hold()),
        }
    }

    fn stay(self) -> Home<T> {
        match self {
            Self::Layer(found) => found.stay(),
            Self::Key(found) => found.stay(),
        }
    }
}

impl<T> Hold for LaneRef<T> {
    fn again(home: &Home<T>) -> Self {
        match home {
            Home::Layer(lanes) => lanes.here(),
            Home::Key(_) => unreachable!("found in a layer"),
        }
    }

    #[inline]
    fn lane(&self) -> usize {
        self.index()
    }
}

impl<T> Hold for Call<T> {
    fn again(home: &Home<T>) -> Self {
        match home {
            Home::Key(found) => found.clone().hold(),
            Home::Layer(_) => unreachable!("found behind a key"),
        }
    }

    #[inline]
    fn lane(&self) -> usize {
        0
    }
}

impl<T> Hold for Held<T> {
    fn again(home: &Home<T>) -> Self {
        home.find().hold()
    }

    fn lane(&self) -> usize {
        match self {
            Self::Layer(held) => held.lane(),
            Self::Key(held) => held.lane(),
        }
    }
}

impl<T> Room<T> {
    pub(crate) fn new(state: T) -> Self {
        Self { calls: AtomicU64::new(0), state }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    #[test]
    fn calls_in_flight_are_told_from_those_who_only_look() {
        let layer = Home::Layer(Lanes::new(7));
        let room = Arc::new(Room::new(7));
        let key = Home::Key(BehindKey(room.clone()));
        for home in [layer, key] {
            let (other, looks) = (home.clone(), home.find());
            let calls = [home.find().hold(), home.find().hold()];
            assert_eq!((other.in_flight(), **calls.first().unwrap(), *looks), (2, 7, 7));
            drop(calls);
            assert!(home.is_empty());
        }
        assert_eq!(Arc::strong_count(&room), 1);
    }
}
