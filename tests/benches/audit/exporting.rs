//! How fast a whole log is exported and its bundle checked, and that neither takes more memory the longer it is.

use std::time::Instant;

use interflow_application::Clock as _;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::SystemClock;
use interflow_infrastructure::event_log::PgEventLog;
use interflow_infrastructure::proof::PgProofs;
use interflow_infrastructure::proof::bundle::{Selection, check};
use serde_json::{Value, json};

use crate::memory;
use crate::report::Report;

pub async fn exporting(
    log: &PgEventLog,
    proofs: &PgProofs,
    workspace: WorkspaceId,
    report: &mut Report,
) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let whole = Selection::Range { from: None, to: None };
    let (mut early, mut late) = (0.0, 0.0);
    let mut watch = |at: u64, of: u64| {
        if early == 0.0 && at > of / 10 {
            early = memory();
        }
        late = memory();
    };
    let begin = Instant::now();
    let to = (directory.path(), SystemClock.now());
    let exported = proofs.export(log, (workspace, &whole), to, async |_| Ok(()), &mut watch).await.unwrap();
    let export = exported.events as f64 / begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let checked = check(directory.path(), &[], &mut |_, _| ()).unwrap();
    let checks = checked.events as f64 / begin.elapsed().as_secs_f64();
    assert_eq!((checked.events, checked.faults.len()), (exported.events, 0));
    let size = std::fs::metadata(directory.path().join("bundle.jsonl")).unwrap().len() / checked.events;
    report.line(&format!(
        "\nAll of it exported as a bundle, {size} bytes an event: {export:.0} events a second, with {early:.0} MiB of memory \
         after a tenth and {late:.0} MiB at the end. The bundle checked: {checks:.0} events a second."
    ));
    json!({
        "export_rate": export.round(),
        "check_rate": checks.round(),
        "bytes_an_event": size,
        "memory_mib_after_a_tenth": early.round(),
        "memory_mib_at_the_end": late.round(),
    })
}
