//! Rules that a segmentation of kidneys must keep, and what they removed.
//!
//! Rules look at organs: components, connected by faces, edges or corners, of the kidney and
//! all its masses together. So a kidney that a tumour cuts in two is one, a kidney that is
//! mostly tumour is not too small, and a mass touches a kidney if its organ holds kidney.
//! Every organ that is large enough stays, however many: kidneys come in twos.
//!
//! 1. An organ without a voxel of kidney is removed.
//! 2. An organ under `smallest_kidney_ml` is removed with its masses.
//! 3. A mass under `smallest_mass_ml` becomes kidney, which is what surrounds it.
//! 4. Background that an organ encloses takes the label that it borders on most (a mass
//!    before kidney); kidney that a mass encloses becomes that mass.

use std::fmt;

use renalflow_imaging::{
    GeometryError, LabelMap, Volume,
    boxes::{BoundingBox, BoxError},
    components::{
        Components, ComponentsError, Connectivity, connected_components, holes, label_mask,
    },
    crop::crop,
    same_grid::{GridMismatch, check_same_grid},
};
use thiserror::Error;

/// What to clean, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanUp {
    /// The label of kidney.
    pub kidney: u16,
    /// The labels of masses: tumour, and cyst where it has its own.
    pub masses: Vec<u16>,
    /// Organs under this are removed, in mL.
    pub smallest_kidney_ml: f64,
    /// Masses under this become kidney, in mL.
    pub smallest_mass_ml: f64,
    /// Whether organs without kidney are removed.
    pub masses_touch_kidney: bool,
    /// Whether cavities are filled.
    pub fill_holes: bool,
}

impl CleanUp {
    /// All rules: kidneys of 10 mL or more, masses of 0.1 mL or more that touch one, no holes.
    #[must_use]
    pub fn new(kidney: u16, masses: &[u16]) -> Self {
        Self {
            kidney,
            masses: masses.to_vec(),
            smallest_kidney_ml: 10.0,
            smallest_mass_ml: 0.1,
            masses_touch_kidney: true,
            fill_holes: true,
        }
    }
}

/// Which rule changed a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Removed: it holds no kidney.
    TouchesNoKidney,
    /// Removed: kidney and masses together are too small.
    KidneyTooSmall,
    /// Became kidney: a mass that is too small.
    MassTooSmall,
    /// Filled: background within an organ, or kidney within a mass.
    Hole,
}

/// A component that a rule changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which rule.
    pub reason: Reason,
    /// The component's number among those that the rule looked at, from 1.
    pub component: usize,
    /// The label that it became; 0 is background.
    pub became: u16,
    /// Its voxels.
    pub voxels: usize,
    /// Its volume.
    pub volume_ml: f64,
    /// Where its first voxel is, on the map's grid.
    pub first_voxel_zyx: [usize; 3],
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            Reason::TouchesNoKidney => "removed, since it touches no kidney",
            Reason::KidneyTooSmall => "removed, since kidney and masses are too small",
            Reason::MassTooSmall => "made kidney, since the mass is too small",
            Reason::Hole => "filled, since it was enclosed",
        };
        write!(
            f,
            "component {} of {:.3} mL at [z, y, x] = {:?}: {what}",
            self.component, self.volume_ml, self.first_voxel_zyx
        )
    }
}

