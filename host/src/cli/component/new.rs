//! `bulkhead component new`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::output::print_line;
use crate::cli::text_file::file_error;

/// The contract, which each new folder gets a copy of.
const WIT: &str = include_str!("../../../../wit/1.0.0/contacts.wit");

/// npm's list of the exact versions of all packages.
const NPM_LOCK: &str = "package-lock.json";

/// Arguments of `bulkhead component new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The language of the component. Processors can only be written in Rust.
    #[arg(long, value_enum)]
    lang: Language,
    /// The world of the component.
    #[arg(long, value_enum, default_value_t = World::Validator)]
    world: World,
    /// The folder to create. The last part of its path is the component's name: lower-case letters, digits and '-'.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    Js,
    Python,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum World {
    /// Adds a tenant's own rules to the processor's: one function.
    Validator,
    /// Decides everything, instead of the default processor.
    Processor,
}

/// A path in the new folder, and the text of the file.
type File = (&'static str, &'static str);

macro_rules! template {
    ($($path:literal from $file:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../templates/", $file)))),*]
    };
}

const VALIDATOR: &[File] = template![
    "CASES.json" from "validator/CASES.json",
    "contacts.json" from "validator/contacts.json",
    "profile.json" from "validator/profile.json",
];

const PROCESSOR: &[File] = template![
    "CASES.json" from "processor/CASES.json",
    "contacts.json" from "processor/contacts.json",
    "profile.json" from "processor/profile.json",
];

const RUST: &[File] = template![
    ".gitignore" from "rust/gitignore",
    "rust-toolchain.toml" from "rust/rust-toolchain.toml",
];

const RUST_VALIDATOR: &[File] = template![
    "Cargo.toml" from "rust-validator/Cargo.toml",
    "README.md" from "rust-validator/README.md",
    "src/lib.rs" from "rust-validator/lib.rs",
];

const RUST_PROCESSOR: &[File] = template![
    "Cargo.toml" from "rust-processor/Cargo.toml",
    "README.md" from "rust-processor/README.md",
    "src/contact.rs" from "rust-processor/contact.rs",
    "src/lib.rs" from "rust-processor/lib.rs",
];

const JS: &[File] = template![
    ".gitignore" from "js/gitignore",
    "README.md" from "js/README.md",
    "build.mjs" from "js/build.mjs",
    "build/component.js" from "../../examples/validators/eu-consent/build/component.js",
    "build/gather.mjs" from "../../examples/validators/eu-consent/build/gather.mjs",
    "build/not-granted.js" from "../../examples/validators/eu-consent/build/not-granted.js",
    "package-lock.json" from "../../examples/validators/eu-consent/package-lock.json",
    "package.json" from "js/package.json",
    "validator.js" from "js/validator.js",
];

const PYTHON: &[File] = template![
    ".gitignore" from "python/gitignore",
    "README.md" from "python/README.md",
    "build.py" from "python/build.py",
    "build/bulkhead_component.py" from "../../examples/validators/points-tier/build/bulkhead_component.py",
    "build/steps.py" from "../../examples/validators/points-tier/build/steps.py",
    "modules.txt" from "../../examples/validators/points-tier/modules.txt",
    "packages.txt" from "../../examples/validators/points-tier/packages.txt",
    "requirements.txt" from "../../examples/validators/points-tier/requirements.txt",
    "validator.py" from "python/validator.py",
];

impl Language {
    /// Returns the files of a template; `None` if there is no such template.
    fn files(self, world: World) -> Option<[&'static [File]; 3]> {
        match (self, world) {
            (Self::Rust, World::Validator) => Some([RUST, RUST_VALIDATOR, VALIDATOR]),
            (Self::Js, World::Validator) => Some([JS, &[], VALIDATOR]),
            (Self::Python, World::Validator) => Some([PYTHON, &[], VALIDATOR]),
            (Self::Rust, World::Processor) => Some([RUST, RUST_PROCESSOR, PROCESSOR]),
            (Self::Js | Self::Python, World::Processor) => None,
        }
    }

    fn build(self) -> &'static str {
        match self {
            Self::Rust => "cargo build --release --target wasm32-wasip2",
            Self::Js => "npm run build",
            Self::Python => "python3 build.py",
        }
    }
}

pub(super) fn run(args: &NewArgs) -> Result<(), Box<dyn Error>> {
    let folder = args.folder.as_path();
    let name = folder.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name)).ok_or_else(|| {
        format!(
            "'{}' cannot be a component's name: use 1 to 63 lower-case letters, digits and '-', beginning with a letter",
            folder.display()
        )
    })?;
    if folder.exists() {
        return Err(format!("{} exists already; choose another name, or remove it", folder.display()).into());
    }
    let files = args.lang.files(args.world).ok_or(
        "there is no template for a processor in this language: use --lang rust --world processor, or write a validator, which adds rules to the \
         default processor",
    )?;
    for (path, text) in files.into_iter().flatten().copied().chain([("wit/contacts.wit", WIT)]) {
        let text = text.replace("__NAME__", name).replace("__CRATE__", &name.replace('-', "_"));
        let text = if path == NPM_LOCK { lock_for(name, &text) } else { text };
        write(&folder.join(path), &text)?;
    }
    print_line(format_args!(
        "created {}; to build it: cd {} && {}",
        folder.display(),
        folder.display(),
        args.lang.build()
    ))?;
    Ok(())
}

/// Turns an example's lock file into that of the new package, which has the same dependencies but not the example's licence.
fn lock_for(name: &str, lock: &str) -> String {
    lock.replace(r#""name": "eu-consent""#, &format!(r#""name": "{name}""#)).replacen(
        "      \"license\": \"Apache-2.0\",\n",
        "",
        1,
    )
}

/// Returns whether Cargo, npm, file systems and `component add` all accept a name.
fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    let failed = |error| file_error(path, &error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    Ok(fs::write(path, text).map_err(failed)?)
}
