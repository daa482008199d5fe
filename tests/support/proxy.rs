//! A proxy on loopback that stands between a client and a real server, and plays faults. Taken in with `#[path]`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What happens to a connection. What speaks of an answer fits HTTP/1.1 and HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    Pass,
    /// It is reset once something was sent.
    Reset,
    /// What is sent is read, and nobody answers.
    Stall,
    /// The answer comes a byte every 100 ms.
    Trickle,
    /// It ends in the midst of the headers of the answer.
    HalfHead,
    /// It ends in the midst of the body of the answer.
    HalfBody,
    /// HTTP/2 only: GOAWAY without an error, from before the first stream.
    GoAway,
}

/// The proxy, until it is dropped, and its connections with it.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Plays one of these with each connection, and then the last one for ever.
    pub(crate) async fn start(server: SocketAddr, faults: impl Into<Vec<Fault>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let faults = faults.into();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let Ok((client, _)) = listener.accept().await else { return };
                connections.spawn(play(faults[number.min(faults.len() - 1)], client, server));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(fault: Fault, mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    match fault {
        Fault::Reset => {
            client.readable().await?;
            client.set_zero_linger()
        }
        Fault::Stall => until_it_leaves(client).await,
        Fault::GoAway => go_away(client).await,
        Fault::Pass | Fault::Trickle | Fault::HalfHead | Fault::HalfBody => {
            let mut server = TcpStream::connect(server).await?;
            let (mut from_client, mut to_client) = client.split();
            let (from_server, mut to_server) = server.split();
            tokio::select! {
                sent = tokio::io::copy(&mut from_client, &mut to_server) => sent.map(drop),
                answered = answer(fault, from_server, &mut to_client) => answered,
            }
        }
    }
}

async fn until_it_leaves(mut client: TcpStream) -> io::Result<()> {
    while client.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

async fn answer(
    fault: Fault,
    mut from: impl AsyncReadExt + Unpin,
    to: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let (passed, length) = (seen.len(), from.read(&mut chunk).await?);
        seen.extend_from_slice(&chunk[..length]);
        let end = middle(fault, &seen).map_or(seen.len(), |middle| middle.min(seen.len()));
        if fault == Fault::Trickle {
            for byte in &seen[passed..] {
                to.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        } else {
            to.write_all(&seen[passed..end]).await?;
        }
        if length == 0 || end < seen.len() {
            return Ok(());
        }
    }
}

/// Where the connection is cut, once that can be told.
fn middle(fault: Fault, answer: &[u8]) -> Option<usize> {
    let in_head = match fault {
        Fault::HalfHead => true,
        Fault::HalfBody => false,
        _ => return None,
    };
    if answer.starts_with(b"HTTP/1") {
        let head = || answer.windows(4).position(|end| end == b"\r\n\r\n");
        return if in_head { Some(12) } else { Some(head()? + 4 + 3) };
    }
    let (mut rest, kind) = (answer, u8::from(in_head));
    while let &[a, b, c, of, ..] = rest {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if of == kind {
            return Some(answer.len() - rest.len() + 9 + length / 2);
        }
        rest = rest.get(9 + length..)?;
    }
    None
}

/// HTTP/2 by hand: waits for the first stream, and says that none was seen.
async fn go_away(mut client: TcpStream) -> io::Result<()> {
    let (settings, yours_are_fine) = ([0, 0, 0, 4, 0, 0, 0, 0, 0], [0, 0, 0, 4, 1, 0, 0, 0, 0]);
    let gone = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    client.read_exact(&mut [0; 24]).await?;
    client.write_all(&settings).await?;
    loop {
        let mut head = [0; 9];
        client.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, ..] = head;
        client.read_exact(&mut vec![0; u32::from_be_bytes([0, a, b, c]) as usize]).await?;
        match (kind, flags & 1) {
            (1, _) => break,
            (4, 0) => client.write_all(&yours_are_fine).await?,
            _ => {}
        }
    }
    client.write_all(&gone).await?;
    until_it_leaves(client).await
}
