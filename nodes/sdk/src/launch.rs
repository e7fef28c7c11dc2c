//! What a node's process needs of its environment before it joins a dataflow.
//!
//! dora's direct path between nodes publishes with zenoh's policy to drop what cannot be queued
//! within a millisecond, on a queue of two batches. On a machine whose cores are all at work,
//! the slabs of one volume overrun that, and a slab is gone without an error anywhere. A
//! zenoh configuration with a longer queue and a minute of patience turns the drop into a wait;
//! ten minutes instead of ten seconds before a silent neighbour counts as gone keep links up
//! where a process does not get to run for that long. dora reads it from a file that an
//! environment variable names, so a process that was started without it starts itself once
//! more, in place, with it.

use std::{
    env,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// dora layers the file that this names on its own zenoh configuration.
const ZENOH_OVERLAY: &str = "DORA_ZENOH_CONFIG_OVERLAY";
/// A user's whole zenoh configuration; dora refuses an overlay beside it.
const ZENOH_CONFIG: &str = "ZENOH_CONFIG";
/// Shared memory for messages that a node has sent and nobody has read yet.
const POOL_SIZE: &str = "DORA_NODE_SHM_POOL_SIZE";
/// Eight slabs. dora's default of 8 MB holds none; what does not fit goes through the daemon,
/// which is slower.
const POOL: &str = "256MB";

/// glibc's switches.
const GLIBC_TUNABLES: &str = "GLIBC_TUNABLES";
/// Ask the kernel for large pages. A node takes and gives back hundreds of megabytes a case, and
/// with pages of 4 KiB most of the time of a graph of large masks went into handing them out.
const LARGE_PAGES: &str = "glibc.malloc.hugetlb=1";

const OVERLAY: &str = r#"{
  transport: {
    unicast: { open_timeout: 30000, accept_timeout: 30000 },
    link: {
      tx: {
        lease: 600000,
        queue: {
          size: { real_time: 16 },
          congestion_control: {
            drop: { wait_before_drop: 60000000, max_wait_before_drop_fragments: 60000000 },
          },
        },
      },
    },
  },
}
"#;

/// Start this process again, in place, with what is missing in its environment; returns where
/// nothing is, or where that is not possible.
pub fn complete_environment() {
    let needs_overlay = env::var_os(ZENOH_OVERLAY).is_none() && env::var_os(ZENOH_CONFIG).is_none();
    let needs_pool = env::var_os(POOL_SIZE).is_none();
    let needs_large_pages = env::var_os(GLIBC_TUNABLES).is_none();
    if env::var_os(RESTARTED).is_some() || !(needs_overlay || needs_pool || needs_large_pages) {
        return;
    }
    let Ok(executable) = env::current_exe() else {
        return;
    };
    let mut command = Command::new(executable);
    command.args(env::args_os().skip(1)).env(RESTARTED, "1");
    if needs_pool {
        command.env(POOL_SIZE, POOL);
    }
    if needs_large_pages {
        command.env(GLIBC_TUNABLES, LARGE_PAGES);
    }
    if needs_overlay {
        match write_overlay(&env::temp_dir()) {
            Ok(path) => {
                command.env(ZENOH_OVERLAY, path);
            }
            Err(error) => tracing::warn!(
                "cannot write a zenoh configuration to {}: {error}; messages may be lost on a busy machine, \
                 and the run will notice",
                env::temp_dir().display()
            ),
        }
    }
    // Only returns where the process could not be replaced; then it goes on as it is.
    let error = command.exec();
    tracing::warn!("cannot restart with dora's configuration: {error}");
}

/// Says that this process has been started again, whatever came of it.
const RESTARTED: &str = "RENALFLOW_RESTARTED";

/// Every node writes the same bytes to the same place, each by renaming a file of its own.
fn write_overlay(folder: &Path) -> std::io::Result<PathBuf> {
    let user = procfs::process::Process::myself()
        .and_then(|process| process.uid())
        .unwrap_or_default();
    let digest = blake3::hash(OVERLAY.as_bytes()).to_hex();
    let path = folder.join(format!("renalflow-{user}-zenoh-{}.json5", &digest[..16]));
    // Bytes of someone else's making are not trusted.
    if std::fs::read(&path).ok().as_deref() != Some(OVERLAY.as_bytes()) {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(OVERLAY.as_bytes())?;
        file.persist(&path)?;
    }
    Ok(path)
}
