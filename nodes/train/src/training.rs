//! All cases: their classes, plan and folds, and the networks one after the other.

use std::{cell::RefCell, collections::BTreeMap, path::Path};

use candle_core::Device;
use renalflow_frames::{write_file, write_parquet};
use renalflow_sdk::{Context, Outputs, Problem, lineage::Key};
use renalflow_segmentation::{
    network::{AuxiliaryWeights, Domain, FsNet, Plan, Scheme, Use},
    training::{case::TrainingCase, sampling::Mixture},
    weights::{self, Card, Checkpoint},
};
use renalflow_stage_score::{
    rows::{ScoreRow, table},
    summary::{SetSummary, summaries},
};
use serde_json::json;

use crate::{
    cohort::{Came, Lost, classes, cut_all, derive, failed_rows, notes, set_other_labels_aside},
    fitting::{Desk, Job, Trained, weights_file},
    folds::{Folds, apart, together, trained_on},
    options::{Crop, Options},
    record::Record,
    scoring::score,
    study::{Set, Study},
};

/// Train and score.
pub fn run(
    options: &Options,
    given: Option<Plan>,
    context: &Context,
    came: Came<'_>,
) -> Result<Outputs, Problem> {
    let Came {
        mut studies,
        failed,
        cohort,
    } = came;
    // In the order of the sources, whatever the order of arrival: draws go by position.
    let place: BTreeMap<&str, usize> = cohort
        .cases
        .iter()
        .enumerate()
        .map(|(place, case)| (case.as_str(), place))
        .collect();
    studies.sort_by_key(|study| place.get(study.case_id.as_str()).copied());
    let classes = classes(&studies, given.as_ref(), cohort)?;
    let mut lost: Vec<Lost> = Vec::new();
    set_other_labels_aside(&mut studies, &mut lost);
    let mut notes = notes(&studies);
    let plan = match given {
        Some(plan) => plan,
        None => {
            let primary = studies.iter().filter(|study| study.set == Set::Primary);
            derive(options, primary, &classes)?
        }
    };
    let folder = &context.run_dir;
    for sub in ["weights", "checkpoints"] {
        std::fs::create_dir_all(folder.join(sub))
            .map_err(|error| Problem::from(error).context(folder.join(sub).display()))?;
    }
    write_file(&folder.join("plan.json"), plan.to_json()?.as_bytes())?;
    cut_all(&mut studies, options, &plan, &mut lost);
    if let Some(first) = lost.first()
        && !studies.iter().any(|study| study.set == Set::Primary)
    {
        let problem = first.problem.clone().context(&first.case_id);
        return Err(problem.context("no primary case is left to train on"));
    }
    let mut crops: Vec<TrainingCase> = studies
        .iter_mut()
        .flat_map(|study| std::mem::take(&mut study.crops))
        .collect();
    let plans = Folds::of(options, &studies, folder)?;
    let auxiliary = Auxiliary::of(options, &studies)?;
    let networks_to_train = plans.count() + usize::from(matches!(auxiliary, Auxiliary::Train));
    let desk = Desk {
        folder,
        resume: options.resume.as_deref(),
        device: options.device.open_for(options.precision)?,
        precision: options.precision,
        available_bytes: available_bytes(options),
        progress: RefCell::new(context.progress()),
        record: RefCell::new(Record::new(folder, &classes)),
    };
    let lineage = lineage(options, &plan, &studies, &desk.device);
    let mut outputs = Outputs::none().wrote(folder.join("plan.json"));
    let mut rows: Vec<ScoreRow> = Vec::new();
    let mut done = 0;

    let start = match auxiliary {
        Auxiliary::None => None,
        Auxiliary::Given(path) => {
            let checkpoint = weights::load(path)?;
            check_auxiliary(path, &checkpoint, Some(&plan))?;
            Some(checkpoint)
        }
        Auxiliary::Train => {
            let epochs = options.auxiliary_epochs.unwrap_or(options.epochs);
            let trained = desk.train(Job {
                name: "auxiliary".to_owned(),
                title: "auxiliary".to_owned(),
                turn: [0, networks_to_train],
                plan: &plan,
                scheme: Scheme::Scratch,
                seed: options.seed,
                cases: &crops,
                held_out: &[],
                auxiliary: None,
                fit: options.fit(&plan, Mixture::AuxiliaryOnly, epochs),
                keep: crate::options::Keep::Last,
                validate: false,
            })?;
            done += 1;
            notes.extend(words(&trained, "auxiliary network", &classes));
            let path = weights_file(folder, "auxiliary");
            let mut card = Card::new(
                plan.clone(),
                Scheme::Scratch,
                format!("{lineage}/auxiliary"),
            );
            let auxiliary = |crop: &&TrainingCase| crop.domain() == Domain::Auxiliary;
            card.trained_on = trained_on(&studies, crops.iter().filter(auxiliary), None);
            weights::save(&path, &trained.parameters, card)?;
            outputs = outputs.wrote(&path);
            Some(weights::load(&path)?)
        }
    };
    // Only where a scheme goes on drawing them are auxiliary cases needed from here.
    if !options.scheme.trains_on_auxiliary() {
        crops.retain(|crop| crop.domain() == Domain::Primary);
    }

    let mut ensemble: Vec<Trained> = Vec::new();
    let mut no_list = false;
    for turn in plans.turns() {
        let name = turn.map_or("all".to_owned(), |fold| format!("fold-{fold}"));
        let (train, held_out, back) = match turn {
            None => (std::mem::take(&mut crops), Vec::new(), Vec::new()),
            Some(fold) => apart(std::mem::take(&mut crops), &plans.fold_of, fold)?,
        };
        let seen = trained_on(&studies, train.iter(), start.as_ref());
        let trained = desk.train(Job {
            title: turn.map_or("all cases".to_owned(), |fold| {
                format!("fold {}/{}", fold + 1, plans.folds)
            }),
            name: name.clone(),
            turn: [done, networks_to_train],
            plan: &plan,
            scheme: options.scheme,
            seed: options.seed,
            cases: &train,
            held_out: &held_out,
            auxiliary: start.as_ref(),
            fit: options.fit(&plan, options.mixture(), options.epochs),
            keep: options.keep,
            validate: options.validate_every_epochs > 0,
        })?;
        done += 1;
        notes.extend(words(&trained, &name, &classes));
        crops = together(train, held_out, back);
        let path = weights_file(folder, &name);
        let mut card = Card::new(plan.clone(), options.scheme, format!("{lineage}/{name}"));
        no_list |= seen.is_none();
        card.trained_on = seen;
        // Before the scores, so that a failure there loses no training.
        weights::save(&path, &trained.parameters, card.clone())?;
        let network = FsNet::new(&plan, options.scheme, &trained.parameters, Use::Inference)?;
        let mut own = Vec::new();
        if let Some(fold) = turn {
            let held = studies.iter().filter(|study| {
                study.set == Set::Primary && plans.fold_of.get(study.patient()) == Some(&fold)
            });
            for study in held {
                desk.progress
                    .borrow_mut()
                    .say(|| format!("{name}: scoring {}", study.case_id), None);
                let fold = Some(fold as usize);
                let networks = std::slice::from_ref(&network);
                score(study, fold, networks, options, &mut own, &mut lost);
            }
        }
        for set in summaries(&own) {
            for region in &set.regions {
                if let Some(mean) = region.metrics.get("dice").and_then(|dice| dice.mean) {
                    let name = format!("{} dice {}", set.set, region.region);
                    card.metrics.insert(name, mean);
                }
            }
        }
        if !card.metrics.is_empty() {
            weights::save(&path, &trained.parameters, card)?;
        }
        outputs = outputs.wrote(&path);
        rows.extend(own);
        ensemble.push(trained);
    }

    let networks: Vec<FsNet> = ensemble
        .iter()
        .map(|trained| FsNet::new(&plan, options.scheme, &trained.parameters, Use::Inference))
        .collect::<Result<_, _>>()?;
    for study in studies.iter().filter(|study| study.set == Set::Test) {
        desk.progress
            .borrow_mut()
            .say(|| format!("scoring {}", study.case_id), None);
        score(study, None, &networks, options, &mut rows, &mut lost);
    }
    rows.extend(failed_rows(failed, cohort, options));
    for case in lost {
        rows.extend(case.row(options));
        outputs = outputs.lost(case.case_id, case.problem);
    }
    if no_list {
        notes.push(
            "the cards do not say whose scans trained the weights, because --auxiliary-weights does \
             not: stages refuse them with --held-out"
                .to_owned(),
        );
    }
    let record = desk.record.into_inner();
    record.write()?;
    outputs = record.files().into_iter().fold(outputs, Outputs::wrote);
    finish(outputs, folder, options, &lineage, &rows, notes)
}

