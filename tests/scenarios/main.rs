//! What a fleet of clients does to a server under a fault, in virtual time.
//!
//! One seed is one run: `SIM_SEED=2 cargo test --all-features --test scenarios` repeats the runs of seed 2, and a failure
//! says which seed it was. `-- --nocapture` prints a row for every run.

mod engine;
mod farm;
mod limits;
mod random;
mod report;
mod server;

mod adaptive;
mod hedge;
mod stampede;
