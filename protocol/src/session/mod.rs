//! Both ends of a session, as state machines without sockets or timers.
//!
//! A shell hands in what happened and when, and does what it is told. This room never waits.

pub mod client;
