//! Support vector machines: smartcore's solver, our kernel table, probabilities by Platt.

use std::sync::Arc;

use smartcore::{
    error::Failed,
    linalg::basic::matrix::DenseMatrix,
    svm::svc::{SVC, SVCParameters},
};

use super::{Kernel, SupportVectors, Training, platt::Sigmoid, solver};
use crate::{
    error::LearningError,
    folds::{deal, split},
    random::{self, Purpose, shuffle, stream},
};

const NAME: &str = "svm";

/// Passes over the training set. smartcore's solver learns online and is not converged after
/// its default of 2 (decision values off by 0.15); after 20 they agree with libsvm's to 1e-5.
const EPOCHS: usize = 20;

/// Largest violation of the optimality conditions.
const TOLERANCE: f64 = 1e-8;

/// Folds for the calibration of probabilities.
const CALIBRATION_FOLDS: usize = 5;

/// A fitted machine, free of the data structures it was fitted with.
#[derive(Debug)]
pub(crate) struct Machine {
    kernel: Kernel,
    /// `[support vectors][features]`
    vectors: Vec<Vec<f64>>,
    /// One a support vector: its multiplier, negative for the negative class.
    weights: Vec<f64>,
    bias: f64,
    calibration: Sigmoid,
}

pub(crate) fn fit(
    train: &Training<'_>,
    options: &SupportVectors,
    seed: u64,
) -> Result<Machine, LearningError> {
    let rows = transpose(train.columns);
    let mut table = vec![vec![0.0; rows.len()]; rows.len()];
    for i in 0..rows.len() {
        for j in 0..=i {
            table[i][j] = options.kernel.apply(&rows[i], &rows[j]);
            table[j][i] = table[i][j];
        }
    }
    let table = Arc::new(table);
    let all: Vec<usize> = (0..rows.len()).collect();
    let decisions = held_out_decisions(train, &table, options, seed)?;
    let (weights, bias) = solve(&table, &all, train.labels, options.cost, seed)?;
    let (vectors, weights) = rows
        .into_iter()
        .zip(weights)
        .filter(|(_, weight)| *weight != 0.0)
        .unzip();
    Ok(Machine {
        kernel: options.kernel,
        vectors,
        weights,
        bias,
        calibration: Sigmoid::fit(&decisions, train.labels),
    })
}

/// Decision value of each training case by a machine that did not see its patient. Where a
/// class has too few patients to be held out, the machine has seen all.
fn held_out_decisions(
    train: &Training<'_>,
    table: &Arc<Vec<Vec<f64>>>,
    options: &SupportVectors,
    seed: u64,
) -> Result<Vec<f64>, LearningError> {
    let mut rng = stream(seed, Purpose::Calibration, 0);
    let fold_of_row = deal(
        train.patients,
        train.labels,
        CALIBRATION_FOLDS,
        |patients| {
            shuffle(patients, &mut rng);
        },
    );
    let mut decisions = vec![0.0; train.labels.len()];
    for fold in 0..CALIBRATION_FOLDS {
        let (mut seen, held_out) = split(&fold_of_row, fold);
        let positives = seen.iter().filter(|&&row| train.labels[row]).count();
        if positives == 0 || positives == seen.len() {
            seen = (0..train.labels.len()).collect();
        }
        let fold_seed = random::seed(seed, Purpose::Calibration, 1 + fold as u64);
        let (weights, bias) = solve(table, &seen, train.labels, options.cost, fold_seed)?;
        for row in held_out {
            decisions[row] = bias
                + seen
                    .iter()
                    .zip(&weights)
                    .map(|(&other, weight)| weight * table[row][other])
                    .sum::<f64>();
        }
    }
    Ok(decisions)
}

