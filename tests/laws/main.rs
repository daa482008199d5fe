//! The laws of a layer.
