//! A file for readers that take paths, in memory where the system has such a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Once, OnceLock},
};

/// The file of this process, with these bytes.
///
/// # Panics
/// Where it cannot be written.
#[must_use]
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let folder = parent.join(format!("renalflow-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the file");
        folder
    });
    let path = folder.join(name);
    here();
    fs::write(&path, bytes).expect("the file");
    path
}

/// Make this thread the one that the readers' parallel parts run on: to hand an input of a few
/// hundred bytes to a pool and to wait for it takes longer than to read it.
fn here() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .use_current_thread()
            .build_global()
            .expect("no pool before this one");
    });
}
