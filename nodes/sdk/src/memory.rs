//! What the allocator does with memory that is freed.

/// Keep freed blocks of up to `block_bytes` for the next request, and return memory to the system
/// only beyond `spare_bytes` of it. By default glibc maps every large block anew, and the faults
/// on its fresh pages are a third of a training step and of the short filters.
///
/// For stages that run networks: to be called in [`crate::Stage::build`], before anything large
/// is allocated. The allocator takes its own lock for it.
pub fn keep_freed(block_bytes: i32, spare_bytes: i32) {
    // SAFETY: it sets two numbers of the allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, block_bytes);
        libc::mallopt(libc::M_TRIM_THRESHOLD, spare_bytes);
    }
}
