//! Compiled components on disk are machine code: what somebody else may have written is compiled again, never loaded.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bulkhead_tests::Options;
use serde_json::json;

type Tampering = fn(&Path);

const TAMPERINGS: [(&str, Tampering); 5] = [
    ("truncated", |file| {
        let bytes = fs::read(file).expect("it can be read");
        fs::write(file, &bytes[..bytes.len() / 2]).expect("it can be written");
    }),
    ("other bytes", |file| fs::write(file, b"not machine code").expect("it can be written")),
    ("writable by others", |file| set_mode(file, 0o666)),
    ("a link", |file| {
        let moved = file.with_extension("moved");
        fs::rename(file, &moved).expect("it can be renamed");
        std::os::unix::fs::symlink(moved, file).expect("it can be linked");
    }),
    ("in a folder writable by others", |file| set_mode(file.parent().expect("it is in a folder"), 0o777)),
];

#[test]
fn what_was_tampered_with_is_compiled_again() {
    let mut server = Options::default().rogue().start();
    let tenant = server.add_tenant("acme");
    let folder = server.data().join("compiled");
    for (what, tamper) in TAMPERINGS {
        server.terminate();
        let entries =
            fs::read_dir(&folder).expect("there is a folder").map(|entry| entry.expect("it can be listed").path());
        let files: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect();
        assert!(!files.is_empty());
        files.iter().for_each(|file| tamper(file));
        let before = server.log().len();
        server.restart();
        assert!(server.log()[before..].contains("compiling again"), "{what}");
        let client = server.client(&tenant);
        assert_eq!(client.create(&json!([{"email": format!("{}@example.com", what.len())}])).codes(), [201], "{what}");
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
}
