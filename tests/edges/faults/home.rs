//! What was opened is closed again.

use std::fs;
use std::process::Command;

use super::*;
use crate::bodies::soon;

const ROUNDS: usize = 8;

/// How many files this process has open; `None` where that cannot be told.
fn open() -> Option<usize> {
    fs::read_dir("/proc/self/fd").ok().map(Iterator::count)
}

/// Tests share their process, and this one counts what its process has open.
#[test]
fn after_many_rounds_of_all_faults_no_file_is_left_open() {
    if open().is_none() {
        return;
    }
    let tests = std::env::current_exe().unwrap();
    let alone = ["--exact", "faults::home::rounds", "--ignored", "--nocapture"];
    let output = Command::new(tests).args(alone).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "needs a process of its own: the test above gives it one"]
async fn rounds() {
    let before = open();
    for _ in 0..ROUNDS {
        let calls = ALL.iter().flat_map(|&stack| FAULTS.map(|(fault, _)| call(stack, fault, true, false)));
        join_all(calls).await;
    }
    soon("every file is closed", || open() <= before).await;
}
