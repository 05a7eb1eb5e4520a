//! `bulkhead component new`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// The contract, as it is put into each folder.
const WIT: &str = include_str!("../../../../wit/1.0.0/contacts.wit");

/// Arguments of `bulkhead component new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The language it is to be written in.
    #[arg(long, value_enum)]
    lang: Language,
    /// The folder to make; its last part is the component's name: lower-case letters, digits and '-'.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    Js,
    Python,
}

type File = (&'static str, &'static str);

macro_rules! template {
    ($($path:literal from $file:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../templates/", $file)))),*]
    };
}

const ALL: &[File] = template![
    "CASES.json" from "validator/CASES.json",
    "contacts.json" from "validator/contacts.json",
    "profile.json" from "validator/profile.json",
];

const RUST: &[File] = template![
    ".cargo/config.toml" from "rust/cargo-config.toml",
    ".gitignore" from "rust/gitignore",
    "Cargo.toml" from "rust/Cargo.toml",
    "README.md" from "rust/README.md",
    "rust-toolchain.toml" from "rust/rust-toolchain.toml",
    "src/lib.rs" from "rust/src/lib.rs",
];

const JS: &[File] = template![
    ".gitignore" from "js/gitignore",
    "README.md" from "js/README.md",
    "build.mjs" from "js/build.mjs",
    "package.json" from "js/package.json",
    "validator.js" from "js/validator.js",
];

const PYTHON: &[File] = template![
    ".gitignore" from "python/gitignore",
    "README.md" from "python/README.md",
    "build.py" from "python/build.py",
    "requirements.txt" from "python/requirements.txt",
    "validator.py" from "python/validator.py",
];

impl Language {
    fn files(self) -> impl Iterator<Item = File> {
        let own = match self {
            Self::Rust => RUST,
            Self::Js => JS,
            Self::Python => PYTHON,
        };
        own.iter().chain(ALL).copied().chain([("wit/contacts.wit", WIT)])
    }

    fn build(self) -> &'static str {
        match self {
            Self::Rust => "cargo build --release",
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
        return Err(format!("{} is there already; choose another name, or remove it", folder.display()).into());
    }
    for (path, text) in args.lang.files() {
        let text = text.replace("__NAME__", name).replace("__CRATE__", &name.replace('-', "_"));
        write(&folder.join(path), &text)?;
    }
    println!("made {}; to build it: cd {} && {}", folder.display(), folder.display(), args.lang.build());
    Ok(())
}

/// A name that Cargo, npm, file systems and `component add` take alike.
fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    let failed = |error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    Ok(fs::write(path, text).map_err(failed)?)
}
