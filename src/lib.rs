//! `judge` says whether a short piece of music is good by its owner's taste: it resembles at least
//! one *good* exemplar of a bank and none of the *bad* ones.
//!
//! Music is drawn as a picture, pitch upwards and time rightwards ([`PianoRoll`]). A fragment is
//! laid over each exemplar in every transposition, shift, stretch and mirror, and the brightest
//! overlap found is the likeness. A bright match with a bad exemplar vetoes any number of good ones.
//!
//! ```
//! use judge::{Fragment, Judge};
//!
//! // Pitches are MIDI note numbers, times are in quarters.
//! let phrase = Fragment::from_quarters(&[(64, 0.0, 1.0), (64, 1.0, 1.0), (65, 2.0, 1.0), (67, 3.0, 1.0)])?;
//! let judge = Judge::starter(); // or Judge::open("my-bank")?
//! let judgement = judge.judge(&phrase);
//! println!("{}, score {:.2}", judgement.verdict, judgement.score);
//! for good in &judgement.good {
//!     println!("{} at {:.2}, {} semitones up", good.exemplar, good.similarity, good.transposition);
//! }
//! # Ok::<(), judge::Error>(())
//! ```
//!
//! # In a search loop
//! A [`Judge`] may be shared between threads. [`Judge::judge_many`] judges a generation of
//! candidates on all cores; [`Judgement::score`] is continuous and is what a search climbs. A search
//! that changes a note at a time uses a [`Draft`], which knows what the other notes are worth.
//!
//! ```
//! use judge::{Draft, Edit, Fragment, Judge, Note};
//!
//! let judge = Judge::starter();
//! let phrase: Vec<(u8, f64, f64)> = (0..8).map(|i| (60 + 2 * (i % 3), f64::from(i), 1.0)).collect();
//! let mut draft = Draft::new(&judge, &Fragment::from_quarters(&phrase)?);
//! for step in 0..4 {
//!     // Every way to move one note by a third; the best one is kept.
//!     let mut best = (draft.score().score, None);
//!     for (index, note) in draft.notes().to_vec().into_iter().enumerate() {
//!         for by in [-3, 3] {
//!             let edit = Edit::Replace(index, Note { pitch: note.pitch.saturating_add_signed(by), ..note });
//!             let score = draft.consider(edit)?.score;
//!             if score > best.0 {
//!                 best = (score, Some(edit));
//!             }
//!         }
//!     }
//!     let Some(edit) = best.1 else { break };
//!     draft.apply(edit)?;
//! }
//! println!("{:.2}: {:?}", draft.score().score, judge.judge(draft.fragment()).verdict);
//! # Ok::<(), judge::Error>(())
//! ```
//!
//! # Definitions
//!
//! | word | meaning | unit, range |
//! |---|---|---|
//! | [`Note`] | pitch, onset, duration, velocity, channel, track | MIDI number 0 to 127; ticks of its fragment |
//! | [`Fragment`] | a non-empty set of notes on one time axis that begins at its first onset | ticks, a whole number a quarter |
//! | [`PianoRoll`] | its image: rows are pitch, columns are time | values 0 to 1; 12 columns a quarter by default |
//! | [`Alteration`] | what is done to the exemplar's picture first: stretch, inversion, retrograde | ratio 1/8 to 8 |
//! | [`Offset`](correlate::Offset) | where it is laid: transposition and shift | semitones; columns |
//! | brightness | the sum over pixels of fragment x placed exemplar | pixel products |
//! | [`Peak`](correlate::Peak) | the brightest offset | |
//! | [`similarity`] | brightness made comparable | 0 to 1 |
//! | [`Extent`] | whether the two are compared as wholes, or one is looked for in the other | |
//! | [`Bank`] | exemplars labelled good and bad, with settings | |
//! | [`Verdict`] | good, bad or neutral; with a score and the matches that explain it | score 0 to 1 |
//!
//! Brightness and its ties are defined in [`correlate`], the normalisations in [`similarity`], the
//! veto and the score in [`verdict`], what is read of a MIDI file in [`input`]. What a curator wants to know of a bank
//! is in [`curation`], what changes one in [`bank::Editor`].
//!
//! # Features
//! `cli` (default): the program, with pictures and plain words ([`report`]). `audio` (default): [recordings](audio)
//! are read, and their [`analysis`]. `onnx` (default): networks for the optional score ([`cnn`]), and with `audio`
//! [transcribers](audio::Transcriber). `train` (not a default, for it takes minutes to build): networks are trained
//! (`cnn::train`). The library alone: `default-features = false`.

pub mod alteration;
#[cfg(feature = "audio")]
pub mod analysis;
pub mod audio;
pub mod bank;
#[cfg(feature = "cli")]
pub mod cli;
pub mod cnn;
#[cfg(any(feature = "audio", feature = "onnx"))]
mod contain;
pub mod correlate;
pub mod curation;
pub mod draft;
pub mod error;
pub mod find;
pub mod input;
pub mod judge;
pub mod notation;
pub mod note;
#[cfg(feature = "onnx")]
mod onnx;
#[cfg(feature = "cli")]
pub mod report;
mod roc;
pub mod roll;
pub mod scorer;
pub mod similarity;
pub mod smf;
#[cfg(feature = "audio")]
pub mod soft;
pub mod verdict;

pub use alteration::{Alteration, Alterations, Ratio};
pub use bank::{Bank, Label};
pub use draft::{Draft, Edit};
pub use error::{Error, Origin, Result};
pub use judge::{Judge, Judgement, Match, Score};
pub use note::{Fragment, Note, pitch_name};
pub use roll::{Ink, PianoRoll, Rendering};
pub use scorer::{Candidate, Opinion, Scorer};
pub use similarity::{Comparer, Extent, Measure};
pub use verdict::Verdict;
