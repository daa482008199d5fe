//! The laws of a layer, each a test over every line of [the table](table).
//!
//! A law is a function from a way to make a subject to a [`Verdict`](subject::Verdict), so that it can be shown to fail:
//! [`planted`] runs every law against a layer with one defect.
#![allow(clippy::cast_lossless, reason = "one macro counts in several types")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests own their locks and threads")]
#![allow(
    clippy::cast_possible_wrap,
    clippy::needless_pass_by_value,
    reason = "small counts, and rooms given away"
)]

#[macro_use]
mod subject;
#[macro_use]
mod table;

mod apart;
mod books;
mod door;
mod drive;
mod drop_at;
mod foreign;
mod inner;

mod by_hand;
mod cancellation;
mod conservation;
mod extremes;
mod identity;
mod leaving;
mod panics;
mod planted;
mod queued;
mod readiness;
mod refusing;
mod shape;
mod sharing;
mod waiting;
mod wakes;
mod wrong;
mod wronged;
