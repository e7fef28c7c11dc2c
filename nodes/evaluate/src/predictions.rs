//! Reading the table of predictions.

use std::collections::{BTreeMap, BTreeSet};

use renalflow_learning::RowId;
use renalflow_sdk::{Problem, Table};
use serde::Serialize;

/// Out-of-fold probabilities of every case in every repeat.
#[derive(Debug)]
pub struct Predictions {
    /// The cases, in order of first appearance, which every list of cases here keeps.
    pub cases: Vec<RowId>,
    /// Whether a case is positive.
    pub labels: Vec<bool>,
    /// Of the classifier, `[repeats][cases]`.
    pub classifier: Vec<Vec<f64>>,
    /// Of the more common class, `[repeats][cases]`.
    pub majority: Vec<Vec<f64>>,
    /// From the volume alone, `[repeats][cases]`; `None` where the volume is not known.
    pub volume: Option<Vec<Vec<f64>>>,
    /// The volume itself; a missing one is NaN.
    pub raw_volume: Option<Vec<f64>>,
    /// Number of pairs of repeat and fold.
    pub folds: usize,
    /// The cases that took no part.
    pub excluded: Vec<Excluded>,
    /// What the table says of all its rows: model, target, positive, validation, seed.
    pub about: BTreeMap<&'static str, String>,
}

/// A case that took no part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Its name.
    pub case_id: String,
    /// Why.
    pub cause: String,
}

/// Columns that say the same in every row.
const ABOUT: [&str; 5] = ["model", "target", "positive", "validation", "seed"];

impl Predictions {
    /// Read the table.
    ///
    /// # Errors
    /// A column that is not there, a case that lacks a repeat or has one twice, a probability
    /// that is none, a truth that is missing or changes.
    pub fn read(table: &Table) -> Result<Self, Problem> {
        let case_ids = texts(table, "case_id").ok_or_else(|| absent(table, "case_id"))?;
        let truth = table.f64s("truth").ok_or_else(|| absent(table, "truth"))?;
        let probability = table
            .f64s("probability")
            .ok_or_else(|| absent(table, "probability"))?;
        let repeats = table
            .f64s("repeat")
            .unwrap_or_else(|| vec![0.0; table.len()]);
        let folds = table.f64s("fold").unwrap_or_else(|| vec![0.0; table.len()]);
        let patients =
            texts(table, "patient_id").unwrap_or_else(|| vec![String::new(); table.len()]);
        let status = texts(table, "status").unwrap_or_else(|| vec!["ok".to_owned(); table.len()]);
        let causes = texts(table, "cause").unwrap_or_else(|| vec![String::new(); table.len()]);
        let rows: Vec<usize> = (0..table.len())
            .filter(|&row| status[row] == "ok")
            .collect();
        if rows.is_empty() {
            return Err(
                Problem::new("the table of predictions has no row with status ok")
                    .fix("see the log of the node that makes it"),
            );
        }

        let grid = Grid::new(&case_ids, &repeats, &rows)?;
        let mut labels = Vec::with_capacity(grid.cases.len());
        for (case, places) in grid.rows_of_case().into_iter().enumerate() {
            let first = truth[places[0]];
            if !(first == 0.0 || first == 1.0) || places.iter().any(|&row| truth[row] != first) {
                return Err(Problem::new(format!(
                    "case {}: `truth` is missing or not the same in all repeats",
                    grid.cases[case]
                ))
                .fix("give every row of a case the same truth: true or false"));
            }
            labels.push(first == 1.0);
        }
        let positives = labels.iter().filter(|&&label| label).count();
        let prevalence = positives as f64 / labels.len() as f64;
        let ids = grid.rows[0].iter().map(|&row| RowId {
            case_id: case_ids[row].clone(),
            patient_id: Some(&patients[row])
                .filter(|name| !name.is_empty())
                .unwrap_or(&case_ids[row])
                .clone(),
        });
        let known = |name: &str| {
            table
                .f64s(name)
                .filter(|values| rows.iter().any(|&row| !values[row].is_nan()))
        };
        Ok(Self {
            cases: ids.collect(),
            classifier: grid.probabilities("probability", &probability)?,
            majority: match known("probability_majority") {
                Some(values) => grid.probabilities("probability_majority", &values)?,
                None => vec![vec![prevalence; labels.len()]; grid.rows.len()],
            },
            volume: known("probability_volume")
                .map(|values| grid.probabilities("probability_volume", &values))
                .transpose()?,
            raw_volume: known("volume")
                .map(|values| grid.rows[0].iter().map(|&row| values[row]).collect()),
            folds: rows
                .iter()
                .map(|&row| (repeats[row].to_bits(), folds[row].to_bits()))
                .collect::<BTreeSet<_>>()
                .len(),
            excluded: (0..table.len())
                .filter(|&row| status[row] != "ok")
                .map(|row| Excluded {
                    case_id: case_ids[row].clone(),
                    cause: causes[row].clone(),
                })
                .collect(),
            about: ABOUT
                .into_iter()
                .filter_map(|name| Some((name, texts(table, name)?.first()?.clone())))
                .collect(),
            labels,
        })
    }
}

