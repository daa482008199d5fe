//! The report: a line each second, and at the end what the layers changed.

use std::fmt::Display;
use std::io::{self, IsTerminal, Stdout, Write};
use std::time::Duration;

use seawall::circuit_breaker::CircuitState;
use tokio::time::Instant;

use crate::load::{CALLS_PER_SECOND, PATIENCE, Total, USEFUL, Wait};
use crate::server::Phase;
use crate::watch::Turn;

pub(crate) struct Report {
    out: Stdout,
    coloured: bool,
    before: Before,
}

/// What was counted up to the second before.
#[derive(Default)]
struct Before {
    received: [u64; 2],
    retries: u64,
    refused: u64,
}

/// What is known at the end of a second. Arrays hold the bare client first.
pub(crate) struct Row {
    pub(crate) second: u64,
    /// Made in this second, by either client.
    pub(crate) calls: usize,
    pub(crate) state: CircuitState,
    /// The calls that ended in this second.
    pub(crate) waits: [Vec<Wait>; 2],
    /// Since the beginning.
    pub(crate) received: [u64; 2],
    pub(crate) retries: u64,
    pub(crate) refused: u64,
}

const HEADER: &str = concat!(
    "                     | bare client                   | with layers\n",
    "  s server     calls | answers  p50 ms  p99 ms  sent | circuit   answers  p50 ms  p99 ms retries refused  sent\n",
    "---------------------+-------------------------------+--------------------------------------------------------",
);

#[derive(Clone, Copy)]
enum Colour {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Report {
    pub(crate) fn to_stdout() -> Self {
        let out = io::stdout();
        // See no-color.org: set and not empty means no colours.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = out.is_terminal() && !unwanted;
        Self { out, coloured, before: Before::default() }
    }

    pub(crate) fn title(&mut self) -> io::Result<()> {
        let [healthy, refusing, hanging, recovered] = Phase::ALL.map(Phase::seconds);
        let (total, patience) = (Phase::all_seconds(), PATIENCE.as_secs());
        writeln!(
            self.out,
            "seawall quickstart: one server, two equal clients, {total} seconds.\n\n\
             The server is healthy for {healthy} s, answers 60 % of all requests with a 503 for {refusing} s, \
             hangs for {hanging} s,\nand is well again for {recovered} s. Both clients make the same \
             {CALLS_PER_SECOND} calls a second and wait {patience} s at most. One is bare,\n\
             the other stands behind Timeout > Retry > CircuitBreaker > Timeout.\n\n\
             answers, p50, p99: of the calls that ended in this second, whatever came of them\n\
             sent: requests that the server received\n\n{HEADER}"
        )
    }

    pub(crate) fn row(&mut self, row: &Row) -> io::Result<()> {
        let phase = Phase::at(Duration::from_secs(row.second - 1));
        let (label, colour) = match phase {
            Phase::Healthy => ("healthy", Colour::Green),
            Phase::Refusing => ("60 % 503", Colour::Yellow),
            Phase::Hanging => ("hangs", Colour::Red),
            Phase::Recovered => ("recovered", Colour::Green),
        };
        let server = self.paint(colour, format!("{label:<10}"));
        let (label, colour) = match row.state {
            CircuitState::Closed => ("closed", Colour::Green),
            CircuitState::Open => ("open", Colour::Red),
            _ => ("half-open", Colour::Yellow),
        };
        let circuit = self.paint(colour, format!("{label:<9}"));
        let [bare, layered] = row.waits.each_ref().map(|waits| self.waits(waits, row.calls));
        let sent = [0, 1].map(|caller| row.received[caller] - self.before.received[caller]);
        let (retries, refused) = (row.retries - self.before.retries, row.refused - self.before.refused);
        writeln!(
            self.out,
            "{:>3} {server}{:>6} | {bare} {:>5} | {circuit} {layered} {retries:>7} {refused:>7} {:>5}",
            row.second, row.calls, sent[0], sent[1],
        )?;
        self.before = Before { received: row.received, retries: row.retries, refused: row.refused };
        Ok(())
    }

