//! What a layer costs, beside tower's own layers in the same run.
//!
//! `cargo bench --bench overhead` prints one interleaved table (medians of many short rounds taken in turn, so that a noisy
//! machine is noisy for all), then runs the same rows under criterion. `-- --table` stops after the table;
//! `-- --instructions` counts instructions per call under callgrind instead (needs valgrind).
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    missing_docs,
    reason = "measures with the real clock"
)]

mod inner;
mod instructions;
mod interleaved;
mod pages;
mod rows;

use criterion::Criterion;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    match args.iter().map(String::as_str).find(|arg| ["--table", "--instructions", "--one"].contains(arg)) {
        Some("--instructions") => instructions::count(),
        Some("--one") => instructions::run_one(&args),
        Some(_) => interleaved::print(),
        None => {
            interleaved::print();
            let mut criterion = Criterion::default().configure_from_args();
            for mut row in rows::all() {
                criterion.bench_function(row.name, |bench| bench.iter(|| (row.call)(1)));
            }
            criterion.final_summary();
        }
    }
}
