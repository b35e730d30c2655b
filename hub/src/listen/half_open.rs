//! Who is in the door: connections that have not yet shown what they speak, bounded in all and for
//! each address. This room knows addresses and places, never sockets.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio::sync::oneshot;

use super::Bounds;
use crate::access::household::Household;

/// The places in the door.
#[derive(Debug)]
pub(super) struct HalfOpen {
    most: usize,
    most_per_address: usize,
    trusted: Vec<IpNet>,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    /// The number of the next place; smaller numbers are older.
    next: u64,
    /// Dropping the sender tells the holder that its place is revoked.
    places: BTreeMap<u64, (Option<Household>, oneshot::Sender<()>)>,
    by_address: HashMap<Household, usize>,
}

impl HalfOpen {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            most: bounds.half_open.max(1),
            most_per_address: bounds.half_open_per_address.max(1),
            trusted: bounds.trusted.clone(),
            taken: Arc::default(),
        }
    }

    /// A place for a connection of this address, or none when the address has too many. When all
    /// are taken the oldest is revoked: an honest handshake takes a few round trips, so that the
    /// oldest is the least likely to be one.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<Place> {
        let counted = self.trusted.iter().all(|network| !network.contains(&peer));
        let address = counted.then(|| Household::of(peer));
        let mut taken = lock(&self.taken);
        let held = address.and_then(|address| taken.by_address.get(&address)).copied();
        if held.unwrap_or(0) >= self.most_per_address {
            return None;
        }
        if taken.places.len() >= self.most
            && let Some((&oldest, _)) = taken.places.first_key_value()
        {
            taken.free(oldest);
        }
        let (number, revoked) = taken.take(address);
        Some(Place { number, revoked, taken: Arc::clone(&self.taken) })
    }

    /// Revokes every place.
    pub(super) fn close(&self) {
        let mut taken = lock(&self.taken);
        taken.places.clear();
        taken.by_address.clear();
    }
}

impl Taken {
    fn take(&mut self, address: Option<Household>) -> (u64, oneshot::Receiver<()>) {
        let number = self.next;
        self.next += 1;
        let (sender, receiver) = oneshot::channel();
        self.places.insert(number, (address, sender));
        if let Some(address) = address {
            *self.by_address.entry(address).or_default() += 1;
        }
        (number, receiver)
    }

    /// Frees a place; nothing happens when it was freed before.
    fn free(&mut self, number: u64) {
        let Some((Some(address), _)) = self.places.remove(&number) else { return };
        if let Some(held) = self.by_address.get_mut(&address) {
            *held -= 1;
            if *held == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// One place, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    revoked: oneshot::Receiver<()>,
    taken: Arc<Mutex<Taken>>,
}

impl Place {
    /// Waits until somebody else needs this place.
    pub(super) async fn revoked(&mut self) {
        // Nothing is ever sent; the other end is dropped.
        let _ = (&mut self.revoked).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.taken).free(self.number);
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn door(half_open: usize, half_open_per_address: usize, trusted: &[&str]) -> HalfOpen {
        let trusted = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        let handshake_timeout = Duration::from_secs(1);
        HalfOpen::new(&Bounds { handshake_timeout, half_open, half_open_per_address, trusted })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn is_revoked(place: &mut Place) -> bool {
        place.revoked.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let door = door(100, 2, &[]);
        let first = door.admit(address("10.0.0.1"));
        let second = door.admit(address("::ffff:10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(door.admit(address("10.0.0.1")).is_none());
        assert!(door.admit(address("10.0.0.2")).is_some());
        drop(first);
        assert!(door.admit(address("10.0.0.1")).is_some());
        drop(second);
        assert!(lock(&door.taken).places.is_empty());
        assert!(lock(&door.taken).by_address.is_empty());
    }

    #[test]
    fn a_network_of_one_subscriber_is_one_address() {
        let door = door(100, 1, &["10.0.0.0/8"]);
        let _held = door.admit(address("2001:db8:0:1::1")).expect("a place");
        assert!(door.admit(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(door.admit(address("2001:db8:0:2::1")).is_some());
        let proxied: Vec<_> = (0..10).filter_map(|_| door.admit(address("10.1.1.1"))).collect();
        assert_eq!(proxied.len(), 10);
    }

    #[test]
    fn the_oldest_place_is_revoked_when_all_are_taken() {
        let door = door(2, 10, &[]);
        let mut first = door.admit(address("10.0.0.1")).expect("a place");
        let mut second = door.admit(address("10.0.0.2")).expect("a place");
        assert!(!is_revoked(&mut first));
        let mut third = door.admit(address("10.0.0.3")).expect("a place");
        assert!(is_revoked(&mut first) && !is_revoked(&mut second) && !is_revoked(&mut third));
        assert_eq!(lock(&door.taken).places.len(), 2);
        drop(first);
        assert_eq!(lock(&door.taken).by_address.len(), 2, "a place is freed once");
        door.close();
        assert!(is_revoked(&mut second) && is_revoked(&mut third));
    }
}
