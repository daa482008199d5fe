//! Real clients and real servers on loopback.
