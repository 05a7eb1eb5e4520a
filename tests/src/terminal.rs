//! A terminal on which `bulkhead` runs as if a person had typed the command.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::command::{bulkhead, under};
use crate::wait_until;

const SCRIPT: &str = include_str!("terminal.py");
/// What a terminal makes an interrupt of: Ctrl-C.
pub const CTRL_C: &str = "\u{3}";

/// A command on a terminal, which is its standard input, output and error. Killed when this is dropped.
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    shown: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts `bulkhead` on a new terminal.
    ///
    /// # Panics
    /// If there is no Python, which opens the terminal.
    pub fn run(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut command = bulkhead();
        command.args(args);
        let mut child = under(&["python3", "-c", SCRIPT].map(str::to_owned), &command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 opens terminals for this test; install it");
        let keyboard = child.stdin.take().expect("it was piped");
        let mut screen = child.stdout.take().expect("it was piped");
        let shown = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&shown);
        let reader = thread::spawn(move || {
            let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                bytes.extend_from_slice(&piece[..read]);
                // A terminal gets CR and LF for each LF.
                *seen.lock() = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            }
        });
        Self { child, keyboard, shown, reader: Some(reader) }
    }

    /// Types a text.
    ///
    /// # Panics
    /// If the command has ended.
    pub fn type_in(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).and_then(|()| self.keyboard.flush()).expect("the command reads");
    }

    /// Waits until the terminal shows a text.
    pub fn wait_for(&self, part: &str) {
        wait_until(part, || self.shown.lock().contains(part).then_some(()));
    }

    /// Waits for the command's end. Returns its exit code, and all that the terminal showed.
    pub fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it can be waited for").code();
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it reads to the end");
        }
        let shown = self.shown.lock().clone();
        (code, shown)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
