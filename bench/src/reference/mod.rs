//! What the hub is held against: programs that do the least that the same result could cost.
//!
//! They run in processes of their own, as hidden commands of this program, and hold no rule of the
//! hub: whoever beats them does less work, and whoever comes near wastes little.

pub(crate) mod rebroadcast;
pub(crate) mod rows;
