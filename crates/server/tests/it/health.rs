//! Whether the process lives, and takes work.

use crate::rig::{Rig, reads};

#[test]
fn a_server_whose_journal_failed_takes_no_work() {
    let rig = Rig::new();
    rig.anybody().get("/health/ready").is(200);
    std::fs::remove_dir_all(rig.path("data")).unwrap();
    let refused = rig.anybody().submit(&reads("lost", 1));
    assert_eq!(refused.status, 503, "{}", refused.text());
    rig.anybody().get("/health/live").is(200);
    let unready = rig.anybody().get("/health/ready").is(503);
    assert_ne!(unready.json()["code"], "UNKNOWN_ERROR");
}

#[test]
fn whoever_watches_the_process_needs_no_key() {
    let rig = Rig::keyed();
    assert_eq!(
        rig.anybody().get("/health/live").is(200).json()["status"],
        "live"
    );
    assert_eq!(
        rig.anybody().get("/health/ready").is(200).json()["status"],
        "ready"
    );
    rig.anybody().get("/v1/executions").is(401);
}
