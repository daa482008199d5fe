//! A real tonic server and a real tonic client, with layers on either side.
mod generated;
