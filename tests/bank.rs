//! Banks in folders: opened from their cache or not, they are the same.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, SystemTime};

use judge::bank::{Bank, Exemplar, Settings};
use judge::correlate::Planner;
use judge::smf::{self, Heading};
use judge::{Fragment, Judge, Note};
use tempfile::TempDir;

/// So many files are cached.
const COUNT: usize = 256;

/// A bank that is just large enough for a cache, with files of some hours ago.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: TempDir::new().unwrap() };
        for index in 0..COUNT {
            let label = if index % 2 == 0 { "good" } else { "bad/deep" };
            place.write(&format!("{label}/{index:03}.mid"), index);
        }
        place
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes music of its own for each `seed`, of the same size and time for all below 16,384.
    fn write(&self, name: &str, seed: usize) {
        let notes = [(60, 0), (48 + seed as u8 % 64, 480), (40 + (seed / 64) as u8 % 64, 960)];
        let notes = notes.map(|(pitch, onset)| Note::new(pitch, onset + 480, 480));
        let bytes = smf::write(&Fragment::new(notes.into(), 480).unwrap(), &Heading::default()).unwrap();
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
        self.age(name);
    }

    fn age(&self, name: &str) {
        set_modified(&self.path(name), SystemTime::UNIX_EPOCH + Duration::from_hours(400_000));
    }

    fn cache(&self) -> PathBuf {
        self.path(".judge/exemplars-1.cache")
    }

    /// Opens the bank, and holds it to what its files say.
    fn open(&self) -> Bank {
        let bank = Bank::open(self.root()).unwrap();
        assert_same(&bank, &Bank::open_without_cache(self.root()).unwrap());
        bank
    }

    /// Whether opening the bank writes its cache.
    fn writes(&self) -> bool {
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        if self.cache().exists() {
            set_modified(&self.cache(), long_ago);
        }
        self.open();
        self.cache().metadata().is_ok_and(|metadata| metadata.modified().unwrap() != long_ago)
    }
}

fn set_modified(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn assert_same(bank: &Bank, other: &Bank) {
    let content = |it: &Exemplar| (it.name.clone(), it.label, it.fragment.clone(), it.weight, it.source.clone());
    let contents = |bank: &Bank| bank.exemplars().iter().map(content).collect::<Vec<_>>();
    assert!(contents(bank) == contents(other));
    let problems = |bank: &Bank| bank.problems().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(problems(bank), problems(other));
    assert_eq!(bank.settings(), other.settings());
}

#[test]
fn the_cache_is_written_once_and_gives_what_the_files_give() {
    let place = Place::new();
    assert!(place.writes());
    assert!(!place.writes() && !place.writes());
    assert_eq!(place.open().exemplars().len(), COUNT);
    let mut kept: Vec<_> =
        fs::read_dir(place.path(".judge")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, [".gitignore", "exemplars-1.cache", "lock"]);
    fs::remove_dir_all(place.path(".judge")).unwrap();
    assert!(place.writes());
}

/// The likenesses of some phrase to the bank, and the file in which levels are kept.
fn asked(place: &Place) -> (Judge, Vec<u64>) {
    let judge = Judge::new(place.open(), Planner::default()).unwrap().top(20);
    let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0), (67, 2.0, 1.0), (66, 3.0, 1.0)]).unwrap();
    let judgement = judge.judge(&phrase);
    let likenesses = judgement.good.iter().chain(&judgement.bad).map(|it| it.similarity.to_bits()).collect();
    (judge, likenesses)
}

