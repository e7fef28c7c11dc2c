//! Riesz transforms: all-pass derivatives of any order.

use super::refused;
use crate::RadiomicsError;

/// A Riesz transform (`AYRS`) of order `L = l1 + l2 + l3`:
/// `(-j)^L √(L! / (l1! l2! l3!)) ν1^l1 ν2^l2 ν3^l3 / ‖ν‖^L`, 0 at `ν = 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Riesz {
    order_zyx: [i32; 3],
    scale: f64,
}

/// The largest order; beyond it factorials lose digits.
const MAX_ORDER: u32 = 20;

impl Riesz {
    /// A transform by its orders along x, y, z.
    ///
    /// # Errors
    /// Orders that sum to 0 or to more than 20; an order along no filtered axis.
    pub fn new(order_xyz: [u32; 3], axes: &[usize]) -> Result<Self, RadiomicsError> {
        let total = order_xyz.iter().fold(0u32, |sum, &l| sum.saturating_add(l));
        let unfiltered = order_xyz[axes.len()..].iter().any(|&l| l > 0);
        if total == 0 || total > MAX_ORDER || unfiltered {
            return Err(refused(
                "riesz_order_xyz",
                format!("{order_xyz:?}"),
                "its orders must sum to between 1 and 20, and the third be 0 in slices",
            ));
        }
        let mut order_zyx = [0; 3];
        for (&axis, &l) in axes.iter().zip(&order_xyz) {
            order_zyx[axis] = l as i32;
        }
        let factorial = |l: u32| (1..=l).map(f64::from).product::<f64>();
        let parts: f64 = order_xyz.iter().map(|&l| factorial(l)).product();
        Ok(Self {
            order_zyx,
            scale: (factorial(total) / parts).sqrt(),
        })
    }

    /// `L`.
    pub fn order(&self) -> i32 {
        self.order_zyx.iter().sum()
    }

    /// The transform at a frequency, without `(-j)^L`.
    pub fn gain(&self, nu_zyx: [f64; 3]) -> f64 {
        let norm = nu_zyx.iter().map(|nu| nu * nu).sum::<f64>().sqrt();
        if norm == 0.0 {
            return 0.0;
        }
        let directions = (0..3).map(|axis| (nu_zyx[axis] / norm).powi(self.order_zyx[axis]));
        self.scale * directions.product::<f64>()
    }
}
