//! Answers as they are ready, written while others are worked on.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::cli::output;

/// Writes answers to standard output on a thread of its own, in the order in which they are put.
#[derive(Debug)]
pub struct Answers {
    sender: SyncSender<Vec<u8>>,
    writer: JoinHandle<anyhow::Result<()>>,
}

impl Answers {
    /// Starts to write.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new() -> io::Result<Self> {
        // One batch may wait while another is written, so that a slow reader is waited for.
        let (sender, receiver) = sync_channel::<Vec<u8>>(1);
        let write = move || {
            for answers in receiver {
                output::write(&answers)?;
            }
            Ok(())
        };
        Ok(Self { sender, writer: thread::Builder::new().name("answers".to_owned()).spawn(write)? })
    }

    /// Has some lines written; false when they can no longer be, of which [`finish`](Self::finish) tells the reason.
    pub fn put(&self, answers: Vec<u8>) -> bool {
        answers.is_empty() || self.sender.send(answers).is_ok()
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn finish(self) -> anyhow::Result<()> {
        drop(self.sender);
        // It does not panic.
        self.writer.join().unwrap_or(Ok(()))
    }
}
