//! Writing NIfTI-1, so that ITK and nibabel read the same voxels in the same place.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder, write::GzEncoder};

use crate::{
    geometry::Geometry,
    io::WriteError,
    volume::{Image, LabelMap},
};

/// A third of the time of zlib's default on CT, for files up to 8 % larger.
const GZIP_LEVEL: u32 = 3;
const CHUNK_VOXELS: usize = 32 * 1024;
/// Small enough that a hundred files may be open at once.
const BUFFER_BYTES: usize = 64 * 1024;
/// Header and the four bytes that say that no extension follows.
const VOXEL_OFFSET: usize = 352;

/// Write an image as NIfTI-1 with the voxel type it has.
///
/// The name ends in `.nii` or `.nii.gz`. Sform and qform are both set, with code 1 (scanner),
/// units are mm, there is no scaling. Spacing, origin and direction are rounded to the
/// format's single precision. The same image gives the same bytes at any time. The file
/// appears when it is complete; a write that fails leaves none.
///
/// # Errors
/// Another ending, an axis of more than 32767 voxels, or what the system says.
pub fn write_image(path: impl AsRef<Path>, image: &Image) -> Result<(), WriteError> {
    let path = path.as_ref();
    let geometry = image.geometry();
    match image {
        Image::I16(volume) => write(path, geometry, 4, volume.voxels(), i16::to_le_bytes),
        Image::F32(volume) => write(path, geometry, 16, volume.voxels(), f32::to_le_bytes),
        Image::F64(volume) => write(path, geometry, 64, volume.voxels(), f64::to_le_bytes),
    }
}

/// Write a label map as NIfTI-1: 8 bits if every label fits, else 16. Names are not stored,
/// because NIfTI has no place for them that others read. Otherwise as [`write_image`].
///
/// # Errors
/// As [`write_image`].
pub fn write_label_map(path: impl AsRef<Path>, labels: &LabelMap) -> Result<(), WriteError> {
    let path = path.as_ref();
    let geometry = labels.geometry();
    let voxels = labels.volume.voxels();
    if voxels.iter().all(|&label| label <= 255) {
        write(path, geometry, 2, voxels, |label: u16| [label as u8])
    } else {
        write(path, geometry, 512, voxels, u16::to_le_bytes)
    }
}

/// A volume in double precision that is written as its slices become known, so that it need
/// not be held in memory: about 0.4 MiB for a compressed file, however large.
///
/// The file reads as that of [`write_image`]. It appears at [`Self::finish`]; a writer that is
/// dropped before leaves none.
#[derive(Debug)]
pub struct SlabWriter {
    file: PartialFile,
    /// Voxels still to come.
    missing: usize,
}

impl SlabWriter {
    /// Begin a file.
    ///
    /// # Errors
    /// As [`write_image`].
    pub fn create(path: impl AsRef<Path>, geometry: &Geometry) -> Result<Self, WriteError> {
        let path = path.as_ref();
        let header = header(path, geometry, 64, size_of::<f64>())?;
        let mut file = PartialFile::create(path)?;
        file.write(&header)?;
        Ok(Self {
            file,
            missing: geometry.len(),
        })
    }

    /// Append the next voxels.
    ///
    /// # Shapes
    /// `voxels`: any number of them, in C order after those written before.
    ///
    /// # Errors
    /// More voxels than the grid has, or what the system says.
    pub fn append(&mut self, voxels: &[f64]) -> Result<(), WriteError> {
        match self.missing.checked_sub(voxels.len()) {
            Some(missing) => self.missing = missing,
            None => return Err(self.wrong_count()),
        }
        self.file.write_voxels(voxels, f64::to_le_bytes)
    }

    /// Complete the file and give it its name.
    ///
    /// # Errors
    /// Fewer voxels than the grid has, or what the system says.
    pub fn finish(self) -> Result<(), WriteError> {
        if self.missing > 0 {
            return Err(self.wrong_count());
        }
        self.file.finish()
    }

    fn wrong_count(&self) -> WriteError {
        WriteError::VoxelCount {
            path: self.file.path.clone(),
            missing: self.missing,
        }
    }
}

fn write<T: Copy, const BYTES: usize>(
    path: &Path,
    geometry: &Geometry,
    datatype: i16,
    voxels: &[T],
    encode: impl Fn(T) -> [u8; BYTES],
) -> Result<(), WriteError> {
    refuse_ending(path)?;
    let header = header(path, geometry, datatype, BYTES)?;
    let mut file = PartialFile::create(path)?;
    file.write(&header)?;
    file.write_voxels(voxels, encode)?;
    file.finish()
}

fn is_compressed(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".nii.gz")
}

fn refuse_ending(path: &Path) -> Result<(), WriteError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".nii.gz") || name.ends_with(".nii") {
        return Ok(());
    }
    Err(WriteError::Extension {
        path: path.to_owned(),
    })
}

/// A file under another name until it is complete; removed where it never is.
#[derive(Debug)]
struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    /// `None` once closed.
    out: Option<Output>,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one a file, and never moved about
