//! Naive models against the machines.

mod circuit;
