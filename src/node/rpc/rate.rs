//! How often one address may ask: a bucket of requests that refills as time goes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Addresses that are remembered. More than can be connected at once; the one that asked least lately goes.
const ADDRESSES_MAX: usize = 1024;

/// Seconds' worth of requests that may come at once.
const BURST_SECONDS: f64 = 2.0;

/// The buckets of all addresses.
#[derive(Debug)]
pub(in crate::node) struct Rates {
    per_second: f64,
    buckets: Mutex<BTreeMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Requests left.
    left: f64,
    at: Instant,
}

impl Rates {
    /// Each address may ask so often in the long run, and for two seconds twice as often.
    pub(in crate::node) fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second), buckets: Mutex::default() }
    }

    /// Counts a request; says whether it may pass.
    pub(in crate::node) fn allow(&self, address: IpAddr, now: Instant) -> bool {
        let full = self.per_second * BURST_SECONDS;
        let address = network(address);
        // A thread that panicked while it held the lock left nothing half done.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&address) {
            let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.at);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                buckets.remove(&oldest);
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket { left: full, at: now });
        let refill = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        bucket.left = (bucket.left + refill).min(full);
        bucket.at = now;
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

/// Whoever has one address of IPv6 has its whole /64.
pub(in crate::node) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_refills_and_is_each_addresss_own() {
        let rates = Rates::new(2);
        let (one, two): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let start = Instant::now();
        let allowed = |at: Instant| (0..10).filter(|_| rates.allow(one, at)).count();
        assert_eq!(allowed(start), 4, "two seconds' worth");
        assert_eq!(allowed(start + Duration::from_secs(1)), 2);
        assert_eq!(allowed(start + Duration::from_secs(3600)), 4);
        assert!(rates.allow(two, start + Duration::from_secs(3600)));
        assert_eq!(allowed(start), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn addresses_are_bounded_and_networks_of_ipv6_count_once() {
        let rates = Rates::new(1);
        let start = Instant::now();
        for number in 0..5000_u32 {
            rates.allow(IpAddr::from(number.to_be_bytes()), start);
        }
        assert_eq!(rates.buckets.lock().unwrap().len(), ADDRESSES_MAX);
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
    }
}