enum Output {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

impl PartialFile {
    fn create(path: &Path) -> Result<Self, WriteError> {
        refuse_ending(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let partial = path.with_file_name(format!(".{name}.part"));
        let file = File::create(&partial).map_err(|source| WriteError::Io {
            path: path.to_owned(),
            source,
        })?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let out = if is_compressed(path) {
            // No name and no time in the gzip header: the same volume gives the same bytes.
            let gzip = GzBuilder::new().mtime(0);
            Output::Gzip(gzip.write(file, Compression::new(GZIP_LEVEL)))
        } else {
            Output::Plain(file)
        };
        Ok(Self {
            path: path.to_owned(),
            partial,
            out: Some(out),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        match &mut self.out {
            Some(Output::Plain(out)) => out.write_all(bytes),
            Some(Output::Gzip(out)) => out.write_all(bytes),
            None => Ok(()),
        }
        .map_err(|source| self.error(source))
    }

    fn write_voxels<T: Copy, const BYTES: usize>(
        &mut self,
        voxels: &[T],
        encode: impl Fn(T) -> [u8; BYTES],
    ) -> Result<(), WriteError> {
        let mut bytes = Vec::with_capacity(CHUNK_VOXELS.min(voxels.len()) * BYTES);
        for chunk in voxels.chunks(CHUNK_VOXELS) {
            bytes.clear();
            bytes.extend(chunk.iter().flat_map(|&voxel| encode(voxel)));
            self.write(&bytes)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), WriteError> {
        let closed = match self.out.take() {
            Some(Output::Plain(mut out)) => out.flush(),
            Some(Output::Gzip(out)) => out.finish().and_then(|mut out| out.flush()),
            None => Ok(()),
        };
        closed
            .and_then(|()| fs::rename(&self.partial, &self.path))
            .map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> WriteError {
        WriteError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After `finish` there is no such file; where it cannot be removed, nothing more can
        // be done.
        self.out = None;
        let _ = fs::remove_file(&self.partial);
    }
}

/// The 348 bytes of a NIfTI-1 header, little-endian, and the empty extension mark.
fn header(
    path: &Path,
    geometry: &Geometry,
    datatype: i16,
    voxel_bytes: usize,
) -> Result<[u8; VOXEL_OFFSET], WriteError> {
    let mut bytes = [0u8; VOXEL_OFFSET];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let [nz, ny, nx] = geometry.shape_zyx;
    put(0, &348i32.to_le_bytes());
    for (i, n) in [3, nx, ny, nz, 1, 1, 1, 1].into_iter().enumerate() {
        let n = i16::try_from(n).map_err(|_| WriteError::Shape {
            path: path.to_owned(),
            shape_zyx: geometry.shape_zyx,
        })?;
        put(40 + 2 * i, &n.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &(8 * voxel_bytes as i16).to_le_bytes());

    // LPS to RAS; adding 0 turns -0 into 0.
    let sign = [-1.0, -1.0, 1.0];
    let turn: [[f64; 3]; 3] =
        std::array::from_fn(|row| geometry.direction[row].map(|v| sign[row] * v + 0.0));
    let offset: [f64; 3] = std::array::from_fn(|row| sign[row] * geometry.origin_xyz_mm[row] + 0.0);
    let [sz, sy, sx] = geometry.spacing_zyx_mm;
    let spacing_xyz = [sx, sy, sz];
    let (qfac, quaternion) = quaternion(turn);

    let mut put_f32 = |at: usize, value: f64| put(at, &(value as f32).to_le_bytes());
    put_f32(76, qfac);
    for i in 0..3 {
        put_f32(80 + 4 * i, spacing_xyz[i]);
        put_f32(256 + 4 * i, quaternion[i]);
        put_f32(268 + 4 * i, offset[i]);
        for j in 0..3 {
            put_f32(280 + 16 * i + 4 * j, turn[i][j] * spacing_xyz[j]);
        }
        put_f32(280 + 16 * i + 12, offset[i]);
    }
    put_f32(108, VOXEL_OFFSET as f64);
    put_f32(112, 1.0); // scl_slope
    bytes[123] = 2; // xyzt_units: mm
    bytes[252..254].copy_from_slice(&1i16.to_le_bytes()); // qform_code: scanner
    bytes[254..256].copy_from_slice(&1i16.to_le_bytes()); // sform_code: scanner
    bytes[344..348].copy_from_slice(b"n+1\0");
    Ok(bytes)
}

/// `qfac` and the quaternion's b, c, d of orthonormal axes; a is never negative, as the
/// standard asks. The largest of the four components is computed first, which keeps the
/// others exact at turns of 180 degrees (KiTS19's and most CTs' case).
fn quaternion(mut turn: [[f64; 3]; 3]) -> (f64, [f64; 3]) {
    let [[a, b, c], [d, e, f], [g, h, i]] = turn;
    let determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    let qfac = if determinant < 0.0 { -1.0 } else { 1.0 };
    for row in &mut turn {
        row[2] *= qfac;
    }
    let [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = turn;
    // Four times the square of each component.
    let squares = [
        1.0 + xx + yy + zz,
        1.0 + xx - yy - zz,
        1.0 - xx + yy - zz,
        1.0 - xx - yy + zz,
    ];
    let largest = (0..4).fold(
        0,
        |best, i| if squares[i] > squares[best] { i } else { best },
    );
    let twice = squares[largest].max(0.0).sqrt();
    let mut q = match largest {
        0 => [squares[0], zy - yz, xz - zx, yx - xy],
        1 => [zy - yz, squares[1], yx + xy, xz + zx],
        2 => [xz - zx, yx + xy, squares[2], zy + yz],
        _ => [yx - xy, xz + zx, zy + yz, squares[3]],
    }
    .map(|v| v / (2.0 * twice));
    if q[0] < 0.0 {
        q = q.map(|v| -v + 0.0);
    }
    (qfac, [q[1], q[2], q[3]])
}
