//! Gates of two-column networks: how much they borrowed, by level.

use std::{collections::BTreeMap, fs, path::Path};

use renalflow_sdk::Problem;

/// The last gate of each level, the mean over the networks of a run; none where there is no
/// such file. Columns: the network, `level`, and `gate`; later rows of a network replace
/// earlier ones.
///
/// # Errors
/// A file without these columns, or with words for numbers.
pub fn read(file: &Path) -> Result<BTreeMap<usize, f64>, Problem> {
    let Ok(text) = fs::read_to_string(file) else {
        return Ok(BTreeMap::new());
    };
    let wrong = |what: String| {
        Problem::new(format!("{}: {what}", file.display()))
            .fix("it needs the columns network, level and gate; train again, or remove it")
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader
        .headers()
        .map_err(|error| wrong(error.to_string()))?
        .clone();
    let place = |wanted: &[&str]| {
        names
            .iter()
            .position(|name| wanted.contains(&name.trim()))
            .ok_or_else(|| wrong(format!("there is no column `{}`", wanted[0])))
    };
    let network = place(&["network", "run"])?;
    let (level, gate) = (
        place(&["level"])?,
        place(&["gate", "final gate", "final_gate"])?,
    );
    let mut last: BTreeMap<(usize, String), f64> = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| wrong(error.to_string()))?;
        let cell = |at: usize| row.get(at).unwrap_or_default().trim();
        let level = cell(level).parse();
        let gate: Result<f64, _> = cell(gate).parse();
        let (Ok(level), Ok(gate)) = (level, gate) else {
            return Err(wrong(format!("`{}` is no level and gate", row.as_slice())));
        };
        last.insert((level, cell(network).to_owned()), gate);
    }
    let mut levels: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for ((level, _), gate) in last {
        levels.entry(level).or_default().push(gate);
    }
    Ok(levels
        .into_iter()
        .map(|(level, gates)| (level, gates.iter().sum::<f64>() / gates.len() as f64))
        .collect())
}
