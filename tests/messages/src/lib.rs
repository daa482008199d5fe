//! What the compiler tells a user who made a mistake.
