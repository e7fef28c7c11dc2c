#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]
use renalflow_imaging::{LabelNames, io};
use renalflow_radiomics::*;
use std::collections::BTreeMap;

#[test]
fn resampled() {
    let shared = std::path::Path::new("/work/shared");
    let text = std::fs::read_to_string(shared.join("reference/pyradiomics/resampled.csv")).unwrap();
    let settings = Settings {
        discretisation: Discretisation::BinCount(32),
        voxel_array_shift: 300.0,
        weighting_norm: Some(WeightingNorm::Euclidean),
        ..Settings::default()
    };
    let parameters = Parameters {
        preprocessing: Preprocessing {
            normalisation: Some(Normalisation {
                scale: 100.0,
                outliers_deviations: None,
            }),
            resampling: Some(ResamplingParameters {
                spacing_zyx_mm: [2.0; 3],
                interpolator: Interpolator::BSpline,
                round_intensities: false,
            }),
            pad_distance_voxels: 10,
            ..Preprocessing::default()
        },
        images: vec![ImageParameters {
            image_type: ImageType::Original,
            settings: settings.clone(),
        }],
        settings,
        ..Parameters::default()
    };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    for line in lines {
        let row: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
        let case = row["case"];
        let [i, m] = if case.starts_with("STS_") {
            ["image", "mask"].map(|n| shared.join(format!("data/sts/{case}/{n}.nii.gz")))
        } else {
            ["image", "label"].map(|n| shared.join(format!("data/pyradiomics/{case}_{n}.nrrd")))
        };
        let image = io::read_image(&i).unwrap();
        let mask = io::read_label_map(&m, LabelNames::new()).unwrap();
        let e = parameters.extract(&image, &mask, 1).unwrap();
        let mut worst = (0.0, String::new());
        for f in &e.values {
            let r: f64 = row[f.column.as_str()].parse().unwrap();
            let d = (f.value - r).abs() / r.abs().max(1e-3);
            if d > worst.0 {
                worst = (d, format!("{} {} {}", f.column, f.value, r));
            }
        }
        println!("{case} {worst:?}");
        if case == "STS_002" {
            for d in &e.diagnostics {
                println!("{} {:?}", d.column, d.value);
            }
        }
    }
}

#[test]
fn io_time() {
    for case in ["STS_002", "STS_001"] {
        for name in ["image", "mask"] {
            let path = format!("/work/shared/data/sts/{case}/{name}.nii.gz");
            let mut best = 1e9f64;
            for _ in 0..30 {
                let t = std::time::Instant::now();
                if name == "image" {
                    std::hint::black_box(io::read_image(&path).unwrap());
                } else {
                    std::hint::black_box(io::read_label_map(&path, LabelNames::new()).unwrap());
                }
                best = best.min(t.elapsed().as_secs_f64());
            }
            println!(
                "{case} {name} {:.2} ms, {} bytes",
                best * 1e3,
                std::fs::metadata(&path).unwrap().len()
            );
        }
    }
}

#[test]
fn ibsi1_now() {
    let t = std::time::Instant::now();
    let checks = conformance::ibsi_1(std::path::Path::new("/work/shared")).unwrap();
    println!("{:?}", t.elapsed());
    let mut by: BTreeMap<(String, String), [usize; 2]> = BTreeMap::new();
    for c in &checks {
        let family = c.feature.split('_').next().unwrap().to_owned();
        let e = by.entry((c.configuration.clone(), family)).or_default();
        e[usize::from(!c.pass)] += 1;
        if !c.pass && c.ours.is_some() {
            println!(
                "MISS {} {} ref {} tol {} ours {:?}",
                c.configuration, c.feature, c.reference, c.tolerance, c.ours
            );
        }
    }
    for (k, v) in by {
        println!("{k:?} {v:?}");
    }
}

