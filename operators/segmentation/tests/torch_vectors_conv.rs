//! Convolutions and transposed convolutions against PyTorch in float64, values and gradients.
#![allow(clippy::unwrap_used, clippy::panic)]

use candle_core::{DType, Tensor, Var};
use renalflow_segmentation::ops::{conv_transpose3d, conv3d};
use support::{Vectors, device, relative, vectors};

mod support;

/// Tensors and settings of one case.
trait OfCase {
    fn typed(&self, case: &str, name: &str, dtype: DType) -> Tensor;
    fn triple(&self, case: &str, name: &str) -> [usize; 3];
    /// The cases of one kind, with a check that the file still has some.
    fn cases(&self, prefix: &str) -> Vec<String>;
}

impl OfCase for Vectors {
    fn typed(&self, case: &str, name: &str, dtype: DType) -> Tensor {
        self.tensors[&format!("{case}.{name}")]
            .to_dtype(dtype)
            .unwrap()
    }

    fn triple(&self, case: &str, name: &str) -> [usize; 3] {
        let all = self.settings[case][name].as_array().unwrap();
        [0, 1, 2].map(|a| usize::try_from(all[a].as_u64().unwrap()).unwrap())
    }

    fn cases(&self, prefix: &str) -> Vec<String> {
        let all = self.settings.as_object().unwrap().keys();
        let mut cases: Vec<_> = all.filter(|k| k.starts_with(prefix)).cloned().collect();
        cases.sort();
        assert!(!cases.is_empty(), "no case of {prefix}");
        cases
    }
}

fn check(
    vectors: &Vectors,
    case: &str,
    dtype: DType,
    run: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor,
) {
    let var = |name| Var::from_tensor(&vectors.typed(case, name, dtype)).unwrap();
    let (x, weight, bias) = (var("x"), var("weight"), var("bias"));
    let y = run(&x, &weight, &bias);
    let gy = vectors.typed(case, "gy", dtype);
    let grads = (&y * &gy).unwrap().sum_all().unwrap().backward().unwrap();
    // The file holds float32, so float64 agrees to its rounding.
    for (name, ours) in [
        ("y", &y),
        ("grad_x", grads.get(&x).unwrap()),
        ("grad_weight", grads.get(&weight).unwrap()),
        ("grad_bias", grads.get(&bias).unwrap()),
    ] {
        let off = relative(ours, &vectors.typed(case, name, dtype));
        eprintln!("{case} {dtype:?} {name}: {off:.2e}");
        assert!(off < 1e-5, "{case} {dtype:?} {name} is {off:.2e} off");
    }
}

#[test]
fn torch_vectors_conv3d() {
    let Some(vectors) = vectors() else { return };
    for case in vectors.cases("conv3d_") {
        let (stride, padding) = (
            vectors.triple(&case, "stride"),
            vectors.triple(&case, "padding"),
        );
        for dtype in [DType::F32, DType::F64] {
            check(&vectors, &case, dtype, |x, w, b| {
                conv3d(x, w, Some(b), stride, padding).unwrap()
            });
        }
    }
}

#[test]
fn torch_vectors_conv_transpose3d() {
    let Some(vectors) = vectors() else { return };
    for case in vectors.cases("conv_transpose3d_") {
        let stride = vectors.triple(&case, "stride");
        for dtype in [DType::F32, DType::F64] {
            check(&vectors, &case, dtype, |x, w, b| {
                conv_transpose3d(x, w, Some(b), stride).unwrap()
            });
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_words() {
    let zeros = |dims: [usize; 5]| Tensor::zeros(dims.to_vec(), DType::F32, &device()).unwrap();
    let x = zeros([1, 2, 3, 3, 3]);
    let message = |r: candle_core::Result<Tensor>| r.unwrap_err().to_string();
    let say = message(conv3d(&x, &zeros([4, 3, 3, 3, 3]), None, [1; 3], [1; 3]));
    assert!(say.contains("2 channels"), "{say}");
    let say = message(conv3d(&x, &zeros([4, 2, 5, 5, 5]), None, [1; 3], [0; 3]));
    assert!(say.contains("larger than the input"), "{say}");
    let say = message(conv3d(&x, &zeros([4, 2, 3, 3, 3]), None, [0; 3], [1; 3]));
    assert!(say.contains("at least 1"), "{say}");
    let say = message(conv_transpose3d(&x, &zeros([2, 4, 3, 3, 3]), None, [2; 3]));
    assert!(say.contains("kernel = stride"), "{say}");
    let say = message(conv3d(
        &x.squeeze(0).unwrap(),
        &zeros([4, 2, 3, 3, 3]),
        None,
        [1; 3],
        [1; 3],
    ));
    assert!(say.contains("five dimensions"), "{say}");
}