/// Multipliers and bias of the machine on some rows.
///
/// smartcore evaluates the kernel anew at every step and keeps its multipliers private. So its
/// "features" are row numbers, its kernel reads our table, and the multipliers are read off
/// through decision values at probes: probe `r` is similar to row `r` alone (by 1), and the
/// last probe to none, which leaves the bias.
fn solve(
    table: &Arc<Vec<Vec<f64>>>,
    rows: &[usize],
    labels: &[bool],
    cost: f64,
    seed: u64,
) -> Result<(Vec<f64>, f64), LearningError> {
    let x = numbers(rows.iter().map(|&row| row as f64))?;
    let y: Vec<i32> = rows.iter().map(|&row| i32::from(labels[row])).collect();
    let parameters = SVCParameters::default()
        .with_c(cost)
        .with_tol(TOLERANCE)
        .with_epoch(EPOCHS)
        .with_seed(Some(random::seed(seed, Purpose::Classifier, 0)))
        .with_kernel(Table(Arc::clone(table)));
    let probes = numbers(
        rows.iter()
            .map(|&row| (table.len() + row) as f64)
            .chain([2.0 * table.len() as f64]),
    )?;
    let mut decisions = SVC::fit(&x, &y, &parameters)
        .and_then(|machine| machine.decision_function(&probes))
        .map_err(solver(NAME))?;
    let bias = decisions.pop().unwrap_or(0.0);
    Ok((decisions.into_iter().map(|d| d - bias).collect(), bias))
}

/// One column of numbers.
fn numbers(values: impl Iterator<Item = f64>) -> Result<DenseMatrix<f64>, LearningError> {
    super::dense(&[values.collect()])
}

/// A kernel that looks its values up: numbers below the table's size are rows, those above are
/// probes (see [`solve`]).
#[derive(Debug)]
struct Table(Arc<Vec<Vec<f64>>>);

impl smartcore::svm::Kernel for Table {
    fn apply(&self, x_i: &Vec<f64>, x_j: &Vec<f64>) -> Result<f64, Failed> {
        let (i, j) = (x_i[0] as usize, x_j[0] as usize);
        Ok(match self.0.get(i) {
            Some(row) => row[j],
            None => f64::from(u8::from(i - self.0.len() == j)),
        })
    }
}

impl Kernel {
    fn apply(self, x: &[f64], y: &[f64]) -> f64 {
        let pairs = x.iter().zip(y);
        match self {
            Self::Linear => pairs.map(|(a, b)| a * b).sum(),
            Self::Rbf => {
                let squared: f64 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
                libm::exp(-squared / x.len() as f64)
            }
        }
    }
}

impl Machine {
    fn decide(&self, row: &[f64]) -> f64 {
        let similarity = |vector: &Vec<f64>| self.kernel.apply(row, vector);
        self.bias
            + self
                .vectors
                .iter()
                .zip(&self.weights)
                .map(|(vector, weight)| weight * similarity(vector))
                .sum::<f64>()
    }

    pub(crate) fn predict(&self, columns: &[Vec<f64>]) -> Vec<f64> {
        transpose(columns)
            .iter()
            .map(|row| self.calibration.probability(self.decide(row)))
            .collect()
    }
}

/// `[a][b]` to `[b][a]`.
fn transpose(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..columns.first().map_or(0, Vec::len))
        .map(|row| columns.iter().map(|column| column[row]).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::golden::Golden;

    /// scikit-learn's (libsvm's) decision values for cases that neither side trained on.
    #[test]
    fn decisions_are_those_of_libsvm() {
        let golden = Golden::load();
        let (labels, train_rows) = (golden.labels(), golden.train_rows());
        let scaled: Vec<Vec<f64>> = golden
            .columns()
            .iter()
            .map(|column| {
                let seen = &column[..train_rows];
                let mean = seen.iter().sum::<f64>() / seen.len() as f64;
                let squares = seen.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                let scale = (squares / seen.len() as f64).sqrt();
                column.iter().map(|v| (v - mean) / scale).collect()
            })
            .collect();
        let part = |from: usize, to: usize| -> Vec<Vec<f64>> {
            scaled.iter().map(|c| c[from..to].to_vec()).collect()
        };
        let (train, test) = (part(0, train_rows), part(train_rows, labels.len()));
        let patients: Vec<usize> = (0..train_rows).collect();
        for (name, kernel, cost, tolerance) in [
            ("/svm_rbf", Kernel::Rbf, 1.0, 1e-6),
            ("/svm_rbf_c100", Kernel::Rbf, 100.0, 1e-5),
            ("/svm_linear", Kernel::Linear, 1.0, 1e-5),
        ] {
            let training = Training {
                columns: &train,
                labels: &labels[..train_rows],
                patients: &patients,
            };
            let machine = fit(&training, &SupportVectors { kernel, cost }, 3).unwrap();
            for (row, expected) in transpose(&test).iter().zip(golden.numbers(name)) {
                let difference = machine.decide(row) - expected;
                assert!(difference.abs() < tolerance, "{name}: {difference:e}");
            }
        }
    }
}
