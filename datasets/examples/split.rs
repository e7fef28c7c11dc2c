//! Make a frozen split of a data set: patients into folds, each class evenly.
//!
//!     cargo run --release -p renalflow-datasets --example split -- \
//!         datasets/sts.yml 5 20220901 datasets/splits/sts.yml

use std::{env, error::Error};

use renalflow_datasets::{Manifest, Split};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [manifest, folds, seed, output] = args.as_slice() else {
        return Err("give MANIFEST FOLDS SEED OUTPUT".into());
    };
    let cases = Manifest::read(manifest, &|name| env::var(name).ok())?.cases()?;
    let patients = cases
        .iter()
        .map(|case| (case.patient_id.as_str(), case.target));
    let split = Split::stratified(patients, folds.parse()?, seed.parse()?)
        .ok_or("a split needs two folds or more, and a patient for each")?;
    split.write(output)?;
    Ok(())
}
