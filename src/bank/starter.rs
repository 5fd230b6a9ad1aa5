//! The starter bank, built in.

use std::path::Path;

use super::{Addition, Bank, BankFile, Label, Root, folder};

/// The MIDI files of the bank by name; made by `build.rs` from `fragments/`.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/starter.rs"));

const BANK_FILE: &str = include_str!("../../fragments/bank.ron");

#[expect(clippy::expect_used, reason = "the content is fixed when the crate is built, and a test reads all of it")]
fn bank_file() -> BankFile {
    BankFile::parse(BANK_FILE, Path::new("fragments/bank.ron")).expect("the built-in bank.ron is sound")
}

/// The exemplars as files, to be added to another bank.
pub(super) fn additions() -> Vec<Addition> {
    let file = bank_file();
    let addition = |&(name, bytes): &(&str, &[u8])| {
        let (folder, inside) = name.split_once('/').unwrap_or(("good", name));
        let label = if folder == Label::Bad.folder() { Label::Bad } else { Label::Good };
        let details = file.exemplars.get(name).cloned().unwrap_or_default();
        Addition { bytes: bytes.to_vec(), name: inside.to_owned(), label, details }
    };
    FILES.iter().map(addition).collect()
}

#[expect(clippy::expect_used, reason = "the content is fixed when the crate is built, and a test reads all of it")]
pub(super) fn bank() -> Bank {
    let file = bank_file();
    let exemplars = FILES
        .iter()
        .map(|(name, bytes)| folder::exemplar(name, bytes, &file).expect("the built-in exemplars are sound"))
        .collect();
    Bank::new(Root::Starter, file.settings, exemplars, Vec::new()).expect("the built-in settings are sound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sound_and_the_same_as_its_folder() {
        let starter = bank();
        starter.check_sides().unwrap();
        assert!(starter.count(Label::Good) >= 40 && starter.count(Label::Bad) >= 20);
        let folder = Bank::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("fragments")).unwrap();
        assert!(folder.problems().is_empty());
        assert_eq!(folder.settings(), starter.settings());
        let content = |bank: &Bank| {
            bank.exemplars().iter().map(|e| (e.name.clone(), e.fragment.clone(), e.source.clone())).collect::<Vec<_>>()
        };
        assert_eq!(content(&folder), content(&starter));
        assert!(starter.exemplars().iter().all(|exemplar| !exemplar.licence.is_empty()));
    }
}
