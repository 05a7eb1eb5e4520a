//! The text about a component's failure, for its author: first the line that says what happened, then what the component printed,
//! and last the trap with the frames of the component and of its language's runtime.

use super::error_text::{bounded, describe, one_line, quoted};

/// Bytes of the first line, from what the component printed.
const MAX_TELLING_BYTES: usize = 500;

/// How the paths of files begin that `component new` adds to an author's files, and that are therefore not the place of an error.
const FOLDERS_OWN: &str = "bulkhead";

/// Returns the text about a failed call of a component that has printed `printed`. Bounded, as its parts are.
pub(super) fn failure_detail(error: &wasmtime::Error, printed: &str) -> String {
    let trap = describe(error);
    if printed.is_empty() {
        return trap;
    }
    let printed_lines = quoted(printed);
    match telling_line(printed) {
        Some(line) => {
            let line = one_line(&bounded(line, MAX_TELLING_BYTES));
            format!("{line}\nthe component printed:\n{printed_lines}\nthe trap: {trap}")
        }
        None => {
            let (first, frames) = trap.split_once('\n').unwrap_or((&trap, ""));
            format!("{first}\nthe component printed:\n{printed_lines}\n{frames}").trim_end().to_owned()
        }
    }
}

/// Returns what an exception or a panic says, with the place where it happened, if a component printed one in the way of its
/// language. The last one counts, because it is what ended the component.
fn telling_line(printed: &str) -> Option<String> {
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    python(&lines).or_else(|| javascript(&lines)).or_else(|| rust(&lines))
}

/// Reads a traceback: frames, which are indented, and then the exception.
fn python(lines: &[&str]) -> Option<String> {
    let start = lines.iter().rposition(|line| *line == "Traceback (most recent call last):")?;
    let mut place = None;
    for line in lines.iter().skip(start + 1) {
        if !line.starts_with(' ') {
            let place = place.map_or_else(String::new, |(file, line)| format!(" ({file}:{line})"));
            return Some(format!("{line}{place}"));
        }
        if let Some((file, rest)) =
            line.trim_start().strip_prefix("File \"").and_then(|frame| frame.split_once("\", line "))
            && !file.starts_with("/python/")
        {
            let (name, number) =
                (file.rsplit('/').next().unwrap_or(file), rest.split(|c: char| !c.is_ascii_digit()).next());
            if !name.starts_with(FOLDERS_OWN) {
                place = Some((name, number.unwrap_or_default()));
            }
        }
    }
    None
}

/// Reads an error and the first frame of its stack.
fn javascript(lines: &[&str]) -> Option<String> {
    let stack = lines.iter().rposition(|line| *line == "Stack:")?;
    let error = lines.get(..stack)?.iter().rev().find(|line| !line.is_empty())?;
    let places = lines.iter().skip(stack + 1).map_while(|frame| frame.trim().rsplit_once('@')).map(|(_, place)| place);
    let place = places.into_iter().find(|place| !place.starts_with(FOLDERS_OWN) && !place.starts_with('/'));
    Some(place.map_or_else(|| (*error).to_owned(), |place| format!("{error} ({place})")))
}

/// Reads a panic: its place, and then its message.
fn rust(lines: &[&str]) -> Option<String> {
    let start = lines.iter().rposition(|line| line.starts_with("thread '") && line.contains(" panicked at "))?;
    let place = lines.get(start)?.rsplit_once(" panicked at ")?.1.trim_end_matches(':');
    Some(format!("{} ({place})", lines.get(start + 1)?))
}

#[cfg(test)]
mod tests {
    use super::{failure_detail, telling_line};

    #[test]
    fn the_exception_or_the_panic_comes_first_with_the_authors_line() {
        let python = "hello\nTraceback (most recent call last):\n  File \"/0/bulkhead_component.py\", line 47, in check\n  \
                      File \"/2/validator.py\", line 25, in check\n    time.sleep(1)\n  File \"/python/json/decoder.py\", line 1, in f\n  \
                      File \"/0/bulkhead_component.py\", line 14, in refuse\nRuntimeError: no\n\n\
                      thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1280:25:\nPython function threw an unexpected exception";
        let javascript = "hello\nfetch: no network\nStack:\n  globalThis[name]@bulkhead/not-granted.js:13:13\n  \
                          fetch@validator.js:15:27\n  check@bulkhead/component.js:15:38\n\nRedirecting call to abort()";
        let own = "an objection\nStack:\n  checked@bulkhead/component.js:26:22\n  export$check@/tmp/d7/sources/initializer.js:241:15\n";
        let rust = "thread '<unnamed>' panicked at src/lib.rs:25:9:\nbad day\nnote: run with";
        for (printed, line) in [
            (python, Some("RuntimeError: no (validator.py:25)")),
            ("Traceback (most recent call last):\n  File \"/0/a.py\", line 1", None),
            (javascript, Some("fetch: no network (validator.js:15:27)")),
            (own, Some("an objection")),
            ("Stack:", None),
            (rust, Some("bad day (src/lib.rs:25:9)")),
            ("thread '<unnamed>' panicked at src/lib.rs:25:9:", None),
            ("hello", None),
        ] {
            assert_eq!(telling_line(printed).as_deref(), line, "{printed}");
        }
    }

    #[test]
    fn the_trap_comes_last() {
        let trap = wasmtime::Error::msg("wasm trap");
        assert_eq!(failure_detail(&trap, ""), "wasm trap");
        assert_eq!(failure_detail(&trap, "hello"), "wasm trap\nthe component printed:\n  | hello");
        assert_eq!(
            failure_detail(&trap, "thread 'x' panicked at a.rs:1:\nno\u{1b}"),
            "no\\u{1b} (a.rs:1)\nthe component printed:\n  | thread 'x' panicked at a.rs:1:\n  | no\\u{1b}\nthe trap: wasm trap"
        );
    }
}
