//! A checkpoint (C2SP `tlog-checkpoint`): how large a tree is, and what its root is. Signed, it binds whoever signed to
//! everything that came before.

use std::fmt;
use std::str::FromStr;

use super::merkle::Hash;

/// The state of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which tree it is.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

/// What was given is not the text of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a checkpoint: its lines must be the origin, the size of the tree and the base64 of its root")]
pub struct InvalidCheckpoint;

impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    /// Lines after the third are extensions, which we never write and do not mind.
    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let parsed = || {
            let mut lines = text.strip_suffix('\n')?.split('\n');
            let (origin, digits, root) = (lines.next()?, lines.next()?, lines.next()?);
            let size: u64 = digits.parse().ok()?;
            let is_plain =
                !origin.is_empty() && size.to_string() == digits && lines.all(|line| !line.is_empty());
            is_plain.then_some(Self { origin: origin.to_owned(), size, root: root.parse().ok()? })
        };
        parsed().ok_or(InvalidCheckpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_three_lines_and_extensions_do_not_matter() {
        let checkpoint =
            Checkpoint { origin: "interflow/wsp_1".to_owned(), size: 20_852_163, root: Hash::of(b"root") };
        let text = checkpoint.to_string();
        assert_eq!(text.lines().count(), 3);
        assert_eq!(text.parse(), Ok(checkpoint.clone()));
        assert_eq!(format!("{text}something else\n").parse(), Ok(checkpoint));
        let root = Hash::of(b"root");
        for wrong in [
            String::new(),
            format!("a\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            "a\n1\n\n".to_owned(),
            "a\n1\nAAAA\n".to_owned(),
            format!("a\n1\n{root}\n\n"),
        ] {
            assert_eq!(wrong.parse::<Checkpoint>(), Err(InvalidCheckpoint), "{wrong:?}");
        }
    }
}
