//! Both ends of a session as state machines: events and the time go in, things to do come out.
//! No socket, no timer, no task: whoever drives them has those.

pub mod client;
pub mod server;
