use super::random::Random;

/// Ranks from 1 to some number, rank k as likely as k^-s: rejection-inversion after
/// Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
/// distributions" (1996). It needs no table, and one number or a few for each rank.
///
/// The functions are those of `libm`, which give the same digits on every processor.
#[derive(Clone, Debug)]
pub(super) struct Zipf {
    ranks: f64,
    exponent: f64,
    /// The area under the density up to rank 1 and up to the last.
    first_area: f64,
    last_area: f64,
    /// Ranks this close above the inverse are right without a test.
    sure: f64,
}

impl Zipf {
    /// The distribution over so many ranks, at least one, with such an exponent.
    pub(super) fn new(ranks: u32, exponent: f64) -> Self {
        let mut zipf = Self {
            ranks: ranks.into(),
            exponent,
            first_area: 0.0,
            last_area: 0.0,
            sure: 0.0,
        };
        zipf.first_area = zipf.area(1.5) - 1.0;
        zipf.last_area = zipf.area(zipf.ranks + 0.5);
        zipf.sure = 2.0 - zipf.inverse_area(zipf.area(2.5) - zipf.density(2.0));
        zipf
    }

    /// A random rank, counted from 1.
    pub(super) fn rank(&self, random: &mut Random) -> u32 {
        loop {
            let fraction = random.fraction();
            let area = self.last_area + fraction * (self.first_area - self.last_area);
            let place = self.inverse_area(area);
            let rank = libm::floor(place + 0.5).clamp(1.0, self.ranks);
            if rank - place <= self.sure || area >= self.area(rank + 0.5) - self.density(rank) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 1 to a number of 32 bits"
                )]
                return rank as u32;
            }
        }
    }

    /// x^-s.
    fn density(&self, x: f64) -> f64 {
        libm::exp(-self.exponent * libm::log(x))
    }

    /// The integral of the density from 1 to x.
    fn area(&self, x: f64) -> f64 {
        let log = libm::log(x);
        exp_m1_over((1.0 - self.exponent) * log) * log
    }

    /// The x up to which the integral is this.
    fn inverse_area(&self, area: f64) -> f64 {
        // Rounding may lead just below the least that there is.
        let scaled = (area * (1.0 - self.exponent)).max(-1.0);
        libm::exp(ln_1p_over(scaled) * area)
    }
}

/// (e^x - 1) / x, also near 0, where the series says what a division cannot.
fn exp_m1_over(x: f64) -> f64 {
    if x.abs() > 1e-8 {
        libm::expm1(x) / x
    } else {
        1.0 + x / 2.0
    }
}

/// ln(1 + x) / x, also near 0.
fn ln_1p_over(x: f64) -> f64 {
    if x.abs() > 1e-8 {
        libm::log1p(x) / x
    } else {
        1.0 - x / 2.0
    }
}