/// The tables of scores, and the words at the end.
fn finish(
    mut outputs: Outputs,
    folder: &Path,
    options: &Options,
    lineage: &str,
    rows: &[ScoreRow],
    notes: Vec<String>,
) -> Result<Outputs, Problem> {
    let sets: Vec<SetSummary> = summaries(rows);
    let scored = sets.iter().any(|set| !set.regions.is_empty());
    if scored {
        let path = folder.join("scores.parquet");
        let metadata = [
            ("renalflow.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("renalflow.stage", "train 1".to_owned()),
            ("renalflow.options", json!(options).to_string()),
            ("renalflow.lineage", lineage.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value));
        write_parquet(&table(rows)?, &metadata, &path)?;
        let json_path = folder.join("scores.json");
        let mut text = serde_json::to_string_pretty(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "scheme": options.scheme,
            "crop": options.crop,
            "sets": &sets,
        }))?;
        text.push('\n');
        write_file(&json_path, text.as_bytes())?;
        outputs = outputs.wrote(path).wrote(json_path);
        for line in sets.iter().flat_map(SetSummary::lines) {
            outputs = outputs.result(line);
        }
        if options.crop == Crop::Kidneys {
            outputs = outputs.result(
                "crops were found on the reference masks; score stage `segment` for what a coarse network finds",
            );
        }
    }
    for note in notes {
        outputs = outputs.result(note);
    }
    Ok(outputs.result(format!("weights: {}", folder.join("weights").display())))
}

