//! Random numbers that can be repeated.

use std::time::{Duration, Instant};

/// A generator of random numbers (xorshift64*).
#[derive(Debug)]
pub struct Rng(u64);

impl Rng {
    /// Returns a generator whose numbers depend on the seed alone.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    /// Spins for a random time up to `most`, to hit a random moment. Not for waiting until something is done.
    pub fn spin_up_to(&mut self, most: Duration) {
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX).max(1);
        let end = Instant::now() + Duration::from_micros(self.below(micros));
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
}
