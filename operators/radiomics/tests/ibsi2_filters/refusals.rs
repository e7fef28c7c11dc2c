//! What cannot be filtered is refused by name.

use renalflow_radiomics::{
    BoundingBox, ImageType, RadiomicsError,
    filters::{Boundary, Dimensions, Source, ibsi2::derive},
};

use crate::{
    assortment::{
        BOUNDARIES, assortment, gabor, laws, log, mean, noise, noisy, on_window, response,
        simoncelli, wavelet, whole,
    },
    common::{grid, image},
};

#[test]
fn what_cannot_be_used_is_refused() {
    let good = noisy([5, 5, 5]);
    let setting = |filter: ImageType| {
        let refused = on_window(&filter, &good, &whole(&good), None);
        match refused {
            Err(RadiomicsError::Setting { name, .. }) => name,
            other => panic!("{filter:?}: {other:?}"),
        }
    };
    let boundary = Boundary::Mirror;
    assert_eq!(
        setting(mean(4, Dimensions::Three, boundary)),
        "support_voxels"
    );
    assert_eq!(
        setting(mean(2051, Dimensions::Two, boundary)),
        "support_voxels"
    );
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e6] {
        assert_eq!(setting(log(sigma, None, boundary)), "sigma_mm");
    }
    for order in [[0, 0, 0], [21, 0, 0], [u32::MAX, u32::MAX, 0]] {
        assert_eq!(setting(log(1.0, Some(order), boundary)), "riesz_order_xyz");
        assert_eq!(
            setting(simoncelli(Some(order), boundary)),
            "riesz_order_xyz"
        );
    }
    for kernels in ["", "L5", "L5E", "L5E5S5L5", "X5L5E5", "lélé"] {
        assert_eq!(setting(laws(kernels, None, None, boundary)), "kernels");
    }
    let far = laws("L5E5", None, Some(1025), boundary);
    assert_eq!(setting(far), "energy_distance_voxels");
    for subband in ["", "L", "LLLL", "LX"] {
        assert_eq!(setting(wavelet(subband, 1, None, boundary)), "subband");
    }
    for level in [0, 12, usize::MAX] {
        assert_eq!(setting(wavelet("LLH", level, None, boundary)), "level");
    }
    for step in [0.0, 0.3, -1.0, 1e-9, f64::NAN] {
        assert_eq!(
            setting(gabor(false, Some(step), boundary)),
            "theta_step_rad"
        );
    }
    for window in [
        ([0, 0, 0], [6, 1, 1]),
        ([usize::MAX, 0, 0], [2, 1, 1]),
        ([0, 0, 0], [0, 1, 1]),
    ] {
        let window = BoundingBox {
            start_zyx: window.0,
            shape_zyx: window.1,
        };
        let source = Source {
            image: &good,
            window: &window,
            inside: &[],
            force_2d_across_axis: None,
        };
        for filter in assortment(boundary) {
            let error = derive(&filter, &source).unwrap_err();
            assert!(matches!(
                error,
                RadiomicsError::Setting { name: "window", .. }
            ));
        }
    }
}

#[test]
fn voxels_that_are_not_finite_are_named() {
    let mut voxels = noise(9 * 9 * 9);
    voxels[(8 * 9 + 8) * 9 + 7] = f64::NAN;
    let bad = image(&grid([9, 9, 9], [1.0; 3]), voxels);
    for filter in assortment(Boundary::Mirror) {
        match on_window(&filter, &bad, &whole(&bad), None) {
            Err(RadiomicsError::NonFiniteUnderFilter {
                first_zyx, count, ..
            }) => {
                assert_eq!((first_zyx, count), ([8, 8, 7], 1), "{filter:?}");
            }
            other => panic!("{filter:?}: {other:?}"),
        }
    }
    // A kernel that does not reach them does not mind them.
    let window = BoundingBox {
        start_zyx: [0; 3],
        shape_zyx: [4; 3],
    };
    let filter = mean(5, Dimensions::Three, Boundary::Mirror);
    assert!(on_window(&filter, &bad, &window, None).is_ok());
}

#[test]
fn images_of_one_voxel_have_responses() {
    for shape in [[1, 1, 1], [1, 4, 1], [1, 1, 5]] {
        let image = noisy(shape);
        for filter in BOUNDARIES.into_iter().flat_map(assortment) {
            let values = response(&filter, &image);
            assert!(values.iter().all(|v| v.is_finite()), "{filter:?} {shape:?}");
        }
    }
}