/// Check that weights are those of a network that can lend.
pub fn check_auxiliary(
    path: &Path,
    checkpoint: &Checkpoint,
    plan: Option<&Plan>,
) -> Result<(), Problem> {
    let Some(plan) = plan else { return Ok(()) };
    let expected = weights::Expected {
        plan,
        scheme: checkpoint.card.scheme,
        lineage_key: None,
    };
    checkpoint.check(path, expected)?;
    if !matches!(
        checkpoint.card.scheme,
        Scheme::Scratch | Scheme::Finetune | Scheme::Pooled
    ) {
        return Err(Problem::new(format!(
            "{} were trained by {}, which has more than the plain network",
            path.display(),
            checkpoint.card.scheme
        ))
        .fix("take weights of scheme scratch, trained on the auxiliary cases"));
    }
    Ok(())
}

/// Where the first weights come from.
enum Auxiliary<'a> {
    None,
    Given(&'a Path),
    Train,
}

impl<'a> Auxiliary<'a> {
    fn of(options: &'a Options, studies: &[Study]) -> Result<Self, Problem> {
        let train = match options.scheme.auxiliary_weights() {
            AuxiliaryWeights::Unused => false,
            AuxiliaryWeights::Optional => options.auxiliary_epochs.is_some(),
            AuxiliaryWeights::Required => true,
        };
        if let Some(path) = &options.auxiliary_weights {
            return Ok(Self::Given(path));
        }
        let none = !studies.iter().any(|study| study.set == Set::Auxiliary);
        if none && (train || options.scheme.trains_on_auxiliary()) {
            return Err(Problem::new(format!(
                "--scheme {} wants auxiliary cases, and none could be used",
                options.scheme
            ))
            .fix("see the failures of the auxiliary cases"));
        }
        Ok(if train { Self::Train } else { Self::None })
    }
}

/// What the library has to say of a training, with the names of classes.
fn words(trained: &Trained, name: &str, classes: &[String]) -> Vec<String> {
    trained
        .outcome
        .warnings
        .iter()
        .map(|warning| {
            let named = (1..)
                .zip(classes)
                .fold(warning.clone(), |text, (k, class)| {
                    text.replace(&format!("class {k} "), &format!("class `{class}` "))
                });
            format!("{name}: {named}")
        })
        .collect()
}

/// The key of a training: the same key, the same weights, on a CPU to the bit. A GPU adds in
/// another order, and after many steps its weights are others.
fn lineage(options: &Options, plan: &Plan, studies: &[Study], device: &Device) -> String {
    let mut parts: Vec<String> = studies
        .iter()
        .map(|study| format!("{}={}", study.case_id, study.lineage))
        .collect();
    parts.sort();
    let mut json = json!(options);
    if let Some(map) = json.as_object_mut() {
        for name in ["resume", "max_memory_mib", "plan", "only_folds", "device"] {
            map.remove(name);
        }
    }
    let on = if device.is_cpu() { "cpu" } else { "gpu" };
    let text = format!(
        "train 1\n{json}\n{on}\n{}\n{}",
        json!(plan),
        parts.join("\n")
    );
    Key::of_content(text.as_bytes()).to_string()
}

fn available_bytes(options: &Options) -> u64 {
    if let Some(mib) = options.max_memory_mib {
        return mib << 20;
    }
    use procfs::Current;
    let memory = procfs::Meminfo::current().ok();
    memory
        .and_then(|memory| memory.mem_available)
        .unwrap_or(u64::MAX)
}
