//! Whom the server runs as. PostgreSQL refuses root, so root picks an unprivileged user and stays with the choice:
//! the owner of an existing cluster comes before every preference.

use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// Ourselves: an ordinary user.
    Own,
    /// We are root, and it is this user.
    Other(Login),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// `owner`: the user and group that an existing cluster belongs to.
    pub(crate) fn choose(owner: Option<(u32, u32)>) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let sudo = env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
        choose_login(&users, owner, sudo).map(Self::Other).ok_or(Error::NoAccount)
    }

    /// Makes the command run as this user. The standard library drops root's supplementary groups as well.
    pub(crate) fn dress(&self, command: &mut Command) {
        if let Self::Other(login) = self {
            command.gid(login.gid).uid(login.uid);
        }
    }

    /// Gives a file or directory (never what a link points to) to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Own => Ok(()),
            Self::Other(login) => lchown(path, Some(login.uid), Some(login.gid))
                .map_err(|source| Error::may_not_give(login.uid, path, source)),
        }
    }
}

fn choose_login(passwd: &str, owner: Option<(u32, u32)>, sudo_uid: Option<u32>) -> Option<Login> {
    let users: Vec<Login> = passwd.lines().filter_map(parse_user).collect();
    let by_uid = |uid: u32| users.iter().find(|user| user.uid == uid).cloned();
    if let Some((uid, gid)) = owner.filter(|(uid, _)| *uid != 0) {
        return Some(Login { name: by_uid(uid).map_or(format!("#{uid}"), |user| user.name), uid, gid });
    }
    let by_name = |name: &str| users.iter().find(|user| user.name == name && user.uid != 0).cloned();
    by_name("postgres")
        .or_else(|| sudo_uid.filter(|uid| *uid != 0).and_then(by_uid))
        .or_else(|| by_name("nobody"))
}

fn parse_user(line: &str) -> Option<Login> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Login { name, uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n\
        ana:x:1000:1001::/home/ana:/bin/sh\n";

    fn name(passwd: &str, owner: Option<(u32, u32)>, sudo: Option<u32>) -> Option<String> {
        choose_login(passwd, owner, sudo).map(|login| login.name)
    }

    #[test]
    fn root_becomes_postgres_then_who_called_sudo_then_nobody() {
        let with_postgres = format!("{PASSWD}postgres:x:101:104::/var/lib/postgresql:/bin/bash\n");
        assert_eq!(name(&with_postgres, None, Some(1000)).as_deref(), Some("postgres"));
        assert_eq!(name(PASSWD, None, Some(1000)).as_deref(), Some("ana"));
        assert_eq!(name(PASSWD, None, Some(0)).as_deref(), Some("nobody"));
        assert_eq!(name("root:x:0:0::/root:/bin/sh", None, None), None);
    }

    #[test]
    fn the_owner_of_an_existing_cluster_stays_its_owner() {
        assert_eq!(
            choose_login(PASSWD, Some((1000, 7)), None),
            Some(Login { name: "ana".into(), uid: 1000, gid: 7 })
        );
        assert_eq!(name(PASSWD, Some((4242, 1)), None).as_deref(), Some("#4242"));
        assert_eq!(name(PASSWD, Some((0, 0)), None).as_deref(), Some("nobody"), "restored by root");
    }
}
