//! A production binary that was built to trust the simulated network must not serve.

use std::process::Command;

use crate::support::lab::built;

/// Tests are built together with the lab, and Cargo unifies features within one build: so the `interflow` beside this
/// test is exactly the binary that must refuse.
#[test]
fn a_production_binary_that_was_built_for_the_lab_refuses_to_serve() {
    let data = tempfile::tempdir().unwrap();
    let refused = Command::new(built("interflow"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("built to trust a simulated network"), "{said}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "it must refuse before it makes anything");
}
