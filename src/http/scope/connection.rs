//! A connection, and the calls it keeps in flight.

use std::fmt;
use std::io::{IoSlice, Result};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Upgraded;

pin_project! {
    /// A connection that has become something else, with the calls it keeps in flight: until this is dropped.
    ///
    /// It reads and writes as the connection does, whatever that is: a `reqwest::Upgraded`, hyper's behind a `TokioIo`, a
    /// websocket.
    pub struct Connection<Io> {
        // First, so that it is closed before its place is free.
        #[pin]
        io: Io,
        upgraded: Option<Upgraded>,
    }
}

impl<Io> Connection<Io> {
    /// This connection, and what keeps its calls in flight, if there is any.
    #[must_use]
    pub fn new(io: Io, upgraded: impl Into<Option<Upgraded>>) -> Self {
        Self { io, upgraded: upgraded.into() }
    }

    /// The two apart. The calls are over when the second is dropped.
    #[must_use = "dropping the second ends the calls"]
    pub fn into_parts(self) -> (Io, Option<Upgraded>) {
        (self.io, self.upgraded)
    }
}

impl<Io> Deref for Connection<Io> {
    type Target = Io;

    fn deref(&self) -> &Io {
        &self.io
    }
}

impl<Io> DerefMut for Connection<Io> {
    fn deref_mut(&mut self) -> &mut Io {
        &mut self.io
    }
}

impl<Io: AsyncRead> AsyncRead for Connection<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.project().io.poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite> AsyncWrite for Connection<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        self.project().io.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.project().io.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl<Io: fmt::Debug> fmt::Debug for Connection<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("io", &self.io).finish_non_exhaustive()
    }
}
