//! Syncline protocol.
