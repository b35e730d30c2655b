//! Syncline client.