#[test]
fn what_is_found_out_is_remembered_and_nothing_depends_on_it() {
    let place = Place::new();
    let files = || {
        let files = fs::read_dir(place.path(".judge")).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.display().to_string().contains("levels")).collect::<Vec<_>>()
    };
    let (judge, likenesses) = asked(&place);
    judge.remember();
    let [levels] = &files()[..] else { panic!("one file") };
    let kept = fs::read(levels).unwrap();
    assert_eq!((kept.len() - 32) % 24, 0);
    assert!(kept.len() > 32 + 20 * 24, "at least those that were told");
    // The same again; what is known already is not written.
    set_modified(levels, SystemTime::UNIX_EPOCH);
    let (judge, again) = asked(&place);
    judge.remember();
    assert_eq!(again, likenesses);
    assert_eq!(fs::metadata(levels).unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
    // It is read indeed: with spreads twice as wide everything would be less like.
    let mut wide = kept.clone();
    for spread in wide[32..].chunks_exact_mut(24).filter_map(|record| record.last_chunk_mut::<8>()) {
        *spread = (2.0 * f64::from_le_bytes(*spread)).to_le_bytes();
    }
    let checksum = crc32fast::hash(&wide[24..]);
    wide[20..24].copy_from_slice(&checksum.to_le_bytes());
    fs::write(levels, &wide).unwrap();
    assert_ne!(asked(&place).1, likenesses);
    // Damaged it is found out anew, and mended.
    wide[100] ^= 1;
    fs::write(levels, &wide).unwrap();
    let (judge, again) = asked(&place);
    assert_eq!(again, likenesses);
    judge.remember();
    assert_eq!(fs::read(levels).unwrap(), kept);
    // What is asked in another way is not answered from it, and leaves it as it is.
    let settings = Settings { transpositions: Some((-30, 30)), ..Settings::default() };
    let judge = Judge::new(place.open().with_settings(settings).unwrap(), Planner::default()).unwrap();
    judge.score(&Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0)]).unwrap());
    judge.remember();
    assert_eq!((files().len(), fs::read(levels).unwrap()), (2, kept.clone()));
    // What others have found out meanwhile stays; what is of no exemplar goes.
    let (judge, _) = asked(&place);
    for pitch in 40..100 {
        judge.score(&Fragment::from_quarters(&[(pitch, 0.0, 1.0), (139 - pitch, 1.0, 2.0)]).unwrap());
    }
    place.write("good/000.mid", 1000);
    let (other, _) = asked(&place);
    other.score(&Fragment::from_quarters(&[(60, 0.0, 1.0), (60, 1.0, 1.0), (60, 2.0, 4.0)]).unwrap());
    judge.remember();
    let more = fs::read(levels).unwrap();
    other.remember();
    let all = fs::read(levels).unwrap();
    let records = |bytes: &[u8]| bytes[32..].chunks_exact(24).map(<[u8]>::to_vec).collect::<HashSet<_>>();
    assert!(more.len() > kept.len());
    assert!(records(&more).difference(&records(&all)).count() <= 1, "what was kept stays kept");
}

#[test]
fn changed_new_and_removed_files_are_noticed() {
    let place = Place::new();
    place.open();
    // Of the same size.
    place.write("good/000.mid", 1000);
    set_modified(&place.path("good/000.mid"), SystemTime::UNIX_EPOCH + Duration::from_hours(400_001));
    assert!(place.writes() && !place.writes());
    // A name from the beginning, the middle and the end.
    for name in ["bad/a.mid", "good/100a.mid", "good/z/z.mid"] {
        place.write(name, 2000);
        assert!(place.writes() && !place.writes(), "{name}");
    }
    fs::remove_file(place.path("bad/a.mid")).unwrap();
    assert!(place.writes() && !place.writes());
    fs::rename(place.path("good/z"), place.path("bad/z")).unwrap();
    assert!(place.writes() && !place.writes());
    assert_eq!(place.open().exemplars().len(), COUNT + 2);
}

#[cfg(unix)]
#[test]
fn a_file_of_the_same_size_and_time_is_noticed() {
    let place = Place::new();
    place.open();
    let before = place.path("good/000.mid").metadata().unwrap();
    place.write("good/000.mid", 1000);
    let after = place.path("good/000.mid").metadata().unwrap();
    assert_eq!((before.len(), before.modified().unwrap()), (after.len(), after.modified().unwrap()));
    assert!(place.writes() && !place.writes());
}

#[test]
fn files_that_were_just_written_are_not_trusted() {
    let place = Place::new();
    let now = SystemTime::now();
    set_modified(&place.path("good/000.mid"), now);
    set_modified(&place.path("good/002.mid"), now + Duration::from_hours(1));
    assert!(place.writes() && !place.writes());
    let known = fs::read(place.cache()).unwrap();
    let knows = |name: &str| known.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    assert!(knows("good/004.mid") && !knows("good/000.mid") && !knows("good/002.mid"));
}

