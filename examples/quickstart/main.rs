//! What the layers change, in 26 seconds:
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! One server gets into trouble. Two equal clients make the same calls to it at the same instants: one is bare, the
//! other stands behind the layers of `stack.rs`, which is the file to copy from. Each second prints a line, the end
//! tells what the layers changed. The exit code is 0 only if the protected client got more answers under a second *and*
//! the server received fewer requests from it during the fault.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an example is an application, not a layer"
)]

mod load;
mod report;
mod server;
mod stack;
mod watch;

use std::error::Error;
use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::load::Load;
use crate::report::{Report, Row};
use crate::server::{Phase, Server};
use crate::watch::Watch;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("quickstart: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Plays the scenario. Returns whether the layers were worth it.
async fn run() -> Result<bool, Box<dyn Error>> {
    enough_open_files()?;
    // A moment to get going, so that the first second is not about start-up.
    let begin = Instant::now() + Duration::from_millis(200);
    let server = Server::start(begin).await?;
    let watch = Watch::default();
    let (protected, circuit) = stack::protect(client()?, &watch);
    let load = Load::new(begin);
    let calls = tokio::spawn(load.clone().run(server.address(), client()?, protected));

    let mut report = Report::to_stdout();
    report.title()?;
    for second in 1..=Phase::all_seconds() {
        sleep_until(begin + Duration::from_secs(second)).await;
        report.row(&Row {
            second,
            calls: load.calls_of(second),
            state: circuit.state(),
            waits: load.tallies.each_ref().map(|tally| tally.since_last_time()),
            received: server.received().map(|phases| phases.iter().sum()),
            retries: watch.retries(),
            refused: circuit.totals().refused,
        })?;
    }
    // The server is well again: what is still under way ends soon.
    calls.await??;
    report.turns(&watch.turns(), begin)?;
    let worth_it = report.summary(load.tallies.each_ref().map(|tally| tally.total()), server.received())?;
    Ok(worth_it)
}

/// The client, the same for both. Without retries of its own, so that the layers make all the difference.
fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(load::PATIENCE)
        .retry(reqwest::retry::never())
        // The server is on this machine, whatever proxy the environment names.
        .no_proxy()
        .build()
}

/// While the server hangs, the bare client holds some 240 connections, and both ends of each are in this process.
fn enough_open_files() -> Result<(), String> {
    const NEEDED: usize = 800;
    let opened: io::Result<Vec<File>> = (0..NEEDED).map(|_| File::open(std::env::current_exe()?)).collect();
    opened.map(drop).map_err(|error| {
        format!("{NEEDED} open files are needed ({error}): run `ulimit -n 4096` and try again")
    })
}
