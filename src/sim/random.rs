//! Dice: everything that chance decides, out of the seed.
//!
//! Numbers are made by ChaCha8. What the mathematics library of a system would round in its own way, logarithm and
//! exponential, is computed here out of the four operations and the square root, whose rounding IEEE 754 fixes: so a seed
//! is the same history on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a seed for one purpose: what one part of a simulation draws does not shift what another does.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("assay simulation dice v1");
        hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in 0 … `end` − 1, all equally likely but for 2⁻⁶⁴ × `end`; 0 if there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        // The upper half of a product of two 64-bit numbers fits 64 bits.
        ((u128::from(self.number()) * u128::from(end)) >> 64) as u64
    }

    /// A number in `from` … `to`, both included; `from` if `to` lies below it.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from).saturating_add(1))
    }

    /// An index of a list of this length; 0 if it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        // Below `length`, so it fits.
        self.below(length as u64) as usize
    }

    /// A number in [0, 1), a multiple of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something happens that has this chance.
    pub fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.unit() < share
    }

    /// A number of the exponential distribution with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        // 1 − unit is never zero.
        -ln(1.0 - self.unit()) * mean
    }

    /// A number of the standard normal distribution (Marsaglia's polar method).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }

    /// Puts a list in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.index(end + 1));
        }
    }

    /// One of a list, if there is any.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }
}

/// The natural logarithm of a positive number, to about one unit in the last place.
pub fn ln(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    // x = m × 2^e with m in [√½, √2); ln m = 2 artanh((m − 1) / (m + 1)).
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * (1_u64 << 54) as f64, -54) } else { (x, 0) };
    let bits = x.to_bits();
    let mut exponent = i32::try_from(bits >> 52).expect("eleven bits") - 1023 + shift;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        (mantissa, exponent) = (mantissa / 2.0, exponent + 1);
    }
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let mut sum = 0.0;
    for odd in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * odd + 1);
    }
    2.0 * z * sum + f64::from(exponent) * std::f64::consts::LN_2
}

/// e to the power of a number, to a few units in the last place.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-745.0, 709.0);
    // x = k ln 2 + r with |r| ≤ ½ ln 2.
    let k = (x / std::f64::consts::LN_2).round();
    let r = x - k * std::f64::consts::LN_2;
    let mut sum = 1.0;
    for n in (1..=18).rev() {
        sum = 1.0 + r / f64::from(n) * sum;
    }
    // Two steps, since 2^k alone may be too small for a normal number.
    let half = (k / 2.0).floor();
    let power = |k: f64| f64::from_bits(((k as i64 + 1023) as u64) << 52); // |k| is at most 538
    sum * power(half) * power(k - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_are_those_of_the_library() {
        let mut dice = Dice::new(1, "functions");
        for _ in 0..10_000 {
            let x = exp((dice.unit() - 0.5) * 200.0);
            assert!((ln(x) - x.ln()).abs() <= 4.0 * f64::EPSILON * x.ln().abs().max(1.0), "{x}");
            let y = (dice.unit() - 0.5) * 200.0;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-13, "{y}");
        }
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
        assert!(ln(0.0).is_nan() && ln(-1.0).is_nan());
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut dice = Dice::new(2, "moments");
        let count = 100_000;
        let moments = |draw: &mut dyn FnMut() -> f64| {
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..count {
                let x = draw();
                (sum, squares) = (sum + x, squares + x * x);
            }
            let mean = sum / f64::from(count);
            (mean, squares / f64::from(count) - mean * mean)
        };
        let (mean, variance) = moments(&mut || dice.exponential(3.0));
        assert!((mean - 3.0).abs() < 0.05 && (variance - 9.0).abs() < 0.3, "{mean} {variance}");
        let (mean, variance) = moments(&mut || dice.normal());
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let (mean, variance) = moments(&mut || dice.unit());
        assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.01);
        let (mean, _) = moments(&mut || dice.between(10, 12) as f64);
        assert!((mean - 11.0).abs() < 0.02, "{mean}");
    }

    #[test]
    fn purposes_do_not_share_numbers() {
        assert_ne!(Dice::new(1, "a").number(), Dice::new(1, "b").number());
        assert_ne!(Dice::new(1, "a").number(), Dice::new(2, "a").number());
        assert_eq!(Dice::new(1, "a").number(), Dice::new(1, "a").number());
    }
}
