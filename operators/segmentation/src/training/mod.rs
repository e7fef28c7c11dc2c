//! Training: patches, augmentation, optimisers, the loop.
