//! What each pattern does, vector by vector.
