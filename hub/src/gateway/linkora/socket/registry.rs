//! Which installations have a socket open. Each socket counts by itself, also two of one app.

use std::sync::Arc;

use dashmap::DashMap;
use syncline_protocol::SpaceName;

/// The sockets that are open.
#[derive(Debug, Default)]
pub(in crate::gateway::linkora) struct Sockets {
    open: Arc<DashMap<(SpaceName, String), usize>>,
}

/// One socket's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Open {
    open: Arc<DashMap<(SpaceName, String), usize>>,
    place: (SpaceName, String),
}

impl Sockets {
    /// Whether an installation listens.
    pub(in crate::gateway::linkora) fn listens(&self, space: &SpaceName, device: &str) -> bool {
        self.open.contains_key(&(space.clone(), device.to_owned()))
    }

    pub(super) fn open(&self, space: &SpaceName, device: &str) -> Open {
        let place = (space.clone(), device.to_owned());
        *self.open.entry(place.clone()).or_insert(0) += 1;
        Open { open: self.open.clone(), place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(mut count) = self.open.get_mut(&self.place) {
            *count = count.saturating_sub(1);
        }
        self.open.remove_if(&self.place, |_, count| *count == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_listens_while_any_of_its_sockets_is_open() {
        let (sockets, space) = (Sockets::default(), SpaceName::new("linkora/a").unwrap());
        let (one, two) = (sockets.open(&space, "a"), sockets.open(&space, "a"));
        drop(one);
        assert!(sockets.listens(&space, "a") && !sockets.listens(&space, "b"));
        drop(two);
        assert!(!sockets.listens(&space, "a") && sockets.open.is_empty());
    }
}
