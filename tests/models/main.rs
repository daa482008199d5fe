//! Naive models against the machines.

mod adaptive;
mod circuit;
