//! Stage `export`: volumes and masks as NIfTI files that every viewer opens.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use renalflow_imaging::nifti::{write_image, write_label_map};
use renalflow_sdk::{
    Cohort, Collecting, Context, Declaration, Failure, Inputs, Kind, Outputs, Plugin, Port,
    Problem, Role, Stage, Work, clap,
};
use serde::Serialize;

/// The stage, for the command's registry.
pub const PLUGIN: Plugin = Plugin::of::<Export>();

/// Writes files.
pub struct Export {
    folder: PathBuf,
    ending: &'static str,
    written: Vec<PathBuf>,
}

/// Options of `export`.
#[derive(Debug, Clone, Args, Serialize)]
pub struct Options {
    /// Folder for the files, in the run's folder
    #[arg(long, value_name = "DIR", default_value = "volumes")]
    folder: PathBuf,
    /// Write .nii instead of .nii.gz: larger and faster
    #[arg(long)]
    uncompressed: bool,
}

impl Stage for Export {
    type Options = Options;

    const DECLARATION: Declaration = Declaration {
        name: "export",
        version: "1",
        about: "Write volumes and masks as NIfTI, in a folder for each case",
        role: Role::Collecting,
        inputs: &[
            Port::new(
                "image",
                Kind::Image,
                "written as image.nii.gz (image-NAME: NAME.nii.gz)",
            )
            .optional()
            .many(),
            Port::new(
                "mask",
                Kind::Labels,
                "written as mask.nii.gz (mask-NAME: NAME.nii.gz)",
            )
            .optional()
            .many(),
        ],
        outputs: &[],
    };

    fn check(options: &Options) -> Result<Vec<String>, Problem> {
        if options
            .folder
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Ok(Vec::new());
        }
        Err(Problem::new(format!(
            "--folder {} leaves the run's folder",
            options.folder.display()
        ))
        .fix("give a relative path without `..`"))
    }

    fn check_wiring(_options: &Options, inputs: &[String]) -> Result<(), Problem> {
        let mut names: Vec<_> = inputs.iter().map(|input| file_stem(input)).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(
                Problem::new(format!("two inputs would write {}.nii.gz", twice[0]))
                    .fix("give one of them another name after the dash"),
            );
        }
        Ok(())
    }

    fn build(options: Options, context: &Context) -> Result<Work, Problem> {
        Ok(Work::Collecting(Box::new(Self {
            folder: context.run_dir.join(options.folder),
            ending: if options.uncompressed {
                "nii"
            } else {
                "nii.gz"
            },
            written: Vec::new(),
        })))
    }
}

/// `image-lesion` is written as `lesion`, `image` as `image`.
fn file_stem(input: &str) -> &str {
    input.split_once('-').map_or(input, |(_, name)| name)
}

impl Collecting for Export {
    fn collect(&mut self, case_id: &str, inputs: Result<Inputs, Failure>) -> Result<(), Problem> {
        // A failed case has no volume; its row in the table says why.
        let Ok(mut inputs) = inputs else {
            return Ok(());
        };
        if Path::new(case_id).components().count() != 1 || case_id.starts_with('.') {
            return Err(
                Problem::new(format!("`{case_id}` cannot be the name of a folder"))
                    .fix("give the case a name without slashes"),
            );
        }
        let folder = self.folder.join(case_id);
        std::fs::create_dir_all(&folder).map_err(|error| {
            Problem::new(format!("cannot create {}: {error}", folder.display()))
                .fix("free space, or choose another disk")
        })?;
        for input in inputs.ports() {
            let path = folder.join(format!("{}.{}", file_stem(&input), self.ending));
            if input.starts_with("image") {
                write_image(&path, &inputs.image(&input)?)?;
            } else {
                write_label_map(&path, &inputs.labels(&input)?)?;
            }
            self.written.push(path);
        }
        Ok(())
    }

    fn finish(&mut self, _cohort: &Cohort) -> Result<Outputs, Problem> {
        self.written.sort_unstable();
        Ok(std::mem::take(&mut self.written)
            .into_iter()
            .fold(Outputs::none(), Outputs::wrote))
    }
}
