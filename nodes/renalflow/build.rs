//! How the executable is linked.

fn main() {
    // A position-independent executable of this size has 200,000 pointers to relocate before
    // `main`: 4 ms of every start, as much as a small case takes. Linked at a fixed address it
    // has none.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
