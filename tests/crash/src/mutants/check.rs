//! `bulkhead component check` of a mutant.

use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_tests::bulkhead;

/// Time that the command may take: the documented time to compile a component, and some to start.
const TIMEOUT: Duration = Duration::from_secs(150);

/// Runs the command on a file with these bytes. Returns what is wrong with it.
pub(super) fn check_apart(bytes: &[u8]) -> Option<String> {
    let mut file = tempfile::NamedTempFile::new().expect("there is room for a file");
    file.write_all(bytes).expect("a file can be written");
    let mut command: Command = bulkhead();
    command.args(["component", "check"]).arg(file.path());
    let output = tempfile::tempfile().expect("there is room for a file");
    let errors = output.try_clone().expect("a file can be shared");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().expect("it can be started");
    let started = Instant::now();
    let status = loop {
        match child.try_wait().expect("it can be waited for") {
            Some(status) => break status,
            None if started.elapsed() > TIMEOUT => {
                drop(child.kill());
                drop(child.wait());
                return Some(format!("'component check' did not end within {TIMEOUT:?}"));
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = text_of(output);
    // 0 is a component that can be registered, 2 a refusal.
    if !matches!(status.code(), Some(0 | 2)) {
        return Some(format!("'component check' ended with {status}: {text}"));
    }
    text.contains("panicked").then(|| format!("'component check' panicked: {text}"))
}

fn text_of(mut file: std::fs::File) -> String {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.take(8 << 10).read_to_end(&mut bytes));
    read.expect("a file can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}