#[test]
fn bank_ron_is_never_cached() {
    let place = Place::new();
    place.open();
    let describe = |text: &str| fs::write(place.path("bank.ron"), text).unwrap();
    let notes = || place.open().exemplars()[COUNT / 2].fragment.notes().len();
    assert_eq!(notes(), 3);
    for (text, count) in [
        (r#"(exemplars: {"good/000.mid": (span: (0, 2.5), weight: 0.5, source: "here")})"#, 2),
        (r#"(exemplars: {"good/000.mid": (span: (0, 1.5)), "good/none.mid": ()})"#, 1),
        ("()", 3),
    ] {
        describe(text);
        assert!(!place.writes());
        assert_eq!(notes(), count);
    }
    // A span without notes is a problem of this file, which is cached nonetheless.
    describe(r#"(exemplars: {"good/000.mid": (span: (100, 101))})"#);
    assert!(!place.writes());
    assert_eq!((place.open().problems().len(), place.open().exemplars().len()), (1, COUNT - 1));
    // How files are read matters.
    describe("(settings: (drums: true))");
    assert!(place.writes() && !place.writes());
    describe("(settings: (bad_threshold: 0.5))");
    assert!(place.writes() && !place.writes());
}

#[test]
fn files_that_cannot_be_read_are_tried_again() {
    let place = Place::new();
    fs::write(place.path("good/010.mid"), "MThd").unwrap();
    place.age("good/010.mid");
    assert!(place.writes() && !place.writes());
    assert_eq!(place.open().problems().len(), 1);
    place.write("good/010.mid", 10);
    assert!(place.writes() && !place.writes());
    assert!(place.open().problems().is_empty());
}

#[test]
fn a_damaged_cache_is_replaced() {
    let place = Place::new();
    place.open();
    let sound = fs::read(place.cache()).unwrap();
    // Every byte of the header, and some of the rest.
    for index in (0..40).chain((40..sound.len()).step_by(997)) {
        let mut damaged = sound.clone();
        damaged[index] ^= 0x10;
        fs::write(place.cache(), damaged).unwrap();
        assert!(place.writes(), "byte {index}");
        assert_eq!(fs::read(place.cache()).unwrap(), sound);
    }
    for length in [0, 1, 16, 20, 24, 32, 100, sound.len() / 2, sound.len() - 1] {
        fs::write(place.cache(), &sound[..length]).unwrap();
        assert!(place.writes(), "{length} bytes");
    }
    fs::write(place.cache(), [&sound[..], b"more"].concat()).unwrap();
    assert!(place.writes());
    assert_eq!(fs::read(place.cache()).unwrap(), sound);
}

#[test]
fn a_cache_of_another_version_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path(".judge")).unwrap();
    fs::write(place.path(".judge/exemplars-2.cache"), "of the future").unwrap();
    assert!(place.writes() && !place.writes());
    assert_eq!(fs::read(place.path(".judge/exemplars-2.cache")).unwrap(), b"of the future");
}

#[test]
fn what_a_crash_left_behind_is_harmless() {
    let place = Place::new();
    place.open();
    let sound = fs::read(place.cache()).unwrap();
    let unfinished = place.path(".judge/exemplars-1.cache.new");
    fs::write(&unfinished, &sound[..sound.len() / 2]).unwrap();
    assert!(!place.writes());
    place.write("good/new.mid", 300);
    assert!(place.writes() && !unfinished.exists());
}

#[test]
fn while_another_writes_the_cache_the_bank_is_read_all_the_same() {
    let place = Place::new();
    place.open();
    place.write("good/new.mid", 300);
    let lock = File::options().write(true).open(place.path(".judge/lock")).unwrap();
    lock.lock().unwrap();
    assert!(!place.writes());
    lock.unlock().unwrap();
    assert!(place.writes());
}

#[test]
fn many_at_once_get_the_same() {
    let place = Place::new();
    let barrier = Barrier::new(6);
    thread::scope(|scope| {
        for number in 0..6 {
            let (place, barrier) = (&place, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for round in 0..4 {
                    if number == 0 {
                        let _ = fs::remove_dir_all(place.path(".judge"));
                    }
                    assert_eq!(place.open().exemplars().len(), COUNT, "{round}");
                }
            });
        }
    });
    place.open();
    assert!(!place.writes());
}

