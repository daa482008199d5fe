//! Naive models against the machines.
