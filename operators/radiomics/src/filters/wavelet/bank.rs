//! The filters of PyWavelets' discrete wavelets.

use crate::error::RadiomicsError;

/// Name, decomposition low-pass and, where it is not the same backwards, reconstruction
/// low-pass, a line each; written by `make_coefficients.py`.
const COEFFICIENTS: &str = include_str!("coefficients.txt");

/// The two filters of a decomposition.
///
/// # Shapes
/// Both have the same, even number of taps.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterBank {
    /// Low-pass (PyWavelets' `dec_lo`).
    pub low: Vec<f64>,
    /// High-pass (PyWavelets' `dec_hi`).
    pub high: Vec<f64>,
    /// What PyWavelets divides its tables by, which shows in single precision.
    table_unit: f64,
}

impl FilterBank {
    /// The filters of a wavelet, by PyWavelets' name of it; case does not matter.
    ///
    /// # Errors
    /// [`RadiomicsError::UnknownWavelet`] lists the names that exist.
    pub fn of(wavelet: &str) -> Result<Self, RadiomicsError> {
        let name = wavelet.to_lowercase();
        let (decomposition, reconstruction) = if let Some(order) = name.strip_prefix("rbio") {
            // The reverse biorthogonal wavelets exchange analysis and synthesis.
            low_passes(&format!("bior{order}")).map(|[d, r]| [backwards(r), backwards(d)])
        } else if name == "haar" {
            low_passes("db1")
        } else {
            low_passes(&name)
        }
        .map(|[decomposition, reconstruction]| (decomposition, reconstruction))
        .ok_or_else(|| RadiomicsError::UnknownWavelet {
            name: wavelet.to_owned(),
            known: wavelet_names().join(", "),
        })?;
        // The high-pass is the mirror, in frequency, of the low-pass that undoes it.
        let high = reconstruction
            .iter()
            .enumerate()
            .map(|(k, &c)| if k % 2 == 0 { -c } else { c })
            .collect();
        // It has coiflets of sum 1 and multiplies them by √2 in either precision.
        let table_unit = if name.starts_with("coif") {
            std::f64::consts::SQRT_2
        } else {
            1.0
        };
        Ok(Self {
            low: decomposition,
            high,
            table_unit,
        })
    }

    /// Taps in single precision, the bits those of PyWavelets.
    pub(super) fn in_single(&self, taps: &[f64]) -> Vec<f32> {
        taps.iter()
            .map(|&tap| (tap / self.table_unit) as f32 * self.table_unit as f32)
            .collect()
    }
}

/// The names of all wavelets, by family.
#[must_use]
pub fn wavelet_names() -> Vec<String> {
    let mut names = vec!["haar".to_owned()];
    for (name, _) in lines() {
        names.push(name.to_owned());
        if let Some(order) = name.strip_prefix("bior") {
            names.push(format!("rbio{order}"));
        }
    }
    names.sort_by_key(|name| {
        let family = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let order: f64 = name[family.len()..].parse().unwrap_or(0.0);
        (family.to_owned(), (10.0 * order) as u32)
    });
    names
}

/// Names and what follows them.
fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    COEFFICIENTS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(';'))
}

/// Low-pass filters of decomposition and reconstruction.
fn low_passes(name: &str) -> Option<[Vec<f64>; 2]> {
    let (_, taps) = lines().find(|(known, _)| *known == name)?;
    let mut filters = taps.split(';').map(|taps| {
        taps.split_whitespace()
            .filter_map(|tap| tap.parse().ok())
            .collect::<Vec<f64>>()
    });
    let decomposition = filters.next()?;
    // That of an orthogonal wavelet is its own inverse, backwards.
    let reconstruction = filters
        .next()
        .unwrap_or_else(|| backwards(decomposition.clone()));
    Some([decomposition, reconstruction])
}

fn backwards(mut taps: Vec<f64>) -> Vec<f64> {
    taps.reverse();
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wavelet_has_two_even_filters_that_pass_and_stop_a_constant() {
        let names = wavelet_names();
        assert_eq!(names.len(), 106);
        for name in names {
            let bank = FilterBank::of(&name).unwrap();
            assert_eq!(bank.low.len(), bank.high.len(), "{name}");
            assert_eq!(bank.low.len() % 2, 0, "{name}");
            let low: f64 = bank.low.iter().sum();
            let high: f64 = bank.high.iter().sum();
            assert!((low - 2f64.sqrt()).abs() < 1e-5, "{name}: {low}");
            // The discrete Meyer wavelet is cut off.
            let tolerance = if name == "dmey" { 2e-3 } else { 1e-5 };
            assert!(high.abs() < tolerance, "{name}: {high}");
        }
    }

    #[test]
    fn names_are_found_whatever_their_case() {
        assert_eq!(
            FilterBank::of("Haar").unwrap(),
            FilterBank::of("db1").unwrap()
        );
        let error = FilterBank::of("db39").unwrap_err().to_string();
        assert!(
            error.contains("'db39'") && error.contains("coif17, db1"),
            "{error}"
        );
    }
}
