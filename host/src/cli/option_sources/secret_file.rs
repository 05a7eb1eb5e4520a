//! Secrets that are files: those that options name, and the credentials that systemd gives a service.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::text_file::file_error;

/// Bytes of a secret at most.
const MAX_SECRET_BYTES: u64 = 16 << 10;
/// The environment variable with the folder of the credentials that systemd gives a service.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// Reads a secret from a file, without the line break at its end.
///
/// # Errors
/// If the file cannot be read, is empty, has more than 16 KiB or is no text. The error names the file and shows nothing of it.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let name = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| file_error(path, &error))?;
    file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).map_err(|error| file_error(path, &error))?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(format!("{name}: a secret has at most 16 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{name}: this is not a text in UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let secret = line.strip_suffix('\r').unwrap_or(line);
    if secret.is_empty() {
        return Err(format!("{name}: the file is empty"));
    }
    if secret.contains(['\n', '\r', '\0']) {
        return Err(format!("{name}: a secret is one line"));
    }
    Ok(secret.to_owned())
}

/// Returns the file of the credential with this name, if systemd gives the process one (`LoadCredential=`).
pub(super) fn credential(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(CREDENTIALS_VARIABLE).map(PathBuf::from).filter(|folder| folder.is_absolute())?;
    Some(folder.join(name)).filter(|file| file.exists())
}
