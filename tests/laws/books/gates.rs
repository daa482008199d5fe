//! How one fills a bulkhead, a rate limit and an adaptive limit, and empties them again.

use std::task::Poll;
use std::time::Duration;

use seawall::gate::Permit;
use seawall::{Outcome, adaptive, bulkhead, rate_limit};

use super::{Books, SECOND, Until};
use crate::door::{Admitted, Gatekeeper, Later};
use crate::drive::{pass_time, poll_once};
use crate::foreign::Heard;
use crate::subject::{Hold, Subject};

/// There may be places for millions.
const MANY: usize = 1000;

/// Others who take places, and wait for some.
struct Others<H: Gatekeeper> {
    books: Books<H>,
    inside: Vec<H::Permit>,
    waiting: Vec<Later<Admitted<H>>>,
}

impl<H: Gatekeeper> Others<H> {
    /// As many as are let in.
    fn inside(books: &Books<H>) -> Self {
        let inside = books.aside(|handle| {
            let permits = std::iter::from_fn(|| handle.try_admit().ok());
            permits.take(MANY).collect()
        });
        Self { books: books.clone(), inside, waiting: Vec::new() }
    }

    /// As many as are let in, and as many as may wait.
    fn everywhere(books: &Books<H>) -> Self {
        let mut others = Self::inside(books);
        books.aside(|handle| {
            while others.waiting.len() < 300 && others.inside.len() < MANY {
                let mut admitted = handle.admit();
                match poll_once(admitted.as_mut()) {
                    Poll::Pending => others.waiting.push(admitted),
                    Poll::Ready(Ok(permit)) => others.inside.push(permit),
                    Poll::Ready(Err(_)) => break,
                }
            }
        });
        others
    }

    fn leave(&mut self, most: usize) {
        let Self { books, inside, waiting } = self;
        let stay = inside.len().saturating_sub(most);
        books.aside(|_| {
            waiting.clear();
            inside.drain(stay..).for_each(|permit| permit.settle(Outcome::Ignored));
        });
    }
}

impl<H: Gatekeeper> Hold for Others<H> {
    fn let_in(&mut self) {
        self.leave(1);
    }
}

impl<H: Gatekeeper> Drop for Others<H> {
    fn drop(&mut self) {
        self.leave(usize::MAX);
    }
}

pub(crate) fn on_bulkhead<L>(
    layer: L,
    handle: bulkhead::Handle,
    heard: Option<Heard>,
    direct: bool,
) -> Subject<L> {
    bulkhead_of(&Books::new(handle, heard), layer, direct)
}

fn bulkhead_of<L>(books: &Books<bulkhead::Handle>, layer: L, direct: bool) -> Subject<L> {
    let (full, handle) = (books.clone(), books.handle.clone());
    books.subject(layer, 1, direct).refuse_by("full", move || Others::everywhere(&full)).refuse_by(
        "without a place",
        move || {
            let (handle, max) = (handle.clone(), handle.max_concurrent());
            handle.resize(0);
            Until(move || handle.resize(max))
        },
    )
}

/// The same, where calls wait for so long.
pub(crate) fn on_queue<L>(
    layer: L,
    handle: bulkhead::Handle,
    heard: Option<Heard>,
    patience: Duration,
) -> Subject<L> {
    let books = Books::new(handle, heard);
    let full = books.clone();
    let mut subject = bulkhead_of(&books, layer, true)
        .hold_by("full", move || Others::inside(&full))
        .hold_by("smaller than it was", move || Shrunk::new(&books));
    subject.patience = patience;
    subject
}

/// A bulkhead with as many places as are taken.
struct Shrunk {
    others: Others<bulkhead::Handle>,
    max: u32,
}

impl Shrunk {
    fn new(books: &Books<bulkhead::Handle>) -> Self {
        let mut others = Others::inside(books);
        let max = books.handle.max_concurrent();
        books.handle.resize(1);
        others.leave(others.inside.len().saturating_sub(1));
        Self { others, max }
    }
}

impl Hold for Shrunk {
    fn let_in(&mut self) {
        let handle = &self.others.books.handle;
        handle.resize(handle.max_concurrent() + 1);
    }
}

impl Drop for Shrunk {
    fn drop(&mut self) {
        self.others.books.handle.resize(self.max);
    }
}

/// `turn` is how long a turn takes, `whole` how long until all that may pass at once can pass again.
pub(crate) fn on_rate_limit<L>(
    layer: L,
    handle: rate_limit::Handle,
    heard: Option<Heard>,
    turn: Duration,
    patience: Duration,
) -> Subject<L> {
    let books = Books::new(handle.clone(), heard);
    let (spent, paused) = (books.clone(), handle.clone());
    let mut subject = books
        .subject(layer, 1, true)
        .refuse_by("spent", move || {
            let others = Others::everywhere(&spent);
            Until(move || {
                let _here_until_then = &others;
                pass_time(2 * SECOND);
            })
        })
        .refuse_by("paused", move || {
            let handle = paused.clone();
            handle.pause(10 * SECOND);
            Until(move || handle.resume())
        });
    if !patience.is_zero() {
        subject = subject.hold_by("spent", move || Spent { _others: Others::inside(&books), turn }).hold_by(
            "paused",
            {
                let handle = handle.clone();
                move || Paused::new(handle.clone(), turn)
            },
        );
        subject.patience = patience;
    }
    subject.revive = Box::new(move || {
        handle.resume();
        pass_time(2 * SECOND);
    });
    subject
}

struct Spent {
    _others: Others<rate_limit::Handle>,
    turn: Duration,
}

impl Hold for Spent {
    fn let_in(&mut self) {
        pass_time(self.turn);
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        pass_time(2 * SECOND);
    }
}

struct Paused {
    handle: rate_limit::Handle,
    turn: Duration,
}

impl Paused {
    fn new(handle: rate_limit::Handle, turn: Duration) -> Self {
        handle.pause(SECOND);
        Self { handle, turn }
    }
}

impl Hold for Paused {
    fn let_in(&mut self) {
        if self.handle.paused_for().is_some() {
            self.handle.resume();
        } else {
            pass_time(self.turn);
        }
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.handle.resume();
    }
}

pub(crate) fn on_adaptive<L>(
    layer: L,
    handle: adaptive::Handle,
    heard: Option<Heard>,
    direct: bool,
) -> Subject<L> {
    let books = Books::new(handle, heard);
    let full = books.clone();
    books.subject(layer, 1, direct).refuse_by("at its limit", move || Others::inside(&full))
}
