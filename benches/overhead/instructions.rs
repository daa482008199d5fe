//! Instructions per call, counted by callgrind: the same on a busy machine.

use std::process::Command;

use super::rows;

const FEW: u64 = 1_000;
const MANY: u64 = 11_000;

/// Runs this program under callgrind, twice per row; what more calls cost more is what a call costs.
pub(crate) fn count() {
    println!("{:<40} {:>12}", "per call", "instructions");
    for row in rows::all() {
        let (few, many) = (under_callgrind(row.name, FEW), under_callgrind(row.name, MANY));
        let per_call = few.zip(many).map(|(few, many)| (many - few) as f64 / (MANY - FEW) as f64);
        match per_call {
            Some(per_call) => println!("{:<40} {per_call:>12.0}", row.name),
            None => return println!("skipped: valgrind is not here, or did not run"),
        }
    }
}

/// Makes so many calls of one row: `--one NAME COUNT`.
pub(crate) fn run_one(args: &[String]) {
    let at = args.iter().position(|arg| arg == "--one").expect("--one");
    let (name, count) = (&args[at + 1], args[at + 2].parse::<u64>().expect("a count"));
    let mut row = rows::all().into_iter().find(|row| row.name == name).expect("a row of this name");
    for value in 0..count {
        (row.call)(value);
    }
}

fn under_callgrind(name: &str, count: u64) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(["--one", name, &count.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = report.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(' ').next()?.parse().ok()
}