    /// Answers, and how long callers waited, in three columns.
    fn waits(&self, waits: &[Wait], calls: usize) -> String {
        let answers = waits.iter().filter(|wait| wait.answered).count();
        let colour = match answers {
            _ if answers * 10 >= calls * 9 => Colour::Green,
            _ if answers * 2 >= calls => Colour::Yellow,
            _ => Colour::Red,
        };
        let answers = self.paint(colour, format!("{answers:>7}"));
        let mut millis: Vec<u128> = waits.iter().map(|wait| wait.lasted.as_millis()).collect();
        millis.sort_unstable();
        let [p50, p99] = [50, 99].map(|percent| {
            let rank = (millis.len() * percent).div_ceil(100).saturating_sub(1);
            millis.get(rank).map_or_else(|| "-".to_owned(), ToString::to_string)
        });
        format!("{answers} {p50:>7} {p99:>7}")
    }

    /// When the circuit opened, and when it closed.
    pub(crate) fn turns(&mut self, turns: &[Turn], begin: Instant) -> io::Result<()> {
        writeln!(self.out)?;
        let told = |turn: &&Turn| turn.from == CircuitState::Closed || turn.to == CircuitState::Closed;
        for turn in turns.iter().filter(told) {
            let at = turn.at.saturating_duration_since(begin).as_secs_f64();
            writeln!(self.out, "circuit at {at:4.1} s: {} to {}, {}", turn.from, turn.to, turn.reason)?;
        }
        Ok(())
    }

    /// What the layers changed. Returns whether it is for the better.
    pub(crate) fn summary(&mut self, totals: [Total; 2], received: [[u64; 4]; 2]) -> io::Result<bool> {
        let within = |wanted: fn(Phase) -> bool| {
            let phases = Phase::ALL.into_iter().filter(move |&phase| wanted(phase));
            received.map(|counts| phases.clone().map(|phase| counts[phase as usize]).sum::<u64>())
        };
        let useful = totals.map(|total| total.useful);
        let in_fault = within(Phase::is_fault);
        let (none, under) = ("", format!("answers under {} s", USEFUL.as_secs()));
        writeln!(self.out, "\nWhat the layers changed{:24}bare   layers   change", "")?;
        for (name, values, unit) in [
            ("calls", totals.map(|total| total.calls), none),
            ("answers", totals.map(|total| total.answers), none),
            (&*under, useful, none),
            ("time lost in calls without an answer", totals.map(|total| total.lost.as_secs()), " s"),
            ("requests the server received", within(|_| true), none),
            ("  while it answered 60 % with a 503", within(|phase| phase == Phase::Refusing), none),
            ("  while it hung", within(|phase| phase == Phase::Hanging), none),
            ("  during the fault, both together", in_fault, none),
        ] {
            let [bare, layered] = values.map(|value| format!("{value}{unit}"));
            let change = format!("{:+}{unit}", difference(values));
            writeln!(self.out, "{name:42} {bare:>8} {layered:>8} {change:>8}")?;
        }
        let (more, fewer) = (difference(useful), -difference(in_fault));
        let passed = more > 0 && fewer > 0;
        let verdict =
            if passed { self.paint(Colour::Green, "PASS") } else { self.paint(Colour::Red, "FAIL") };
        let percent = |margin: i64, of: [u64; 2]| 100.0 * margin as f64 / of[0].max(1) as f64;
        writeln!(
            self.out,
            "\n{verdict}: {under} {more:+} ({:+.1} %), requests during the fault {:+} ({:+.1} %)",
            percent(more, useful),
            -fewer,
            percent(-fewer, in_fault),
        )?;
        Ok(passed)
    }

    fn paint(&self, colour: Colour, text: impl Display) -> String {
        if self.coloured { format!("\x1b[{}m{text}\x1b[0m", colour as u8) } else { text.to_string() }
    }
}

/// By how much the layers raised a number.
fn difference([bare, layered]: [u64; 2]) -> i64 {
    layered.cast_signed().saturating_sub(bare.cast_signed())
}