/// Why nothing was cleaned.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PostprocessError {
    /// Volumes that are none.
    #[error(
        "smallest_kidney_ml is {kidney} and smallest_mass_ml {mass}: each must be a finite \
         number of mL, 0 or more"
    )]
    Smallest {
        /// Of kidneys.
        kidney: f64,
        /// Of masses.
        mass: f64,
    },
    /// Labels that cannot be told apart.
    #[error(
        "kidney is label {kidney} and masses are {masses:?}: none may be 0, and kidney may not \
         be a mass"
    )]
    Labels {
        /// Of kidney.
        kidney: u16,
        /// Of masses.
        masses: Vec<u16>,
    },
    /// Masks on different grids.
    #[error(transparent)]
    Grid(#[from] GridMismatch),
    /// Too many voxels.
    #[error(transparent)]
    Components(#[from] ComponentsError),
    /// A box that does not fit.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// A grid that is none.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
}

/// Clean a map of plain labels. Labels that are neither kidney nor mass stay as they are.
///
/// # Shapes
/// As the map.
///
/// # Errors
/// Volumes that are negative or no number, background as a label, 2³² voxels of foreground.
pub fn clean_up(
    labels: &LabelMap,
    rules: &CleanUp,
) -> Result<(LabelMap, Vec<Change>), PostprocessError> {
    let (kidney, mass) = (rules.smallest_kidney_ml, rules.smallest_mass_ml);
    if ![kidney, mass].iter().all(|ml| ml.is_finite() && *ml >= 0.0) {
        return Err(PostprocessError::Smallest { kidney, mass });
    }
    if rules.kidney == 0 || rules.masses.contains(&0) || rules.masses.contains(&rules.kidney) {
        return Err(PostprocessError::Labels {
            kidney: rules.kidney,
            masses: rules.masses.clone(),
        });
    }
    let organ: Vec<u16> = std::iter::once(rules.kidney)
        .chain(rules.masses.iter().copied())
        .collect();
    // Outside the box around all organs there is nothing to change, nor to allocate.
    let Some(region) = BoundingBox::around(&labels.volume, |label| organ.contains(label)) else {
        return Ok((labels.clone(), Vec::new()));
    };
    let whole = labels.geometry();
    let mut cleaning = Cleaning {
        rules,
        organ,
        part: LabelMap {
            volume: crop(&labels.volume, &region)?,
            names: labels.names.clone(),
        },
        start_zyx: region.start_zyx,
        changes: Vec::new(),
    };
    cleaning.drop_organs()?;
    cleaning.drop_masses()?;
    if rules.fill_holes {
        cleaning.fill_holes()?;
    }
    let mut cleaned = labels.volume.voxels().to_vec();
    let [_, rows, columns] = whole.shape_zyx;
    let [start_z, start_y, start_x] = region.start_zyx;
    let lines = cleaning
        .part
        .volume
        .voxels()
        .chunks_exact(region.shape_zyx[2]);
    for (row, line) in lines.enumerate() {
        let (z, y) = (row / region.shape_zyx[1], row % region.shape_zyx[1]);
        let first = ((start_z + z) * rows + start_y + y) * columns + start_x;
        cleaned[first..first + line.len()].copy_from_slice(line);
    }
    let cleaned = LabelMap {
        volume: Volume::new(whole.clone(), cleaned)?,
        names: labels.names.clone(),
    };
    Ok((cleaned, cleaning.changes))
}

/// Clean nested regions: kidney with masses, and masses. A mass that the outer region misses
/// is added to it.
///
/// # Shapes
/// Both masks `[z, y, x]` on one grid; returns them cleaned, in the same order.
///
/// # Errors
/// As [`clean_up`], and masks on different grids. `rules.masses` must name one label.
pub fn clean_up_regions(
    kidney_and_masses: &Volume<bool>,
    masses: &Volume<bool>,
    rules: &CleanUp,
) -> Result<([Volume<bool>; 2], Vec<Change>), PostprocessError> {
    check_same_grid(
        ("kidney and masses", kidney_and_masses.geometry()),
        ("masses", masses.geometry()),
    )?;
    let [mass] = rules.masses[..] else {
        return Err(PostprocessError::Labels {
            kidney: rules.kidney,
            masses: rules.masses.clone(),
        });
    };
    let pairs = kidney_and_masses.voxels().iter().zip(masses.voxels());
    let labels: Vec<u16> = pairs
        .map(|pair| match pair {
            (_, true) => mass,
            (true, false) => rules.kidney,
            (false, false) => 0,
        })
        .collect();
    let labels = LabelMap {
        volume: Volume::new(kidney_and_masses.geometry().clone(), labels)?,
        names: Default::default(),
    };
    let (cleaned, changes) = clean_up(&labels, rules)?;
    let organ = cleaned.volume.map(|&label| label != 0);
    Ok(([organ, label_mask(&cleaned, &[mass])], changes))
}

struct Cleaning<'a> {
    rules: &'a CleanUp,
    /// Kidney and masses.
    organ: Vec<u16>,
    /// The box around all organs.
    part: LabelMap,
    start_zyx: [usize; 3],
    changes: Vec<Change>,
}

