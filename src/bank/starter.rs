//! The starter bank, built in.

use std::path::Path;

use super::{Bank, BankFile, Root, folder};

/// The MIDI files of the bank by name; made by `build.rs` from `fragments/`.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/starter.rs"));

const BANK_FILE: &str = include_str!("../../fragments/bank.ron");

#[expect(clippy::expect_used, reason = "the content is fixed when the crate is built, and a test reads all of it")]
pub(super) fn bank() -> Bank {
    let file = BankFile::parse(BANK_FILE, Path::new("fragments/bank.ron")).expect("the built-in bank.ron is sound");
    let exemplars = FILES
        .iter()
        .map(|(name, bytes)| folder::exemplar(name, bytes, &file).expect("the built-in exemplars are sound"))
        .collect();
    Bank::new(Root::Starter, file.settings, exemplars, Vec::new()).expect("the built-in settings are sound")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::Label;

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
