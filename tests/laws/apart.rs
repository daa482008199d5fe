//! A process of its own, for what may end the process.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, exit};

use crate::subject::{Verdict, message};

const CHILD: &str = "SEAWALL_LAWS_APART";

/// Runs this in another process: the same test of the same binary, which comes here and goes no further.
pub(crate) fn apart(name: &str, law: impl FnOnce() -> Verdict) -> Verdict {
    match std::env::var(CHILD) {
        Err(_) => in_child(name),
        Ok(wanted) if wanted == name => {
            let verdict = catch_unwind(AssertUnwindSafe(law));
            let verdict = verdict.unwrap_or_else(|panic| Err(format!("panicked: {}", message(&*panic))));
            let told = verdict.as_ref().err().map_or("", String::as_str);
            // Not by a macro: the test harness would keep it.
            let _unheard = std::io::stderr().write_all(format!("verdict: {told}\n").as_bytes());
            exit(i32::from(verdict.is_err()));
        }
        Ok(other) => Err(format!("this is the process of {other}")),
    }
}

fn in_child(name: &str) -> Verdict {
    let this = std::thread::current();
    let test = this.name().ok_or("a test has a name")?;
    // Where there is such a link, it leads to this binary even when another one has taken its place by now.
    let link = Path::new("/proc/self/exe");
    let binary = if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() };
    let binary = binary.map_err(|error| error.to_string())?;
    let child = Command::new(binary).args([test, "--exact"]).env(CHILD, name).output();
    let child = child.map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&child.stderr);
    // Without a verdict it proves nothing, however it ended: it may have found no such test.
    let Some((_, verdict)) = told.split_once("verdict: ") else {
        return Err(format!("the process ended with {}, and did not come to its end", child.status));
    };
    ensure!(child.status.success(), "the process ended with {}: {}", child.status, verdict.trim());
    Ok(())
}
