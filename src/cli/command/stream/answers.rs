//! Answers as they are ready, written while others are worked on.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::anyhow;

use super::lines::Closer;
use crate::cli::output;

/// Writes answers to standard output on a thread of its own, in the order in which they are put.
#[derive(Debug)]
pub struct Answers {
    sender: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Answers {
    /// Starts to write. When that is no longer possible it ends the input: nobody hears the answers.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(input: Closer) -> io::Result<Self> {
        // One batch may wait while another is written, so that a slow reader is waited for.
        let (sender, receiver) = sync_channel::<Vec<u8>>(1);
        let write = move || {
            let written = receiver.iter().try_for_each(|answers| output::write(&answers).map(drop));
            if written.is_err() {
                input.close();
            }
            written
        };
        let writer = thread::Builder::new().name("answers".to_owned()).spawn(write)?;
        Ok(Self { sender: Some(sender), writer: Some(writer) })
    }

    /// Has some lines written; false when they can no longer be, of which [`finish`](Self::finish) tells the reason.
    pub fn put(&self, answers: Vec<u8>) -> bool {
        answers.is_empty() || self.sender.as_ref().is_some_and(|sender| sender.send(answers).is_ok())
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.sender = None;
        let written = self.writer.take().map_or(Ok(Ok(())), JoinHandle::join);
        written.unwrap_or_else(|_| Err(anyhow!("the answers could not be written")))
    }
}

impl Drop for Answers {
    /// What was put is written also when something else failed.
    fn drop(&mut self) {
        let _ = self.end();
    }
}
