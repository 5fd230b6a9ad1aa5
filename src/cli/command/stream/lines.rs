//! Lines as they arrive: read on a thread of their own, taken as many as there are.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Reading waits while lines of so many bytes, or so many lines, are waiting to be taken.
const MOST_BYTES: usize = 16 << 20;
const MOST_LINES: usize = 16_384;

/// A line of the input.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1.
    pub number: u64,
    /// Without the line break; `None` for a line that was too long to be kept.
    pub bytes: Option<Vec<u8>>,
}

/// Lines that are read while others are worked on.
#[derive(Debug)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Something has arrived.
    arrived: Condvar,
    /// Something was taken.
    taken: Condvar,
}

/// What has arrived and was not taken yet.
#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    bytes: usize,
    /// How reading ended, once it has, or once no more lines are wanted.
    end: Option<io::Result<()>>,
}

impl Lines {
    /// Starts to read lines of at most `longest` bytes.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn of(source: impl Read + Send + 'static, longest: u32) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mine = Arc::clone(&shared);
        let read = move || {
            let end = mine.read(source, longest);
            mine.lock().end.get_or_insert(end);
            mine.arrived.notify_one();
        };
        // It is not waited for: when the program ends it may still wait for input.
        thread::Builder::new().name("lines".to_owned()).spawn(read)?;
        Ok(Self(shared))
    }

    /// What ends them, for another thread.
    pub fn closer(&self) -> Closer {
        Closer(Arc::clone(&self.0))
    }

    /// All lines that have arrived, at most so many; waits for one. `None` after the last.
    ///
    /// # Errors
    /// When the input could not be read to its end; what was read before is given first.
    pub fn take(&self, most: usize) -> io::Result<Option<Vec<Line>>> {
        let mut waiting = self.0.lock();
        loop {
            if !waiting.lines.is_empty() {
                let count = most.min(waiting.lines.len());
                let lines: Vec<_> = waiting.lines.drain(..count).collect();
                waiting.bytes -= lines.iter().map(Line::len).sum::<usize>();
                self.0.taken.notify_one();
                return Ok(Some(lines));
            }
            if let Some(end) = waiting.end.take() {
                waiting.end = Some(Ok(()));
                return end.map(|()| None);
            }
            waiting = self.0.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends the lines from elsewhere.
#[derive(Debug)]
pub struct Closer(Arc<Shared>);

impl Closer {
    /// Gives no more lines, neither those that wait nor those that are still to come.
    pub fn close(&self) {
        let mut waiting = self.0.lock();
        waiting.end.get_or_insert(Ok(()));
        waiting.lines.clear();
        waiting.bytes = 0;
        self.0.taken.notify_one();
        self.0.arrived.notify_one();
    }
}

impl Line {
    fn len(&self) -> usize {
        self.bytes.as_ref().map_or(0, Vec::len)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that holds it can panic halfway.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, source: impl Read, longest: u32) -> io::Result<()> {
        let mut source = BufReader::with_capacity(1 << 16, source);
        let mut number = 0;
        while let Some(bytes) = next(&mut source, longest)? {
            number += 1;
            if !self.put(Line { number, bytes }) {
                break;
            }
        }
        Ok(())
    }

    /// False when no more lines are wanted.
    fn put(&self, line: Line) -> bool {
        let mut waiting = self.lock();
        while waiting.lines.len() >= MOST_LINES || (waiting.bytes > 0 && waiting.bytes + line.len() > MOST_BYTES) {
            waiting = self.taken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let wanted = waiting.end.is_none();
        if wanted {
            waiting.bytes += line.len();
            waiting.lines.push_back(line);
            self.arrived.notify_one();
        }
        wanted
    }
}

/// The next line, `None` within when it is longer than it may be: no more than that is kept of it.
fn next(source: &mut impl BufRead, longest: u32) -> io::Result<Option<Option<Vec<u8>>>> {
    let mut line = Vec::new();
    // The line break counts for nothing.
    if source.by_ref().take(u64::from(longest) + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > longest as usize {
        source.skip_until(b'\n')?;
        return Ok(Some(None));
    }
    Ok(Some(Some(line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    /// Pieces of input that arrive when they are sent.
    struct Pieces(Receiver<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.recv().unwrap_or_default();
            into[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    fn all(lines: &Lines) -> Vec<Line> {
        std::iter::from_fn(|| lines.take(usize::MAX).unwrap()).flatten().collect()
    }

    #[test]
    fn lines_end_at_breaks_and_at_the_end() {
        let lines = all(&Lines::of(&b"a\n\nlong\nlonger\nb\r\nlongest"[..], 4).unwrap());
        let expected: [Option<&[u8]>; 6] = [Some(b"a"), Some(b""), Some(b"long"), None, Some(b"b\r"), None];
        assert_eq!(lines.iter().map(|line| line.bytes.as_deref()).collect::<Vec<_>>(), expected);
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert!(all(&Lines::of(&b""[..], 4).unwrap()).is_empty());
        assert_eq!(all(&Lines::of(&b"end"[..], 4).unwrap())[0].bytes.as_deref(), Some(&b"end"[..]));
    }

    #[test]
    fn what_is_there_is_taken_and_the_rest_waited_for() {
        let (send, pieces) = channel();
        let lines = Lines::of(Pieces(pieces), 100).unwrap();
        send.send(b"one\ntw".to_vec()).unwrap();
        assert_eq!(lines.take(9).unwrap().unwrap().len(), 1);
        send.send(b"o\nthree\n".to_vec()).unwrap();
        drop(send);
        let rest: Vec<_> = all(&lines).into_iter().map(|line| line.bytes.unwrap()).collect();
        assert_eq!(rest, [b"two".to_vec(), b"three".to_vec()]);
        assert!(lines.take(9).unwrap().is_none());
    }

    #[test]
    fn reading_waits_for_what_is_not_taken() {
        // Each line is a quarter of what may wait, so four are read, and one more is at hand.
        let line = [vec![b'x'; MOST_BYTES / 4], vec![b'\n']].concat();
        let lines = Lines::of(io::Cursor::new(line.repeat(12)), u32::MAX).unwrap();
        let waiting = || lines.0.lock().lines.len();
        while waiting() < 4 {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(50));
        assert_eq!(waiting(), 4);
        assert_eq!(all(&lines).len(), 12);
    }

    #[test]
    fn an_input_that_fails_is_told_after_its_lines() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let lines = Lines::of((&b"a\nb\n"[..]).chain(Failing), 100).unwrap();
        let mut count = 0;
        let error = loop {
            match lines.take(1) {
                Ok(taken) => count += taken.unwrap().len(),
                Err(error) => break error,
            }
        };
        assert_eq!((count, error.kind()), (2, io::ErrorKind::ConnectionReset));
    }
}
