#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::print_stdout)]
use renalflow_datasets::*;
fn main() {
    for name in ["phantom-primary", "kits19-masks"] {
        let m = Manifest::read(format!("{name}.yml"), &|_| None).unwrap();
        let cases = m.cases().unwrap();
        let s = Split::stratified(
            cases.iter().map(|c| (c.patient_id.as_str(), c.target)),
            5,
            20220901,
        )
        .unwrap();
        s.write(format!("splits/{name}.yml")).unwrap();
        println!("{name} {}", cases.len());
    }
}
