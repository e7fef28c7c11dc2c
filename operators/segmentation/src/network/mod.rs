//! Plans and networks.