#[test]
fn all_tables() {
    let shared = std::path::Path::new("/work/shared");
    let classes: Vec<ClassSelection> = [
        "firstorder",
        "shape",
        "glcm",
        "glrlm",
        "glszm",
        "gldm",
        "ngtdm",
    ]
    .map(ClassSelection::defaults_of)
    .to_vec();
    let base = Settings {
        classes: classes.clone(),
        ..Settings::default()
    };
    let im = |t: ImageType, s: &Settings| ImageParameters {
        image_type: t,
        settings: s.clone(),
    };
    let wavelet = |w: &str, levels| ImageType::Wavelet {
        wavelet: w.into(),
        start_level: 0,
        levels,
    };
    for table in ["original", "filters", "resampled", "slicewise"] {
        let (settings, pre, types) = match table {
            "original" => (
                base.clone(),
                Preprocessing::default(),
                vec![ImageType::Original],
            ),
            "filters" => (
                base.clone(),
                Preprocessing::default(),
                vec![
                    ImageType::Original,
                    ImageType::LoG {
                        sigmas: vec![LogSigma::from_mm(1.0), LogSigma::from_mm(3.0)],
                    },
                    wavelet("coif1", 1),
                    ImageType::Square,
                    ImageType::SquareRoot,
                    ImageType::Logarithm,
                    ImageType::Exponential,
                    ImageType::Gradient { use_spacing: true },
                    ImageType::Lbp2d {
                        radius_voxels: 1.0,
                        samples: 8,
                        method: filters::Lbp2dMethod::Uniform,
                    },
                ],
            ),
            "resampled" => (
                Settings {
                    discretisation: Discretisation::BinCount(32),
                    voxel_array_shift: 300.0,
                    weighting_norm: Some(WeightingNorm::Euclidean),
                    ..base.clone()
                },
                Preprocessing {
                    normalisation: Some(Normalisation {
                        scale: 100.0,
                        outliers_deviations: None,
                    }),
                    resampling: Some(ResamplingParameters {
                        spacing_zyx_mm: [2.0; 3],
                        interpolator: Interpolator::BSpline,
                        round_intensities: false,
                    }),
                    pad_distance_voxels: 10,
                    ..Preprocessing::default()
                },
                vec![
                    ImageType::Original,
                    ImageType::LoG {
                        sigmas: vec![LogSigma::from_mm(2.0)],
                    },
                    wavelet("db2", 1),
                ],
            ),
            _ => (
                Settings {
                    discretisation: Discretisation::BinWidth(10.0),
                    distances_voxels: vec![1, 2],
                    gldm_alpha: 1.0,
                    force_2d_across_axis: Some(0),
                    classes: classes
                        .iter()
                        .filter(|c| c.class != "shape")
                        .cloned()
                        .collect(),
                    ..base.clone()
                },
                Preprocessing {
                    resegmentation: Some(Resegmentation {
                        thresholds: vec![-150.0, 250.0],
                        mode: ThresholdMode::Absolute,
                    }),
                    ..Preprocessing::default()
                },
                vec![ImageType::Original, wavelet("coif1", 2)],
            ),
        };
        let parameters = Parameters {
            images: types.into_iter().map(|t| im(t, &settings)).collect(),
            settings: settings.clone(),
            preprocessing: pre,
            ..Parameters::default()
        };
        let text =
            std::fs::read_to_string(shared.join(format!("reference/pyradiomics/{table}.csv")))
                .unwrap();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let theirs: std::collections::BTreeSet<&str> = header[1..].iter().copied().collect();
        let ours = parameters.columns().unwrap();
        let ours: std::collections::BTreeSet<&str> = ours.iter().map(String::as_str).collect();
        println!(
            "{table}: missing {:?} extra {:?}",
            theirs.difference(&ours).take(5).collect::<Vec<_>>(),
            ours.difference(&theirs).take(5).collect::<Vec<_>>()
        );
        for line in lines {
            let row: BTreeMap<&str, &str> = header.iter().copied().zip(line.split(',')).collect();
            let case = row["case"];
            let [i, m] = if case.starts_with("STS_") {
                ["image", "mask"].map(|n| shared.join(format!("data/sts/{case}/{n}.nii.gz")))
            } else {
                ["image", "label"].map(|n| shared.join(format!("data/pyradiomics/{case}_{n}.nrrd")))
            };
            let image = io::read_image(&i).unwrap();
            let mask = io::read_label_map(&m, LabelNames::new()).unwrap();
            let t = std::time::Instant::now();
            let e = match parameters.extract(&image, &mask, 1) {
                Ok(e) => e,
                Err(e) => {
                    println!("{table} {case}: ERROR {e}");
                    continue;
                }
            };
            let dt = t.elapsed();
            let mut worst: BTreeMap<String, (f64, String, usize)> = BTreeMap::new();
            for f in &e.values {
                let Some(r) = row.get(f.column.as_str()) else {
                    continue;
                };
                let r: f64 = r.parse().unwrap();
                if f.value.is_nan() && r.is_nan() {
                    continue;
                }
                let d = (f.value - r).abs() / r.abs().max(1e-3);
                let it = f.column.split('_').next().unwrap().to_owned();
                let w = worst.entry(it).or_default();
                if !(d <= 1e-6) {
                    w.2 += 1;
                }
                if !(d <= w.0) {
                    w.0 = d;
                    w.1 = format!("{} {} {}", f.column, f.value, r);
                }
            }
            println!("{table} {case} {dt:?}");
            for (it, w) in worst {
                if w.2 > 0 {
                    println!("   {it}: {} over 1e-6, worst {:.1e} {}", w.2, w.0, w.1);
                }
            }
            if !e.warnings.is_empty() && case == "STS_002" {
                println!("   {:?}", e.warnings);
            }
        }
    }
}