impl Cleaning<'_> {
    /// Rules 1 and 2.
    fn drop_organs(&mut self) -> Result<(), PostprocessError> {
        let organs =
            connected_components(&label_mask(&self.part, &self.organ), Connectivity::Corners)?;
        let mut has_kidney = vec![false; organs.len()];
        for (&organ, &label) in organs.volume.voxels().iter().zip(self.part.volume.voxels()) {
            if organ > 0 && label == self.rules.kidney {
                has_kidney[organ as usize - 1] = true;
            }
        }
        let changed: Vec<Option<(Reason, u16)>> = organs
            .volumes_ml()
            .iter()
            .zip(has_kidney)
            .map(|(&ml, has_kidney)| {
                if self.rules.masses_touch_kidney && !has_kidney {
                    Some((Reason::TouchesNoKidney, 0))
                } else {
                    // What holds no kidney and need not is a mass, which rule 3 judges.
                    (has_kidney && ml < self.rules.smallest_kidney_ml)
                        .then_some((Reason::KidneyTooSmall, 0))
                }
            })
            .collect();
        self.change(&organs, &changed, |_| true)
    }

    /// Rule 3, for each label of masses.
    fn drop_masses(&mut self) -> Result<(), PostprocessError> {
        for &mass in &self.rules.masses {
            let masses =
                connected_components(&label_mask(&self.part, &[mass]), Connectivity::Corners)?;
            let changed: Vec<Option<(Reason, u16)>> = masses
                .volumes_ml()
                .iter()
                .map(|&ml| {
                    (ml < self.rules.smallest_mass_ml)
                        .then_some((Reason::MassTooSmall, self.rules.kidney))
                })
                .collect();
            self.change(&masses, &changed, |_| true)?;
        }
        Ok(())
    }

    /// Rule 4.
    fn fill_holes(&mut self) -> Result<(), PostprocessError> {
        let cavities = holes(&label_mask(&self.part, &self.organ))?;
        let filled = self.bordering(&cavities);
        self.change(&cavities, &filled, |label| label == 0)?;
        for &mass in &self.rules.masses {
            let enclosed = holes(&label_mask(&self.part, &[mass]))?;
            // Only what is kidney throughout: a cyst within a tumour stays one.
            let mut filled = vec![Some((Reason::Hole, mass)); enclosed.len()];
            let numbers = enclosed.volume.voxels().iter();
            for (&number, &label) in numbers.zip(self.part.volume.voxels()) {
                if number > 0 && label != self.rules.kidney {
                    filled[number as usize - 1] = None;
                }
            }
            self.change(&enclosed, &filled, |_| true)?;
        }
        Ok(())
    }

    /// The organ's label that each cavity borders on most, by faces; a mass before kidney.
    fn bordering(&self, cavities: &Components) -> Vec<Option<(Reason, u16)>> {
        let mut faces = vec![vec![0usize; self.organ.len()]; cavities.len()];
        let [depth, rows, columns] = self.part.geometry().shape_zyx;
        let (numbers, labels) = (cavities.volume.voxels(), self.part.volume.voxels());
        for (at, &number) in numbers.iter().enumerate().filter(|&(_, &n)| n > 0) {
            let place = [at / (rows * columns), at / columns % rows, at % columns];
            let strides = [rows * columns, columns, 1];
            for (axis, voxels) in [depth, rows, columns].into_iter().enumerate() {
                let below = (place[axis] > 0).then(|| at - strides[axis]);
                let above = (place[axis] + 1 < voxels).then(|| at + strides[axis]);
                for neighbour in below.into_iter().chain(above) {
                    let organ = self.organ.iter().position(|&l| l == labels[neighbour]);
                    if let Some(organ) = organ {
                        faces[number as usize - 1][organ] += 1;
                    }
                }
            }
        }
        faces
            .iter()
            .map(|faces| {
                // The last of equals, and kidney comes first.
                let most = (0..faces.len()).max_by_key(|&organ| faces[organ])?;
                Some((Reason::Hole, self.organ[most]))
            })
            .collect()
    }

    /// Give components another label where `may` allows it, and note it.
    fn change(
        &mut self,
        components: &Components,
        changed: &[Option<(Reason, u16)>],
        may: impl Fn(u16) -> bool,
    ) -> Result<(), PostprocessError> {
        if changed.iter().all(Option::is_none) {
            return Ok(());
        }
        let [_, rows, columns] = self.part.geometry().shape_zyx;
        let voxel_ml = self.part.geometry().voxel_volume_mm3() / 1000.0;
        let mut noted: Vec<(usize, usize)> = vec![(0, 0); changed.len()];
        let mut labels = self.part.volume.voxels().to_vec();
        for (at, (&number, label)) in components
            .volume
            .voxels()
            .iter()
            .zip(&mut labels)
            .enumerate()
        {
            let Some(index) = (number as usize).checked_sub(1) else {
                continue;
            };
            if let Some((_, became)) = changed[index]
                && may(*label)
            {
                *label = became;
                let (voxels, first) = &mut noted[index];
                if *voxels == 0 {
                    *first = at;
                }
                *voxels += 1;
            }
        }
        self.part.volume = Volume::new(self.part.geometry().clone(), labels)?;
        for (index, (change, (voxels, first))) in changed.iter().zip(noted).enumerate() {
            if let &Some((reason, became)) = change
                && voxels > 0
            {
                let place = [
                    first / (rows * columns),
                    first / columns % rows,
                    first % columns,
                ];
                self.changes.push(Change {
                    reason,
                    component: index + 1,
                    became,
                    voxels,
                    volume_ml: voxels as f64 * voxel_ml,
                    first_voxel_zyx: std::array::from_fn(|axis| self.start_zyx[axis] + place[axis]),
                });
            }
        }
        Ok(())
    }
}
