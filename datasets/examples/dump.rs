#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::print_stdout)]
use renalflow_datasets::phantom::*;
use std::io::Write;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let domain = if args[1] == "p" {
        Domain::Primary
    } else {
        Domain::Auxiliary
    };
    let seed: u64 = args[2].parse().unwrap();
    let from: u32 = args[3].parse().unwrap();
    let to: u32 = args[4].parse().unwrap();
    let out = &args[5];
    for index in from..to {
        let spec = PhantomSpec {
            domain,
            index,
            seed,
            malignant: index % 2 == 0,
            shape_zyx: None,
            spacing_zyx_mm: None,
            phase: None,
            anatomy: args
                .get(6)
                .map(|d| format!("{d}/case_{:05}/segmentation.nii.gz", index).into()),
        };
        let t = std::time::Instant::now();
        let mut p = spec.generate().unwrap();
        let s = t.elapsed().as_secs_f64();
        let g = p.image.geometry().clone();
        if let Ok(_) = std::env::var("CROP") {
            use renalflow_imaging::Volume;
            let v = p.labels.view();
            let mut lo = [usize::MAX; 3];
            let mut hi = [0usize; 3];
            for ((z, y, x), l) in v.indexed_iter() {
                if *l == 2 {
                    for (a, i) in [z, y, x].into_iter().enumerate() {
                        lo[a] = lo[a].min(i);
                        hi[a] = hi[a].max(i);
                    }
                }
            }
            let sh: Vec<usize> = (0..3).map(|a| hi[a] - lo[a] + 1).collect();
            let mut im = vec![];
            let mut la = vec![];
            for z in lo[0]..=hi[0] {
                for y in lo[1]..=hi[1] {
                    for x in lo[2]..=hi[2] {
                        im.push(p.image.view()[[z, y, x]]);
                        la.push(v[[z, y, x]]);
                    }
                }
            }
            let g2 = renalflow_imaging::Geometry::upright([sh[0], sh[1], sh[2]], g.spacing_zyx_mm)
                .unwrap();
            p.image = Volume::new(g2.clone(), im).unwrap();
            p.labels = Volume::new(g2, la).unwrap();
        }
        let g = p.image.geometry();
        let mut f = std::fs::File::create(format!("{out}/{index:04}.img")).unwrap();
        f.write_all(
            &p.image
                .voxels()
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect::<Vec<_>>(),
        )
        .unwrap();
        let mut f = std::fs::File::create(format!("{out}/{index:04}.lab")).unwrap();
        f.write_all(
            &p.labels
                .voxels()
                .iter()
                .map(|&v| v as u8)
                .collect::<Vec<_>>(),
        )
        .unwrap();
        let t = &p.truth;
        std::fs::write(format!("{out}/{index:04}.json"), format!("{{\"shape\":{:?},\"spacing\":{:?},\"malignant\":{},\"diameter\":{},\"ml\":{},\"side\":\"{}\",\"pole\":\"{}\",\"sub\":\"{}\",\"het\":{},\"nec\":{},\"margin\":{}}}", g.shape_zyx, g.spacing_zyx_mm, t.design.malignant, t.design.diameter_mm, t.tumour_volume_ml, t.side.name(), t.pole.name(), t.design.subtype.name(), t.design.heterogeneity_hu, t.design.necrosis_fraction, t.design.margin_mm)).unwrap();
        println!(
            "{index} {s:.2}s {:.1} mL d={:.0} exo={:?}",
            t.tumour_volume_ml, t.design.diameter_mm, t.exophytic_fraction
        );
    }
}
