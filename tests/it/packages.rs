//! What is shipped: the Debian package, the image for containers, the signed release, the notice of licences, and the check for
//! advisories. Each is made by the script that makes it for users, and used as users use it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use bulkhead_tests::{binary, component_file, deploy_tool, run, target};
use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs a script of the repository with the build that is tested. Returns whether it succeeded, and what it printed.
fn try_script(script: &str, args: &[&Path], variables: &[(&str, &Path)]) -> (bool, String) {
    let mut command = Command::new(Path::new(ROOT).join(script));
    command.args(args).env("BULKHEAD_BIN", binary()).env("FAST", "1");
    // The tests' own settings for cargo would have the script build.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TARGET_DIR", target()).envs(variables.iter().copied());
    let output = command.output().unwrap_or_else(|error| panic!("{script}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[track_caller]
fn script(script: &str, args: &[&Path]) -> String {
    let (has_succeeded, text) = try_script(script, args, &[]);
    assert!(has_succeeded, "{script}: {text}");
    text
}

/// Returns whether the tests that need Debian's programs for packages are left out, and says so.
fn are_left_out() -> bool {
    let are_left_out = std::env::var_os("BULKHEAD_NO_PACKAGES").is_some();
    if are_left_out {
        eprintln!("left out, as BULKHEAD_NO_PACKAGES asks");
    }
    are_left_out
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

/// A key that signs nothing but what these tests make.
fn key() -> &'static (TempDir, PathBuf, PathBuf) {
    static KEY: OnceLock<(TempDir, PathBuf, PathBuf)> = OnceLock::new();
    KEY.get_or_init(|| {
        let folder = folder();
        let (secret, public) = (folder.path().join("key"), folder.path().join("key.pub"));
        let made = Command::new("minisign").args(["-G", "-W", "-s"]).arg(&secret).arg("-p").arg(&public).output();
        assert!(made.expect("minisign can be run: scripts/deploy-tools installs it").status.success());
        (folder, secret, public)
    })
}

/// Files that git does not know, where a pattern could pack them: a secret, which deploy/README.md has operators make, and another.
/// The drop removes them.
struct UnknownFiles([PathBuf; 2]);

impl UnknownFiles {
    fn make() -> Self {
        let secrets = Path::new(ROOT).join("deploy/docker/secrets");
        fs::create_dir_all(&secrets).expect("it can be made");
        let files = [secrets.join("of-a-test"), Path::new(ROOT).join("deploy/nginx/of-a-test")];
        for file in &files {
            fs::write(file, "hunter2").expect("it can be written");
        }
        Self(files)
    }
}

impl Drop for UnknownFiles {
    fn drop(&mut self) {
        for file in &self.0 {
            drop(fs::remove_file(file));
        }
        // Unless there are others.
        drop(fs::remove_dir(Path::new(ROOT).join("deploy/docker/secrets")));
    }
}

fn release_into(output: &Path) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let _unknown = UnknownFiles::make();
    script("scripts/release", &[output, "--built".as_ref(), "--key".as_ref(), &key().1]);
}

/// Returns a folder with the release of what was built.
fn release() -> &'static Path {
    static RELEASE: OnceLock<TempDir> = OnceLock::new();
    let made = RELEASE.get_or_init(|| {
        let made = folder();
        release_into(made.path());
        made
    });
    made.path()
}

/// Returns the names of files in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("there is a folder").map(|entry| entry.expect("it can be listed"));
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn file_with(ending: &str) -> PathBuf {
    let name = names(release()).into_iter().find(|name| name.ends_with(ending)).expect("the release has it");
    release().join(name)
}

/// Runs a tool and returns what it printed.
#[track_caller]
fn tool(program: impl AsRef<Path>, in_folder: &Path, args: &[&str]) -> String {
    let program = program.as_ref();
    let output = Command::new(program).current_dir(in_folder).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", program.display());
    text
}

/// Installs the package in a Debian of its own, which systemd boots, and runs the real unit there: on both stores, with TLS on port
/// 443, removed and purged.
#[test]
fn a_debian_installs_runs_and_purges_the_package() {
    if are_left_out() {
        return;
    }
    let package = file_with(".deb");
    let trial = folder();
    fs::copy(&package, trial.path().join("bulkhead.deb")).expect("it can be copied");
    let packages = Path::new(ROOT).join("tests/packages");
    fs::copy(packages.join("debian-package"), trial.path().join("debian-package")).expect("it can be copied");
    let debian = target().join("tools/deploy/debian");
    let text = script("tests/packages/boot", &[&debian, trial.path(), "debian-package".as_ref()]);
    assert!(text.contains("nothing is left"), "{text}");
    let told = text.lines().find(|line| line.starts_with("installed and serving after ")).expect("the time is told");
    // Past the harness, which shows nothing of a test that passes.
    writeln!(std::io::stderr(), "the package in a fresh Debian: {told}").expect("it can be told");
}

/// Errors are faults against Debian's policy, warnings what may be one: a package outside of Debian closes no report of a bug there.
#[test]
fn lintian_finds_nothing_in_the_package() {
    if are_left_out() {
        return;
    }
    let package = file_with(".deb");
    let args = ["--suppress-tags", "initial-upload-closes-no-bugs", "--fail-on", "error,warning"];
    let text = tool("lintian", release(), &[&args[..], &[package.to_str().expect("a text")]].concat());
    assert!(!text.contains("E: ") && !text.contains("W: "), "{text}");
}

#[test]
fn packing_again_gives_the_same_bytes() {
    if are_left_out() {
        return;
    }
    let again = folder();
    release_into(again.path());
    assert_eq!(names(release()), names(again.path()));
    // The signature has the time at which it was made.
    for name in names(release()).iter().filter(|name| !name.ends_with(".minisig")) {
        let bytes = |folder: &Path| fs::read(folder.join(name)).expect("it can be read");
        assert!(bytes(release()) == bytes(again.path()), "{name} differs");
    }
}

#[test]
fn a_release_is_signed_and_complete() {
    if are_left_out() {
        return;
    }
    let (_, _, public) = key();
    tool("sha256sum", release(), &["--check", "SHA256SUMS"]);
    let sums = fs::read_to_string(release().join("SHA256SUMS")).expect("it can be read");
    let listed: BTreeSet<String> = sums.lines().filter_map(|line| Some(line.split("  ").nth(1)?.to_owned())).collect();
    let others: BTreeSet<String> = ["SHA256SUMS", "SHA256SUMS.minisig"].map(str::to_owned).into();
    assert_eq!(&listed | &others, names(release()));
    let public = public.to_str().expect("a text");
    tool("minisign", release(), &["-V", "-p", public, "-m", "SHA256SUMS"]);
    let forged = folder();
    for name in &others {
        fs::copy(release().join(name), forged.path().join(name)).expect("it can be copied");
    }
    fs::write(forged.path().join("SHA256SUMS"), sums.replacen('0', "1", 1)).expect("it can be written");
    let verified =
        Command::new("minisign").current_dir(&forged).args(["-V", "-p", public, "-m", "SHA256SUMS"]).output();
    assert!(!verified.expect("it can be run").status.success(), "a changed sum is noticed");

    let unpacked = folder();
    let tarball = file_with(".tar.gz");
    tool("tar", unpacked.path(), &["-xzf", tarball.to_str().expect("a text")]);
    let top = tarball.file_name().and_then(|name| name.to_str()?.strip_suffix(".tar.gz")).expect("a name").to_owned();
    let tree = unpacked.path().join(&top);
    for file in [
        "LICENSE",
        "NOTICE",
        "README.md",
        "CHANGELOG.md",
        "bulkhead.cdx.json",
        "contacts.cdx.json",
        "lib/systemd/system/bulkhead.service",
        "deploy/bulkhead.toml",
        "docs/operating.md",
        "share/bulkhead/wit/1.0.0/contacts.wit",
        "share/completions/bulkhead.bash",
        "share/completions/_bulkhead",
        "share/completions/bulkhead.fish",
        "share/man/man1/bulkhead-serve.1",
    ] {
        assert!(tree.join(file).is_file(), "the tarball lacks {file}");
    }
    let package = file_with(".deb");
    let packed = [
        tool("tar", unpacked.path(), &["-tzf", tarball.to_str().expect("a text")]),
        tool("dpkg-deb", release(), &["--contents", package.to_str().expect("a text")]),
    ];
    for list in packed {
        assert!(list.contains("operating.md"), "{list}");
        assert!(!list.contains("of-a-test"), "what git does not know is packed: {list}");
    }
    let shipped = fs::read(tree.join("share/bulkhead/components/contacts.wasm")).expect("it can be read");
    assert!(shipped == fs::read(component_file("contacts.wasm")).expect("it can be read"));
    let version = tool(tree.join("bin/bulkhead"), &tree, &["--version"]);
    let number = version.trim().strip_prefix("bulkhead ").expect("a version");
    // What `cargo binstall` makes of these templates is what is there.
    let manifest = fs::read_to_string(Path::new(ROOT).join("host/Cargo.toml")).expect("it can be read");
    let triple = top.strip_prefix(&format!("bulkhead-{number}-")).expect("the name has the version");
    let rendered = |key: &str| {
        let template = manifest.lines().find_map(|line| line.strip_prefix(&format!("{key} = \""))).expect("a template");
        let template = template.trim_end_matches('"').replace("{ name }", "bulkhead").replace("{ bin }", "bulkhead");
        template.replace("{ version }", number).replace("{ target }", triple)
    };
    assert!(rendered("pkg-url").ends_with(&format!("/{top}.tar.gz")), "{}", rendered("pkg-url"));
    assert!(unpacked.path().join(rendered("bin-dir")).is_file(), "{}", rendered("bin-dir"));
}

/// That each crate is in them is checked by scripts/package itself.
#[test]
fn bills_of_materials_say_what_is_in_the_program_and_show_no_folder_of_the_builder() {
    if are_left_out() {
        return;
    }
    for (name, crates) in
        [("bulkhead.cdx.json", ["wasmtime", "rusqlite"]), ("contacts.cdx.json", ["serde_json", "time"])]
    {
        let text = fs::read_to_string(release().join(name)).expect("it can be read");
        let bill: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.5")));
        let components = bill["components"].as_array().expect("components");
        for wanted in crates {
            let found = components.iter().find(|component| component["name"] == wanted).expect(wanted);
            assert!(found["purl"].is_string() && found["licenses"].is_array() && found["hashes"].is_array(), "{found}");
        }
        let paths = text.matches("path+file://").count();
        assert_eq!(paths, text.matches("path+file:///bulkhead").count(), "{name}");
        assert!(!text.contains("/tmp/") && !text.contains("/home/") && !text.contains("/root/"), "{name}");
    }
}

/// Builds the last stage of the image upon the packages that its base has, as no registry of images is in reach, and runs it.
#[test]
fn the_image_runs_read_only_as_its_user_and_without_a_shell() {
    if are_left_out() {
        return;
    }
    let made = folder();
    let base = target().join("tools/deploy/image-base");
    let text = script("tests/packages/image", &[&base, &binary(), made.path()]);
    assert!(text.contains("== the image\nbulkhead \n"), "there is no other program: {text}");
    for line in ["Uid:\t65532\t65532\t65532\t65532", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "created "] {
        assert!(text.lines().any(|told| told.starts_with(line)), "{line}: {text}");
    }
    assert!(text.contains("/livez: alive") && text.contains("--insecure-listen"), "{text}");
}

#[test]
fn the_files_for_containers_are_right() {
    let docker = Path::new(ROOT).join("deploy/docker");
    tool(deploy_tool("hadolint"), &docker, &["--failure-threshold", "style", "Dockerfile"]);
    let check = "import compose_spec, sys; compose = compose_spec.PyCompose.from_yaml(open('compose.yaml').read()); compose.validate(); print(sorted(compose.service_names()))";
    let services = tool(deploy_tool("python"), &docker, &["-c", check]);
    assert_eq!(services.trim(), "['postgres', 'prometheus', 'server']");
    tool(deploy_tool("promtool"), &docker, &["check", "config", "--syntax-only", "prometheus.yml"]);
    // Variables that the server does not know would do nothing.
    let help = run(["serve", "--help"]).expect(0).stdout;
    for file in ["Dockerfile", "compose.yaml"] {
        let text = fs::read_to_string(docker.join(file)).expect("it can be read");
        let is_part = |character: char| character.is_ascii_uppercase() || character == '_';
        let variables: Vec<&str> =
            text.split(|character| !is_part(character)).filter(|word| word.starts_with("BULKHEAD_")).collect();
        assert!(variables.len() >= 3, "{file}");
        for variable in variables {
            assert!(help.contains(&format!("[env: {variable}")), "{file}: the server knows no {variable}");
        }
    }
}

#[test]
fn the_notice_lists_each_library_with_its_licence() {
    script("scripts/notice", &["check".as_ref()]);
    let notice = fs::read_to_string(Path::new(ROOT).join("NOTICE")).expect("it can be read");
    for words in
        ["wasmtime ", "SQLite", "Zstandard", "jemalloc", "Unicode CLDR", "IANA", "ISO 3166", "UNICODE LICENSE V3"]
    {
        assert!(notice.contains(words), "NOTICE says nothing of {words}");
    }
}

#[test]
fn lint_names_a_dependency_that_has_an_advisory_and_says_loudly_that_there_are_none() {
    let database = folder();
    let advisories = database.path().join("crates/hyper");
    fs::create_dir_all(&advisories).expect("a folder can be made");
    let write = |patched: &str| {
        let text = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2026-9999\"\npackage = \"hyper\"\ndate = \"2026-11-01\"\n\n[versions]\npatched = [{patched}]\n```\n\n# A made-up weakness\n\nIt is in no database.\n"
        );
        fs::write(advisories.join("RUSTSEC-2026-9999.md"), text).expect("a file can be written");
    };
    let lint = |database: &Path| try_script("scripts/lint", &["advisories".as_ref()], &[("RUSTSEC_DB", database)]);
    write("");
    let (has_passed, text) = lint(database.path());
    assert!(!has_passed && text.contains("RUSTSEC-2026-9999") && text.contains("hyper"), "{text}");
    write("\">= 0.1.0\"");
    let (has_passed, text) = lint(database.path());
    assert!(has_passed && text.contains("checking 1 advisories"), "{text}");
    let (has_passed, text) = lint(folder().path());
    assert!(!has_passed && text.contains("has no advisories"), "{text}");
    // An empty name of a folder counts as none; where the database can be fetched, it is checked.
    let (_, text) = lint(Path::new(""));
    assert!(text.contains("ADVISORIES WERE NOT CHECKED") || text.contains("advisories ok"), "{text}");
}
