//! Coefficients of separable wavelets.

/// The decomposition filters of a discrete wavelet, low-pass and high-pass, by PyWavelets'
/// name; `None` for a name that is not known.
///
/// The high-pass filter is the quadrature mirror of the low-pass one,
/// `h[k] = (-1)^(k+1) l[N - 1 - k]`. The coefficients are those of Daubechies, *Ten lectures on
/// wavelets* (1992), in PyWavelets' order.
#[must_use]
pub fn coefficients(name: &str) -> Option<(Vec<f64>, Vec<f64>)> {
    const SQRT_HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;
    let low: &[f64] = match name {
        "haar" | "db1" => &[SQRT_HALF, SQRT_HALF],
        "db2" => &[
            -0.129_409_522_551_260_37,
            0.224_143_868_042_013_4,
            0.836_516_303_737_807_9,
            0.482_962_913_144_534_16,
        ],
        "db3" => &[
            0.035_226_291_885_709_53,
            -0.085_441_273_882_026_66,
            -0.135_011_020_010_254_58,
            0.459_877_502_118_491_54,
            0.806_891_509_311_092_5,
            0.332_670_552_950_082_63,
        ],
        "coif1" => &[
            -0.015_655_728_135_791_993,
            -0.072_732_619_512_526_45,
            0.384_864_846_864_857_8,
            0.852_572_020_211_600_4,
            0.337_897_662_457_481_8,
            -0.072_732_619_512_526_45,
        ],
        _ => return None,
    };
    let signs = [-1.0, 1.0].into_iter().cycle();
    let high = low.iter().rev().zip(signs).map(|(l, sign)| sign * l);
    Some((low.to_vec(), high.collect()))
}