#[test]
fn ibsi2_now() {
    let checks = conformance::ibsi_2(std::path::Path::new("/work/shared")).unwrap();
    let mut fails = 0;
    for c in &checks {
        if !c.pass {
            fails += 1;
            println!("MISS {c:?}");
        }
    }
    println!("{} checks {fails} fails", checks.len());
    for c in checks.iter().filter(|c| c.configuration == "response maps") {
        println!("{} {:?}", c.feature, c.ours);
    }
}

#[test]
fn prof() {
    let shared = std::path::Path::new("/work/shared");
    let classes: Vec<ClassSelection> = [
        "firstorder",
        "shape",
        "glcm",
        "glrlm",
        "glszm",
        "gldm",
        "ngtdm",
    ]
    .map(ClassSelection::defaults_of)
    .to_vec();
    let base = Settings {
        classes,
        ..Settings::default()
    };
    let types = vec![
        ImageType::Original,
        ImageType::LoG {
            sigmas: vec![LogSigma::from_mm(1.0), LogSigma::from_mm(3.0)],
        },
        ImageType::Wavelet {
            wavelet: "coif1".into(),
            start_level: 0,
            levels: 1,
        },
        ImageType::Square,
        ImageType::SquareRoot,
        ImageType::Logarithm,
        ImageType::Exponential,
        ImageType::Gradient { use_spacing: true },
        ImageType::Lbp2d {
            radius_voxels: 1.0,
            samples: 8,
            method: filters::Lbp2dMethod::Uniform,
        },
        ImageType::Lbp3d {
            levels: 2,
            radius_voxels: 1.0,
            subdivisions: 1,
        },
    ];
    let only = std::env::var("ONLY").ok();
    for case in ["STS_002", "STS_001"] {
        let image = io::read_image(shared.join(format!("data/sts/{case}/image.nii.gz"))).unwrap();
        let mask = io::read_label_map(
            shared.join(format!("data/sts/{case}/mask.nii.gz")),
            LabelNames::new(),
        )
        .unwrap();
        let mut run = |name: &str, types: Vec<ImageType>, classes: Option<Vec<ClassSelection>>| {
            if only.as_deref().is_some_and(|o| o != name) {
                return;
            }
            let settings = Settings {
                classes: classes.unwrap_or(base.classes.clone()),
                ..base.clone()
            };
            let parameters = Parameters {
                images: types
                    .into_iter()
                    .map(|t| ImageParameters {
                        image_type: t,
                        settings: settings.clone(),
                    })
                    .collect(),
                settings: settings.clone(),
                ..Parameters::default()
            };
            let mut best = 1e9f64;
            for _ in 0..15 {
                let t = std::time::Instant::now();
                std::hint::black_box(parameters.extract(&image, &mask, 1).unwrap());
                best = best.min(t.elapsed().as_secs_f64());
            }
            println!("{case} {name:28} {:8.2} ms", best * 1e3);
        };
        run("all", types.clone(), None);
        run("original", types[..1].to_vec(), None);
        for c in &base.classes {
            run(
                &format!("original {}", c.class),
                types[..1].to_vec(),
                Some(vec![c.clone()]),
            );
        }
        for t in &types[1..] {
            let n = format!("{t:?}");
            let n = n.split([' ', '{']).next().unwrap().to_owned();
            run(&format!("{n} all"), vec![t.clone()], None);
            run(
                &format!("{n} firstorder"),
                vec![t.clone()],
                Some(vec![ClassSelection::defaults_of("firstorder")]),
            );
        }
    }
}
