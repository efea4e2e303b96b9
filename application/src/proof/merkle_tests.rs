use proptest::prelude::*;

use super::*;
use crate::proof::tile::{Edge, Tiles};

/// The definition of RFC 6962, word by word.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY,
        [leaf] => *leaf,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            Hash::node(naive(&leaves[..middle]), naive(&leaves[middle..]))
        }
    }
}

/// PATH(m, D[n]) of RFC 6962.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    if index < left.len() {
        [naive_path(index, left), vec![naive(right)]].concat()
    } else {
        [naive_path(index - left.len(), right), vec![naive(left)]].concat()
    }
}

/// SUBPROOF(m, D[n], b) of RFC 6962.
fn naive_subproof(from: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if whole { vec![] } else { vec![naive(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    if from <= left.len() {
        [naive_subproof(from, left, whole), vec![naive(right)]].concat()
    } else {
        [naive_subproof(from - left.len(), right, false), vec![naive(left)]].concat()
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| Hash::leaf(&number.to_be_bytes())).collect()
}

/// A tree that was grown leaf by leaf into tiles.
fn tiles(leaves: &[Hash]) -> Tiles {
    let mut edge = Edge::default();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    edge.take_changed().into_iter().collect()
}

fn hashes(tiles: &Tiles, ranges: &[Range<u64>]) -> Vec<Hash> {
    ranges.iter().map(|range| tiles.hash_of(range.clone()).unwrap()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[test]
fn the_roots_are_those_that_others_have_published() {
    // The vectors of certificate-transparency's own tests.
    let entries =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut edge = Edge::default();
    assert_eq!(edge.root(), Hash::of(b""));
    for (entry, root) in entries.iter().zip(roots) {
        edge.push(Hash::leaf(&unhex(entry)));
        assert_eq!(edge.root().0.as_slice(), unhex(root));
    }
}

#[test]
fn a_path_of_the_published_tree_is_as_it_was_published() {
    let entries =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(&unhex(entry))).collect();
    let tiles = tiles(&leaves);
    let path = hashes(&tiles, &inclusion(5, 8).unwrap());
    let published = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(path, published.map(|hash| Hash::from_slice(&unhex(hash)).unwrap()));
}

#[test]
fn nothing_proves_what_cannot_be() {
    assert_eq!(inclusion(0, 0), None);
    assert_eq!(inclusion(7, 7), None);
    assert_eq!(consistency(8, 7), None);
    assert_eq!(consistency(0, 7), Some(vec![]));
    assert_eq!(consistency(7, 7), Some(vec![]));
    let leaves = leaves(7);
    let root = naive(&leaves);
    assert!(!verify_inclusion(leaves[0], 7, 7, &[], root));
    assert!(!verify_consistency((8, root), (7, root), &[]));
    assert!(!verify_consistency((0, root), (7, root), &[]), "the empty tree has one root");
    assert!(verify_consistency((0, Hash::EMPTY), (7, root), &[]));
    assert!(inclusion(u64::MAX - 1, u64::MAX).is_some_and(|path| path.len() == 64 || path.len() == 63));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn roots_and_proofs_are_those_of_the_definition(size in 1_usize..1500, at in 0.0..1.0_f64) {
        let leaves = leaves(size);
        let tiles = tiles(&leaves);
        let root = tiles.hash_of(0..size as u64).unwrap();
        prop_assert_eq!(root, naive(&leaves));

        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of the size")]
        let index = (at * size as f64) as usize;
        let path = hashes(&tiles, &inclusion(index as u64, size as u64).unwrap());
        prop_assert_eq!(&path, &naive_path(index, &leaves));
        prop_assert!(verify_inclusion(leaves[index], index as u64, size as u64, &path, root));

        let from = index + 1;
        let old = naive(&leaves[..from]);
        let path = hashes(&tiles, &consistency(from as u64, size as u64).unwrap());
        prop_assert_eq!(&path, &naive_subproof(from, &leaves, true));
        prop_assert!(verify_consistency((from as u64, old), (size as u64, root), &path));
    }

    #[test]
    fn a_proof_proves_nothing_else(size in 2_u64..600, index in 0_u64..600, other in 0_u64..600, bit in 0_usize..256) {
        let (index, other) = (index % size, other % size);
        let leaves = leaves(usize::try_from(size).unwrap());
        let tiles = tiles(&leaves);
        let root = naive(&leaves);
        let leaf = |at: u64| leaves[usize::try_from(at).unwrap()];
        let path = hashes(&tiles, &inclusion(index, size).unwrap());
        let changed = |hash: Hash| { let mut hash = hash; hash.0[bit / 8] ^= 1 << (bit % 8); hash };
        prop_assert!(!verify_inclusion(changed(leaf(index)), index, size, &path, root));
        prop_assert!(!verify_inclusion(leaf(index), index, size, &path, changed(root)));
        for at in 0..path.len() {
            let mut path = path.clone();
            path[at] = changed(path[at]);
            prop_assert!(!verify_inclusion(leaf(index), index, size, &path, root));
        }
        let longer = [path.clone(), vec![leaf(0)]].concat();
        prop_assert!(!verify_inclusion(leaf(index), index, size, &longer, root));
        prop_assert!(!verify_inclusion(leaf(index), index, size, &path[1..], root));
        if other != index {
            prop_assert!(!verify_inclusion(leaf(index), other, size, &path, root));
        }
        let from = index + 1;
        let old = naive(&leaves[..usize::try_from(from).unwrap()]);
        let path = hashes(&tiles, &consistency(from, size).unwrap());
        prop_assert!(!verify_consistency((from, changed(old)), (size, root), &path));
        prop_assert!(!verify_consistency((from, old), (size, changed(root)), &path));
        for at in 0..path.len() {
            let mut path = path.clone();
            path[at] = changed(path[at]);
            prop_assert!(!verify_consistency((from, old), (size, root), &path));
        }
    }
}
