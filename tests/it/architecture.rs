//! The direction of dependencies, proved from what Cargo resolves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The dependencies of every member, those for tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let members = metadata().packages.into_iter().map(|package| {
        let built =
            package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        (package.name.to_string(), built.map(|dependency| dependency.name.clone()).collect())
    });
    members.collect()
}

fn ours(names: &BTreeSet<String>) -> BTreeSet<&str> {
    names.iter().map(String::as_str).filter(|name| name.starts_with("interflow")).collect()
}

#[test]
fn the_domain_depends_on_nothing_of_ours_and_on_no_adapter() {
    let all = dependencies();
    let domain = &all["interflow-domain"];
    assert_eq!(ours(domain), BTreeSet::new());
    let allowed = ["cqrs-es", "serde", "serde_json", "thiserror", "uuid", "chrono"];
    assert_eq!(
        domain.iter().map(String::as_str).filter(|name| !allowed.contains(name)).collect::<Vec<_>>(),
        [""; 0]
    );
}

#[test]
fn the_application_depends_on_the_domain_alone() {
    let all = dependencies();
    let application = &all["interflow-application"];
    assert_eq!(ours(application), BTreeSet::from(["interflow-domain"]));
    for adapter in ["sqlx", "axum", "reqwest", "whatsapp-rust", "wacore"] {
        assert!(!application.contains(adapter), "{adapter}");
    }
}

#[test]
fn adapters_know_the_application_and_never_the_api() {
    let all = dependencies();
    for adapter in ["interflow-infrastructure", "interflow-whatsapp-web"] {
        let known = ours(&all[adapter]);
        assert!(known.contains("interflow-application"), "{adapter}");
        assert!(!known.contains("interflow"), "{adapter}");
        assert!(!all[adapter].contains("axum"), "{adapter}");
    }
    assert_eq!(ours(&all["interflow-vault"]), BTreeSet::new());
    assert_eq!(ours(&all["interflow-embedded-postgres"]), BTreeSet::new());
}

#[test]
fn only_the_engines_crate_and_the_simulator_name_the_engine() {
    let engine = ["whatsapp-rust", "wacore", "wacore-binary", "wacore-noise", "wacore-libsignal", "waproto"];
    for (member, names) in dependencies() {
        if member != "interflow-whatsapp-web" && member != "interflow-simulator" {
            assert!(engine.iter().all(|name| !names.contains(*name)), "{member} names the engine");
        }
    }
}

#[test]
fn sql_lives_in_infrastructure_and_nowhere_else() {
    for (member, names) in dependencies() {
        let is_adapter = ["interflow-infrastructure", "interflow-whatsapp-web"].contains(&member.as_str());
        assert!(is_adapter || !names.contains("sqlx"), "{member} depends on sqlx");
    }
}

#[test]
fn only_the_composition_root_names_infrastructure() {
    let mut named = sources(&root().join("api/src"))
        .into_iter()
        .filter(|(_, text)| {
            ["interflow_infrastructure", "interflow_embedded_postgres", "interflow_whatsapp_web"]
                .iter()
                .any(|name| text.contains(name))
        })
        .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect::<Vec<_>>();
    named.sort();
    assert_eq!(named, ["compose.rs"]);
}

#[test]
fn http_types_live_in_the_api_and_nowhere_else() {
    for room in ["domain/src", "application/src", "infrastructure/src"] {
        for (path, text) in sources(&root().join(room)) {
            assert!(!text.contains("axum::") && !text.contains("http::StatusCode"), "{}", path.display());
        }
    }
}

fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}