#[test]
fn something_else_in_the_place_of_the_cache_does_no_harm() {
    let place = Place::new();
    fs::write(place.path(".judge"), "a file").unwrap();
    assert!(!place.writes());
    fs::remove_file(place.path(".judge")).unwrap();
    fs::create_dir_all(place.cache().join("a folder")).unwrap();
    place.open();
    assert!(!place.path(".judge/exemplars-1.cache.new").exists());
    fs::remove_dir_all(place.cache()).unwrap();
    fs::create_dir(place.path(".judge/exemplars-1.cache.new")).unwrap();
    assert!(!place.writes());
}

#[test]
fn small_banks_have_no_cache() {
    let place = Place::new();
    fs::remove_file(place.path("good/000.mid")).unwrap();
    assert!(!place.writes() && !place.path(".judge").exists());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_bank_that_cannot_be_written_to_is_read() {
        let place = Place::new();
        let permit = |mode| fs::set_permissions(place.root(), fs::Permissions::from_mode(mode)).unwrap();
        permit(0o555);
        // Some users may write everywhere.
        let may_write = fs::write(place.path("probe"), "").is_ok();
        let wrote = place.writes();
        permit(0o755);
        assert_eq!(wrote, may_write);
    }

    #[test]
    fn the_cache_of_another_bank_is_not_believed() {
        let (place, other) = (Place::new(), Place::new());
        // The same names, sizes and times.
        for index in (0..COUNT).step_by(2) {
            other.write(&format!("good/{index:03}.mid"), 1000 + index);
        }
        other.open();
        fs::create_dir(place.path(".judge")).unwrap();
        fs::copy(other.cache(), place.cache()).unwrap();
        assert!(place.writes() && !place.writes());
    }

    #[test]
    fn nothing_is_written_through_links() {
        let place = Place::new();
        let elsewhere = TempDir::new().unwrap();
        symlink(elsewhere.path(), place.path(".judge")).unwrap();
        place.open();
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        fs::remove_file(place.path(".judge")).unwrap();
        for name in ["lock", ".gitignore", "exemplars-1.cache.new", "exemplars-1.cache"] {
            let victim = elsewhere.path().join("victim");
            fs::write(&victim, "dear").unwrap();
            fs::create_dir(place.path(".judge")).unwrap();
            symlink(&victim, place.path(".judge").join(name)).unwrap();
            place.open();
            assert_eq!(fs::read(&victim).unwrap(), b"dear", "{name}");
            fs::remove_dir_all(place.path(".judge")).unwrap();
        }
    }

    #[test]
    fn links_are_held_to_the_bank_with_a_cache_too() {
        let place = Place::new();
        let elsewhere = Place::new();
        symlink(place.path("good/000.mid"), place.path("good/link.mid")).unwrap();
        symlink(place.path("bad/deep"), place.path("good/folder")).unwrap();
        symlink(elsewhere.path("good/000.mid"), place.path("good/out.mid")).unwrap();
        assert!(place.writes() && !place.writes());
        let bank = place.open();
        assert_eq!(bank.exemplars().len(), COUNT + 1 + COUNT / 2);
        assert!(bank.problems().len() == 1 && bank.problems()[0].to_string().contains("outside the bank"));
        symlink(elsewhere.path("good"), place.path("bad/out")).unwrap();
        assert_eq!(place.open().problems().len(), 1 + COUNT / 2);
        // A file that is replaced by a link of its own name.
        fs::remove_file(place.path("good/000.mid")).unwrap();
        symlink(elsewhere.path("good/000.mid"), place.path("good/000.mid")).unwrap();
        assert_eq!(place.open().problems().len(), 3 + COUNT / 2);
    }

    #[test]
    fn names_that_are_not_unicode_are_told_apart() {
        let place = Place::new();
        for (byte, seed) in [(0xE8, 500), (0xE9, 501)] {
            place.write("good/odd.mid", seed);
            let name = [b"caf", &[byte][..], b".mid"].concat();
            let odd = place.path("good").join(std::ffi::OsStr::from_bytes(&name));
            fs::rename(place.path("good/odd.mid"), odd).unwrap();
        }
        assert!(place.writes() && !place.writes());
        let bank = place.open();
        let odd: Vec<_> = bank.exemplars().iter().filter(|it| it.name == "good/caf\u{fffd}.mid").collect();
        assert!(odd.len() == 2 && odd[0].fragment != odd[1].fragment);
    }
}
