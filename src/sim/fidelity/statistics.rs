//! Shares, ratios, and how sure one can be of them: all intervals are of 95 %.

/// The quantile of the standard normal distribution that leaves 2.5 % on either side.
pub const NORMAL: f64 = 1.959_964;

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies within.
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The interval of so many times the value.
    pub fn scaled(&self, times: f64) -> Self {
        Self { low: self.low * times, high: self.high * times }
    }

    /// The same middle, so many times as wide.
    pub fn widened(&self, times: f64) -> Self {
        let (middle, half) = (f64::midpoint(self.low, self.high), (self.high - self.low) / 2.0);
        Self { low: middle - half * times, high: middle + half * times }
    }
}

/// What was measured beside what was expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// What came out.
    pub value: f64,
    /// Where the true value lies, with 95 % confidence.
    pub interval: Interval,
    /// What theory says.
    pub theory: f64,
}

impl Measured {
    /// Whether theory lies within the interval: for one in twenty it should not.
    pub fn agrees(&self) -> bool {
        self.interval.holds(self.theory)
    }
}

/// Independent trials that succeed or fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many succeeded.
    pub successes: u64,
    /// Of how many.
    pub trials: u64,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, success: bool) {
        self.successes += u64::from(success);
        self.trials += 1;
    }

    /// The share that succeeded.
    pub fn share(&self) -> f64 {
        self.successes as f64 / self.trials.max(1) as f64
    }

    /// Wilson's score interval (1927), which is right for small counts as well.
    pub fn interval(&self) -> Interval {
        if self.trials == 0 {
            return Interval { low: 0.0, high: 1.0 };
        }
        let (n, share, square) = (self.trials as f64, self.share(), NORMAL * NORMAL);
        let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
        let spread = (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
        let half = NORMAL * spread / (1.0 + square / n);
        // At the ends they are exact, and rounding must not say otherwise.
        let low = if self.successes == 0 { 0.0 } else { middle - half };
        let high = if self.successes == self.trials { 1.0 } else { middle + half };
        Interval { low, high }
    }

    /// The share beside what was expected.
    pub fn beside(&self, theory: f64) -> Measured {
        Measured { value: self.share(), interval: self.interval(), theory }
    }
}

/// The ratio of two sums over independent runs, such as one miner's blocks and all blocks. Blocks of one run are not
/// independent of each other, so the interval comes from how runs differ (the usual ratio estimator of survey sampling,
/// with Student's quantile).
pub fn ratio(runs: &[(f64, f64)]) -> (f64, Interval) {
    let (above, below) = runs.iter().fold((0.0, 0.0), |sum, run| (sum.0 + run.0, sum.1 + run.1));
    let value = above / below;
    let count = runs.len() as f64;
    let squares: f64 = runs.iter().map(|run| (run.0 - value * run.1).powi(2)).sum();
    let error = (squares * count / (count - 1.0)).sqrt() / below;
    let half = student(runs.len() - 1) * error;
    (value, Interval { low: value - half, high: value + half })
}

/// The mean of independent values.
pub fn mean(values: &[f64]) -> (f64, Interval) {
    let runs: Vec<(f64, f64)> = values.iter().map(|value| (*value, 1.0)).collect();
    ratio(&runs)
}

/// The median of independent values, and its interval: what lies between two of them that are equally far from the middle
/// (the binomial distribution says how far, in the normal approximation).
pub fn median(values: &mut [f64]) -> (f64, Interval) {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len();
    let far = NORMAL * (count as f64).sqrt() / 2.0;
    // Ranks of a list are far below 2^53.
    let low = (count as f64 / 2.0 - far).floor().max(1.0) as usize - 1;
    let high = count - 1 - low;
    let middle = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
    (middle, Interval { low: values[low], high: values[high] })
}

/// Student's 97.5 % quantile (the expansion of Cornish and Fisher in 1 ⁄ degrees, right to a thousandth from five on).
fn student(degrees: usize) -> f64 {
    let (n, x) = (degrees.max(1) as f64, NORMAL);
    let first = (x.powi(3) + x) / 4.0;
    let second = (5.0 * x.powi(5) + 16.0 * x.powi(3) + 3.0 * x) / 96.0;
    let third = (3.0 * x.powi(7) + 19.0 * x.powi(5) + 17.0 * x.powi(3) - 15.0 * x) / 384.0;
    x + first / n + second / (n * n) + third / (n * n * n)
}

/// The statistic of Kolmogorov and Smirnov against an exponential distribution of known mean, and the chance of one at
/// least as large if that is the distribution (Stephens' correction of 1970 for finite samples).
pub fn exponential_fit(values: &mut [f64], mean: f64) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let distance = values.iter().enumerate().fold(0.0_f64, |largest, (index, value)| {
        let expected = 1.0 - (-value / mean).exp();
        let (before, after) = (index as f64 / count, (index as f64 + 1.0) / count);
        largest.max(expected - before).max(after - expected)
    });
    let root = count.sqrt();
    let scaled = (root + 0.12 + 0.11 / root) * distance;
    let term = |j: i32| {
        let sign = if j % 2 == 1 { 1.0 } else { -1.0 };
        sign * (-2.0 * f64::from(j * j) * scaled * scaled).exp()
    };
    // The series alternates and does not converge at zero, where the chance is one.
    let chance = if scaled < 0.2 { 1.0 } else { (1..=100).map(term).sum::<f64>() * 2.0 };
    (distance, chance.clamp(0.0, 1.0))
}

/// The chance of a chi-square at least as large with so many degrees of freedom (Wilson and Hilferty 1931: its cube root is
/// nearly normal; right to a few thousandths from ten degrees on).
pub fn chi_square_chance(statistic: f64, freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    normal_tail(((statistic / freedom).cbrt() - (1.0 - spread)) / spread.sqrt())
}

/// The chance that a standard normal number is at least this one (Abramowitz and Stegun 26.2.17, off by less than 7.5e-8).
pub fn normal_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let factors = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let sum = factors.into_iter().fold(0.0, |sum, factor| (sum + factor) * t);
    // The sum above is the polynomial of t without its constant, by Horner.
    let above = sum * (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    if z >= 0.0 { above } else { 1.0 - above }
}