/// Which row of the table holds which case and repeat.
struct Grid<'a> {
    cases: Vec<&'a str>,
    /// `[repeats][cases]`
    rows: Vec<Vec<usize>>,
}

impl<'a> Grid<'a> {
    fn new(case_ids: &'a [String], repeats: &[f64], rows: &[usize]) -> Result<Self, Problem> {
        let mut cases: Vec<&str> = Vec::new();
        let mut place: BTreeMap<&str, usize> = BTreeMap::new();
        for &row in rows {
            let case = case_ids[row].as_str();
            place.entry(case).or_insert_with(|| {
                cases.push(case);
                cases.len() - 1
            });
        }
        let mut names: Vec<f64> = rows.iter().map(|&row| repeats[row]).collect();
        names.sort_by(f64::total_cmp);
        names.dedup();
        let mut grid: Vec<Vec<Option<usize>>> = vec![vec![None; cases.len()]; names.len()];
        for &row in rows {
            let repeat = names.partition_point(|name| name.total_cmp(&repeats[row]).is_lt());
            let case = case_ids[row].as_str();
            if grid[repeat][place[case]].replace(row).is_some() {
                return Err(Problem::new(format!(
                    "case {case} has two predictions in repeat {}",
                    repeats[row]
                ))
                .fix("give each case one row a repeat"));
            }
        }
        let rows = grid
            .into_iter()
            .zip(names)
            .map(|(row, repeat)| {
                row.into_iter()
                    .zip(&cases)
                    .map(|(row, case)| {
                        row.ok_or_else(|| {
                            Problem::new(format!(
                                "case {case} has no prediction in repeat {repeat}"
                            ))
                            .fix("give each case one row a repeat")
                        })
                    })
                    .collect()
            })
            .collect::<Result<Vec<Vec<usize>>, Problem>>()?;
        Ok(Self { cases, rows })
    }

    fn rows_of_case(&self) -> Vec<Vec<usize>> {
        (0..self.cases.len())
            .map(|case| self.rows.iter().map(|rows| rows[case]).collect())
            .collect()
    }

    fn probabilities(&self, column: &str, values: &[f64]) -> Result<Vec<Vec<f64>>, Problem> {
        let probability = |(case, &row): (usize, &usize)| {
            Some(values[row])
                .filter(|value| (0.0..=1.0).contains(value))
                .ok_or_else(|| {
                    Problem::new(format!(
                        "case {}: `{column}` is {}",
                        self.cases[case], values[row]
                    ))
                    .fix("give probabilities from 0 to 1")
                })
        };
        self.rows
            .iter()
            .map(|rows| rows.iter().enumerate().map(probability).collect())
            .collect()
    }
}

fn texts(table: &Table, name: &str) -> Option<Vec<String>> {
    Some(
        table
            .texts(name)?
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect(),
    )
}

fn absent(table: &Table, name: &str) -> Problem {
    Problem::new(format!("the table of predictions has no column `{name}`")).fix(format!(
        "it has: {}; make it with stage `classify`",
        table.names().join(", ")
    ))
}
